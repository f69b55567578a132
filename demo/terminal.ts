// The terminal, which may go away while the demonstration runs, and the ways to end it early.
import { Failure } from '../src/platform/platform.ts'

const abort = new AbortController()
let isGone = false

/** Aborts on Ctrl-C, on a request to end, and where nobody reads the output any more; deaf to repeats, as it cleans up then. */
export function endingSignal(): AbortSignal {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!abort.signal.aborted) write('\ncleaning up …\n')
      abort.abort(new Failure('cancelled', `ended by ${name}`))
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      isGone = true
      abort.abort(new Failure('cancelled', 'nobody reads the output any more'))
    })
  }
  return abort.signal
}

/** Writes to the terminal, as long as there is one. */
export function write(text: string): void {
  if (!isGone) process.stdout.write(text)
}

/** `write` of a line. */
export function say(line: string): void {
  write(`${line}\n`)
}

/** How many characters fit on a line; plenty where the output is no terminal. */
export function columns(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 80) : 240
}
