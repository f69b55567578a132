// One YAML file as Ansible reads it (YAML 1.1, unknown tags as text), whose values know where they stand. Finding a
// place takes one pass over the file however often it is asked, so an inventory of 20,000 hosts stays linear.
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
  /** The place of the key or item at `path`, or of its nearest parent. */
  at(path: Path): Place
}

/** Parses a file of an inventory; `file` is what messages call it. Never throws: what is wrong is in `problems`. */
export function parseSource(text: string, file: string): Source {
  if (text.startsWith('$ANSIBLE_VAULT;')) {
    const place = { file, line: 1, column: 1 }
    return {
      data: undefined,
      at: () => place,
      problems: [{ ...place, message: 'is encrypted with Ansible Vault, which is not supported yet' }],
    }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.1',
    uniqueKeys: false, // the parser compares each key with each other one; see repeatedKeys
  })
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems: Problem[] = document.errors.map((error) => ({
    ...placeOf(error.pos[0]),
    message: error.message,
  }))
  for (const [key, offset] of repeatedKeys(document))
    problems.push({ ...placeOf(offset), message: `${key} is there twice` })
  let data: unknown
  try {
    if (problems.length === 0) data = document.toJS({ maxAliasCount: 100 }) ?? undefined
  } catch (error) {
    problems.push({ file, line: 1, column: 1, message: messageOf(error) })
  }
  let offsets: Map<string, number> | undefined
  const at = (path: Path): Place => {
    offsets ??= offsetsOf(document)
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(keyOf(path.slice(0, length)))
      if (offset !== undefined) return placeOf(offset)
    }
    return placeOf(0)
  }
  return { data, problems, at }
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
        const inner = [...path, String(pair.key.value)]
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

/** Keys that their mapping has already, with where they stand. */
function repeatedKeys(document: Document): [string, number][] {
  const repeated: [string, number][] = []
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        if (seen.has(name) && name !== '<<') repeated.push([name, key.range?.[0] ?? 0])
        seen.add(name)
      }
    },
  })
  return repeated
}

function startOf(item: unknown): number | undefined {
  if (!isMap(item) && !isSeq(item) && !isScalar(item) && !isAlias(item)) return undefined
  const { range }: Node = item
  return range?.[0]
}

const keyOf = (path: Path) => JSON.stringify(path.map(String))
