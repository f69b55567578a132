// The two root slots as block devices. Hides how loop devices are made so that none outlives this process.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Context, Failure, hasCode, run, runOk, start } from '../platform/platform.ts'

export interface BlockDevice {
  path: string
  major: number
  minor: number
}

export interface Slots {
  /** Partition 2 and partition 3. */
  devices: readonly [BlockDevice, BlockDevice]
  /** Waits until no mount holds a slot; throws `device-busy` where one still does after some seconds. */
  untilFree(): Promise<void>
  close(): Promise<void>
}

const waitMs = 10_000

/**
 * Attaches both slot files. The caller has the device's lock, so a loop device that still shows one of these files is
 * of a supervisor that is gone: it is detached first. Throws `missing-rights`, `device-busy`.
 */
export async function attachSlots(files: readonly [string, string], context: Context): Promise<Slots> {
  for (const file of files) await detachLeftOvers(file, context)
  await using stack = new AsyncDisposableStack()
  const a = stack.use(await attach(files[0]))
  const b = stack.use(await attach(files[1]))
  const kept = stack.move()
  const devices = [a.device, b.device] as const
  return {
    devices,
    untilFree: async () => {
      for (const { path } of devices) await untilUnclaimed(path, context)
    },
    close: () => kept.disposeAsync(),
  }
}

async function attach(file: string) {
  const path = (
    await runOk('losetup', ['--find', '--show', '--nooverlap', file], {
      what: `making a loop device of ${file}`,
      reason: 'missing-rights',
    })
  ).trim()
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r+')
    const { rdev } = await handle.stat()
    const device = { path, major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
    const opened = handle
    return { device, [Symbol.asyncDispose]: () => opened.close() }
  } catch (error) {
    await handle?.close()
    throw error
  } finally {
    // we hold it open, so this only makes it vanish with its last user; started, for a terminal's Ctrl-C must not end it
    await start('losetup', ['--detach', path]).done
  }
}

async function detachLeftOvers(file: string, context: Context): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const { stdout } = await run('losetup', ['--associated', file, '--noheadings', '--output', 'NAME'])
    const loops = stdout
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
    if (loops.length === 0) return
    if (waitedMs >= waitMs) throw busy(file, loops.join(', '))
    await run('losetup', ['--detach', ...loops])
    await context.clock.sleep(50, context.signal)
  }
}

// A mount claims its block device, and only one claim is granted
async function untilUnclaimed(path: string, context: Context): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 20) {
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_EXCL)
      await handle.close()
      return
    } catch (error) {
      if (!hasCode(error, 'EBUSY')) throw error
      if (waitedMs >= waitMs) throw busy(path, 'a mount')
      await context.clock.sleep(20)
    }
  }
}

function busy(what: string, by: string): Failure {
  return new Failure(
    'device-busy',
    `${what} is still held by ${by}: see losetup --list and findmnt for who has it`,
  )
}
