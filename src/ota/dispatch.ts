// Brings one release to one device and waits until the device itself says that it runs it.
import { type Context, Failure, messageOf, oneLine, seconds } from '../platform/platform.ts'
import { addressOf } from './address.ts'
import { hostKeysOf } from './host-key.ts'
import type { Deployment, DeviceFacts, OtaServer, Release, ReleaseArtifact } from './ota-server.ts'
import { isOpenState } from './ota-server.ts'
import { keepLease } from './keep-lease.ts'
import { freeName } from './order-name.ts'
import { failureOf, timedOut } from './outcome.ts'
import { poll } from './poll.ts'
import { type Undone, takeBack, undoneOf } from './take-back.ts'
import { type Target, checkLease, holdTarget } from './target.ts'
import { type Verdict, type Watch, bootIdOf, seen, startWatch, verdictOf } from './watch.ts'

export interface DispatchRequest {
  /** The release's name. */
  release: string
  /** A device's id, or `lab:<device-type>` for any free lab device of that type; `except <id>, <id>` may follow. */
  device: string
  /** The longest time for all of it, waiting for a free device included. */
  timeoutMs: number
  /** The lease under which the caller holds the device; where not given, one is taken and returned. */
  lease?: string | undefined
  /** Names the run, for the deployment's name and for those who wait: the same attempt of a run finds its own order. */
  runId: string
  /** Where the device's log goes after a failure. */
  logFolder: string
  /** Told what is known as soon as it is, so that it is there after a failure too. */
  tell?: (known: Partial<Dispatched>) => Promise<void>
  /** Shown the last lines of the device's log after a failure. */
  showLog?: (device: string, tail: string) => Promise<void>
  /** Whether whoever holds a lease is gone for good; such a lease is returned in their place. */
  isGone?: ((holder: string) => Promise<boolean>) | undefined
  /** Told what is left to undo where this process is killed from here on; undefined when nothing is. */
  remember?: (undone: Undone | undefined) => void
}

export interface Dispatched {
  /** Id of the deployment. */
  deployment: string
  device: string
  /** The address that the device reports; undefined where it reports none. */
  address: string | undefined
  /** The ssh host keys that it reports, `type base64` each, one a line; undefined where it reports none. */
  hostKey: string | undefined
  /** `success`, or the state in which it ended. */
  result: string
  /** Path of the device's log, after a failure. */
  log: string | undefined
  /** False where the device had the release already. */
  changed: boolean
}

/** How long undoing may take after an abort: the runner kills a cancelled job soon after it asked. */
const undoMs = 5000

/**
 * Orders one release for one device and waits, with a line for each change, until the device's own facts, newer than the
 * order, show it. A run that is started again finds its order and goes on waiting.
 *
 * Throws `release-missing`, `device-missing`, `device-not-accepted`, `wrong-device-type`, `wrong-variant`, `no-device-matched` before
 * anything is ordered; `device-busy`, `device-silent`, `update-timeout` when the time is over, `device-busy` also where
 * somebody else holds the device by then; `update-failed`, `rolled-back`, `wrong-release` for what became of the update. After a failure, a timeout or an abort the order is
 * withdrawn where the device has not begun; a device that has begun is never disturbed.
 */
export async function dispatch(
  server: OtaServer,
  request: DispatchRequest,
  context: Context,
): Promise<Dispatched> {
  const release = await server.release(request.release)
  if (!release) {
    const message = `${server.url} has no release ${oneLine(request.release)}: upload its artifact first`
    throw new Failure('release-missing', message)
  }
  const endsAt = context.clock.now().getTime() + request.timeoutMs
  const { device, lease, runId: holder, isGone } = request
  const target = await holdTarget(server, { release, device, lease, holder, endsAt, isGone }, context)
  try {
    request.remember?.(undoneOf(target))
    await request.tell?.({ device: target.facts.id, ...placeOf(target.facts) })
    return await update(server, request, { release, target, endsAt }, context)
  } finally {
    await undo(context, 'return the lease', (by) => target.giveBack(server.within(by)))
    request.remember?.(undefined)
  }
}

interface Held {
  release: Release
  target: Target
  endsAt: number
}

