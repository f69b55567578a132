// `npm run demo`: sets up what the demonstration needs, then runs it with the rights it needs.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await setUp({ packages: 'demo' })

const command = [node24(), join(root, 'demo', 'main.ts'), ...process.argv.slice(2)]
// namespaces and loop devices are root's; -H keeps root's files out of the caller's home
const [program, ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', '-H', ...command]
const child = spawn(program, args, { cwd: root, stdio: 'inherit' })
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))
