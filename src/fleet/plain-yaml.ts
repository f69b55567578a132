// YAML as people mostly write it: block mappings and lists, scalars on one line, flat flow collections, literal blocks. Reads
// it in one pass, many times faster than a parser of the whole language, which has to read everything else and decides
// whenever the two could differ: whatever is unusual here is declined.
import { isInexact, plainScalar } from './yaml-scalars.ts'
import { encrypted } from './vault.ts'

/** Told of each key and list item: its path, and its offset in the text. */
export type Note = (path: readonly (string | number)[], offset: number) => void

/** The data of `text`; undefined where it is empty, wrong, or uses more of YAML than is read here. */
export function plainYaml(text: string, note?: Note): unknown {
  if (unusual.test(text)) return undefined
  try {
    return new PlainReader(text, note).read()
  } catch (error) {
    if (error instanceof Declined) return undefined
    throw error
  }
}

// tabs, other ends of lines, marks of byte order, halves of pairs and what isn't printable
const unusual = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe]/
const quotedKeyForm = /(?:'([^'\n]+)'|"([^"\\\n]+)"):(?=[ \n]|$)/y
const maxKeyLength = 512
const wordForm = /^[A-Za-z0-9_./][\w./+\- ]*$/
const quotedForm = /^(?:'[^']*'|"[^"\\]*")$/
const flowKeyForm = /^[A-Za-z_][\w.-]*$/

class Declined extends Error {}

const [newline, space, hash, dash, colonCode, singleQuote, doubleQuote] = [10, 32, 35, 45, 58, 39, 34]

/** Letters and digits of ASCII, and `-./_`. */
const isKeyCode = (code: number) =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x2d && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  code === 0x5f

class PlainReader {
  readonly #text: string
  readonly #note: Note | undefined
  /** Where we are, kept for the notes alone. */
  readonly #path: (string | number)[] = []
  /** The line that is looked at: its indentation (-1 after the last one), and where its content begins and ends. */
  #indent = -1
  #start = 0
  #end = 0
  #next = 0

  constructor(text: string, note: Note | undefined) {
    this.#text = text
    this.#note = note
  }

  read(): unknown {
    this.#advance()
    if (this.#indent === 0 && this.#text.slice(this.#start, this.#end) === '---') this.#advance()
    if (this.#indent < 0) return undefined
    if (this.#indent > 0) throw new Declined()
    const data = this.#block()
    if (this.#indent >= 0) throw new Declined()
    return data
  }

  /** To the next line that has more than a comment. */
  #advance(): void {
    const text = this.#text
    while (this.#next < text.length) {
      const from = this.#next
      const found = text.indexOf('\n', from)
      const end = found < 0 ? text.length : found
      this.#next = end + 1
      let at = from
      while (at < end && text.charCodeAt(at) === space) at++
      if (at === end || text.charCodeAt(at) === hash) continue
      this.#indent = at - from
      this.#start = at
      this.#end = end
      return
    }
    this.#indent = -1
  }

  #isItem(): boolean {
    return this.#text.charCodeAt(this.#start) === dash && this.#text.charCodeAt(this.#start + 1) === space
  }

  #block(): unknown {
    return this.#isItem() ? this.#list(this.#indent) : this.#map(this.#indent)
  }

  #map(indent: number): unknown {
    const map: Record<string, unknown> = {}
    while (this.#indent === indent) {
      const from = this.#start
      const colon = this.#keyEnd(from)
      const key = this.#key(from, colon)
      if (colon - from > maxKeyLength || key === '<<' || key === '__proto__' || Object.hasOwn(map, key))
        throw new Declined()
      this.#enter(key, from)
      map[key] = this.#value(colon + 1, indent)
      this.#leave()
    }
    if (this.#indent > indent) throw new Declined()
    return map
  }

  /** Where the colon of a key that begins at `from` is; -1 where there is no key. */
  #keyEnd(from: number): number {
    const text = this.#text
    const first = text.charCodeAt(from)
    if (first === singleQuote || first === doubleQuote) {
      quotedKeyForm.lastIndex = from
      return quotedKeyForm.test(text) ? quotedKeyForm.lastIndex - 1 : -1
    }
    if (first === dash || first === 0x2e || first === 0x2f) return -1
    let at = from
    while (isKeyCode(text.charCodeAt(at))) at++
    if (at === from || text.charCodeAt(at) !== colonCode) return -1
    return at + 1 === text.length || [space, newline].includes(text.charCodeAt(at + 1)) ? at : -1
  }

