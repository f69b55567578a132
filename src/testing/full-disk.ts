import type { Connection } from '../device/device.ts'
import { Failure } from '../platform/platform.ts'
import { ask } from './probe.ts'
import type { TestCase } from './test-run.ts'

const noSpace = /No space left on device|Disk quota exceeded|\bENOSPC\b|Errno 28\b/

/**
 * A `disk-full` where tests failed and the device, or a test itself, ran out of disk: what failed then says nothing about the
 * release. A check of disk space that failed is a verdict of its own, and then this gives undefined.
 */
export async function fullDisk(
  connection: Connection,
  cases: readonly TestCase[],
): Promise<Failure | undefined> {
  const failed = cases.filter((one) => one.result === 'failed')
  if (failed.length === 0 || failed.some(({ suite }) => suite.endsWith('.disk'))) return undefined
  const advice = 'make room and test again; a check of disk (checks.yml) makes a full one a failed test'
  const full = await fullMounts(connection)
  if (full.length > 0)
    return new Failure('disk-full', `${connection.name} has no space left on ${full.join(', ')}: ${advice}`)
  const told = failed.find(({ message, details }) => noSpace.test(`${message}\n${details}`))
  if (!told) return undefined
  return new Failure('disk-full', `${told.name} found no space left on a device: ${advice}`)
}

/** Mount points of file systems that can be written and have no block left. */
async function fullMounts(connection: Connection): Promise<string[]> {
  const [mounts, df] = await ask(connection, [{ script: 'cat /proc/self/mounts' }, { script: 'df -P -k' }])
  const writable = new Set<string>()
  for (const line of mounts?.output.split('\n') ?? []) {
    const [, path = '', type = '', options = ''] = line.split(' ')
    // a later mount hides an earlier one
    if (/^(ext[234]|f2fs|btrfs|xfs|vfat|ubifs|jffs2|overlay|tmpfs)$/.test(type) && /^rw\b/.test(options))
      writable.add(path)
    else writable.delete(path)
  }
  return (df?.output.split('\n') ?? []).flatMap((line) => {
    const [, size, available, path] = /\s(\d+)\s+\d+\s+(\d+)\s+\d+%\s+(\/.*)$/.exec(line) ?? []
    return Number(size) > 0 && available === '0' && path !== undefined && writable.has(path) ? [path] : []
  })
}
