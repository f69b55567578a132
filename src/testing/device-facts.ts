import type { Connection } from '../device/device.ts'
import { shorten } from '../platform/platform.ts'

/** What a device says about itself. */
export interface AboutDevice {
  /** Undefined where none of the update clients that are known has left its type there. */
  deviceType: string | undefined
  facts: Record<string, string>
}

/** Where update clients keep what a device is: Mender, RAUC, SWUpdate. */
const typeFiles: readonly [path: string, pattern: RegExp][] = [
  ['/var/lib/mender/device_type', /^device_type=(.+)$/m],
  ['/data/mender/device_type', /^device_type=(.+)$/m],
  ['/etc/rauc/system.conf', /^compatible=(.+)$/m],
  ['/etc/hwrevision', /^(\S+)/],
]

/** Asks a device for its type and for what a receipt tells about it. Throws `device-unreachable`. */
export async function aboutDevice(connection: Connection): Promise<AboutDevice> {
  const facts: Record<string, string> = {}
  const note = (name: string, value: string | undefined) => {
    if (value) facts[name] = shorten(value, 256)
  }
  const read = async (program: string, ...args: string[]) => {
    const { code, stdout } = await connection.run(program, args)
    return code === 0 ? stdout : ''
  }
  note('machine', (await read('uname', '-m')).trim())
  note('kernel', (await read('uname', '-r')).trim())
  const osRelease = await read('cat', '/etc/os-release')
  note('os', /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(osRelease)?.[2])
  for (const [path, pattern] of typeFiles) {
    const deviceType = pattern.exec(await read('cat', path))?.[1]?.trim()
    if (deviceType) return { deviceType, facts }
  }
  return { deviceType: undefined, facts }
}
