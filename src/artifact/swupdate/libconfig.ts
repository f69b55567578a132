// The syntax of libconfig, in which most sw-descriptions are written by hand.
import { damaged } from '../archive/byte-reader.ts'

const maxDepth = 32
// none of these can match in two ways, and what has no bound is left to loops: a text may be made to keep a pattern busy
const name = /[A-Za-z*][-A-Za-z0-9_*.]{0,255}/y
const number =
  /[-+]?(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,4})?)L{0,2}/y
const marks = '{}()[],;:='
const white = ' \t\r\n\v\f'

/**
 * Parses libconfig text: a group as an object, an array or list as an array. Throws `artifact-damaged` for everything that
 * isn't in the language, a name that stands twice, and `@include`, which would name a file of the device.
 */
export function parseLibconfig(content: Uint8Array, place: string): unknown {
  return new Parser(decoded(content, place), place).file()
}

type TokenKind = 'string' | 'name' | 'number' | 'mark' | 'end'

class Parser {
  readonly #text: string
  readonly #place: string
  #at = 0
  #kind: TokenKind = 'end'
  #value = ''

  constructor(text: string, place: string) {
    this.#text = text
    this.#place = place
    this.#advance()
  }

  file(): unknown {
    return this.#settings('', 0)
  }

  #advance(): void {
    this.#at = this.#startOfToken()
    const start = this.#at
    const first = this.#text[start]
    if (first === undefined) return this.#take('end', start)
    if (marks.includes(first)) return this.#take('mark', start + 1)
    if (first === '"') return this.#take('string', this.#endOfString(start))
    for (const [kind, pattern] of [
      ['name', name],
      ['number', number],
    ] as const) {
      pattern.lastIndex = start
      if (pattern.test(this.#text)) return this.#take(kind, pattern.lastIndex)
    }
    throw this.#damaged('it can’t be read as libconfig')
  }

  #take(kind: TokenKind, end: number): void {
    this.#kind = kind
    this.#value = this.#text.slice(this.#at, end)
    this.#at = end
  }

  /** Behind white space and comments. */
  #startOfToken(): number {
    let at = this.#at
    for (;;) {
      while (at < this.#text.length && white.includes(this.#text[at] ?? '')) at++
      const two = this.#text.slice(at, at + 2)
      if (two.startsWith('#') || two === '//') at = this.#after('\n', at)
      else if (two !== '/*') return at
      else if (this.#text.includes('*/', at + 2)) at = this.#after('*/', at + 2)
      else throw this.#damaged('a comment doesn’t end')
    }
  }

  #after(mark: string, from: number): number {
    const at = this.#text.indexOf(mark, from)
    return at < 0 ? this.#text.length : at + mark.length
  }

  #endOfString(start: number): number {
    for (let at = start + 1; at < this.#text.length; at++) {
      if (this.#text[at] === '"') return at + 1
      if (this.#text[at] === '\\') at++
    }
    throw this.#damaged('a string doesn’t end')
  }

  /** Takes a mark where it stands there. */
  #takes(...marks: string[]): boolean {
    if (this.#kind !== 'mark' || !marks.includes(this.#value)) return false
    this.#advance()
    return true
  }

  #settings(end: '}' | '', depth: number): Record<string, unknown> {
    const group = new Map<string, unknown>()
    for (;;) {
      if (end === '' ? this.#kind === 'end' : this.#takes(end)) return Object.fromEntries(group)
      if (this.#kind !== 'name') throw this.#damaged('a name is missing')
      const name = this.#value
      if (group.has(name)) throw this.#damaged(`${name} stands twice`)
      this.#advance()
      if (!this.#takes('=', ':')) throw this.#damaged(`${name} has no value`)
      group.set(name, this.#any(depth + 1))
      if (!this.#takes(';')) this.#takes(',')
    }
  }

  #any(depth: number): unknown {
    if (depth > maxDepth) throw this.#damaged('it is nested too deep')
    if (this.#takes('{')) return this.#settings('}', depth)
    if (this.#takes('(')) return this.#list(')', depth)
    if (this.#takes('[')) return this.#list(']', depth)
    return this.#scalar()
  }

  #list(end: ')' | ']', depth: number): unknown[] {
    const items: unknown[] = []
    while (!this.#takes(end)) {
      items.push(this.#any(depth + 1))
      if (this.#takes(',')) continue
      if (!this.#takes(end)) throw this.#damaged('a list doesn’t end')
      break
    }
    return items
  }

  #scalar(): unknown {
    const [kind, value] = [this.#kind, this.#value]
    this.#advance()
    if (kind === 'number') return this.#number(value.replace(/L+$/, ''))
    if (kind === 'name' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    if (kind !== 'string') throw this.#damaged('a value is missing')
    let text = unescaped(value)
    // strings that follow one another are one
    for (; this.#kind === 'string'; this.#advance()) text += unescaped(this.#value)
    // SWUpdate takes a text to end there
    if (text.includes('\0')) throw this.#damaged('a string has a zero byte')
    return text
  }

  #number(literal: string): number {
    const value = Number(literal)
    const isWhole = !/[.eE]/.test(literal) || /^[-+]?0x/i.test(literal)
    if (Number.isFinite(value) && (!isWhole || Number.isSafeInteger(value))) return value
    throw this.#damaged('a number is too large')
  }

  #damaged(why: string) {
    const line = this.#text.slice(0, this.#at).split('\n').length
    return damaged(this.#place, this.#at, `${why} (line ${line})`)
  }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\u0007',
  b: '\b',
}

function unescaped(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_all, code: string) =>
      code.length === 3 ? String.fromCharCode(parseInt(code.slice(1), 16)) : (escapes[code] ?? code),
    )
}

function decoded(content: Uint8Array, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    throw damaged(place, 0, 'it is not UTF-8', error)
  }
}
