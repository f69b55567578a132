// sw-description, what a .swu file says of itself: its tree of boards, selections and lists, as one list of items.
import { Failure, canonicalJson } from '../../platform/platform.ts'
import { damaged, tooLarge } from '../archive/byte-reader.ts'
import type { Compression } from '../artifact-info.ts'
import { AmbiguousJson, parseStrictJson } from '../strict-json.ts'
import { anyRevision } from './describe.ts'
import { parseLibconfig } from './libconfig.ts'

/** One thing that SWUpdate does: a file that it hands to a handler, or a setting. */
export interface DescribedItem {
  /** The handler, or the setting's name. */
  type: string
  isScript: boolean
  /** The member of the archive; undefined for a setting. */
  fileName: string | undefined
  /** Of the member as it is stored, 64 hex digits. */
  sha256: string | undefined
  compression: Compression
  /** Name and version of an image, which SWUpdate compares for `install-if-different`. */
  component: { name?: string; version?: string }
  /** Everything else that it says, with the selection (`stable,copy1`) and the boards that it is for, where not for all. */
  metaData: Record<string, unknown>
}

export interface Description {
  /** `software.version`: the release's name. */
  name: string
  /** The variant of an image, where it says one: a word of ours that changes nothing on a device. */
  variant: string | undefined
  /** The boards that have a part of their own; none in a file for any board. */
  boards: readonly string[]
  items: readonly DescribedItem[]
}

type Tree = Readonly<Record<string, unknown>>

const place = 'sw-description'
const maxBytes = 1 << 20
const lists = ['images', 'files', 'scripts', 'partitions'] as const
/** What SWUpdate takes for an item of a list that doesn't say. */
const defaultType = { images: '', files: 'rawfile', scripts: 'lua', partitions: 'ubipartition' }
/** The setting that names the revisions of a board that may install it; left out of the items where that are all. */
export const revisions = 'hardware-compatibility'
/** They say something about the release, but change nothing on a device. */
const silent = new Set(['version', 'description', 'name'])

/** Reads sw-description, JSON or libconfig. Throws `artifact-damaged`, and `bad-input` for what can't be judged. */
export function parseDescription(content: Uint8Array): Description {
  const { software } = parse(content)
  if (!isTree(software)) throw damaged(place, 0, 'it has no "software"')
  const { version } = software
  if (typeof version !== 'string' || version === '') throw damaged(place, 0, 'software has no "version"')
  const found: Found[] = []
  // a board may be called so, too
  const { variant, ...others } = software
  const boards = walkRoot(typeof variant === 'string' ? others : software, found)
  return {
    name: version,
    variant: typeof variant === 'string' ? variant : undefined,
    boards,
    items: joined(found, boards),
  }
}

function parse(content: Uint8Array): Tree {
  if (content.length > maxBytes) throw tooLarge(place, maxBytes, `it has over ${maxBytes} bytes`)
  const value = isJson(content) ? parsedJson(content) : parseLibconfig(content, place)
  if (isTree(value)) return value
  throw damaged(place, 0, 'it is no object')
}

function isJson(content: Uint8Array): boolean {
  return (
    String.fromCharCode(content.find((byte) => !' \t\r\n'.includes(String.fromCharCode(byte))) ?? 0) === '{'
  )
}

function parsedJson(content: Uint8Array): unknown {
  try {
    return parseStrictJson(content)
  } catch (error) {
    if (!(error instanceof AmbiguousJson)) throw error
    throw damaged(place, error.offset, error.message, error)
  }
}

interface Found extends DescribedItem {
  board: string | undefined
}

/** Every path that SWUpdate looks up: itself, a board, a selection of two levels, and that below a board. */
function walkRoot(software: Tree, found: Found[]): string[] {
  const boards: string[] = []
  collect(software, undefined, undefined, found)
  for (const [key, node] of groupsOf(software)) {
    const depth = depthOf(node)
    const isBoard = depth !== 1 || Object.keys(node).some((name) => !isGroup(name, node[name]))
    if (!isBoard) {
      walkSelection(node, key, undefined, found)
      continue
    }
    boards.push(key)
    collect(node, key, undefined, found)
    for (const [set, inner] of groupsOf(node)) walkSelection(inner, set, key, found)
  }
  return boards
}

function walkSelection(set: Tree, setName: string, board: string | undefined, found: Found[]): void {
  const modes = groupsOf(set)
  const isUnreachable = modes.length === 0 || Object.keys(set).length !== modes.length
  for (const [mode, node] of modes) {
    if (isUnreachable || groupsOf(node).length > 0) break
    collect(node, board, `${setName},${mode}`, found)
    if (mode === modes.at(-1)?.[0]) return
  }
  const where = board === undefined ? setName : `${board}.${setName}`
  throw new Failure(
    'bad-input',
    `${place}: ${where} has parts that no device looks for, so it can't be judged`,
  )
}

