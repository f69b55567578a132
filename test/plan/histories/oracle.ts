// What must hold whenever a tick writes. It looks at what the tick has read, and judges by rules of its own.
import type { DeviceFacts, Deployment, Order } from '../../../src/ota/ota.ts'
import { isOpenState } from '../../../src/ota/ota.ts'
import { waves, windowAt } from '../../../src/plan/plan.ts'
import type { Stage, Switches } from '../../../src/fleet/fleet.ts'
import type { MemoryDevice } from '../../support/memory-device.ts'
import type { StoredDeployment } from '../../support/memory-server.ts'
import type { Commit } from '../../../src/plan/plan.ts'
import { canonicalJson, digestOf } from '../../../src/platform/platform.ts'
import type { Said, World } from './world.ts'

/** A property that does not hold. */
export class Broken extends Error {
  readonly property: string

  constructor(property: string, message: string) {
    super(`${property}: ${message}`)
    this.property = property
  }
}

/** What a tick has read so far. */
export interface Seen {
  said: Said
  startedMs: number
  /** Whether its last look at the branch, after its last write, showed its own commit. */
  isTip: boolean
  switches: Switches
  /** The emergency that held for the stage when it read the switches. */
  emergency: Switches['emergency']
  /** What it found of a review, once it has looked one up. */
  review: 'same' | 'none' | 'other' | undefined
  facts: ReadonlyMap<string, DeviceFacts>
  factsMs: number
  /** The deployment that it withdraws, as long as it writes nothing else. */
  withdrawing: string | undefined
  /** Devices with an open order, and whose. */
  open: ReadonlyMap<string, string>
  read: ReadonlyMap<string, Deployment['devices']>
  /** What had failed when it began: name of the order and device. */
  failed: ReadonlySet<string>
}

export function isOurs({ name }: { name: string }): boolean {
  return name.startsWith('drover/canary/')
}

export function openOrdersOf({ deployments }: { deployments: readonly StoredDeployment[] }, device: string) {
  return deployments.filter(({ targets }) => isOpenState(targets.get(device)?.state ?? 'success'))
}

/** Checks an order that is about to be written. */
export function judgeOrder(world: World, seen: Seen, order: Order): void {
  const broken = (property: string, about: string): never => {
    throw new Broken(property, `${order.name} of ${order.release} for ${order.devices.join(', ')}: ${about}`)
  }
  const same = world.server.deployments.find(({ name }) => name === order.name)
  const isSame =
    same?.targets.size === order.devices.length && order.devices.every((id) => same.targets.has(id))
  // another run was faster by a moment: the server refuses the second of two equal orders
  if (isSame && openOrdersOf(world.server, order.devices[0] ?? '').includes(same)) return
  if (!seen.isTip) broken('looks before each write', 'the branch was not looked at since the last write')
  const isOvertaken = seen.said !== world.tip
  if (isOvertaken) world.overtaken.add(order.name)
  if (seen.switches.freeze) broken('frozen', 'the fleet is frozen')
  if (seen.switches.knownBad.has(order.release)) broken('known-bad', 'it is known to be bad')
  judgeReview(world, seen, broken)
  for (const id of order.devices) {
    const device = world.devices.find((one) => one.id === id)
    const { release, configuration } = device ? namesFor(world, seen.said, device, seen.emergency) : {}
    if (!device || (order.release !== release && order.release !== configuration))
      broken('outside of the plan', id)
    if (order.release === configuration && seen.facts.get(id)?.release !== release)
      broken('on another release', `${id} reports ${seen.facts.get(id)?.release}`)
    if (seen.facts.get(id)?.status !== 'accepted') broken('not let in', id)
    const other = seen.open.get(id)
    if (other !== undefined) broken('disturbed', `${id} had the open order ${other}`)
    for (const own of openOrdersOf(world.server, id).filter(isOurs)) {
      if (isOvertaken || world.overtaken.has(own.name)) continue
      broken(own.release === order.release ? 'ordered twice' : 'two targets', `${id} has ${own.name}`)
    }
  }
  const { window } = stageIn(world, seen)
  if (window && seen.startedMs === world.nowMs && !windowAt(window, 'UTC', world.now()).isOpen)
    broken('outside of the window', world.now().toISOString())
  judgeGate(world, seen, order, broken)
}

