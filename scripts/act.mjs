// `node scripts/act.mjs`: runs the workflows of examples/ for real, on this machine, with act in host mode (no Docker).
// --only TEXT runs only those whose title has the text; --keep leaves the folder with the logs.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await setUp({ packages: 'demo' })

const command = [node24(), join(root, 'scripts', 'act-workflows.ts'), ...process.argv.slice(2)]
// virtual devices are root's; -H keeps root's files out of the caller's home
const variables = ['PATH', 'DROVER_DIST'].flatMap((name) =>
  process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`],
)
const asRoot = ['sudo', '-n', '-H', 'env', ...variables, ...command]
const [program, ...args] = process.getuid?.() === 0 ? command : asRoot
const child = spawn(program, args, { cwd: root, stdio: 'inherit' })
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))
