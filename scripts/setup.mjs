// Brings a fresh clone to where its commands can run: Debian packages and Node packages. Plain JavaScript without
// dependencies, since it runs before anything is installed, on Node 20 or later.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The programs that each command calls, and the Debian package (the same in Ubuntu) that has each. */
const demoPrograms = {
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  losetup: 'mount',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  openssl: 'openssl',
  git: 'git',
  'pytest-3': 'python3-pytest',
  'mender-artifact': 'mender-artifact',
}
const ownArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
const [userEmulators, systemEmulators] = [
  { amd64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' },
  {
    amd64: { 'qemu-system-x86_64': 'qemu-system-x86' },
    arm64: { 'qemu-system-aarch64': 'qemu-system-arm' },
  },
]
/** What systems of another architecture need besides, and machines. */
const emulationPrograms = (architecture, machines) => ({
  ...(architecture === ownArchitecture
    ? {}
    : { [userEmulators[architecture]]: 'qemu-user-static', 'arch-test': 'arch-test' }),
  ...(machines ? { ...systemEmulators[architecture], sfdisk: 'fdisk' } : {}),
})
const testPrograms = {
  ...demoPrograms,
  'ansible-inventory': 'ansible-core',
  mender: 'mender-client',
  'mender-cli': 'mender-cli',
  rauc: 'rauc',
  mksquashfs: 'squashfs-tools',
  'dbus-daemon': 'dbus-daemon',
  swupdate: 'swupdate',
  ...(process.arch === 'arm64'
    ? { 'qemu-system-aarch64': 'qemu-system-arm' }
    : { 'qemu-system-x86_64': 'qemu-system-x86' }),
  cpio: 'cpio',
  bats: 'bats',
  busybox: 'busybox-static',
  xmllint: 'libxml2-utils',
  xz: 'xz-utils',
  zstd: 'zstd',
  'pkcs11-tool': 'opensc',
  'softhsm2-util': 'softhsm2',
  sfdisk: 'fdisk',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  bmaptool: 'bmap-tools',
  'qemu-aarch64-static': 'qemu-user-static',
  'arch-test': 'arch-test',
}

/**
 * Installs what is missing, after saying what that will be. Where it can't, prints everything that is missing and how to
 * get it, and ends the process with 1 before anything was done. `architecture` is what systems are
 * built and run for, `machines` whether they run with a kernel of their own.
 */
export async function setUp({ packages, architecture, machines }) {
  const programs = {
    ...(packages === 'test' ? testPrograms : demoPrograms),
    ...emulationPrograms(architecture ?? ownArchitecture, machines),
  }
  const wanted = missingPackages(programs)
  const problems = obstacles(wanted, packages)
  if (problems.length > 0) {
    console.error('This machine lacks:')
    for (const problem of problems) console.error(`  - ${problem}`)
    process.exit(1)
  }
  if (wanted.length > 0) await installPackages(wanted)
  if (!isInstalled()) await installModules()
  if (node24() === undefined) {
    console.error(
      `Node 24 is needed; this is ${process.version}, and there is no build of Node 24 for ${process.platform}-${process.arch} among the dependencies. Install Node 24 and run this again.`,
    )
    process.exit(1)
  }
}

/** The Node 24 that everything of ours runs on: the dependency's, else this one where it is new enough. */
export function node24() {
  const own = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  if (process.platform === 'linux' && existsSync(own)) return own
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
}

function missingPackages(programs) {
  const missing = Object.entries(programs)
    .filter(([program]) => !isProgram(program))
    .map(([, name]) => name)
  // testinfra is a Python module and has no program of its own
  if (missing.includes('python3-pytest') || !hasTestinfra()) missing.push('python3-testinfra')
  // Debian has it; on Ubuntu mmdebstrap needs it to check what it downloads of Debian
  if (!existsSync('/usr/share/keyrings/debian-archive-keyring.gpg')) missing.push('debian-archive-keyring')
  return [...new Set(missing)].sort()
}

function hasTestinfra() {
  return existsSync('/usr/lib/python3/dist-packages/testinfra')
}

function obstacles(wanted, packages) {
  const found = packages === 'demo' ? deviceObstacles() : []
  const [major] = process.versions.node.split('.')
  if (Number(major) < 20)
    found.push(
      `Node 20 or later (this is ${process.version}): install it from nodejs.org or your distribution`,
    )
  if (process.platform !== 'linux')
    found.push(`Linux (this is ${process.platform}): use a Debian 12 or Ubuntu 24.04 machine`)
  if (!['x64', 'arm64'].includes(process.arch) && Number(major) < 24)
    found.push(`a 64-bit x86 or Arm processor (this is ${process.arch}): there is no Node 24 for others`)
  if (!isRoot() && !hasSudo()) found.push('root, or sudo without a password: run this as root')
  if (wanted.length > 0 && !isProgram('apt-get'))
    found.push(`these Debian packages, and apt-get to install them: ${wanted.join(' ')}`)
  if (!isProgram('npm')) found.push('npm: install it with Node')
  return found
}

/** What virtual devices need of the kernel: a container usually lacks it. The tests skip what they can't run without. */
function deviceObstacles() {
  const found = []
  const lacking = isRoot() ? Object.keys(capabilities).filter((name) => !hasCapability(name)) : []
  if (lacking.length > 0)
    found.push(`these rights of root: ${lacking.join(', ')} (in a container: start it with --privileged)`)
  if (!existsSync('/dev/loop-control'))
    found.push('loop devices: modprobe loop (in a container: start it with --privileged)')
  const { bavail, bsize } = statfsSync(homedir())
  if (bavail * bsize < 3e9)
    found.push(`3 GB of free disk in ${homedir()}: there are ${((bavail * bsize) / 1e9).toFixed(1)}`)
  return found
}

const capabilities = { CAP_NET_ADMIN: 12, CAP_SYS_CHROOT: 18, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 }

function hasCapability(name) {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${effective}`) >> BigInt(capabilities[name])) & 1n) === 1n
}

async function installPackages(names) {
  console.log(`Installing these Debian packages: ${names.join(' ')}`)
  if (names.includes('mender-client')) maskClient()
  const [program, prefix] = isRoot()
    ? ['apt-get', []]
    : ['sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await call(program, [...prefix, 'update', '-q'], { env, isOptional: true })
  await call(program, [...prefix, 'install', '-y', '-q', '--no-install-recommends', ...names], { env })
}

/** The package would start an update client for this machine itself; the tests start their own. */
function maskClient() {
  const unit = '/etc/systemd/system/mender-client.service'
  if (existsSync(unit) || !existsSync('/etc/systemd/system')) return
  console.log(
    `  mender-client.service is masked, so that no update client runs on this machine (undo: rm ${unit})`,
  )
  const args = ['ln', '-s', '/dev/null', unit]
  spawnSync(isRoot() ? 'ln' : 'sudo', isRoot() ? args.slice(1) : ['-n', ...args], { stdio: 'inherit' })
}

async function installModules() {
  console.log("Installing the project's dependencies (npm ci)")
  await call('npm', ['ci', '--no-fund', '--no-audit'])
  mkdirSync(dirname(stamp()), { recursive: true })
  writeFileSync(stamp(), lockDigest())
}

const stamp = () => join(root, 'node_modules', '.drover-lock')
const lockDigest = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
const isInstalled = () => existsSync(stamp()) && readFileSync(stamp(), 'utf8') === lockDigest()

/** Runs a program to its end, and tells every now and then that it still runs. */
async function call(program, args, { env = process.env, isOptional = false } = {}) {
  const startedAt = Date.now()
  const title = `  ${program} ${args.find((arg) => !arg.startsWith('-') && !arg.includes('=')) ?? ''}`
  const elapsed = () => `${((Date.now() - startedAt) / 1000).toFixed(0)}s`
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-6000)))
  }
  const isTerminal = process.stdout.isTTY
  const tick = () =>
    process.stdout.write(isTerminal ? `\r${title}: ${elapsed()}` : `${title}: ${elapsed()} …\n`)
  const ticker = setInterval(tick, isTerminal ? 1000 : 15_000)
  const status = await new Promise((resolve) => {
    child.once('error', (error) => resolve(String(error)))
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  clearInterval(ticker)
  if (status === 0) {
    console.log(`${isTerminal ? '\r' : ''}${title}: ${elapsed()}`)
  } else if (!isOptional) {
    console.error(`\n${said}\n${program} ${args.join(' ')} failed (${status})`)
    process.exit(1)
  }
}

const isRoot = () => process.getuid?.() === 0
const hasSudo = () => isProgram('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0

function isProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].filter(Boolean)
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** The command with which this process, or root by sudo where it isn't root, runs a program. -H keeps root's files out of the caller's home. */
export function asRoot(program, args) {
  return isRoot() ? [program, args] : ['sudo', ['-n', '-H', program, ...args]]
}
