// Brings a fresh clone to where its commands can run: Debian packages and Node packages. Plain JavaScript without
// dependencies, since it runs before anything is installed, on Node 20 or later.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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
const testPrograms = { ...demoPrograms, mender: 'mender-client', 'mender-cli': 'mender-cli' }

/**
 * Installs what is missing, after saying what that will be. Where it can't, prints everything that is missing and how to
 * get it, and ends the process with 1 before anything was done.
 */
export async function setUp({ packages }) {
  const programs = packages === 'test' ? testPrograms : demoPrograms
  const wanted = missingPackages(programs)
  const problems = obstacles(wanted)
  if (problems.length > 0) {
    console.error('This machine lacks:')
    for (const problem of problems) console.error(`  - ${problem}`)
    process.exit(1)
  }
  if (wanted.length > 0) installPackages(wanted)
  if (!isInstalled()) installModules()
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

function obstacles(wanted) {
  const found = []
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

function installPackages(names) {
  console.log(`Installing these Debian packages: ${names.join(' ')}`)
  const [program, prefix] = isRoot()
    ? ['apt-get', []]
    : ['sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  call(program, [...prefix, 'update', '-q'], { env, isQuiet: true, isOptional: true })
  call(program, [...prefix, 'install', '-y', '-q', '--no-install-recommends', ...names], {
    env,
    isQuiet: true,
  })
}

function installModules() {
  console.log("Installing the project's dependencies (npm ci)")
  call('npm', ['ci', '--no-fund', '--no-audit'], { isQuiet: true })
  mkdirSync(dirname(stamp()), { recursive: true })
  writeFileSync(stamp(), lockDigest())
}

const stamp = () => join(root, 'node_modules', '.drover-lock')
const lockDigest = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
const isInstalled = () => existsSync(stamp()) && readFileSync(stamp(), 'utf8') === lockDigest()

function call(program, args, { env = process.env, isQuiet = false, isOptional = false } = {}) {
  const startedAt = Date.now()
  const result = spawnSync(program, args, {
    cwd: root,
    env,
    stdio: ['ignore', isQuiet ? 'pipe' : 'inherit', 'pipe'],
    maxBuffer: 64 << 20,
  })
  if (result.status === 0) {
    console.log(
      `  ${program} ${args.find((arg) => !arg.startsWith('-')) ?? ''}: ${((Date.now() - startedAt) / 1000).toFixed(0)}s`,
    )
  } else if (!isOptional) {
    console.error(
      String(result.stdout ?? '').slice(-3000),
      String(result.stderr ?? result.error ?? '').slice(-3000),
    )
    console.error(`${program} ${args.join(' ')} failed (${result.status ?? result.signal})`)
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