async function update(
  server: OtaServer,
  request: DispatchRequest,
  { release, target, endsAt }: Held,
  context: Context,
): Promise<Dispatched> {
  const { id, deviceType } = target.facts
  const artifact = release.artifacts.find((one) => one.deviceTypes.includes(deviceType ?? ''))
  const name = target.adopted?.name ?? (await freeName(server, release, target.facts, request.runId))
  request.remember?.(undoneOf(target, name))
  const progress: { watch?: Watch } = {}
  try {
    await checkLease(server, id, target.lease.id, target.lease.number)
    const order = await server.deploy({ name, release: release.name, devices: [id] })
    context.log.info(`deployment ${order.id} (${name}): ${release.name} for ${id}`)
    await request.tell?.({ deployment: order.id })
    const keep = async (facts: DeviceFacts) => {
      const { number } = target.lease
      target.lease = await keepLease(server, facts, target.lease, context)
      if (target.lease.number !== number) request.remember?.(undoneOf(target, name))
    }
    const waiting = { order, artifact, before: target.facts, endsAt, keep }
    const verdict = await waitFor(server, waiting, progress, context)
    if (verdict.kind === 'success') return await succeeded(request, order, progress.watch, verdict, context)
    throw await failureOf(server, request, { order, watch: progress.watch, verdict }, context)
  } catch (error) {
    const { watch } = progress
    const isOver = watch !== undefined && !isOpenState(watch.state)
    // the device has ended without a word, or goes round in circles: the order would hold it for ever
    const ended = watch !== undefined && verdictOf(watch).kind === 'failed' ? [id] : []
    if (!isOver) {
      const undone = undoneOf(target, name)
      await undo(context, 'withdraw the order', (by) => takeBack(server.within(by), undone, by, ended))
    }
    throw error
  }
}

interface Waiting {
  order: Deployment
  artifact: ReleaseArtifact | undefined
  before: DeviceFacts
  endsAt: number
  /** Looks after the lease, given the device's facts of a moment ago. */
  keep: (facts: DeviceFacts) => Promise<void>
}

/** Looks until there is a verdict; throws what a timeout means. `progress` has the last look, also after a throw. */
async function waitFor(
  server: OtaServer,
  { order, artifact, before, endsAt, keep }: Waiting,
  progress: { watch?: Watch },
  context: Context,
): Promise<Verdict> {
  const startedAt = context.clock.now().getTime()
  const elapsed = () => seconds(context.clock.now().getTime() - startedAt)
  const { release } = order
  // of an order that was adopted the facts may be of after it
  const bootBefore = (before.reportedAt ?? '') > order.createdAt ? undefined : bootIdOf(before)
  const basis = { release, artifact, orderedAt: order.createdAt, before: before.release, bootBefore }
  const verdict = await poll<Verdict>(context, endsAt, async () => {
    const { devices, finishedAt } = await server.deployment(order.id)
    const facts = await server.device(before.id)
    await keep(facts)
    const state = devices.get(before.id) ?? 'decommissioned'
    const last = progress.watch
    const at = context.clock.now().toISOString()
    const sight = { at, state, finishedAt: finishedAt?.get(before.id), facts }
    progress.watch = last ? seen(last, sight) : startWatch(basis, sight)
    if (state !== last?.state) context.log.info(`${elapsed()} ${before.id} is ${state}`)
    if (facts.reportedAt !== last?.facts.reportedAt && last !== undefined) {
      context.log.info(`${elapsed()} it reports ${oneLine(facts.release ?? 'no release')}`)
    }
    const now = verdictOf(progress.watch)
    return now.kind === 'wait' ? { stands: `${state} ${facts.reportedAt ?? ''}` } : { done: now }
  })
  if (verdict) return verdict
  throw timedOut(server.url, order, progress.watch, elapsed())
}

async function succeeded(
  request: DispatchRequest,
  order: Deployment,
  watch: Watch | undefined,
  verdict: Verdict & { kind: 'success' },
  context: Context,
): Promise<Dispatched> {
  if (verdict.warning) context.log.warn(verdict.warning)
  const facts = watch?.facts
  const dispatched: Dispatched = {
    deployment: order.id,
    device: facts?.id ?? '',
    ...placeOf(facts),
    result: 'success',
    log: undefined,
    changed: verdict.isChanged,
  }
  await request.tell?.(dispatched)
  return dispatched
}

/** Where a device answers over ssh, and what it shows there, in its own words. */
function placeOf(facts: DeviceFacts | undefined): Pick<Dispatched, 'address' | 'hostKey'> {
  if (!facts) return { address: undefined, hostKey: undefined }
  return { address: addressOf(facts), hostKey: hostKeysOf(facts).join('\n') || undefined }
}

/** Undoes something although the run may be aborted: with a time of its own, and never in place of the real failure. */
async function undo(
  context: Context,
  what: string,
  work: (context: Context) => Promise<void>,
): Promise<void> {
  try {
    await work({ ...context, signal: AbortSignal.timeout(undoMs) })
  } catch (error) {
    context.log.warn(`could not ${what}: ${messageOf(error)}`)
  }
}
