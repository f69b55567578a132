// What the server counts, in Prometheus' text format (version 0.0.4).
import * as v from 'valibot'
import type { Core } from './core.ts'
import { type Route, admin } from './router.ts'

/** Upper ends of the histogram's buckets, in seconds. */
const bucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const requests = new WeakMap<Core, Map<string, Timing>>()

interface Timing {
  count: number
  sumS: number
  buckets: number[]
}

/** Counts a request that was answered: who its route serves, the status, how long it took. */
export function countRequest(core: Core, access: string, status: number, seconds: number): void {
  const kind = `${access} ${Math.floor(status / 100)}xx`
  const known = requests.get(core) ?? new Map<string, Timing>()
  requests.set(core, known)
  const timing = known.get(kind) ?? { count: 0, sumS: 0, buckets: bucketsS.map(() => 0) }
  known.set(kind, timing)
  timing.count++
  timing.sumS += seconds
  for (const [i, end] of bucketsS.entries())
    if (seconds <= end) timing.buckets[i] = (timing.buckets[i] ?? 0) + 1
}

/** `GET /metrics`, with the management token as every other look at the fleet. */
export function metricsApi(core: Core): Route[] {
  return [
    admin('GET', '/metrics', () => ({
      status: 200,
      headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
      text: [...stateOf(core), ...processMetrics(), ...requestMetrics(core)].join('\n') + '\n',
    })),
  ]
}

const counted = v.object({ label: v.string(), n: v.number() })

function stateOf(core: Core): string[] {
  const by = (sql: string) => core.store.all(counted, sql)
  const bytes = core.store.count(`SELECT coalesce(sum(size), 0) AS n FROM artifact`)
  return [
    ...family(
      'drover_devices',
      'gauge',
      'Devices by how they stand with the server.',
      by(`SELECT status AS label, count(*) AS n FROM device GROUP BY status`).map(({ label, n }) => ({
        labels: { status: label },
        value: n,
      })),
    ),
    ...family(
      'drover_deployments',
      'gauge',
      'Deployments that are open and that have ended.',
      by(
        `SELECT iif(finished IS NULL, 'open', 'finished') AS label, count(*) AS n FROM deployment GROUP BY 1`,
      ).map(({ label, n }) => ({ labels: { state: label }, value: n })),
    ),
    ...family(
      'drover_deployment_devices',
      'gauge',
      'Devices of deployments by how each stands there.',
      by(`SELECT status AS label, count(*) AS n FROM target GROUP BY status`).map(({ label, n }) => ({
        labels: { status: label },
        value: n,
      })),
    ),
    ...family('drover_artifacts', 'gauge', 'Artifacts that are stored.', [
      { labels: {}, value: core.store.count(`SELECT count(*) AS n FROM artifact`) },
    ]),
    ...family('drover_artifact_bytes', 'gauge', 'Size of all artifacts together.', [
      { labels: {}, value: bytes },
    ]),
  ]
}

function processMetrics(): string[] {
  const startedAt = Date.now() / 1000 - process.uptime()
  return [
    ...family('process_start_time_seconds', 'gauge', 'When the server started, seconds since 1970.', [
      { labels: {}, value: Math.round(startedAt) },
    ]),
    ...family('process_resident_memory_bytes', 'gauge', 'Memory that the server has.', [
      { labels: {}, value: process.memoryUsage.rss() },
    ]),
    ...family('process_cpu_seconds_total', 'counter', 'Time that the server computed.', [
      { labels: {}, value: (process.cpuUsage().user + process.cpuUsage().system) / 1e6 },
    ]),
  ]
}

function requestMetrics(core: Core): string[] {
  const name = 'drover_http_request_seconds'
  const samples = [...(requests.get(core) ?? [])].flatMap(([kind, { count, sumS, buckets }]) => {
    const [access = '', status = ''] = kind.split(' ')
    const labels = { access, status }
    return [
      ...bucketsS.map((end, i) => sample(`${name}_bucket`, { ...labels, le: String(end) }, buckets[i] ?? 0)),
      sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
      sample(`${name}_sum`, labels, sumS),
      sample(`${name}_count`, labels, count),
    ]
  })
  return [
    `# HELP ${name} How long requests took, by who asked and the class of the answer.`,
    `# TYPE ${name} histogram`,
    ...samples,
  ]
}

function family(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly { labels: Record<string, string>; value: number }[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, value }) => sample(name, labels, value)),
  ]
}

function sample(name: string, labels: Record<string, string>, value: number): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`)
  return `${name}${list.length > 0 ? `{${list.join(',')}}` : ''} ${value}`
}
