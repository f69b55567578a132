// A server, devices and a fleet repository, all real, and ticks of its canary stage.
import type { TestContext } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { type ScheduleOptions, type Tick, schedule } from '../../src/plan/plan.ts'
import { type Clock, plainContext, systemClock } from '../../src/platform/platform.ts'
import type { Behaviour, MenderDevice } from '../support/mender-device.ts'
import { type Lab, openLab, until } from '../support/mender-lab.ts'
import { type FleetRepository, makeRepository } from './fleet-repository.ts'

export const image = (release: string) => `os_image:\n  - device_type: virtual\n    image_name: ${release}\n`

export const stages = (lab: Lab, rest = '') => `server: { type: mender, url: ${lab.url} }
stages:
  development: { branch: main }
  canary:
    branch: canary
    after: development
    review: none
    waves: [1 per device type, 100%]
    gate: { soak: 1h, max-failures: 0 }
${rest}`

type LabDevice = MenderDevice & { key: string }

export interface World {
  lab: Lab
  repository: FleetRepository
  devices: LabDevice[]
  /** Runs a tick of the canary stage on what is checked out, `laterMs` from now. */
  tick: (options?: ScheduleOptions, laterMs?: number) => Promise<Tick>
  release: (name: string) => Promise<void>
}

/** One lab device on main and `count` devices on canary, all on the release `old`. */
export async function openWorld(
  t: TestContext,
  {
    count = 2,
    policy = '',
    behaviours = [],
  }: { count?: number; policy?: string; behaviours?: Behaviour[] } = {},
): Promise<World> {
  const lab = await openLab(t)
  for (const name of ['old', 'new']) await lab.server.upload(await lab.artifact(name))
  const devices: LabDevice[] = []
  for (let index = 0; index <= count; index++)
    devices.push(await lab.device({ pollMs: 20, behaviour: behaviours[index] ?? 'success' }))
  const hosts = devices.map((_device, index) => (index === 0 ? 'lab-0' : `device-${index}`))
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${hosts.map((host) => `    ${host}:\n`).join('')}`,
    'group_vars/all.yml': image('old'),
    'fleet.yml': stages(lab, policy),
    ...Object.fromEntries(
      hosts.map((host, index) => [
        `host_vars/${host}.yml`,
        `device_id: ${devices[index]?.key}\nsubscribed_branch: ${index === 0 ? 'main' : 'canary'}\n`,
      ]),
    ),
  })
  await repository.git('branch', 'canary')
  await repository.push()
  return {
    lab,
    repository,
    devices,
    tick: async (options = {}, laterMs = 0) => {
      const context = plainContext({ clock: ahead(laterMs) })
      return await schedule(await loadFleet(repository.folder), 'canary', lab.server, options, context)
    },
    release: async (name) => {
      await repository.git('checkout', '--quiet', 'canary')
      await repository.commit({ 'group_vars/all.yml': image(name) })
      await repository.push()
    },
  }
}

const ahead = (ms: number): Clock => ({ ...systemClock, now: () => new Date(Date.now() + ms) })
export const hour = 3_600_000

/** Brings the lab device to a release, as dispatching it would. */
export async function inLab(world: World, release: string): Promise<void> {
  const { lab, devices } = world
  const id = devices[0]?.key ?? ''
  const order = await lab.server.deploy({ name: `lab ${release} ${Date.now()}`, release, devices: [id] })
  await until(async () => (await lab.server.deployment(order.id)).isFinished)
  await until(async () => (await releaseOf(world, 0)) === release)
}

/** All orders are done and every device has reported after that. */
export async function settled(lab: Lab): Promise<void> {
  await until(async () => (await lab.server.openDeployments()).length === 0)
}

export const releaseOf = async ({ lab, devices }: World, index: number) =>
  (await lab.server.device(devices[index]?.key ?? '')).release

export const ordered = (tick: Tick) => tick.orders.flatMap(({ devices }) => devices)
