import { relative } from 'node:path'

/** What messages call a file: its path from the working directory, which annotations need, where it lies beneath it. */
export function displayName(path: string): string {
  const name = relative(process.cwd(), path)
  return name === '' || name.startsWith('..') ? path : name
}
