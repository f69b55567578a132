import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, messageOf, writeAtomically } from '../platform/platform.ts'

/** What was kept of a device after its tests. */
export interface Kept {
  /** The folder with a text file for each name. */
  folder: string
  names: readonly string[]
  /** Why the rest is not there, by name. */
  missing: Readonly<Record<string, string>>
}

/** The end of a log is what matters; a whole journal would only be in the way. */
const maxBytesEach = 1 << 20

/**
 * Collects journal, kernel messages, failed units and the rest into `output`/device, whatever the tests came to. What an
 * earlier run left there goes. That something can't be had or written never changes the tests' result: it is said.
 */
export async function keepCollected(
  connection: Connection,
  output: string,
  context: Context,
): Promise<Kept | undefined> {
  const folder = join(resolve(output), 'device')
  try {
    const { texts, missing } = await connection.collect({ maxBytes: maxBytesEach, signal: context.signal })
    for (const name of Object.keys(missing)) await rm(join(folder, `${name}.txt`), { force: true })
    const entries = Object.entries(texts)
    for (const [name, text] of entries) await writeAtomically(join(folder, `${name}.txt`), text)
    for (const [name, why] of Object.entries(missing)) context.log.debug(`not collected: ${name}: ${why}`)
    return { folder, names: entries.map(([name]) => name), missing }
  } catch (error) {
    context.signal.throwIfAborted()
    context.log.warn(`what the device tells about itself could not be kept: ${messageOf(error)}`)
    return undefined
  }
}
