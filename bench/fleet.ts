// A fleet as code: resolving it against the installed Ansible, planning from given facts, and a tick on the embedded server.
// `npm run bench -- --large` takes 20,000 hosts, 100,000 devices to plan for and a tick over 10,000.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Facts, writeFacts } from '../src/ota/ota.ts'
import { digestOf } from '../src/platform/platform.ts'
import { bundled } from './bundled.ts'
import { boardOf, boards, idOf, release, writeFleet } from './fleet-files.ts'
import type { Row } from './main.ts'
import { type Measured, median } from './measured.ts'
import { measuredExactly } from './rusage.ts'
import { tickRows } from './fleet-tick.ts'

type Command = readonly string[]

/** Rows of time, memory and requests. */
export async function fleetRows(isLarge: boolean): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    const step = bundled('fleet-step', folder)
    const rows: Row[] = []
    for (const count of isLarge ? [1000, 20_000] : [1000])
      rows.push(...(await resolveRows(folder, step, count)))
    for (const count of isLarge ? [10_000, 100_000] : [10_000])
      rows.push(...(await planRows(folder, step, count)))
    return [...rows, ...(await tickRows(folder, isLarge ? 10_000 : 1000))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function resolveRows(base: string, step: Command, count: number): Promise<Row[]> {
  const folder = join(base, `resolve-${count}`)
  await writeFleet(folder, count)
  await writeFile(join(base, 'ansible.cfg'), '')
  const env = { ANSIBLE_CONFIG: join(base, 'ansible.cfg'), HOME: base }
  const inventory = join(folder, 'inventory.yml')
  const theirs = ['ansible-inventory', '-i', inventory, '--playbook-dir', folder, '--list']
  const runs = count > 5000 ? 1 : 3
  const [ours, ansible]: [Measured[], Measured[]] = [[], []]
  await measuredExactly([...step, 'resolve', folder]) // warms the disk's cache
  for (let run = 0; run < runs; run++) {
    ansible.push(await measuredExactly(theirs, env))
    ours.push(await measuredExactly([...step, 'resolve', folder]))
  }
  await rm(folder, { recursive: true })
  const group = `Resolving ${count} hosts with a file of variables each, median of ${runs}`
  const row = (name: string, key: keyof Measured, unit: string): Row => {
    const of = (results: readonly Measured[]) => median(results.map((one) => one[key]))
    return {
      group,
      name,
      value: of(ours),
      unit,
      peer: { name: 'ansible-inventory --list', value: of(ansible) },
    }
  }
  return [
    row('processor time', 'cpuSeconds', 's'),
    row('time', 'seconds', 's'),
    row('peak memory', 'peakMiB', 'MiB'),
  ]
}

async function planRows(base: string, step: Command, count: number): Promise<Row[]> {
  const folder = join(base, `plan-${count}`)
  const [facts, report] = [join(base, 'facts.json'), join(base, 'report.json')]
  await writeFleet(folder, count)
  await writeFile(join(folder, 'fleet.yml'), policy)
  await writeFacts(facts, factsOf(count))
  const { peakMiB } = await measuredExactly([...step, 'plan', folder, facts, report])
  const times: { load: number; plan: number } = JSON.parse(await readFile(report, 'utf8'))
  await rm(folder, { recursive: true })
  const group = `A plan for ${count} devices from given facts`
  return [
    { group, name: 'resolving', value: times.load / 1000, unit: 's' },
    { group, name: 'facts read, planned, plan written', value: times.plan / 1000, unit: 's' },
    { group, name: 'for each device', value: times.plan / count, unit: 'ms' },
    { group, name: 'peak memory', value: peakMiB, unit: 'MiB' },
  ]
}

const policy = 'stages:\n  main: { branch: main, waves: [1%, 10%, 50%, 100%] }\n'

/** Every second device is there already, each tenth has an order. */
function factsOf(count: number): Facts {
  const now = new Date().toISOString()
  const ids = Array.from({ length: count }, (_, index) => idOf(index))
  const devices = ids.map((id, index) => ({
    id,
    status: 'accepted' as const,
    reportedAt: now,
    deviceType: boardOf(index),
    release: index % 2 === 0 ? release : 'os-20251201T0000-ba9876543210',
    group: undefined,
    identity: { mac: id },
    attributes: { kernel: 'Linux 6.12', hostname: `kiosk-${index}`, site: `site-${index % 100}` },
  }))
  const artifacts = boards.map((board) => ({
    id: `artifact-${board}`,
    deviceTypes: [board],
    sizeBytes: 1,
    isSigned: true,
    contentDigest: digestOf(board),
  }))
  const ordered = ids.filter((_, index) => index % 20 === 1).map((id) => [id, 'pending'] as const)
  const order = {
    id: 'order',
    name: 'order',
    release,
    createdAt: now,
    isFinished: false,
    devices: new Map(ordered),
  }
  const releases = [{ name: release, artifacts }]
  return { server: 'https://ota.example.com', gatheredAt: now, devices, releases, openDeployments: [order] }
}
