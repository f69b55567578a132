// A second place for base systems, for machines that begin with an empty disk, as hosted runners do.
import { type Context, messageOf } from '../platform/platform.ts'
import { keptFiles } from './kept-tars.ts'

/** A cache that outlives the machine, such as GitHub's for workflows. What is kept under a key never changes. */
export interface SharedCache {
  /** Puts the files kept under `key` to their paths; false where it has none. */
  restore(paths: string[], key: string): Promise<boolean>
  /** Keeps files under `key`; does nothing where it has some. */
  save(paths: string[], key: string): Promise<void>
}

/** A base system's files in both places. */
export interface Shared {
  cache: SharedCache
  folder: string
  name: string
}

/** Fetches a base system into its folder, where the shared cache has it. One that can't be asked costs a warning and no build. */
export async function fetchShared(shared: Shared, context: Context): Promise<boolean> {
  return (
    (await attempt(context, 'restoring', () => shared.cache.restore(filesOf(shared), keyOf(shared)))) === true
  )
}

/** Leaves a base system for machines that come later. A shared cache that doesn't take it costs a warning. */
export async function leaveShared(shared: Shared, context: Context): Promise<void> {
  await attempt(context, 'saving', () => shared.cache.save(filesOf(shared), keyOf(shared)))
}

// in one order: GitHub's cache knows what it keeps by the paths, too
const filesOf = ({ folder, name }: Shared) => keptFiles(folder, name)
const keyOf = ({ name }: Shared) => `drover-base-${name}`

async function attempt<T>(
  { log, signal }: Context,
  what: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work(), aborted.promise])
  } catch (error) {
    signal.throwIfAborted()
    log.warn(`${what} the base system in the shared cache did not work: ${messageOf(error)}`)
    return undefined
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
