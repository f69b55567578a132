// What a dispatch that did not succeed means, and what there is to show for it.
import { relative } from 'node:path'
import { type Context, Failure, oneLine } from '../platform/platform.ts'
import { keepLog, tellingLines } from './device-log.ts'
import type { DispatchRequest } from './dispatch.ts'
import type { Deployment, DeviceFacts, OtaServer } from './ota-server.ts'
import { poll } from './poll.ts'
import { type Verdict, type Watch, reportsRelease } from './watch.ts'

/** How long a device that reported a failure after the installation gets to report what it runs now. */
const aftermathMs = 60_000

/** The failure when the time is over: the device never asked, or it is somewhere in between. */
export function timedOut(url: string, order: Deployment, watch: Watch | undefined, after: string): Failure {
  const state = watch?.state ?? 'pending'
  const reportedAt = watch?.facts.reportedAt
  const place = `${url}, deployment ${order.id}`
  if (state === 'pending' && (reportedAt ?? '') <= order.createdAt) {
    return new Failure(
      'device-silent',
      `the device has not asked the server for anything in ${after}; it last reported ${reportedAt ?? 'never'}: is it on, and does it reach ${place}?`,
    )
  }
  const seen = watch?.facts.lastSeen ?? reportedAt ?? 'never'
  return new Failure(
    'update-timeout',
    `after ${after} the device is ${state} since ${watch?.stateSince ?? 'the order'}; it was last seen at ${seen}, and last reported at ${reportedAt ?? 'no time'} that it runs ${oneLine(watch?.facts.release ?? 'nothing')} (${place})`,
  )
}

interface Outcome {
  order: Deployment
  watch: Watch | undefined
  verdict: Verdict
}

/** Gathers what there is to know about a failed update: the device's log, and what it runs now. */
export async function failureOf(
  server: OtaServer,
  request: Pick<DispatchRequest, 'logFolder' | 'tell' | 'showLog'>,
  { order, watch, verdict }: Outcome,
  context: Context,
): Promise<Failure> {
  if (!watch || verdict.kind !== 'failed')
    return new Failure('internal', 'a dispatch ended without a verdict')
  const { id } = watch.facts
  await request.tell?.({ result: watch.state })
  const isExpected = watch.state === 'failure'
  const log = await keepLog(server, { deployment: order, device: id, isExpected }, request.logFolder, context)
  if (log) {
    await request.tell?.({ log: log.path })
    await request.showLog?.(id, log.tail)
  }
  const wasInstalled = watch.hasRebooted || log?.wasInstalled === true
  const back = watch.state === 'failure' && wasInstalled ? await wentBack(server, watch, context) : undefined
  // the log's name has the ids of deployment and device
  const tail = log
    ? `: ${tellingLines(log.text)} (whole log: ${shown(log.path)})`
    : ` (deployment ${order.id})`
  const why = `${verdict.why}${back ?? ''}${tail}`
  return new Failure(back === undefined ? verdict.reason : 'rolled-back', oneLine(why))
}

/** A path as a person in the current folder would write it. */
function shown(path: string): string {
  const fromHere = relative('', path)
  return fromHere.startsWith('..') ? path : fromHere
}

/** Whether a device that failed after the installation is back on its old release; where it says nothing soon, it counts as back. */
async function wentBack(server: OtaServer, watch: Watch, context: Context): Promise<string | undefined> {
  context.log.info('waiting for the device to report what it runs now')
  const endsAt = context.clock.now().getTime() + aftermathMs
  const facts = await poll<DeviceFacts>(context, endsAt, async () => {
    const facts = await server.device(watch.facts.id)
    const isNews = (facts.reportedAt ?? '') > watch.reportedAtChange
    return isNews ? { done: facts } : { stands: '' }
  })
  if (!facts) return ' after it was installed; what the device runs now it has not reported yet'
  if (reportsRelease(facts, watch.release, watch.artifact)) return undefined
  return ` after it was installed; the device is back on ${facts.release ?? 'an unknown release'}`
}
