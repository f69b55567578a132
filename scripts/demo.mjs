// `npm run demo`: sets up what the demonstration needs, then runs it with the rights it needs.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asRoot, node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const options = ['--keep', '--break', '--break-canary', '--stop']
const usage = `npm run demo                     the whole job on this machine
npm run demo -- --break          the same with an image whose health check fails on every device
npm run demo -- --break-canary   the same with an image that passes in the lab and fails on the canary device
npm run demo -- --keep           leaves the server and the devices running
npm run demo -- --stop           ends what --keep left
`
const args = process.argv.slice(2)
const swallowed = options.filter(
  (option) => process.env[`npm_config_${option.slice(2).replaceAll('-', '_')}`],
)
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(usage)
  process.exit(0)
}
if (args.some((arg) => !options.includes(arg)) || swallowed.length > 0) {
  const hint =
    swallowed.length > 0
      ? `npm took ${swallowed.join(' ')} for itself: put -- before it`
      : `unknown: ${args.join(' ')}`
  process.stderr.write(`${hint}\n\n${usage}`)
  process.exit(2)
}
await setUp({ packages: 'demo' })

const [program, programArgs] = asRoot(node24(), [join(root, 'demo', 'main.ts'), ...args])
const child = spawn(program, programArgs, { cwd: root, stdio: 'inherit' })
// the demonstration cleans up on the first signal and is deaf to repeats; this waits until it has
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))
