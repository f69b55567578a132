/** Where a running action tells what it does. Lines are plain text; the host escapes what its terminal would interpret. */
export interface Log {
  info(line: string): void
  /** Something a person should look at although the run goes on. */
  warn(line: string): void
  /** Shown only where debugging is switched on. */
  debug(line: string): void
  /** Folds what `work` logs under one title where the host can fold. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>
}

/** Drops everything; for tests and for inner calls whose lines nobody wants. */
export const silentLog: Log = {
  info: () => {},
  warn: () => {},
  debug: () => {},
  group: (_title, work) => work(),
}