  #key(from: number, colon: number): string {
    if (colon < 0) throw new Declined()
    const key = this.#text.slice(from, colon)
    if (key.startsWith("'") || key.startsWith('"')) return key.slice(1, -1)
    if (plainScalar(key) !== key) throw new Declined()
    return key
  }

  /** What stands after a key, or on the lines below it. */
  #value(after: number, indent: number): unknown {
    const at = this.#skipSpaces(after)
    if (at < this.#end && this.#text.charCodeAt(at) !== hash) return this.#scalar(at, indent, true)
    this.#advance()
    if (this.#indent > indent) return this.#block()
    return this.#indent === indent && this.#isItem() ? this.#list(indent) : null
  }

  #list(indent: number): unknown {
    const list: unknown[] = []
    while (this.#indent === indent && this.#isItem()) {
      const at = this.#skipSpaces(this.#start + 1)
      const code = this.#text.charCodeAt(at)
      if (at >= this.#end || code === hash || code === dash) throw new Declined()
      this.#enter(list.length, at)
      if (this.#keyEnd(at) >= 0) {
        // a mapping that begins on the line of its item
        this.#indent += at - this.#start
        this.#start = at
        list.push(this.#map(this.#indent))
      } else list.push(this.#scalar(at, indent, false))
      this.#leave()
    }
    if (this.#indent > indent) throw new Declined()
    return list
  }

  /** A value that begins at `at`; what is deeper on the lines below would belong to it, and is declined by who asked. */
  #scalar(at: number, indent: number, mayBeTagged: boolean): unknown {
    const given = this.#text.slice(at, this.#end)
    const literal = /^(!vault +)?\| *$/.exec(given)
    if (literal) {
      const isVault = literal[1] !== undefined
      if (isVault && !mayBeTagged) throw new Declined()
      const text = this.#literal(indent)
      return isVault ? encrypted(text) : text
    }
    const value = this.#onOneLine(given, at)
    this.#advance()
    return value
  }

  #onOneLine(given: string, at: number): unknown {
    const first = given.charCodeAt(0)
    if (first === singleQuote || first === doubleQuote) {
      const close = given.indexOf(given.charAt(0), 1)
      const rest = given.slice(close + 1)
      const inner = given.slice(1, close)
      if (close < 0 || !/^ *(?: #.*)?$/.test(rest) || (first === doubleQuote && inner.includes('\\')))
        throw new Declined()
      return inner
    }
    if (first === 0x5b || first === 0x7b) return this.#flow(given, at)
    const isWord =
      first >= 0xa0 || /[\w./~+($]/.test(given.charAt(0)) || (first === dash && /^-[\d.]/.test(given))
    if (!isWord) throw new Declined()
    const comment = given.indexOf(' #')
    const word = withoutEnd(comment < 0 ? given : given.slice(0, comment))
    if (word.endsWith(':') || word.includes(': ')) throw new Declined()
    return scalarOf(word)
  }

  /** A list or a mapping in brackets, with nothing in it that has parts. */
  #flow(given: string, at: number): unknown {
    const flow = withoutEnd(given)
    const isList = flow.startsWith('[')
    if (flow.length < 2 || !flow.endsWith(isList ? ']' : '}')) throw new Declined()
    const inner = flow.slice(1, -1)
    const isEmpty = /^ *$/.test(inner)
    const list: unknown[] = []
    const map: Record<string, unknown> = {}
    let offset = at + 1
    for (const part of isEmpty ? [] : inner.split(',')) {
      const start = this.#skipSpaces(offset)
      const item = withoutEnd(part.slice(start - offset))
      offset += part.length + 1
      if (isList) {
        this.#enter(list.length, start)
        list.push(flowScalar(item))
      } else {
        const colon = item.indexOf(': ')
        const key = item.slice(0, colon)
        if (colon < 0 || !flowKeyForm.test(key) || plainScalar(key) !== key) throw new Declined()
        if (key === '__proto__' || Object.hasOwn(map, key)) throw new Declined()
        this.#enter(key, start)
        map[key] = flowScalar(item.slice(colon + 2).replace(/^ +/, ''))
      }
      this.#leave()
    }
    return isList ? list : map
  }

  /** The lines of a literal block within something at `indent`. */
  #literal(indent: number): string {
    const text = this.#text
    let [own, found, hasGap] = [-1, '', false]
    while (this.#next < text.length) {
      const from = this.#next
      const end = text.indexOf('\n', from)
      if (end < 0) throw new Declined()
      let at = from
      while (text.charCodeAt(at) === space) at++
      const isBlank = text.charCodeAt(at) === newline
      if (!isBlank && at - from <= indent) break
      this.#next = end + 1
      if (isBlank) {
        if (at > from || own < 0) throw new Declined()
        hasGap = true
        continue
      }
      if (own < 0) own = at - from
      if (hasGap || at - from < own) throw new Declined()
      found += text.slice(from + own, end + 1)
    }
    if (own < 0) throw new Declined()
    this.#advance()
    return found
  }

  #skipSpaces(from: number): number {
    let at = from
    while (this.#text.charCodeAt(at) === space) at++
    return at
  }

  #enter(key: string | number, offset: number): void {
    if (!this.#note) return
    this.#path.push(key)
    this.#note(this.#path, offset)
  }

  #leave(): void {
    if (this.#note) this.#path.pop()
  }
}

function flowScalar(item: string): unknown {
  if (quotedForm.test(item)) return item.slice(1, -1)
  if (!wordForm.test(item)) throw new Declined()
  return scalarOf(item)
}

function scalarOf(word: string): unknown {
  const value = plainScalar(word)
  if (isInexact(value)) throw new Declined()
  return value
}

function withoutEnd(text: string): string {
  let end = text.length
  while (text.charCodeAt(end - 1) === space) end--
  return end === text.length ? text : text.slice(0, end)
}
