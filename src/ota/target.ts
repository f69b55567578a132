// Which device a dispatch goes to, and the lease under which it does.
import { randomUUID } from 'node:crypto'
import { type Context, Failure, oneLine, seconds } from '../platform/platform.ts'
import { isLabArtifact } from './lab-artifact.ts'
import type {
  Deployment,
  DeviceFacts,
  Lease,
  LeaseWish,
  OtaServer,
  Release,
  ReleaseArtifact,
} from './ota-server.ts'
import { isOpenState } from './ota-server.ts'
import { isDispatchName } from './order-name.ts'
import { type Look, poll } from './poll.ts'

const labGroup = 'lab'
/** Facts older than this don't show that a lab device is alive; the Mender client reports every 30 minutes unless told otherwise. */
const freshMs = 45 * 60_000
/** How much longer than the waiting a lease lasts: time to clean up, after which a killed run's lease ends by itself. */
const leaseMarginMs = 120_000

export interface Wanted {
  /** What the device has to be fit for; any device will do where it is undefined. */
  release: Release | undefined
  /** A device's id, or `lab:<device-type>`; `lab:<device-type> except <id>, <id>` leaves some out. */
  device: string
  /** The lease that the caller holds; one is taken where it is undefined. */
  lease: string | undefined
  holder: string
  /** When waiting ends, in ms since 1970. */
  endsAt: number
  /** How long a lease that is taken lasts; some minutes longer than the waiting where it is undefined. */
  leaseMs?: number | undefined
  /** Whether whoever holds a lease is gone for good; such a lease is returned in their place. */
  isGone?: ((holder: string) => Promise<boolean>) | undefined
}

/** Whether it is a lab device: it stands in a group on the server, where operators put it and no device can put itself. */
export function isInLab({ group }: DeviceFacts): boolean {
  return group === labGroup
}

/** A device that is ours until `giveBack` is called, with the open order of ours that it already has, if any. */
export interface Target {
  facts: DeviceFacts
  adopted: Deployment | undefined
  /** The lease under which we have it: the caller's, or one that was taken. It may be prolonged. */
  lease: Lease
  /** Whether the lease is the caller's. */
  isLent: boolean
  /** Returns the lease where we took it; may be repeated. */
  giveBack(server: OtaServer): Promise<void>
}

/**
 * Finds the device, leases it and waits until no other deployment is open for it. Throws `device-missing`,
 * `device-not-accepted`, `wrong-device-type`, `wrong-variant`, `no-device-matched` at once, and `device-busy` or `device-silent` when the
 * time is over.
 */
export async function holdTarget(server: OtaServer, wanted: Wanted, context: Context): Promise<Target> {
  const lab = labOf(wanted.device)
  const say = onChange(context)
  let last = ''
  const held = await poll<Target>(context, wanted.endsAt, async () => {
    const look =
      lab === undefined
        ? await lookAtOne(server, wanted, context)
        : await lookAtLab(server, wanted, lab, context)
    if ('stands' in look) {
      last = look.stands
      say(`waiting: ${last}`)
    }
    return look
  })
  if (held) return held
  throw new Failure(
    last.startsWith(silence) ? 'device-silent' : 'device-busy',
    `${wanted.device} did not become free in time: ${last}`,
  )
}

const silence = 'no fresh facts'

interface LabWish {
  type: string
  /** Devices that will not do: such as one that could not be tested a moment ago. */
  except: ReadonlySet<string>
}

function labOf(device: string): LabWish | undefined {
  const [, type, except = ''] = /^lab:(.+?)(?:\s+except(?:\s+(.*))?)?$/s.exec(device) ?? []
  if (type === undefined) return undefined
  return { type: type.trim(), except: new Set(except.split(/[\s,]+/).filter(Boolean)) }
}

async function lookAtOne(server: OtaServer, wanted: Wanted, context: Context): Promise<Look<Target>> {
  const facts = await server.device(wanted.device)
  checkDevice(server, facts, wanted.release)
  return hold(server, wanted, facts, await server.openDeployments(), context)
}

async function lookAtLab(
  server: OtaServer,
  wanted: Wanted,
  { type, except }: LabWish,
  context: Context,
): Promise<Look<Target>> {
  const now = context.clock.now()
  const lab: DeviceFacts[] = []
  for await (const page of server.devices()) {
    lab.push(...page.filter((device) => isInLab(device) && device.status === 'accepted'))
  }
  const isCandidate = ({ id, deviceType }: DeviceFacts) =>
    !except.has(id) && (deviceType === type || deviceType === undefined)
  const devices = lab.filter(isCandidate).sort((a, b) => (a.id < b.id ? -1 : 1))
  if (devices.length === 0) {
    throw new Failure(
      'no-device-matched',
      `${server.url} has no accepted device of type ${type} in its group "${labGroup}" (${lab.length} that will not do, of other types or excepted): put one there`,
    )
  }
  const isFresh = ({ reportedAt }: DeviceFacts) =>
    reportedAt !== undefined && now.getTime() - Date.parse(reportedAt) <= freshMs
  const fresh = devices.filter((device) => device.deviceType === type && isFresh(device))
  if (fresh.length === 0) {
    const list = devices.map(({ id, reportedAt }) => `${id} (last reported ${reportedAt ?? 'never'})`)
    return { stands: `${silence} from any lab device of type ${type}: ${list.join(', ')}` }
  }
  const open = await server.openDeployments()
  const taken: string[] = []
  for (const device of fresh) {
    checkDevice(server, device, wanted.release)
    const look = await hold(server, wanted, device, open, context)
    if ('done' in look) return look
    taken.push(look.stands)
  }
  return { stands: taken.join('; ') }
}

