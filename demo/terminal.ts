/** Writes to the terminal; where it has gone away, nobody hears. */
export function write(text: string): void {
  process.stdout.write(text)
}

/** `write` of a line. */
export function say(line: string): void {
  write(`${line}\n`)
}

/** How many characters fit on a line; plenty where the output is no terminal. */
export function columns(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 80) : 240
}
