// Ticks over simulated devices on the embedded server, from a real clone of a fleet repository.
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeMender } from '../src/artifact/artifact.ts'
import { loadFleet } from '../src/fleet/fleet.ts'
import { openServer } from '../src/ota/ota.ts'
import { schedule } from '../src/plan/plan.ts'
import { plainContext } from '../src/platform/platform.ts'
import { startCrowd } from '../src/simulator/simulator.ts'
import type { Row } from './main.ts'
import { type BenchServer, benchServer } from './ota-server.ts'

/** Rows of two ticks: one that orders the first wave, and one after it that has nothing to do. */
export async function tickRows(base: string, count: number): Promise<Row[]> {
  const server = await benchServer(base)
  const crowd = startCrowd(
    {
      url: server.url,
      deviceTypes: { virtual: count },
      release: 'os-1',
      attributes: {},
      faults: [],
      seed: 'bench',
      pollMs: 1_800_000,
      speed: 3600,
    },
    plainContext(),
  )
  try {
    while (crowd.report().list.some(({ id }) => id === '')) await sleep(50)
    await crowd.stop()
    const ids = crowd.report().list.map(({ id }) => id)
    const port = openServer({ type: 'mender', ...server }, plainContext())
    await port.upload(await artifact(base))
    const folder = await repository(base, server, ids)
    const group = `A tick over ${count} devices on the embedded server`
    return [
      ...(await rowsOf(folder, server, group, 'that orders the first wave')),
      ...(await rowsOf(folder, server, group, 'that has nothing to do')),
    ]
  } finally {
    await crowd.stop()
    await server.stop()
  }
}

async function rowsOf(folder: string, server: BenchServer, group: string, name: string): Promise<Row[]> {
  const before = await server.metrics()
  const startedAt = performance.now()
  const context = plainContext()
  const port = openServer({ type: 'mender', ...server }, context)
  const tick = await schedule(await loadFleet(folder), 'main', port, {}, context)
  const seconds = (performance.now() - startedAt) / 1000
  const after = await server.metrics()
  const ordered = tick.orders.reduce((sum, { devices }) => sum + devices.length, 0)
  return [
    { group, name: `${name}: time`, value: seconds, unit: 's' },
    {
      group,
      name: `${name}: requests`,
      value: after.requests('admin') - before.requests('admin') - 1,
      unit: '',
    },
    { group, name: `${name}: devices ordered`, value: ordered, unit: '' },
  ]
}

async function artifact(base: string): Promise<string> {
  const [source, output] = [join(base, 'os-2.ext4'), join(base, 'os-2.mender')]
  await writeFile(source, Buffer.alloc(1 << 20, 'os-2'))
  const options = { source, output, name: 'os-2', deviceTypes: ['virtual'], compression: 'none' as const }
  await writeMender(options, plainContext())
  return output
}

async function repository(base: string, server: BenchServer, ids: readonly string[]): Promise<string> {
  const [folder, remote] = [join(base, 'tick'), join(base, 'tick.git')]
  await mkdir(join(folder, 'group_vars'), { recursive: true })
  const hosts = ids.map((id) => `    ${id}:\n`).join('')
  await writeFile(join(folder, 'inventory.yml'), `all:\n  hosts:\n${hosts}`)
  await writeFile(join(folder, 'group_vars', 'all.yml'), 'subscribed_branch: main\nos_image: os-2\n')
  await writeFile(
    join(folder, 'fleet.yml'),
    `server: { type: mender, url: ${server.url} }\nstages:\n  main: { branch: main, waves: [1%, 100%] }\n`,
  )
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...identity, ...args], { stdio: 'pipe' })
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  git('init', '--quiet', '--initial-branch=main')
  git('remote', 'add', 'origin', remote)
  git('add', '--all')
  git('commit', '--quiet', '--message=Begin')
  git('push', '--quiet', 'origin', 'main')
  return folder
}

const identity = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.invalid']
