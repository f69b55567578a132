// Taking a device for one runner, of which it has one at a time.
import { type Context, Failure, oneLine } from '../platform/platform.ts'
import type { RunnerHost } from './runner-host.ts'
import type { RegisteredRunner, RunnerRegistry } from './runner-registry.ts'

const pauseMs = 1000
/** How long a runner that is ending may take to be gone, and one that the same attempt starts to be there, in ms. */
const endingLimitMs = 20_000
const startingLimitMs = 10 * 60_000

/**
 * Makes the device ready for the runner `name`; returns that very runner where it is there already and still runs. One that
 * GitHub has forgotten is ended. Throws `device-busy` where another one has the device, `disk-full`, `runner-failed`.
 */
export async function prepareRunner(
  host: RunnerHost,
  { name, device, limits }: { name: string; device: { host: string }; limits?: { idleSeconds?: number } },
  registry: RunnerRegistry,
  context: Context,
): Promise<RegisteredRunner | undefined> {
  const startedAt = context.clock.now().getTime()
  for (;;) {
    context.log.info(`preparing a runner on ${device.host}`)
    const prepared = await host.prepare(name, limits?.idleSeconds)
    if (prepared.kind === 'ready') return undefined
    const other = prepared.name
    const known = (await registry.list()).find((runner) => runner.name === other)
    const state = other === undefined ? undefined : (await host.look(other)).state
    const isOver = state === 'ended' || state === 'gone' || (state === 'running' && !known)
    if (known && other === name && !isOver) return known
    // an account other than ours has no name to tell; its keeper may be about to leave, as ours may
    const isStarting = state === 'preparing'
    const isTaken = other !== name && (isStarting || (state === 'running' && known !== undefined))
    const limitMs = isStarting ? startingLimitMs : endingLimitMs
    if (isTaken || context.clock.now().getTime() - startedAt > limitMs) throw busy(device.host, other, known)
    if (other !== undefined && isOver) {
      context.log.info(`ending ${oneLine(other)}, which is over`)
      await host.stop(other, { timeoutMs: endingLimitMs })
    }
    await context.clock.sleep(pauseMs, context.signal)
  }
}

function busy(host: string, name: string | undefined, known: RegisteredRunner | undefined): Failure {
  const state = known?.isBusy ? 'has a job' : known ? 'waits for its job' : 'is being started'
  const what =
    name === undefined ? 'a runner of another account' : `the runner ${oneLine(name)}, which ${state}`
  return new Failure(
    'device-busy',
    `${host} hosts ${what}: a device has one runner at a time. Try again when its run is over`,
  )
}
