import { type Context, Failure, seconds } from '../platform/platform.ts'

const firstPauseMs = 500
const growth = 1.4
const longestPauseMs = 10_000

/** What one look found: the end of the waiting, or what stands now, which makes the next look soon where it is new. */
export type Look<T> = { done: T } | { stands: string }

/** So many looks in a row may be answered with nonsense by a server that has answered well before. */
const oddReplies = 10

/**
 * Looks again and again, in growing intervals, until a look is done; undefined when `endsAt` (ms since 1970) has come
 * first. A server that can't be reached for a while is waited for; one that still can't at the end is the failure. One that
 * has answered before may answer with an error or a proxy's page for some looks, half a minute or so: it is being
 * restarted.
 */
export async function poll<T>(
  context: Context,
  endsAt: number,
  look: () => Promise<Look<T>>,
): Promise<T | undefined> {
  const now = () => context.clock.now().getTime()
  let pauseMs = firstPauseMs
  let last = ''
  let mayBeOdd = 0
  for (;;) {
    const found = await patiently(context, look, mayBeOdd > 0)
    if (!(found instanceof Failure)) {
      mayBeOdd = oddReplies
      if ('done' in found) return found.done
      pauseMs = found.stands === last ? Math.min(pauseMs * growth, longestPauseMs) : firstPauseMs
      last = found.stands
    } else {
      if (found.reason !== 'unreachable') mayBeOdd -= 1
      pauseMs = Math.min(pauseMs * growth, longestPauseMs)
      if (last !== found.message)
        context.log.warn(`${found.message}; going on to wait for ${seconds(Math.max(0, endsAt - now()))}`)
      last = found.message
    }
    const leftMs = endsAt - now()
    if (leftMs <= 0 && found instanceof Failure) throw found
    if (leftMs <= 0) return undefined
    await context.clock.sleep(Math.min(pauseMs, leftMs), context.signal)
  }
}

async function patiently<T>(
  context: Context,
  look: () => Promise<T>,
  mayBeOdd: boolean,
): Promise<T | Failure> {
  try {
    return await look()
  } catch (error) {
    context.signal.throwIfAborted()
    const reasons = mayBeOdd ? ['unreachable', 'server-refused', 'unexpected-reply'] : ['unreachable']
    if (error instanceof Failure && reasons.includes(error.reason)) return error
    throw error
  }
}
