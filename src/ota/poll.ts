import { type Context, Failure, seconds } from '../platform/platform.ts'

const firstPauseMs = 500
const growth = 1.4
const longestPauseMs = 10_000

/** What one look found: the end of the waiting, or what stands now, which makes the next look soon where it is new. */
export type Look<T> = { done: T } | { stands: string }

/**
 * Looks again and again, in growing intervals, until a look is done; undefined when `endsAt` (ms since 1970) has come
 * first. A server that can't be reached for a while is waited for; one that still can't at the end is the failure.
 */
export async function poll<T>(
  context: Context,
  endsAt: number,
  look: () => Promise<Look<T>>,
): Promise<T | undefined> {
  const now = () => context.clock.now().getTime()
  let pauseMs = firstPauseMs
  let last = ''
  for (;;) {
    const found = await patiently(context, look)
    if (!(found instanceof Failure)) {
      if ('done' in found) return found.done
      pauseMs = found.stands === last ? Math.min(pauseMs * growth, longestPauseMs) : firstPauseMs
      last = found.stands
    } else if (last !== found.message) {
      context.log.warn(`${found.message}; going on to wait for ${seconds(Math.max(0, endsAt - now()))}`)
      last = found.message
    }
    const leftMs = endsAt - now()
    if (leftMs <= 0 && found instanceof Failure) throw found
    if (leftMs <= 0) return undefined
    await context.clock.sleep(Math.min(pauseMs, leftMs), context.signal)
  }
}

async function patiently<T>(context: Context, look: () => Promise<T>): Promise<T | Failure> {
  try {
    return await look()
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof Failure && error.reason === 'unreachable') return error
    throw error
  }
}
