import { setTimeout as sleep } from 'node:timers/promises'

/** What one look may give that isn't there yet. */
type NotYet = undefined | false

/**
 * Waits until `look` gives something and returns that; fails after `limitMs` with `what` was waited for, and with what `told`
 * says by then.
 */
export async function until<T>(
  what: string,
  look: () => T | NotYet | Promise<T | NotYet>,
  limitMs = 20_000,
  told: () => string = () => '',
): Promise<T> {
  for (const deadline = performance.now() + limitMs; ; await sleep(20)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms ${told()}`.trim())
  }
}
