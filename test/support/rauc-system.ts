// A device with Debian's own RAUC: two slots that are files, a boot loader that is a script, and RAUC's service on a D-Bus of
// its own. Bundles are mounted in a namespace of the service's own. They have to be `plain`: verity needs device-mapper.
import { chmod, mkdir, mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { run, start } from '../../src/platform/platform.ts'
import { needs } from './needs.ts'
import { undo } from './undo.ts'
import { until } from './until.ts'

export const withoutRaucSystem = needs(
  'rauc',
  'mksquashfs',
  'unsquashfs',
  'openssl',
  'dbus-daemon',
  'setpriv',
  'root',
)

const slotBytes = 400_000
const slots = ['a', 'b'] as const
/** Ends a program when the test's own process is killed. */
const endsWithUs = ['--pdeathsig', 'KILL']
const ownMounts = ['unshare', '--mount', '--propagation', 'private']

export interface RaucSystem {
  folder: string
  /** Has the real RAUC install a bundle; what it said. */
  install: (bundle: string) => Promise<{ isInstalled: boolean; said: string }>
  /** Whether the real RAUC takes the bundle's signature and manifest. */
  info: (bundle: string) => Promise<{ isTaken: boolean; said: string }>
  /** Restarts into the slot that the boot loader would take. */
  restart: () => Promise<void>
  /** The first line of the running slot: an image of these tests says there what it is. */
  running: () => Promise<string>
}

/** An image for such a device: its first line says what it is. */
export async function writeRaucImage(path: string, firstLine: string): Promise<void> {
  await writeFile(path, `${firstLine}\n${'an image '.repeat(1000)}`)
  await truncate(path, slotBytes)
}

/** Starts a device that trusts `keyring` (PEM) and runs `firstLine`; it ends with the test. */
export async function startRaucSystem(
  t: TestContext,
  parent: string,
  { compatible, keyring, firstLine }: { compatible: string; keyring: string; firstLine: string },
): Promise<RaucSystem> {
  const folder = await mkdtemp(join(parent, 'rauc-'))
  const at = (name: string) => join(folder, name)
  for (const name of ['mnt', 'data']) await mkdir(at(name))
  await writeFile(at('keyring.pem'), keyring)
  for (const slot of slots) await writeRaucImage(at(slot), slot === 'a' ? firstLine : 'nothing')
  await writeFile(at('primary'), 'a\n')
  await writeFile(at('boot-loader'), bootLoader)
  await chmod(at('boot-loader'), 0o755)
  await writeFile(at('system.conf'), systemConf(folder, compatible))
  await writeFile(at('bus.conf'), busConf(folder))
  const busOptions = [`--config-file=${at('bus.conf')}`, '--nofork', '--nopidfile']
  const bus = start('setpriv', [...endsWithUs, 'dbus-daemon', ...busOptions])
  undo(t, () => bus.stop())
  await until('the bus listens', () => existsSync(at('bus')))
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${at('bus')}` }
  const rauc = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('rauc', ['--conf', at('system.conf'), ...args], { env })
    return { isOk: code === 0, said: stdout + stderr }
  }
  const startService = async (slot: string) => {
    const service = start(
      'setpriv',
      [
        ...endsWithUs,
        ...ownMounts,
        'rauc',
        '--conf',
        at('system.conf'),
        'service',
        `--override-boot-slot=${slot}`,
      ],
      { env, cwd: folder },
    )
    undo(t, () => service.stop())
    await until('RAUC answers', async () => (await rauc('status')).isOk)
    return service
  }
  let booted = 'a'
  let service = await startService(booted)
  return {
    folder,
    install: async (bundle) => {
      const { isOk, said } = await rauc('install', bundle)
      return { isInstalled: isOk, said }
    },
    info: async (bundle) => {
      const { isOk, said } = await rauc('--keyring', at('keyring.pem'), 'info', bundle)
      return { isTaken: isOk, said }
    },
    restart: async () => {
      await service.stop()
      booted = (await readFile(at('primary'), 'utf8')).trim()
      service = await startService(booted)
    },
    running: async () => (await readFile(at(booted), 'utf8')).split('\n')[0] ?? '',
  }
}

// what RAUC asks a boot loader: which slot is next, and which are good
const bootLoader = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
case $1 in
get-primary) cat primary ;;
set-primary) echo "$2" > primary ;;
get-state) cat "state-$2" 2> /dev/null || echo good ;;
set-state) echo "$3" > "state-$2" ;;
esac
`

const systemConf = (folder: string, compatible: string) => `[system]
compatible=${compatible}
bootloader=custom
mountprefix=${folder}/mnt
statusfile=${folder}/data/status
bundle-formats=plain verity
[handlers]
bootloader-custom-backend=${folder}/boot-loader
[keyring]
path=${folder}/keyring.pem
check-purpose=codesign
${slots.map((slot, i) => `[slot.rootfs.${i}]\ndevice=${folder}/${slot}\ntype=raw\nbootname=${slot}\n`).join('')}`

const busConf = (
  folder: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
`
