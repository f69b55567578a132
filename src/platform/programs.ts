import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Failure } from './failure.ts'

/** Which Debian package has a program, for the message when it is missing. */
const packageOf: Readonly<Record<string, string>> = {
  'ansible-inventory': 'ansible-core',
  'ansible-playbook': 'ansible-core',
  'arch-test': 'arch-test',
  'apt-cache': 'apt',
  'apt-get': 'apt',
  cp: 'coreutils',
  debugfs: 'e2fsprogs',
  'dpkg-deb': 'dpkg',
  dumpe2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  git: 'git',
  ip: 'iproute2',
  losetup: 'mount',
  mcopy: 'mtools',
  'mender-artifact': 'mender-artifact',
  mke2fs: 'e2fsprogs',
  mkfifo: 'coreutils',
  'mkfs.vfat': 'dosfstools',
  mmd: 'mtools',
  mksquashfs: 'squashfs-tools',
  mmdebstrap: 'mmdebstrap',
  mount: 'mount',
  nsenter: 'util-linux',
  openssl: 'openssl',
  pivot_root: 'util-linux',
  prlimit: 'util-linux',
  'pytest-3': 'python3-pytest python3-testinfra',
  'qemu-system-aarch64': 'qemu-system-arm',
  'qemu-system-x86_64': 'qemu-system-x86',
  rauc: 'rauc',
  setpriv: 'util-linux',
  sfdisk: 'fdisk',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  swupdate: 'swupdate',
  unshare: 'util-linux',
  unsquashfs: 'squashfs-tools',
  xz: 'xz-utils',
  zstd: 'zstd',
}

/**
 * Throws one `missing-tool` that names every program of `programs` that isn't installed, and the Debian packages that have
 * them: known at once, and not one after the other in the middle of the work.
 */
export function requirePrograms(programs: readonly string[]): void {
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const packages = new Set(missing.flatMap((program) => packageOf[program] ?? []))
  const hint = packages.size > 0 ? `: apt-get install ${[...packages].join(' ')}` : ''
  const what =
    missing.length === 1 ? `the program ${missing[0]} isn't` : `the programs ${missing.join(', ')} aren't`
  throw new Failure('missing-tool', `${what} installed${hint}`)
}

/** Whether a program is on PATH (the sbin directories count, as root's PATH has them). */
export function isInstalled(program: string): boolean {
  return find(program) !== undefined
}

/** The path of an installed program. Throws `missing-tool`. */
export function pathOf(program: string): string {
  requirePrograms([program])
  return find(program) ?? program
}

function find(program: string): string | undefined {
  if (program.includes('/')) return program
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, program))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The environment for programs that we call: ours without our own secrets, in the C locale. */
export function environment(): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C.UTF-8' }
  for (const [key, value] of Object.entries(process.env)) {
    // our own secrets are not for the programs that we call
    if (value !== undefined && !/^(INPUT_|DROVER_|ACTIONS_RUNTIME_TOKEN|ACTIONS_ID_TOKEN)/.test(key))
      env[key] = value
  }
  return env
}
