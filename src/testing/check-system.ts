// Mounts, ports, disk, memory and boot time, from what the kernel itself shows.
import { shellQuote } from '../device/device.ts'
import { parseDuration } from '../platform/platform.ts'
import { type Check, unanswered } from './check.ts'
import type { ChecksFile } from './checks-schema.ts'
import { listeningPorts, textOfAddress } from './listening-ports.ts'
import { measureText } from './measure.ts'

/** A check for each of `mounts`. */
export function mountChecks({ mounts = {} }: ChecksFile): Check[] {
  return Object.entries(mounts).map(([path, wanted]) => ({
    section: 'mounts',
    name: path,
    place: ['mounts', path],
    probe: { script: 'cat /proc/self/mounts' },
    judge: (answer) => {
      const mount = mountsIn(answer.output).findLast((one) => one.path === path)
      if (!mount) return { problems: [`nothing is mounted at ${path}`] }
      const { type = mount.type, source = mount.source, options = [] } = wanted ?? {}
      const missing = options.filter((option) => !mount.options.includes(option))
      return {
        problems: [
          ...(type === mount.type ? [] : [`it is ${mount.type}, not ${type}`]),
          ...(source === mount.source ? [] : [`it comes from ${mount.source}, not ${source}`]),
          ...(missing.length === 0
            ? []
            : [`it lacks ${missing.join(', ')}: its options are ${mount.options.join(',')}`]),
        ],
      }
    },
  }))
}

function mountsIn(text: string) {
  // the kernel writes white space and the backslash in octal
  const plain = (word: string) =>
    word.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return text.split('\n').flatMap((line) => {
    const [source = '', path = '', type = '', options = ''] = line.split(' ')
    return path === ''
      ? []
      : [{ source: plain(source), path: plain(path), type, options: options.split(',') }]
  })
}

/** A check for each of `ports`. */
export function portChecks({ ports = {} }: ChecksFile): Check[] {
  return Object.entries(ports).map(([name, wanted]) => {
    const { listening = true, address } = wanted ?? {}
    const [protocol = '', port = ''] = name.split('/')
    return {
      section: 'ports',
      name: address === undefined ? name : `${name} ${address}`,
      place: ['ports', name],
      contradiction: Number(port) > 65_535 ? `ports.${name}: there is no port ${port}` : undefined,
      probe: {
        script:
          'for f in tcp tcp6 udp udp6; do echo "= $f"; cat /proc/net/$f 2>/dev/null || true; done; [ -r /proc/net/tcp ]',
      },
      judge: ({ status, output, isCut }) => {
        if (status !== 0) return { problems: ['the device has no /proc/net/tcp'] }
        if (isCut) return { problems: ['the device has more connections than can be looked through'] }
        const found = listeningPorts(output).filter(
          (one) => one.protocol === protocol && one.port === Number(port),
        )
        const isThere = found.some((one) => address === undefined || one.address === textOfAddress(address))
        if (isThere === listening) return { problems: [] }
        if (isThere) return { problems: [`something listens on ${name}`] }
        const others = found.map((one) => one.address).join(', ')
        const where = others === '' ? '' : `: only on ${others}`
        return {
          problems: [`nothing listens on ${name}${address === undefined ? '' : ` at ${address}`}${where}`],
        }
      },
    }
  })
}

/** A check for each of `disk`, which measures `disk-used:<path>`. */
export function diskChecks({ disk = {} }: ChecksFile): Check[] {
  return Object.entries(disk).map(([path, wanted]) => ({
    section: 'disk',
    name: path,
    place: ['disk', path],
    probe: { script: `df -P -k ${shellQuote([path])}` },
    judge: (answer) => {
      const fields = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s+\//.exec(answer.output)
      if (answer.status !== 0 || !fields) return unanswered('df', answer)
      // what df calls available leaves out what is kept for root
      const [used, available] = [Number(fields[2]) / 1024, Number(fields[3]) / 1024]
      const measures = [{ name: `disk-used:${path}`, value: Math.round(used * 10) / 10, unit: 'MiB' }]
      return { problems: below(available, used + available, wanted.free, 'free'), measures }
    },
  }))
}

/** The check of `memory`, which measures `memory-used`. */
export function memoryChecks({ memory }: ChecksFile): Check[] {
  if (memory === undefined) return []
  return [
    {
      section: 'memory',
      name: 'available',
      place: ['memory'],
      probe: { script: 'cat /proc/meminfo' },
      judge: (answer) => {
        const kib = (name: string) =>
          Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(answer.output)?.[1])
        const [available, total] = [kib('MemAvailable') / 1024, kib('MemTotal') / 1024]
        if (!Number.isFinite(available + total)) return unanswered('/proc/meminfo', answer)
        const measures = [
          { name: 'memory-used', value: Math.round((total - available) * 10) / 10, unit: 'MiB' },
        ]
        return { problems: below(available, total, memory.available, 'available'), measures }
      },
    },
  ]
}

function below(haveMiB: number, totalMiB: number, wanted: string, word: string): string[] {
  const number = Number.parseInt(wanted, 10)
  const unitMiB = wanted.endsWith('GiB') ? 1024 : wanted.endsWith('KiB') ? 1 / 1024 : 1
  const neededMiB = wanted.endsWith('%') ? (totalMiB * number) / 100 : number * unitMiB
  if (haveMiB >= neededMiB) return []
  const share = `${Math.floor((haveMiB / totalMiB) * 100)} %`
  return [
    `${Math.floor(haveMiB)} MiB of ${Math.floor(totalMiB)} MiB (${share}) are ${word}; ${wanted} have to be`,
  ]
}

/** The check of `boot-time`, which measures it; on a device without systemd it never passes. */
export function bootChecks({ 'boot-time': wanted }: ChecksFile): Check[] {
  if (wanted === undefined) return []
  const limit = (parseDuration(wanted) ?? 0) / 1000
  return [
    {
      section: 'boot-time',
      name: 'boot-time',
      place: ['boot-time'],
      probe: {
        script: `[ -d /run/systemd/system ] || exit 200\nsystemctl show --property=FinishTimestampMonotonic`,
      },
      judge: (answer) => {
        if (answer.status === 200)
          return { problems: ["this device doesn't run systemd, which is what measures a start"] }
        const finished = Number(/FinishTimestampMonotonic=(\d+)/.exec(answer.output)?.[1]) / 1_000_000
        if (answer.status !== 0 || Number.isNaN(finished)) return unanswered('systemctl', answer)
        if (finished === 0) return { problems: ['it has not finished starting yet'] }
        const measure = { name: 'boot-time', value: Math.round(finished * 1000) / 1000, unit: 's' }
        const problems =
          finished <= limit ? [] : [`the start took ${measureText(measure)}; ${wanted} are the limit`]
        return { problems, measures: [measure] }
      },
    },
  ]
}
