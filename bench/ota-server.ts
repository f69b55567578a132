// The embedded server in a process of its own, and what it counts of itself.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { plainContext } from '../src/platform/platform.ts'
import { launchServer, stopLaunched } from '../src/server/server.ts'

export interface BenchServer {
  url: string
  token: string
  metrics(): Promise<Metrics>
  stop(): Promise<void>
}

/** What the server counted up to a time. */
export interface Metrics {
  memoryMiB: number
  /** Requests of devices (`device`) or of the management API (`admin`). */
  requests(access: string): number
  /** The upper end of the histogram's bucket that the percentile falls into, in ms; of requests since `before`. */
  percentileMs(access: string, share: number, before: Metrics): number
  /** Requests by the upper end of their bucket in seconds, each with those of all lower ones. */
  buckets(access: string): Map<number, number>
}

/** Starts a server that accepts every device. */
export async function benchServer(folder: string): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(folder, 'server-'))
  const script = join(import.meta.dirname, '../src/server/process.ts')
  const launched = await launchServer({ script, dataDir, port: 0, accept: 'all' }, plainContext())
  const { url, token } = launched
  return {
    url,
    token,
    metrics: async () => {
      const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
      return metricsIn(await reply.text())
    },
    stop: async () => {
      await stopLaunched(launched, plainContext())
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

function metricsIn(text: string): Metrics {
  const samples = text.split('\n').map((line) => /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [])
  const buckets = (access: string) => {
    const counts = new Map<number, number>()
    for (const [, name, labels = '', value] of samples) {
      if (name !== 'drover_http_request_seconds_bucket' || !labels.includes(`access="${access}"`)) continue
      const end = Number((/le="([^"]*)"/.exec(labels)?.[1] ?? '').replace('+Inf', 'Infinity'))
      counts.set(end, (counts.get(end) ?? 0) + Number(value))
    }
    return counts
  }
  const requests = (access: string) => buckets(access).get(Infinity) ?? 0
  const memory = samples.find(([, name]) => name === 'process_resident_memory_bytes')?.[3]
  return {
    memoryMiB: Number(memory) / 2 ** 20,
    requests,
    buckets,
    percentileMs: (access, share, before) => {
      const earlier = before.buckets(access)
      const total = requests(access) - before.requests(access)
      const ends = [...buckets(access)].toSorted(([a], [b]) => a - b)
      const found = ends.find(([end, count]) => count - (earlier.get(end) ?? 0) >= share * total)
      return (found?.[0] ?? Number.NaN) * 1000
    },
  }
}