type Break = (property: string, about: string) => never

/** The emergency that holds for the stage at this moment. */
export function emergencyIn(world: World): Switches['emergency'] {
  const { emergency } = world.switches
  return emergency?.stage === 'canary' && emergency.until > world.now() ? emergency : undefined
}

/** What a device is to have: in an emergency its release alone, whatever Git says, but for who isn't there or is retired. */
export function namesFor(
  world: World,
  said: Said,
  device: MemoryDevice,
  emergency: Switches['emergency'],
): { release?: string | undefined; configuration?: string | undefined } {
  const names = world.wantedNames(said, device)
  return emergency && names.release !== undefined ? { release: emergency.release } : names
}

/** The rules that an order is bound to: in an emergency no stage before it, no soak, no window, and two waves. */
function stageIn({ stage }: World, { emergency }: Seen): Stage {
  if (!emergency) return stage
  const waves = [{ kind: 'per-device-type', count: 1 } as const, { kind: 'share', share: 1 } as const]
  return { ...stage, after: undefined, window: undefined, waves, gate: { ...stage.gate, soakMs: 0 } }
}

/** Nothing is written without the review that the stage asks for; an emergency has its own. */
export function judgeReview({ stage }: World, { emergency, review }: Seen, broken: Break): void {
  if (stage.needsReview && !emergency && review !== 'same')
    broken('without its review', review ?? 'none was looked up')
}

/** No device of a wave starts before every earlier wave's gate held on fresh facts. */
function judgeGate(world: World, seen: Seen, order: Order, broken: Break): void {
  const [, id = '', wave = ''] = /^drover\/(.+)\/\d+\/w(\d+)/.exec(order.name) ?? []
  const stage = stageIn(world, seen)
  const { gate } = stage
  const isFresh = (facts: DeviceFacts | undefined, limitMs: number) => {
    const ageMs = seen.factsMs - Date.parse(facts?.reportedAt ?? '1970-01-01')
    return ageMs <= limitMs && ageMs >= -6 * 60_000
  }
  const { wanting, ordersOf, isThere, mayFail, brought, places } = order.release.startsWith('configuration-')
    ? templateSubject(world, seen)
    : releaseSubject(
        world,
        seen,
        order.release,
        seen.emergency && { id: id.split('/').at(-1) ?? '', at: new Date(0) },
      )
  // it was given another release since: for it the rollout begins anew
  const hasLeft = (one: MemoryDevice) => {
    const last = ordersOf(one).at(-1)
    const newest = world.server.deployments.findLast((own) => isOurs(own) && own.targets.get(one.id)?.isTaken)
    return newest !== last && !isOn(newest, last)
  }
  const failed = wanting.filter((one) => {
    const last = ordersOf(one).at(-1)
    const state = last?.targets.get(one.id)
    if (hasLeft(one)) return false
    const [, rollout = '', attempt] = /^drover\/(.+)\/(\d+)\/w/.exec(last?.name ?? '') ?? []
    const isOfAttempt = Number(attempt) === (seen.switches.retry.get(rollout) ?? 1)
    const isBefore = seen.failed.has(`${last?.name} ${one.id}`)
    return isOfAttempt && isBefore && state?.state === 'failure' && mayFail(seen.facts.get(one.id), one)
  })
  const { maxFailures } = gate
  const limit =
    maxFailures.kind === 'count' ? maxFailures.count : Math.floor(maxFailures.share * wanting.length)
  if (failed.length > limit) broken('over the failure limit', failed.map((one) => one.id).join(', '))
  const placed = places()
  // who reports it stays in the wave in which it was ordered, whatever it was given in between: one that joins takes no place
  const beginsAnew = (one: MemoryDevice) => hasLeft(one) && !isThere(seen.facts.get(one.id), one)
  const waveOf = (one: MemoryDevice) => {
    const orders = beginsAnew(one) ? [] : ordersOf(one)
    const numbers = orders.map(({ name }) => Number(/\/w(\d+)/.exec(name)?.[1]))
    return Math.min(placed.get(one.id) ?? 0, ...numbers)
  }
  for (const type of new Set(
    order.devices.map((one) => world.devices.find(({ id }) => id === one)?.deviceType),
  )) {
    if (stage.after !== undefined) {
      const proof = world.lab.filter(
        (one) => one.deviceType === type && isThere(seen.facts.get(one.id), one, false),
      )
      if (!proof.some((one) => isFresh(seen.facts.get(one.id), 9 * 3_600_000)))
        broken('before its earlier stage', `${type}`)
    }
    const ofType = wanting.filter((one) => one.deviceType === type)
    const isProof = (one: MemoryDevice) => {
      const facts = seen.facts.get(one.id)
      if (!isThere(facts, one) || !isFresh(facts, gate.factsYoungerThanMs)) return false
      const doneAt = ordersOf(one).at(-1)?.targets.get(one.id)?.finishedAt ?? brought(one).at
      return world.nowMs - new Date(doneAt).getTime() >= gate.soakMs
    }
    // however the waves are cut, and whoever left them: without a device that shows it none of a later wave begins
    if (Number(wave) > 1 && !ofType.some(isProof)) broken('without any evidence', `wave ${wave} of ${type}`)
    for (let earlier = 1; earlier < Number(wave); earlier++) {
      const inWave = ofType.filter((one) => waveOf(one) === earlier)
      // where all that belong into a wave were ordered in an earlier one, they have to show it for both
      const members = inWave.length > 0 ? inWave : ofType.filter((one) => placed.get(one.id) === earlier)
      if (members.length > 0 && !members.some(isProof))
        broken(
          'before the gate held',
          `wave ${earlier} of ${type} is ${members.map((one) => one.id).join(', ')}`,
        )
    }
  }
}

