// A runner's registration with GitHub, from its making to the moment at which it is seen online.
import { type Context, Failure, oneLine, seconds } from '../platform/platform.ts'
import type { RunnerHost } from './runner-host.ts'
import { isRunnerOf, missingLabels } from './runner-labels.ts'
import type { RegisteredRunner, RunnerRegistry } from './runner-registry.ts'

/** How long a runner may take to be seen online, in ms; a small board needs some twenty seconds to start one. */
const onlineLimitMs = 180_000
const pauseMs = 1000

/**
 * Removes what is registered for a device and runs no more: one that ended without a job, and one of the same `name`, which
 * GitHub may show online for a while after its device was switched off. Only for whoever holds the device: it has one runner
 * at a time, so none of these can still be on its way.
 */
export async function forgetEnded(
  all: readonly RegisteredRunner[],
  { name, device }: { name: string; device: { host: string } },
  registry: RunnerRegistry,
  context: Context,
): Promise<void> {
  const ended = all.filter(
    (one) => !one.isBusy && (one.name === name || (isRunnerOf(device.host, one.name) && !one.isOnline)),
  )
  for (const one of ended) {
    context.log.info(`removing the registration of ${oneLine(one.name)}, which ended without a job`)
    await registry.remove(one.id)
  }
}

export interface Registration {
  name: string
  group: number
  labels: readonly string[]
  mask: (secret: string) => void
}

/** Registers a runner, hides its secret, and makes sure that a job with its labels would get it. Throws `runner-failed`. */
export async function registerRunner(
  { name, group, labels, mask }: Registration,
  registry: RunnerRegistry,
  context: Context,
): Promise<{ runner: RegisteredRunner; configuration: string }> {
  const made = await registry.register({ name, group, labels })
  for (const secret of secretsIn(made.configuration)) mask(secret)
  const missing = missingLabels(labels, made.runner.labels)
  if (missing.length > 0) {
    const message = `GitHub left out labels of ${name}, so no job would get it: ${missing.join(', ')}`
    throw new Failure('runner-failed', message)
  }
  const more = missingLabels(made.runner.labels, labels)
  if (more.length > 0)
    context.log.warn(
      `GitHub gave ${name} labels that nobody asked for: ${more.map(oneLine).join(', ')}. A job that asks for these alone can get it`,
    )
  context.log.info(`registered ${name} with ${registry.where}`)
  return made
}

/** The configuration, and the files that are in it. */
function secretsIn(configuration: string): string[] {
  try {
    const files: unknown = JSON.parse(Buffer.from(configuration, 'base64').toString('utf8'))
    const parts = typeof files === 'object' && files !== null ? Object.values(files) : []
    return [configuration, ...parts.filter((part) => typeof part === 'string' && part.length > 20)].map(
      String,
    )
  } catch {
    return [configuration]
  }
}

/** Looks at both ends until GitHub sees the runner online. Throws `runner-failed` with the runner's last words. */
export async function untilOnline(
  host: RunnerHost,
  { id, name }: RegisteredRunner,
  { limits, device }: { limits?: { onlineMs?: number }; device: { host: string } },
  registry: RunnerRegistry,
  context: Context,
): Promise<void> {
  const limitMs = limits?.onlineMs ?? onlineLimitMs
  const startedAt = context.clock.now().getTime()
  const elapsed = () => context.clock.now().getTime() - startedAt
  for (;;) {
    if ((await registry.find(id))?.isOnline) {
      context.log.info(`${name} is online after ${seconds(elapsed())}`)
      return
    }
    const { state, tail } = await host.look(name)
    const words = tail === '' ? 'It said nothing' : `Its last words: ${tail}`
    if (state === 'ended' || state === 'gone')
      throw new Failure('runner-failed', `the runner on ${device.host} ended before GitHub saw it. ${words}`)
    if (elapsed() > limitMs)
      throw new Failure(
        'runner-failed',
        `GitHub didn't see the runner on ${device.host} within ${seconds(limitMs)}: can the device reach GitHub? ${words}`,
      )
    await context.clock.sleep(pauseMs, context.signal)
  }
}
