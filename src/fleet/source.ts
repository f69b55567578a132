// One YAML or JSON file as Ansible reads it, whose values know where they stand. Finding a place takes one pass over the
// file however often it is asked, so an inventory of 20,000 hosts stays linear.
import {
  LineCounter,
  type Node,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
} from 'yaml'
import type { Problem } from '../platform/platform.ts'
import { messageOf } from '../platform/platform.ts'
import { floatsIn } from './json-floats.ts'
import { type Odd, oddValues } from './odd-values.ts'
import { plainYaml } from './plain-yaml.ts'
import { openVault, vaultHeader } from './vault.ts'
import { ansibleTags, isInexact } from './yaml-scalars.ts'

/** Where something stands; line and column count from 1. */
export interface Place {
  file: string
  line: number
  column: number
}

export type Path = readonly (string | number)[]

/** A parsed file. `data` is plain data, undefined where the file is empty or can't be parsed. */
export interface Source {
  data: unknown
  problems: readonly Problem[]
  /** Whether the file is encrypted as a whole and there is no password: then that is the problem. */
  isLocked?: boolean
  /** The place of the key or item at `path`, or of its nearest parent. */
  at(path: Path): Place
  /** What the value at `path` is besides its data. */
  oddAt(path: Path): Odd | undefined
}

/**
 * The plain text of a file: itself, or what was encrypted, where the whole file is. Never throws: where it can't be
 * decrypted, that is the problem.
 */
export function plainText(
  text: string,
  file: string,
): { text: string; problems: readonly Problem[]; isLocked?: boolean } {
  if (!text.startsWith(vaultHeader)) return { text, problems: [] }
  const opened = openVault(text)
  if (opened.ok) return { text: opened.text, problems: [] }
  const { why, isLocked = false } = opened
  return { text: '', problems: [{ file, line: 1, column: 1, message: why }], isLocked }
}

/**
 * Parses a file of an inventory, decrypted where it is encrypted as a whole; `file` is what messages call it. Never throws:
 * what is wrong is in `problems`.
 */
export function parseSource(given: string, file: string): Source {
  const { text, problems: closed, isLocked = false } = plainText(given, file)
  if (closed.length > 0)
    return {
      data: undefined,
      problems: closed,
      isLocked,
      at: () => ({ file, line: 1, column: 1 }),
      oddAt: () => undefined,
    }
  const data = plainYaml(text)
  if (data === undefined) return parseAll(text, file, text !== given)
  let places: ((path: Path) => Place) | undefined
  return {
    data,
    problems: [],
    oddAt: oddValues(text),
    at: (path) => {
      places ??= plainPlaces(text, file)
      return places(path)
    },
  }
}

/** The same for a text that is known to be plain. */
function plainPlaces(text: string, file: string): (path: Path) => Place {
  const offsets = new Map<string, number>()
  plainYaml(text, (path, offset) => offsets.set(keyOf(path), offset))
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1)
  return (path) => placeIn(lines, file, nearest(offsets, path))
}

function placeIn(lines: LineCounter, file: string, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
}

function parseAll(text: string, file: string, isSecret: boolean): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.1',
    customTags: ansibleTags,
    uniqueKeys: false, // the parser compares each key with each other one; see findings
  })
  const placeOf = (offset: number) => placeIn(lines, file, offset)
  const json = jsonOf(text)
  const wrong = json === undefined ? [...document.errors, ...document.warnings] : []
  const problems: Problem[] = wrong.map((error) => ({
    ...placeOf(error.pos[0]),
    message: isSecret ? 'is no YAML, decrypted' : error.message,
  }))
  for (const [message, offset] of findings(document)) problems.push({ ...placeOf(offset), message })
  let data: unknown
  try {
    if (problems.length === 0) data = json ?? document.toJS({ maxAliasCount: 100 }) ?? undefined
  } catch (error) {
    problems.push({ file, line: 1, column: 1, message: messageOf(error) })
  }
  let offsets: Map<string, number> | undefined
  const at = (path: Path): Place => {
    offsets ??= offsetsOf(document)
    return placeOf(nearest(offsets, path))
  }
  // YAML takes 1e3 for a text, and has no part in what was read as JSON
  const isFloat = json === undefined ? undefined : floatsIn(text)
  const oddAt = isFloat ? (path: Path) => (isFloat(path) ? 'float' : undefined) : oddValues(text)
  return { data, problems, at, oddAt }
}

/** The offset of what is at `path`, or of its nearest parent. */
function nearest(offsets: ReadonlyMap<string, number>, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const offset = offsets.get(keyOf(path.slice(0, length)))
    if (offset !== undefined) return offset
  }
  return 0
}

/** Ansible tries JSON first: there `1e3` is a number, and YAML's text. */
function jsonOf(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether `value` is a mapping of plain data. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function offsetsOf(document: Document): Map<string, number> {
  const offsets = new Map<string, number>()
  const walk = (node: unknown, path: Path): void => {
    if (isMap(node)) {
      for (const pair of node.items) {
        if (!isScalar(pair.key)) continue
        const inner = [...path, nameOf(pair.key.value)]
        if (pair.key.range) offsets.set(keyOf(inner), pair.key.range[0])
        walk(pair.value, inner)
      }
    } else if (isSeq(node)) {
      node.items.forEach((item, index) => {
        const inner = [...path, index]
        const start = startOf(item)
        if (start !== undefined) offsets.set(keyOf(inner), start)
        walk(item, inner)
      })
    }
  }
  walk(document.contents, [])
  return offsets
}

/** What the parser takes and we don't, with where it stands: a key twice, a number that would become another one. */
function findings(document: Document): [string, number][] {
  const found: [string, number][] = []
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = nameOf(key.value)
        if (seen.has(name) && name !== '<<') found.push([`${name} is there twice`, key.range?.[0] ?? 0])
        seen.add(name)
        // the parser would make a key of its own of nothing
        if (key.value === null) key.value = 'null'
      }
    },
    Scalar: (_key, scalar) => {
      if (isInexact(scalar.value))
        found.push(["this number can't be kept exactly: write it in quotes", scalar.range?.[0] ?? 0])
    },
  })
  return found
}

const nameOf = (key: unknown) => (typeof key === 'symbol' ? '<<' : String(key))

function startOf(item: unknown): number | undefined {
  if (!isMap(item) && !isSeq(item) && !isScalar(item) && !isAlias(item)) return undefined
  const { range }: Node = item
  return range?.[0]
}

const keyOf = (path: Path) => JSON.stringify(path.map(String))
