// `npm test`: sets up what the tests need, runs every test that this machine can run, and ends with one line of counts.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asRoot, node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await setUp({ packages: 'test' })

const args = process.argv.slice(2)
const isLong = args.includes('--long')
const files = args.filter((arg) => !arg.startsWith('--'))
const patterns = files.length > 0 ? files : ['test/**/*.test.ts', ...(isLong ? ['test/**/*.long.ts'] : [])]
// devices, images and mounts are root's
const [program, programArgs] = asRoot(node24(), [
  '--test',
  '--test-reporter=./scripts/test-reporter.mjs',
  // most tests wait for other programs; more files than cores at once keeps both cores busy
  '--test-concurrency=3',
  '--test-timeout=600000',
  ...patterns,
])
const child = spawn(program, programArgs, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))
