// `node scripts/act.mjs`: runs the workflows of examples/ for real, on this machine, with act in host mode (no Docker).
// --only TEXT runs only those whose title has the text; --keep leaves the folder with the logs.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await setUp({ packages: 'demo' })

const command = [node24(), join(root, 'scripts', 'act-workflows.ts'), ...process.argv.slice(2)]
// virtual devices are root's; the user's own cache and PATH are used all the same
const kept = ['PATH', 'HOME', 'DROVER_DIST'].join(',')
const [program, ...args] =
  process.getuid?.() === 0 ? command : ['sudo', '-n', `--preserve-env=${kept}`, ...command]
const child = spawn(program, args, { cwd: root, stdio: 'inherit' })
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))