function depthOf(node: Tree): number {
  const inner = groupsOf(node).map(([, child]) => depthOf(child))
  return inner.length === 0 ? 0 : 1 + Math.max(...inner)
}

function groupsOf(node: Tree): [string, Tree][] {
  return Object.entries(node).flatMap(([key, value]) =>
    isGroup(key, value) ? [[key, value] as [string, Tree]] : [],
  )
}

function isGroup(key: string, value: unknown): value is Tree {
  return isTree(value) && !isList(key) && !silent.has(key) && key !== revisions
}

function isList(key: string): key is (typeof lists)[number] {
  return lists.some((list) => list === key)
}

function collect(node: Tree, board: string | undefined, selection: string | undefined, found: Found[]): void {
  const chosen = selection === undefined ? {} : { selection }
  if ('ref' in node)
    throw new Failure('bad-input', `${place}: it refers to other parts with "ref", which can't be read`)
  for (const [key, value] of Object.entries(node)) {
    if (silent.has(key) || isGroup(key, value) || (key === revisions && isForAll(value))) continue
    if (!isList(key)) {
      const setting = {
        type: key,
        isScript: key === 'embedded-script',
        fileName: undefined,
        sha256: undefined,
      }
      found.push({ ...setting, compression: 'none', component: {}, metaData: { ...chosen, value }, board })
      continue
    }
    if (!Array.isArray(value)) throw damaged(place, 0, `${key} is no list`)
    for (const item of value) found.push({ ...itemOf(item, key, chosen), board })
  }
}

/** Whether a list of revisions leaves none out, in the words that our writer has for it. */
function isForAll(value: unknown): boolean {
  return canonicalJson(value) === canonicalJson([anyRevision])
}

function itemOf(item: unknown, list: (typeof lists)[number], chosen: Tree): DescribedItem {
  if (!isTree(item)) throw damaged(place, 0, `an item of ${list} is no object`)
  const { filename, sha256, type, compressed, encrypted, ref, ...said } = item
  // a partition's name is what it will be called, not what it is compared by
  const { name, version, ...rest } =
    list === 'partitions' ? { ...said, name: undefined, version: undefined } : said
  if (ref !== undefined || (encrypted !== undefined && encrypted !== false)) {
    const why = ref === undefined ? 'is encrypted' : 'is a "ref"'
    throw new Failure('bad-input', `${place}: an item of ${list} ${why}, which can't be read`)
  }
  const label = `an item of ${list}`
  return {
    type: textOf(type, `${label}: type`) ?? defaultType[list],
    isScript: list === 'scripts',
    fileName: textOf(filename, `${label}: filename`),
    sha256: textOf(sha256, `${label}: sha256`)?.toLowerCase(),
    compression: compressionOf(compressed),
    component: {
      ...(name === undefined ? {} : { name: textOf(name, `${label}: name`) ?? '' }),
      ...(version === undefined ? {} : { version: textOf(version, `${label}: version`) ?? '' }),
    },
    metaData: { ...chosen, ...(list === 'partitions' ? said : rest) },
  }
}

function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw damaged(place, 0, `${what} is no text`)
}

function compressionOf(value: unknown): Compression {
  switch (value) {
    case undefined:
    case false:
      return 'none'
    case true:
    case 'zlib':
      return 'gzip'
    case 'zstd':
    case 'xz':
      return value
    default:
      throw damaged(place, 0, `the compression ${JSON.stringify(value)} is unknown`)
  }
}

/** Items that several boards have are one; those that not all have say which do. */
function joined(found: readonly Found[], boards: readonly string[]): DescribedItem[] {
  const items = new Map<string, { item: DescribedItem; boards: (string | undefined)[] }>()
  const seen = new Map<string, number>()
  for (const { board, ...item } of found) {
    // the same item twice for one board stays two
    const text = canonicalJson(item)
    const count = (seen.get(`${board}\n${text}`) ?? 0) + 1
    seen.set(`${board}\n${text}`, count)
    const key = `${count}\n${text}`
    const known = items.get(key)
    if (known === undefined) items.set(key, { item, boards: [board] })
    else known.boards.push(board)
  }
  return [...items.values()].map(({ item, boards: of }) => {
    const named = of.filter((board) => board !== undefined)
    if (named.length === 0 || named.length === boards.length) return item
    return { ...item, metaData: { ...item.metaData, boards: named.toSorted() } }
  })
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