/** Takes the device where nobody else has it. Leases are looked at before orders: a lease holder is about to order. */
async function hold(
  server: OtaServer,
  wanted: Wanted,
  facts: DeviceFacts,
  open: readonly Deployment[],
  context: Context,
): Promise<Look<Target>> {
  const { id } = facts
  const rival = open.find((one) => isOpenState(one.devices.get(id) ?? 'aborted'))
  const isOurs =
    rival !== undefined &&
    rival.release === wanted.release?.name &&
    isDispatchName(rival.name) &&
    rival.devices.size === 1
  if (rival && !isOurs)
    return { stands: `${id} is in the open deployment ${oneLine(rival.name)} (${rival.id})` }
  if (wanted.lease !== undefined) {
    const lease = await checkLease(server, id, wanted.lease)
    return { done: { facts, adopted: rival, lease, isLent: true, giveBack: async () => {} } }
  }
  const wish: LeaseWish = {
    id: randomUUID(),
    holder: wanted.holder,
    until: new Date(leaseEnd(wanted, context.clock.now())).toISOString(),
  }
  const lease = await takeLease(server, wanted, id, wish, context)
  if (lease.id !== wish.id) {
    return { stands: `${id} is leased to ${oneLine(lease.holder)} until ${lease.until}` }
  }
  const giveBack = (by: OtaServer) => by.returnLease(id, lease.id)
  // an order may have been placed between the look and the lease
  const again = await server.openDeployments()
  const late = again.find((one) => one.id !== rival?.id && isOpenState(one.devices.get(id) ?? 'aborted'))
  if (!late) return { done: { facts, adopted: rival, lease, isLent: false, giveBack } }
  await giveBack(server)
  return { stands: `${id} is in the open deployment ${oneLine(late.name)} (${late.id})` }
}

/** The lease that holds now. One whose holder is gone is returned, which nobody else would do before it ends. */
async function takeLease(
  server: OtaServer,
  { isGone }: Wanted,
  device: string,
  wish: LeaseWish,
  context: Context,
): Promise<Lease> {
  const lease = await server.takeLease(device, wish)
  if (lease.id === wish.id || !(await isGone?.(lease.holder))) return lease
  context.log.info(`${device} is freed: ${oneLine(lease.holder)} held it, and is over`)
  await server.returnLease(device, lease.id)
  return await server.takeLease(device, wish)
}

/**
 * The lease of this id; throws `device-busy` where it has ended or another holds the device. With a number, only that lease
 * will do.
 */
export async function checkLease(
  server: OtaServer,
  device: string,
  id: string,
  number?: number,
): Promise<Lease> {
  const current = await server.leaseOf(device)
  if (current?.id === id && current.number === (number ?? current.number)) return current
  const by = current ? `${oneLine(current.holder)} holds it until ${current.until}` : 'nobody holds it'
  throw new Failure('device-busy', `the lease ${id} of device ${device} has ended: ${by}. Take a new one`)
}

function leaseEnd({ endsAt, leaseMs }: Wanted, now: Date): number {
  return leaseMs === undefined ? endsAt + leaseMarginMs : now.getTime() + leaseMs
}

function checkDevice(server: OtaServer, facts: DeviceFacts, release: Release | undefined): void {
  if (facts.status !== 'accepted') {
    throw new Failure(
      'device-not-accepted',
      `device ${facts.id} is ${facts.status} on ${server.url}: accept it there first`,
    )
  }
  if (release === undefined) return
  const types = release.artifacts.flatMap(({ deviceTypes }) => deviceTypes)
  if (facts.deviceType !== undefined && !types.includes(facts.deviceType)) {
    throw new Failure(
      'wrong-device-type',
      `device ${facts.id} is a ${oneLine(facts.deviceType)}, but ${release.name} is for ${types.join(', ')}`,
    )
  }
  if (isInLab(facts) || !artifactsFor(release, facts.deviceType).some(isLabArtifact)) return
  throw new Failure(
    'wrong-variant',
    `${release.name} is of the variant lab, and device ${facts.id} is not in the group "${labGroup}" of ${server.url}: choose a release for the field, or put the device there`,
  )
}

/** What of a release a device could get; all of it where its type is not known. */
function artifactsFor({ artifacts }: Release, deviceType: string | undefined): readonly ReleaseArtifact[] {
  return artifacts.filter(({ deviceTypes }) => deviceType === undefined || deviceTypes.includes(deviceType))
}

function onChange(context: Context): (line: string) => void {
  let last = ''
  const startedAt = context.clock.now().getTime()
  return (line) => {
    if (line !== last) context.log.info(`${seconds(context.clock.now().getTime() - startedAt)} ${line}`)
    last = line
  }
}