/** What gates and limits are about: who belongs to it, by which orders, and when a device is there. */
interface Subject {
  wanting: readonly MemoryDevice[]
  ordersOf: (one: MemoryDevice) => readonly StoredDeployment[]
  /** For a device of the earlier stage (`isOwn` false) a configuration counts on any release. */
  isThere: (facts: DeviceFacts | undefined, one: MemoryDevice, isOwn?: boolean) => boolean
  /** Whether its facts allow that it has failed: not where it is there, or where nothing can be told. */
  mayFail: (facts: DeviceFacts | undefined, one: MemoryDevice) => boolean
  brought: (one: MemoryDevice) => Commit
  places: () => ReadonlyMap<string, number>
}

function ordersIn(world: World, one: MemoryDevice, content: string, commit: Commit) {
  return world.server.deployments.filter(
    ({ name, targets }) =>
      name.startsWith(`drover/canary/${content}/${commit.id.slice(0, 12)}/`) && targets.has(one.id),
  )
}

function placesFor({ waves: steps }: Stage, release: string, wanting: readonly MemoryDevice[]) {
  const members = wanting.map((one) => ({ device: one.id, deviceType: one.deviceType }))
  return waves(members, release, steps)
}

/** A device that the server doesn't let in, or that said nothing since, has no place in the waves. */
const isIn = ({ facts }: Seen, { id }: MemoryDevice) =>
  facts.get(id)?.status === 'accepted' && facts.get(id)?.release !== undefined

/** `commit` stands for what brought the release in an emergency. */
function releaseSubject(world: World, seen: Seen, release: string, commit?: Commit): Subject {
  const { said, emergency } = seen
  const wanting = world.devices.filter(
    (one) => isIn(seen, one) && namesFor(world, said, one, emergency).release === release,
  )
  const brought = (one: MemoryDevice) => commit ?? world.introduced(said, one.id, one.deviceType)
  return {
    wanting,
    brought,
    ordersOf: (one) => ordersIn(world, one, contentOf(world, release, one.deviceType), brought(one)),
    isThere: (facts) => facts?.release === release,
    mayFail: (facts) => facts?.release !== release,
    places: () => placesFor(stageIn(world, seen), release, wanting),
  }
}

