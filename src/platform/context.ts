import { type Clock, systemClock } from './clock.ts'
import { type Log, silentLog } from './log.ts'

/** What every long operation is handed: where to tell, when to stop, what time it is. */
export interface Context {
  log: Log
  signal: AbortSignal
  clock: Clock
}

/** A context for a caller without a host: silent, never aborted unless told, real time. */
export function plainContext(parts: Partial<Context> = {}): Context {
  return { log: silentLog, signal: new AbortController().signal, clock: systemClock, ...parts }
}
