// What a test needs of the machine. A test that can't run says why and is counted as skipped.
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * For `test(name, { skip: needs('mender-artifact', 'root') }, …)`: false where everything is there, else the reason.
 * `root` is the right to make namespaces and loop devices; everything else is a program.
 */
export function needs(...wanted: string[]): false | string {
  const missing = wanted.filter((want) => (want === 'root' ? !isRoot() : !isThere(want)))
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}

function isThere(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, program)))
}

/** Root with the rights that make namespaces, mounts and loop devices; root in a plain container lacks them. */
function isRoot(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/dev/loop-control')) return false
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const [netAdmin, sysAdmin] = [1n << 12n, 1n << 21n]
  return (BigInt(`0x${effective}`) & netAdmin) !== 0n && (BigInt(`0x${effective}`) & sysAdmin) !== 0n
}
