// `npm run demo`: sets up what the demonstration needs, then runs it with the rights it needs.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { asRoot, node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const architectures = ['amd64', 'arm64']
const flags = ['keep', 'break', 'break-canary', 'machines', 'stop', 'help']
const usage = `npm run demo                     the whole job on this machine
npm run demo -- --break          the same with an image whose health check fails on every device
npm run demo -- --break-canary   the same with an image that passes in the lab and fails on the canary device
npm run demo -- --arch arm64     the same with an image and devices of another architecture (amd64, arm64), under emulation
npm run demo -- --machines       the same with devices that are machines in QEMU, each with a kernel of its own
npm run demo -- --keep           leaves the server and the devices running
npm run demo -- --stop           ends what --keep left
`
const args = process.argv.slice(2)
const given = read(args)
if (given.help) {
  process.stdout.write(usage)
  process.exit(0)
}
if (given.wrong) {
  process.stderr.write(`${given.wrong}\n\n${usage}`)
  process.exit(2)
}
await setUp({ packages: 'demo', architecture: given.arch, machines: given.machines })

const [program, programArgs] = asRoot(node24(), [join(root, 'demo', 'main.ts'), ...args])
const child = spawn(program, programArgs, { cwd: root, stdio: 'inherit' })
// the demonstration cleans up on the first signal and is deaf to repeats; this waits until it has
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
child.on('exit', (code) => process.exit(code ?? 1))

/** What was asked for; `wrong` says what is no such thing. */
function read(args) {
  const swallowed = [...flags, 'arch']
    .filter((name) => process.env[`npm_config_${name.replaceAll('-', '_')}`])
    .map((name) => `--${name}`)
  if (swallowed.length > 0) return { wrong: `npm took ${swallowed.join(' ')} for itself: put -- before it` }
  try {
    const flag = { type: 'boolean' }
    const options = Object.fromEntries(flags.map((name) => [name, flag]))
    options.help = { ...flag, short: 'h' }
    const { values } = parseArgs({ args, options: { ...options, arch: { type: 'string' } } })
    const { arch } = values
    if (arch !== undefined && !architectures.includes(arch))
      return { wrong: `unknown: --arch ${arch}; it can be ${architectures.join(' or ')}` }
    return values
  } catch (error) {
    return { wrong: error.message }
  }
}
