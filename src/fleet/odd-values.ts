// Values that plain data doesn't keep apart, and templates have to: numbers like 2.0, which print so in Python, and `!unsafe`
// texts, which are no templates. Found only when they are asked for.
import { type Document, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Path } from './source.ts'
import { ansibleTags } from './yaml-scalars.ts'

/** What a value is besides its data; `python` where something in it is, such as a tuple. */
export type Odd = 'float' | 'unsafe' | 'python'

/** Says of the paths of a YAML or JSON text what is odd there. */
export function oddValues(text: string): (path: Path) => Odd | undefined {
  let found: ReadonlyMap<string, Odd> | undefined
  return (path) => {
    found ??= /[0-9]\.|\.[0-9]|[0-9][eE]|!unsafe/.test(text) ? oddIn(text) : new Map()
    return found.get(keyOf(path))
  }
}

/** Whether a literal of Python has a float or a tuple somewhere in it. */
export const isOddLiteral = (text: string): boolean =>
  /[0-9]\.|\.[0-9]|[0-9][eE][-+0-9]|\(/.test(text.replace(/'[^']*'|"[^"]*"/g, ''))

/** Deeper nodes are in no file that people write. */
const maxDepth = 100

function oddIn(text: string): Map<string, Odd> {
  const found = new Map<string, Odd>()
  const document = parseDocument(text, { version: '1.1', customTags: ansibleTags, uniqueKeys: false })
  walk(document.contents, [], document, found, 0)
  return found
}

function walk(node: unknown, path: Path, document: Document, found: Map<string, Odd>, depth: number): void {
  if (depth > maxDepth) return
  if (isAlias(node)) return walk(node.resolve(document), path, document, found, depth + 1)
  if (isSeq(node))
    return node.items.forEach((item, index) => walk(item, [...path, index], document, found, depth + 1))
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue
      const isMerge = typeof key.value === 'symbol'
      walk(value, isMerge ? path : [...path, String(key.value)], document, found, depth + 1)
    }
  } else if (isScalar(node)) {
    const { value, source = '', tag } = node
    if (tag === '!unsafe') found.set(keyOf(path), 'unsafe')
    else if (typeof value === 'number' && /[.eE]/.test(source) && !/^[-+]?0x/.test(source))
      found.set(keyOf(path), 'float')
  }
}

const keyOf = (path: Path) => JSON.stringify(path.map(String))
