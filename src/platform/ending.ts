// How a process is asked to end: by a signal, or by readers of its output who go away. Hides that one Ctrl-C arrives more
// than once: the terminal signals every process of the group, and launchers (npx, bin/drover.mjs) pass it on again.
import { Failure, hasCode, messageOf } from './failure.ts'

export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** Signals that follow one another this fast are one wish. */
const oneWishMs = 300

let lastWishAt = Number.NEGATIVE_INFINITY

/**
 * Calls `end` at the first of these signals, once. A second wish only says that the clean-up goes on; a third ends the
 * process at once, for a clean-up that hangs.
 */
export function onEndSignal(
  names: readonly EndSignal[],
  end: (name: EndSignal) => void,
  say: (line: string) => void,
): void {
  let wishes = 0
  const wish = (name: EndSignal) => {
    const now = performance.now()
    if (now - lastWishAt < oneWishMs) return
    lastWishAt = now
    wishes += 1
    if (wishes > 2) return dieOf(name)
    say(
      wishes === 1
        ? `${name}: cleaning up`
        : 'still cleaning up; once more ends at once and cleans up nothing',
    )
    if (wishes === 1) end(name)
  }
  for (const name of names) process.on(name, () => wish(name))
}

/**
 * Resolves when no repeat of the last signal is to be expected. A process that ends before takes it as a new signal while
 * Node shuts down, and dies of it although all is cleaned up.
 */
export async function untilRepeatsAreOver(): Promise<void> {
  const restMs = lastWishAt + oneWishMs - performance.now()
  if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
}

/**
 * Keeps the process alive where nobody reads its standard output or error any more (a closed pipe or terminal), and calls
 * `closed` with what happened, perhaps more than once. What is written from then on is dropped.
 */
export function onClosedOutput(closed: (why: string) => void): void {
  const why = (error: unknown) =>
    hasCode(error, 'EPIPE') || hasCode(error, 'EIO')
      ? 'nobody reads the output any more'
      : `the output can't be written: ${messageOf(error)}`
  for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => closed(why(error)))
}

/**
 * Aborts with a `cancelled` when this process is asked to end: by SIGINT, SIGTERM or SIGHUP, or because nobody reads its
 * output any more. For the one place of a process that everything else gets its signal from.
 */
export function endingSignal(say: (line: string) => void): AbortSignal {
  const controller = new AbortController()
  const abort = (why: string) => controller.abort(new Failure('cancelled', why))
  onEndSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], (name) => abort(`ended by ${name}`), say)
  onClosedOutput(abort)
  return controller.signal
}

function dieOf(name: EndSignal): void {
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}
