// The OTA adapters and the embedded server: an upload against curl, the facts of many devices, devices that poll, and how
// soon a dispatch sees what a device reports. `npm run bench -- --large` takes 10,000 and 1,000 devices.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeMender } from '../src/artifact/artifact.ts'
import { dispatch, openServer } from '../src/ota/ota.ts'
import { plainContext } from '../src/platform/platform.ts'
import { type Crowd, type CrowdOptions, startCrowd } from '../src/simulator/simulator.ts'
import { bundled } from './bundled.ts'
import { measured, median } from './measured.ts'
import type { Row } from './main.ts'
import { type BenchServer, benchServer } from './ota-server.ts'

const runs = 5
type Command = readonly [string, ...string[]]
const uploadBytes = 1 << 30

/** Rows of time, requests and memory. */
export async function otaRows(isLarge: boolean): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    const step = bundled('ota-step', folder)
    const rows = [...(await uploadRows(folder, step)), ...(await dispatchRows(folder))]
    for (const count of isLarge ? [1000, 10_000] : [1000])
      rows.push(...(await factsRows(folder, step, count)))
    return [...rows, ...(await pollingRows(folder, isLarge ? 1000 : 200))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function uploadRows(folder: string, [program, ...args]: Command): Promise<Row[]> {
  const path = join(folder, 'artifact.mender')
  await writeFile(path, '')
  await truncate(path, uploadBytes)
  const sink = spawn(program, [...args, 'sink'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const lines = createInterface({ input: sink.stdout })[Symbol.asyncIterator]()
    const next = async () => String((await lines.next()).value)
    const url = `http://127.0.0.1:${(await next()).split(' ')[1]}`
    const seconds = { curl: [] as number[], ours: [] as number[] }
    let peakMiB = 0
    for (let run = -1; run < runs; run++) {
      await measured(['curl', '--silent', '--show-error', '--upload-file', path, url])
      const curl = Number((await next()).split(' ')[2]) / 1000
      const { peakMiB: peak } = await measured([program, ...args, 'send', url, path])
      const ours = Number((await next()).split(' ')[2]) / 1000
      if (run < 0) continue
      seconds.curl.push(curl)
      seconds.ours.push(ours)
      peakMiB = Math.max(peakMiB, peak)
    }
    const speed = (values: readonly number[]) => uploadBytes / 1e6 / median(values)
    const group = `Upload of 1 GiB on loopback, median of ${runs}`
    const peer = { name: 'curl -T', value: speed(seconds.curl) }
    return [
      { group, name: 'throughput', value: speed(seconds.ours), unit: 'MB/s', peer },
      { group, name: 'peak memory', value: peakMiB, unit: 'MiB' },
    ]
  } finally {
    sink.kill()
    await once(sink, 'exit')
  }
}

async function factsRows(folder: string, step: Command, count: number): Promise<Row[]> {
  const server = await benchServer(folder)
  const crowd = startCrowd(crowdOf(server, count, 3600), plainContext())
  try {
    await until(() => crowd.report().list.every(({ id }) => id !== ''))
    await crowd.stop()
    const before = await server.metrics()
    const { seconds, peakMiB } = await measured([...step, 'facts', server.url], { BENCH_TOKEN: server.token })
    const after = await server.metrics()
    const group = `Facts of ${count} devices from the embedded server`
    return [
      { group, name: 'requests', value: after.requests('admin') - before.requests('admin') - 1, unit: '' },
      { group, name: 'time, with the start of the process', value: seconds, unit: 's' },
      { group, name: 'for each device', value: (seconds * 1000) / count, unit: 'ms' },
      { group, name: 'peak memory', value: peakMiB, unit: 'MiB' },
    ]
  } finally {
    await crowd.stop()
    await server.stop()
  }
}

/** Devices that poll every 30 s, and take an update of 10 MiB meanwhile. */
async function pollingRows(folder: string, count: number): Promise<Row[]> {
  const server = await benchServer(folder)
  const crowd = startCrowd({ ...crowdOf(server, count, 1), pollMs: 30_000 }, plainContext())
  try {
    await until(() => crowd.report().list.every(({ id }) => id !== ''))
    const port = openServer({ type: 'mender', ...server }, plainContext())
    await port.upload(await artifact(folder, 'os-2', 10 << 20))
    const before = await server.metrics()
    const startedAt = performance.now()
    await port.deploy({ name: 'all', release: 'os-2', devices: crowd.report().list.map(({ id }) => id) })
    await sleep(60_000)
    const seconds = (performance.now() - startedAt) / 1000
    const after = await server.metrics()
    const requests = after.requests('device') - before.requests('device')
    const group = `${count} devices that poll every 30 s and download 10 MiB each, for a minute`
    return [
      { group, name: 'requests of devices', value: requests / seconds, unit: '/s' },
      {
        group,
        name: '99th percentile of them below',
        value: after.percentileMs('device', 0.99, before),
        unit: 'ms',
      },
      { group, name: 'downloaded', value: crowd.report().downloadedBytes / 1e6, unit: 'MB' },
      { group, name: 'memory of the server', value: after.memoryMiB, unit: 'MiB' },
    ]
  } finally {
    await crowd.stop()
    await server.stop()
  }
}

async function dispatchRows(folder: string): Promise<Row[]> {
  const server = await benchServer(folder)
  let reportedAt = 0
  const onEvent: CrowdOptions['onEvent'] = ({ event, detail }) => {
    if (event === 'reports' && detail === 'os-2') reportedAt = performance.now()
  }
  const crowd: Crowd = startCrowd({ ...crowdOf(server, 1, 1800), onEvent }, plainContext())
  try {
    await until(() => crowd.report().list.every(({ id }) => id !== ''))
    const port = openServer({ type: 'mender', ...server }, plainContext())
    await port.upload(await artifact(folder, 'os-2', 1 << 20))
    const device = crowd.report().list[0]?.id ?? ''
    const request = { release: 'os-2', device, timeoutMs: 120_000, runId: 'bench', logFolder: folder }
    await dispatch(port, request, plainContext())
    const value = (performance.now() - reportedAt) / 1000
    const peer = { name: 'longest polling interval', value: 10 }
    return [{ group: 'Dispatch', name: "from the device's own report to the end", value, unit: 's', peer }]
  } finally {
    await crowd.stop()
    await server.stop()
  }
}

function crowdOf(server: BenchServer, count: number, speed: number): CrowdOptions {
  return {
    url: server.url,
    deviceTypes: { virtual: count },
    release: 'os-1',
    attributes: { site: 'north' },
    faults: [],
    seed: 'bench',
    pollMs: 1_800_000,
    speed,
  }
}

async function artifact(folder: string, name: string, sizeBytes: number): Promise<string> {
  const [source, output] = [join(folder, `${name}.ext4`), join(folder, `${name}.mender`)]
  await writeFile(source, Buffer.alloc(sizeBytes, name))
  const options = { source, output, name, deviceTypes: ['virtual'], compression: 'none' as const }
  await writeMender(options, plainContext())
  return output
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50)
}
