import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type Problem, messageOf } from '../../platform/platform.ts'
import { fileBlocks } from './file-blocks.ts'
import { type TarEntry, entryHeader, tarEnd } from './tar-header.ts'
import { paddingOf } from './tar-reader.ts'

/** What of a folder is kept as it is on this machine; everything else is made the same everywhere. */
export interface Kept {
  /** Permissions and set-id bits; else 755 for folders and what its owner may execute, 644 for the rest. */
  modes?: boolean | undefined
  /** Numbers of owner and group; else root. */
  owners?: boolean | undefined
  /** Dates of change, in whole seconds; else 1970-01-01. */
  times?: boolean | undefined
}

const maxEntries = 1_000_000

interface Item extends TarEntry {
  path: string
  modifiedMs: number
}

/**
 * A folder as a tar archive, with its plain files, folders and symbolic links, in an order that no file system decides.
 * Its size is known before anything is read; in memory are the entries, not their content.
 */
export class FolderArchive {
  readonly name: string
  readonly sizeBytes: number
  /** Entries whose set-id or sticky bits were left out, by path in the folder. */
  readonly stripped: readonly string[]
  readonly #items: readonly Item[]
  readonly #hash = createHash('sha256')
  #checksum: string | undefined

  private constructor(name: string, items: readonly Item[], stripped: readonly string[]) {
    this.name = name
    this.#items = items
    this.stripped = stripped
    this.sizeBytes =
      tarEnd.length + items.reduce((sum, item) => sum + entryHeader(item).length + contentBytes(item), 0)
  }

  /**
   * Looks at all of the folder; `name` is the archive's own. Throws `file-missing` where it can't be read, and one
   * `bad-input` for all that can't be in an archive: devices, sockets, pipes, names that are no UTF-8.
   */
  static async open(folder: string, name: string, kept: Kept): Promise<FolderArchive> {
    const walk: Walk = { kept, items: [], problems: [], stripped: [] }
    try {
      await visit(walk, folder, '.')
    } catch (error) {
      if (error instanceof Failure) throw error
      throw new Failure('file-missing', `can't read ${folder}: ${messageOf(error)}`, { cause: error })
    }
    const [first, ...rest] = walk.problems
    if (first === undefined) return new FolderArchive(name, walk.items, walk.stripped)
    const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
    throw new Failure('bad-input', `${first.file} ${first.message}${more}`, { problems: walk.problems })
  }

  /** The whole archive. A block may be overwritten once more than `blocksKept` were asked for after it. Throws as `fileBlocks` does. */
  async *blocks(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for await (const piece of this.#pieces(blocksKept, signal)) {
      this.#hash.update(piece)
      yield piece
    }
  }

  /** SHA-256 of what `blocks` gave, 64 hex digits; to be asked after all of them. */
  checksum(): string {
    return (this.#checksum ??= this.#hash.digest('hex'))
  }

  async *#pieces(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (const item of this.#items) {
      signal.throwIfAborted()
      yield entryHeader(item)
      const { path, sizeBytes = 0, modifiedMs } = item
      if (sizeBytes === 0) continue
      yield* fileBlocks({ path, sizeBytes, modifiedMs }, blocksKept, signal)
      yield Buffer.alloc(paddingOf(sizeBytes))
    }
    yield tarEnd
  }
}

interface Walk {
  kept: Kept
  items: Item[]
  problems: Problem[]
  stripped: string[]
}

async function visit(walk: Walk, path: string, name: string): Promise<void> {
  const unfit = (why: string) =>
    void walk.problems.push({ file: path, message: `${why}, which can't be part of an update: remove it` })
  // a name with other bytes was read as one that no file has
  if (name.includes('\ufffd')) return unfit('has a name that is not UTF-8')
  const facts = await lstat(path)
  const type = typeOf(facts)
  if (type === undefined) return unfit('is a device, a socket or a pipe')
  walk.items.push(await itemOf(walk, path, name, type, facts))
  if (walk.items.length > maxEntries)
    throw new Failure('bad-input', `the source has more than ${maxEntries} entries`)
  if (type !== 'folder') return
  for (const entry of (await readdir(path)).sort()) await visit(walk, join(path, entry), `${name}/${entry}`)
}

async function itemOf(
  { kept, stripped }: Walk,
  path: string,
  name: string,
  type: NonNullable<TarEntry['type']>,
  facts: Stats,
): Promise<Item> {
  if (kept.modes !== true && type === 'file' && (facts.mode & 0o7000) !== 0) stripped.push(name)
  const plainMode = type === 'file' && (facts.mode & 0o100) === 0 ? 0o644 : 0o755
  const mode = type === 'link' ? 0o777 : kept.modes === true ? facts.mode & 0o7777 : plainMode
  return {
    path,
    name: type === 'folder' ? `${name}/` : name,
    type,
    mode,
    sizeBytes: type === 'file' ? facts.size : 0,
    modifiedMs: facts.mtimeMs,
    ...(type === 'link' ? { target: await readlink(path) } : {}),
    ...(kept.owners === true ? { uid: facts.uid, gid: facts.gid } : {}),
    ...(kept.times === true ? { modifiedAt: Math.max(0, Math.floor(facts.mtimeMs / 1000)) } : {}),
  }
}

function typeOf(facts: Stats): TarEntry['type'] {
  if (facts.isFile()) return 'file'
  if (facts.isDirectory()) return 'folder'
  return facts.isSymbolicLink() ? 'link' : undefined
}

function contentBytes({ sizeBytes = 0 }: Item): number {
  return sizeBytes + paddingOf(sizeBytes)
}
