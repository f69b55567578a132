import type { Log, Problem } from '../platform/platform.ts'

/** Where an action runs: GitHub's runner, or a terminal. */
export interface Host {
  log: Log
  /** The raw value of an input; empty where it was not given. */
  input(name: string): string
  output(name: string, value: string): Promise<void>
  /** From here on the value is hidden in everything that is logged. */
  mask(secret: string): void
  error(problem: { message: string; title?: string; file?: string; line?: number; column?: number }): void
  warning(problem: Problem): void
  /** Adds Markdown to the job's summary. */
  summary(markdown: string): Promise<void>
  saveState(name: string, value: string): void
  state(name: string): string
  /** Called once at the end, whatever came out. */
  finish(outputs: Record<string, string>): void
}

let current: Host | undefined

/** The command line puts itself in the runner's place with this, before it loads an action. */
export function setHost(host: Host): void {
  current = host
}

/** The host that was set, else the runner. */
export async function currentHost(): Promise<Host> {
  current ??= (await import('./runner-host.ts')).runnerHost()
  return current
}
