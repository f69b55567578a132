// The real Mender client, unmodified, installing files from a folder: in a mount namespace of its own, with the stock update
// modules, and with two slots on loop devices. What it changes on the machine is inside the device's folder.
import { execFileSync } from 'node:child_process'
import { chmod, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type RunResult, run } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

export const slotBytes = 4 << 20

export interface ClientDevice {
  folder: string
  /** What updates leave here goes with `reset`. */
  out: string
  /** Where the slot is that the device doesn't run from. */
  inactiveSlot: string
  /** Back to what it was, with a key that artifacts must be signed with, or none, and with two slots, or none. */
  reset(verifyKey?: string, hasSlots?: boolean): Promise<void>
  /** From here on `reset` goes back to what the device is now. */
  keep(): Promise<void>
  mender(...args: string[]): Promise<RunResult>
  /** Installs and commits; also what the device says of itself then: its own record of what it has. */
  update(path: string): Promise<RunResult & { provides: Record<string, string> }>
}

const modules = '/usr/share/mender/modules/v3'

/** A device of the type `board`. It has the stock modules and `copy`, which copies all that it gets to `out`. */
export async function clientDevice(t: TestContext): Promise<ClientDevice> {
  const folder = await temporaryFolder(t)
  const at = (...names: string[]) => join(folder, ...names)
  for (const name of ['etc', 'share/identity', 'share/inventory', 'bin', 'data', 'dev'])
    await mkdir(at(name), { recursive: true })
  await cp(modules, at('share/modules/v3'), { recursive: true })
  const slots = [await loop(t, at('slot-a')), await loop(t, at('slot-b'))] as const
  await writeFile(at('etc/artifact_info'), 'artifact_name=initial\n')
  await writeFile(at('device_type'), 'device_type=board\n')
  await writeFile(at('environment'), environmentOf(slots[0]))
  for (const [path, script] of Object.entries(programs(folder))) {
    await writeFile(at(path), `#!/bin/sh\nset -e\n${script}`)
    await chmod(at(path), 0o755)
  }
  const inside = (...words: string[]) =>
    run('unshare', ['-m', '--propagation', 'private', at('bin/enter'), ...slots, ...words])
  const device: ClientDevice = {
    folder,
    out: at('out'),
    inactiveSlot: slots[1],
    reset: async (verifyKey, hasSlots = true) => {
      const trusted = verifyKey === undefined ? {} : { ArtifactVerifyKey: at('verify.pem') }
      if (verifyKey !== undefined) await writeFile(at('verify.pem'), verifyKey)
      await writeFile(
        at('etc/mender.conf'),
        JSON.stringify({ ...configuration(at, hasSlots ? slots : undefined), ...trusted }),
      )
      for (const name of ['data', 'out', 'environment']) await rm(at(name), { recursive: true, force: true })
      await mkdir(at('out'))
      await cp(at('kept'), at('data'), { recursive: true })
      await writeFile(at('environment'), environmentOf(slots[0]))
    },
    keep: async () => {
      await rm(at('kept'), { recursive: true, force: true })
      await cp(at('data'), at('kept'), { recursive: true })
    },
    mender: (...args) => inside('mender', ...args),
    update: async (path) => {
      const { stdout, ...result } = await inside('update', path)
      const [said = '', listed = ''] = stdout.split('\nprovides:\n')
      const lines = listed.split('\n').filter((line) => line.includes('='))
      const provides = lines.map((line) => [
        line.slice(0, line.indexOf('=')),
        line.slice(line.indexOf('=') + 1),
      ])
      return { ...result, stdout: said, provides: Object.fromEntries(provides) }
    },
  }
  await device.keep()
  await device.reset()
  return device
}

async function loop(t: TestContext, file: string): Promise<string> {
  await writeFile(file, '')
  await truncate(file, slotBytes)
  const name = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim()
  undo(t, () => execFileSync('losetup', ['--detach', name]))
  return name
}

function configuration(at: (name: string) => string, slots: readonly [string, string] | undefined) {
  return {
    DeviceTypeFile: at('device_type'),
    ...(slots === undefined ? {} : { RootfsPartA: slots[0], RootfsPartB: slots[1] }),
    BootUtilitiesSetActivePart: at('bin/setenv'),
    BootUtilitiesGetNextActivePart: at('bin/getenv'),
  }
}

function environmentOf(slot: string): string {
  const part = slot.replace(/^\D+/, '')
  return `mender_boot_part=${part}\nmender_boot_part_hex=${Number(part).toString(16)}\nupgrade_available=0\nbootcount=0\nmender_uboot_separator=1\n`
}

/** What the device has of its own, by path. */
function programs(folder: string): Record<string, string> {
  return {
    'share/identity/mender-device-identity': 'echo mac=1\n',
    'share/modules/v3/copy': `[ "$1" = ArtifactInstall ] || exit 0
mkdir ${folder}/out/files
if [ -d "$2/files" ]; then cp -r "$2/files/." ${folder}/out/files; fi
if [ -s "$2/header/meta-data" ]; then cp "$2/header/meta-data" ${folder}/out/; fi
`,
    // the real dpkg, into a folder of its own instead of this machine
    'bin/dpkg': `mkdir -p ${folder}/out/root/var/lib/dpkg
touch ${folder}/out/root/var/lib/dpkg/status
exec /usr/bin/dpkg --root=${folder}/out/root --force-not-root --log=/dev/null "$@"
`,
    'bin/getenv': `for name in "$@"; do grep "^$name=" ${folder}/environment; done\n`,
    'bin/setenv': `while read -r name value; do
  grep -v "^$name=" ${folder}/environment > ${folder}/environment.new || true
  if [ -n "$value" ]; then echo "$name=$value" >> ${folder}/environment.new; fi
  mv ${folder}/environment.new ${folder}/environment
done
`,
    'bin/mender': `exec /usr/bin/mender --no-syslog --data ${folder}/data "$@"\n`,
    // what can't be rolled back is committed at once
    'bin/update': `mender install "$1"
mender commit 2> ${folder}/said || grep 'nothing to commit' ${folder}/said
printf '\\nprovides:\\n'
mender show-provides
`,
    // the machine's own disks must not be seen, or the client takes one of them for the slot it runs from
    'bin/enter': `slots="$1 $2"; shift 2
mount --bind ${folder}/etc /etc/mender
mount --bind ${folder}/share /usr/share/mender
mount -t tmpfs tmpfs ${folder}/dev
for node in /dev/null /dev/zero /dev/random /dev/urandom $slots; do
  touch ${folder}/dev/\${node#/dev/}
  mount --bind $node ${folder}/dev/\${node#/dev/}
done
mount --move ${folder}/dev /dev
export PATH=${folder}/bin:$PATH
exec "$@"
`,
  }
}

/** What is on a slot now. */
export async function slotContent(device: ClientDevice, sizeBytes: number): Promise<Buffer> {
  return (await readFile(device.inactiveSlot)).subarray(0, sizeBytes)
}
