// What a test needs of the machine. A test that can't run says why and is counted as skipped.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * For `test(name, { skip: needs('mender-artifact', 'root') }, …)`: false where everything is there, else the reason.
 * `root` is the right to make namespaces and loop devices; everything else is a program.
 */
export function needs(...wanted: string[]): false | string {
  const missing = wanted.filter((want) => (want === 'root' ? process.getuid?.() !== 0 : !isThere(want)))
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}

function isThere(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, program)))
}
