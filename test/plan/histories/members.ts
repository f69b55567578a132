// Who is let in and who is removed, in histories: what people and devices do, and what must hold when a tick does it.
import type { MemoryDevice } from '../../support/memory-device.ts'
import { Broken, type Seen, judgeReview } from './oracle.ts'
import type { World } from './world.ts'

/** A device that was removed asks to be let in again, as a device does that has power. */
export function knock({ server }: World, { id }: MemoryDevice): void {
  if (!server.devices.has(id)) server.join(id, { identity: { serial: id } }, false)
}

/** An operator removes, lets in or turns away; a device that is turned away is told nothing any more. */
export function decideMember(world: World, device: MemoryDevice, choice: number): void {
  const { server } = world
  const stored = server.devices.get(device.id)
  if (choice % 4 === 3 || !stored) return knock(world, device)
  if (choice % 4 === 0) {
    server.abortAllOf(device.id, 'decommissioned')
    server.devices.delete(device.id)
    return
  }
  const status = choice % 4 === 1 ? 'accepted' : choice % 8 === 2 ? 'rejected' : 'pending'
  stored.facts = { ...stored.facts, status }
}

/** Everybody whom Git wants is let in, by hand where ticks don't do it, and who was removed by mistake asks again. */
export function letAllIn(world: World, mayTicksDoIt: boolean): void {
  for (const device of world.devices) {
    knock(world, device)
    const stored = world.server.devices.get(device.id)
    if (!stored || world.wanted(world.tip, device) === undefined) continue
    const mayStay = stored.facts.status === 'pending' && world.stage.isEnrolling && mayTicksDoIt
    if (stored.facts.status !== 'accepted' && !mayStay) stored.facts = { ...stored.facts, status: 'accepted' }
  }
}

/** Checks that a tick may let this device in. */
export function judgeAdmission(world: World, seen: Seen, id: string): void {
  const broken = brokenFor(id, 'lets in')
  judgeMember(world, seen, broken)
  const device = world.devices.find((one) => one.id === id)
  if (!device || world.wanted(seen.said, device) === undefined) broken('who is not in Git')
  if (!world.stage.isEnrolling) broken('though the stage asks for nobody')
  if (seen.facts.get(id)?.status !== 'pending') broken(`who was ${seen.facts.get(id)?.status}`)
}

/** Checks that a tick may remove this device. */
export function judgeRemoval(world: World, seen: Seen, id: string): void {
  const broken = brokenFor(id, 'removes')
  judgeMember(world, seen, broken)
  if (!seen.said.retired.has(id) || seen.said.absent.has(id)) broken('who is not retired in Git')
  if (world.stage.budget.retire === 0) broken('without a budget')
  const order = seen.open.get(id)
  if (order !== undefined) broken(`who had the open order ${order}`)
  if (!['accepted', 'preauthorized'].includes(seen.facts.get(id)?.status ?? ''))
    broken('who was not let in anyway')
  const lease = world.server.devices.get(id)?.lease
  if (lease && Date.parse(lease.until) > world.nowMs) broken('who is leased')
}

function judgeMember(world: World, seen: Seen, broken: (why: string) => never): void {
  judgeReview(world, seen, broken)
  if (!seen.isTip) broken('without a look at the branch since the last write')
  if (seen.switches.freeze) broken('though the fleet is frozen')
  if (seen.emergency) broken('in an emergency')
}

const brokenFor =
  (id: string, verb: string) =>
  (why: string): never => {
    throw new Broken(`${verb} ${why.replace(/ drover.*/, '')}`, id)
  }

/** Checks at the end: whom Git calls retired the server lets in no more, and nobody else was removed. */
export function judgeMembers(world: World): void {
  for (const { id } of world.devices) {
    const status = world.server.devices.get(id)?.facts.status
    const isRetired = world.tip.retired.has(id) && !world.tip.absent.has(id)
    if (isRetired && status === 'accepted') throw new Broken('retired and still let in', id)
  }
  for (const { id } of world.lab)
    if (world.server.devices.get(id)?.facts.status !== 'accepted') throw new Broken('another stage lost', id)
}
