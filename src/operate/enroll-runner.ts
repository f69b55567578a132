// A runner of GitHub's on a device, for one job: prepared on the device first, registered then, started last. Whatever goes
// wrong on the way, nothing of it stays, neither there nor at GitHub.
import { type Connection, connect } from '../device/device.ts'
import { type Context, Failure, messageOf, oneLine } from '../platform/platform.ts'
import { prepareRunner } from './prepare-runner.ts'
import { forgetEnded, registerRunner, untilOnline } from './register-runner.ts'
import type { RunnerDevice } from './runner-device.ts'
import { type RunnerHost, runnerHost } from './runner-host.ts'
import { type RunAttempt, checkLabels, labelFor, runnerName } from './runner-labels.ts'
import type { RunnerRegistry } from './runner-registry.ts'

/** How long undoing may take after an abort: the runner kills a cancelled job ten seconds after it asked. */
const undoMs = 8500

export interface RunnerRequest {
  device: RunnerDevice
  sshKey: string | undefined
  /** The device's ssh host key; required, for whoever answers in its place would get the runner's secret. */
  hostKey: string
  /** The run that the runner is for. */
  attempt: RunAttempt
  /** Number of the runner group. */
  group: number
  /** Labels beside the runner's own. */
  labels: readonly string[]
  /** Hides a secret in all that is logged from then on. */
  mask: (secret: string) => void
  /**
   * How long the device may take to answer over ssh, GitHub to see its runner, and the runner to get its job: one minute, three
   * minutes and an hour unless given.
   */
  limits?: { connectMs?: number; onlineMs?: number; idleSeconds?: number }
}

export interface EnrolledRunner {
  name: string
  /** What `runs-on` has to be for a job to get this runner. */
  labels: readonly string[]
  /** False where this attempt of the run had started it already. */
  isNew: boolean
}

/**
 * Starts a just-in-time runner on a device and returns when GitHub sees it online. It takes one job, and is gone after it,
 * with its workspace; without a job it is gone after an hour. May be repeated: one attempt of a run has one runner on a
 * device.
 *
 * Throws `device-unsuitable`, `missing-tool`, `disk-full`, `wrong-device-type`, `device-busy` before GitHub is asked for
 * anything; `github-refused`, `unreachable`, `runner-failed` with the last words of the runner; what `connect` throws.
 */
export async function enrollRunner(
  request: RunnerRequest,
  registry: RunnerRegistry,
  context: Context,
): Promise<EnrolledRunner> {
  const { device } = request
  const extra = checkLabels(request.labels, 'labels')
  // not the context's signal: what has to be undone after an abort needs the connection
  const lifeline = new AbortController()
  const connection = await connected(request, lifeline, context)
  try {
    const host = runnerHost(connection, device.host, context.signal)
    const told = await host.check()
    if (device.deviceType !== undefined && told !== undefined && told !== device.deviceType)
      throw wrongType(device, told)
    const labels = [labelFor(device.deviceType ?? told), ...extra]
    const name = runnerName(device.host, request.attempt)
    return await startOn(host, { ...request, name, labels }, registry, context)
  } finally {
    await connection.close()
  }
}

type Wanted = RunnerRequest & { name: string; labels: readonly string[] }

async function connected(
  { device, sshKey, hostKey, limits }: RunnerRequest,
  lifeline: AbortController,
  context: Context,
): Promise<Connection> {
  const cut = () => lifeline.abort(context.signal.reason)
  context.signal.throwIfAborted()
  context.signal.addEventListener('abort', cut, { once: true })
  try {
    return await connect(device.address, {
      context: { ...context, signal: lifeline.signal },
      sshKey,
      hostKey,
      ...(limits?.connectMs === undefined ? {} : { limitMs: limits.connectMs }),
    })
  } finally {
    context.signal.removeEventListener('abort', cut)
  }
}

function wrongType({ host, deviceType, address }: RunnerDevice, told: string): Failure {
  return new Failure(
    'wrong-device-type',
    `${host} is a ${deviceType} in Git, and the device at ${address} says that it is a ${oneLine(told)}: is the address right?`,
  )
}

async function startOn(
  host: RunnerHost,
  wanted: Wanted,
  registry: RunnerRegistry,
  context: Context,
): Promise<EnrolledRunner> {
  const { name } = wanted
  // a token that may not do this is known before anything is copied
  const before = await registry.list()
  try {
    const running = await prepareRunner(host, wanted, registry, context)
    if (running) {
      await untilOnline(host, running, wanted, registry, context)
      context.log.info(`${name} was started before`)
      return { name, labels: running.labels, isNew: false }
    }
    await forgetEnded(before, wanted, registry, context)
    const { runner, configuration } = await registerRunner(wanted, registry, context)
    await host.handOver(name, configuration)
    await untilOnline(host, runner, wanted, registry, context)
    return { name, labels: wanted.labels, isNew: true }
  } catch (error) {
    // then it is another's
    if (!(error instanceof Failure && error.reason === 'device-busy'))
      await undo(host, name, registry, context)
    throw error
  }
}

/** Leaves nothing behind, at both ends at once and although the run may be aborted; never in place of the real failure. */
async function undo(
  host: RunnerHost,
  name: string,
  registry: RunnerRegistry,
  context: Context,
): Promise<void> {
  const signal = AbortSignal.timeout(undoMs)
  const late = registry.within({ ...context, signal })
  const removed = async () => {
    const runner = (await late.list()).find((one) => one.name === name)
    if (runner) await late.remove(runner.id)
  }
  const told = (what: string) => (error: unknown) =>
    context.log.warn(`could not remove ${what}: ${messageOf(error)}`)
  await Promise.all([
    removed().catch(told(`the registration of ${name}`)),
    host.stop(name, { signal, timeoutMs: undoMs }).catch(told(`${name} from the device`)),
  ])
}