function templateSubject(world: World, seen: Seen): Subject {
  const { said } = seen
  // who is off its release, and can't get that because it is known to be bad, is blocked for good: it has left the waves, and
  // the next of them has to show the configuration in its place
  const canRunIt = (one: MemoryDevice) => {
    const release = world.wanted(said, one)
    return seen.facts.get(one.id)?.release === release || !seen.switches.knownBad.has(release ?? '')
  }
  const wanting = world.devices.filter(
    (one) => isIn(seen, one) && canRunIt(one) && world.wantedNames(said, one).configuration !== undefined,
  )
  const content = digestOf(canonicalJson(['kiosk.json', digestOf(said.template ?? '')])).slice(7, 19)
  const commit = world.templateCommit(said)
  const hasIt = (facts: DeviceFacts | undefined, one: MemoryDevice) =>
    facts?.attributes['configuration'] === world.configurationOf(said, one.id)?.fingerprint
  const runsIt = (facts: DeviceFacts | undefined, one: MemoryDevice) =>
    facts?.release === world.wanted(said, one)
  return {
    wanting,
    brought: () => commit,
    ordersOf: (one) =>
      ordersIn(world, one, content, commit).filter(
        ({ release }) => release === world.wantedNames(said, one).configuration,
      ),
    isThere: (facts, one, isOwn = true) => hasIt(facts, one) && (!isOwn || runsIt(facts, one)),
    mayFail: (facts, one) => runsIt(facts, one) && !hasIt(facts, one),
    places: () =>
      new Map(
        [...Map.groupBy(wanting, (one) => world.wanted(said, one) ?? '')].flatMap(([release, members]) => [
          ...placesFor(world.stage, release, members),
        ]),
      ),
  }
}

/** Whether an order is of a configuration for the release of another one. */
function isOn(newest: StoredDeployment | undefined, last: StoredDeployment | undefined): boolean {
  return last !== undefined && newest?.release.endsWith(`-on-${last.release}`) === true
}

/** Checks after a tick that went to its end: what Git wants no more, and no device has begun, is not open any longer. */
export function judgeRest(world: World, emergency: Switches['emergency']): void {
  for (const device of world.devices) {
    const open = openOrdersOf(world.server, device.id)
    const [order] = open
    // the server can't take one order from a device that has two
    if (!order || open.length > 1 || !isOurs(order) || order.targets.get(device.id)?.state !== 'pending')
      continue
    const { release, configuration } = namesFor(world, world.tip, device, emergency)
    const runsIt = world.server.devices.get(device.id)?.facts.release === release
    if (order.release !== release && !(runsIt && order.release === configuration))
      throw new Broken(
        'unwanted and open',
        `${device.id} is to run ${release}, and has ${order.name} of ${order.release}`,
      )
  }
}

/** The digest of a release for a type, as the names of orders have it. */
function contentOf(world: World, release: string, type: string): string {
  const artifacts = world.server.releases.get(release)?.artifacts ?? []
  return artifacts.find(({ deviceTypes }) => deviceTypes.includes(type))?.contentDigest.slice(7, 19) ?? ''
}

/** Checks an order that is about to be taken back, from one device or from all. */
export function judgeWithdrawal(world: World, seen: Seen, id: string, device: string | undefined): void {
  const deployment = world.server.deployments.find((one) => one.id === id)
  const broken = (property: string, about: string): never => {
    throw new Broken(property, `${deployment?.name}: ${about}`)
  }
  if (!deployment || !isOurs(deployment)) return broken('withdraws what is not ours', id)
  judgeReview(world, seen, broken)
  // device by device it is one act
  if (!seen.isTip && seen.withdrawing !== id)
    broken('looks before each write', 'the branch was not looked at since the last write')
  for (const [target, state] of seen.read.get(id) ?? []) {
    if (device !== undefined && target !== device) continue
    if (isOpenState(state) && state !== 'pending') broken('withdrawn in the middle', `${target} is ${state}`)
  }
}
