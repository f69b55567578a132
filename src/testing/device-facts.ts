import { type Connection, shellQuote } from '../device/device.ts'
import { shorten } from '../platform/platform.ts'
import { type Probe, ask } from './probe.ts'

/** What a device says about itself. */
export interface AboutDevice {
  /** Undefined where none of the update clients that are known has left its type there. */
  deviceType: string | undefined
  facts: Record<string, string>
  /** What its update client says that it has installed: names and checksums of what artifacts brought. */
  provides: Record<string, string>
}

/** Where update clients keep what a device is: Mender, RAUC, SWUpdate. */
const typeFiles: readonly [path: string, pattern: RegExp][] = [
  ['/var/lib/mender/device_type', /^device_type=(.+)$/m],
  ['/data/mender/device_type', /^device_type=(.+)$/m],
  ['/etc/rauc/system.conf', /^compatible=(.+)$/m],
  ['/etc/hwrevision', /^(\S+)/],
]

const providesSeconds = 10

const facts: readonly [name: string, script: string][] = [
  ['machine', 'uname -m'],
  ['kernel', 'uname -r'],
  ['os', "sed -n 's/^PRETTY_NAME=//p' /etc/os-release"],
  ['model', "tr -d '\\000' </proc/device-tree/model || cat /sys/class/dmi/id/product_name"],
  ['memory', "sed -n 's/^MemTotal: *//p' /proc/meminfo"],
]

/** The client's own program, under its names of version 4 and before. */
const providesScript = `for p in mender-update mender; do command -v $p >/dev/null 2>&1 || continue
if command -v timeout >/dev/null 2>&1; then timeout ${providesSeconds} $p show-provides; else $p show-provides; fi; exit; done`

/**
 * Asks a device for its type and for what a receipt tells about it, in one round trip. Throws `device-unreachable`, and
 * `tests-not-run` where it can't be asked.
 */
export async function aboutDevice(connection: Connection): Promise<AboutDevice> {
  const probes: Probe[] = [
    ...facts.map(([, script]) => ({ script: `{ ${script}; } 2>/dev/null` })),
    ...typeFiles.map(([path]) => ({ script: `cat ${shellQuote([path])} 2>/dev/null` })),
    { script: `{ ${providesScript}; } 2>/dev/null`, limitSeconds: providesSeconds },
  ]
  const said = (await ask(connection, probes)).map(({ output }) => output)
  const about: AboutDevice = { deviceType: undefined, facts: {}, provides: {} }
  for (const [index, [name]] of facts.entries()) {
    const value = (said[index] ?? '')
      .split('\n')[0]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, '$2')
    if (value) about.facts[name] = shorten(value, 256)
  }
  for (const [index, [, pattern]] of typeFiles.entries())
    about.deviceType ??= pattern.exec(said[facts.length + index] ?? '')?.[1]?.trim() || undefined
  for (const line of (said.at(-1) ?? '').split('\n').slice(0, 100)) {
    const [, name, value] = /^([\w.-]{1,200})=(.{1,1000})$/.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined) about.provides[name] = value
  }
  return about
}
