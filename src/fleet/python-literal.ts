// Python's literals as text: what Ansible takes the values of an INI inventory for (`ast.literal_eval`).

/** A literal's value; `text` where it is none, and so stays as it is written; `odd` where JSON has nothing like it. */
export type Literal = { kind: 'value'; value: unknown } | { kind: 'text' } | { kind: 'odd' }

/** What Python's parser takes; deeper brackets are no literal for it either. */
const maxDepth = 200

class NotLiteral extends Error {}
class OddLiteral extends Error {}

/**
 * Reads `text` as a literal of Python. With `hasJson`, as Ansible reads what a template gives: it may have line breaks within
 * brackets, and `true`, `false` and `null`.
 */
export function pythonLiteral(text: string, { hasJson = false } = {}): Literal {
  try {
    return { kind: 'value', value: new LiteralReader(text.replace(/^[ \t]+/, ''), hasJson).read() }
  } catch (error) {
    if (error instanceof NotLiteral) return { kind: 'text' }
    if (error instanceof OddLiteral) return { kind: 'odd' }
    throw error
  }
}

const number =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9](?:_?[0-9])*)?[jJ]?)/y
const stringStart = /([rR][bB]?|[bB][rR]?|[uU])?('''|"""|'|")/y
const escape =
  /\\(?:\n|([\\'"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([NxuU]))/g
const letters: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** One reading of one text. */
class LiteralReader {
  readonly #text: string
  readonly #hasJson: boolean
  #at = 0
  #depth = 0
  #isOdd = false

  constructor(text: string, hasJson: boolean) {
    this.#text = text
    this.#hasJson = hasJson
  }

  read(): unknown {
    const first = this.#value()
    const value = this.#next(',') ? [first, ...this.#items('')] : first
    this.#space()
    if (this.#at < this.#text.length) throw new NotLiteral()
    if (this.#isOdd) throw new OddLiteral()
    return value
  }

  #value(): unknown {
    this.#space()
    if (++this.#depth > maxDepth) throw new NotLiteral()
    const value = this.#bracketed() ?? this.#atom()
    this.#depth--
    return value.value
  }

  #bracketed(): { value: unknown } | undefined {
    if (this.#next('[')) return { value: this.#items(']') }
    if (this.#next('{')) return { value: this.#mapping() }
    if (!this.#next('(')) return undefined
    if (this.#next(')')) return { value: [] }
    const first = this.#value()
    if (this.#next(',')) return { value: [first, ...this.#items(')')] }
    if (this.#next(')')) return { value: first }
    throw new NotLiteral()
  }

  /** Values between commas up to `end`, which is passed over; the end of the text where it is empty. */
  #items(end: string): unknown[] {
    const items: unknown[] = []
    for (;;) {
      this.#space()
      if (end === '' ? this.#at >= this.#text.length : this.#next(end)) return items
      items.push(this.#value())
      if (this.#next(',')) continue
      if (end === '' ? this.#at >= this.#text.length : this.#next(end)) return items
      throw new NotLiteral()
    }
  }

  #mapping(): unknown {
    const entries: [string, unknown][] = []
    for (let isFirst = true; ; isFirst = false) {
      if (this.#next('}')) break
      const key = this.#value()
      if (isFirst && !this.#next(':')) {
        // a set
        if (!this.#next('}') && this.#next(',')) this.#items('}')
        else if (this.#text[this.#at - 1] !== '}') throw new NotLiteral()
        this.#isOdd = true
        return {}
      }
      if (!isFirst && !this.#next(':')) throw new NotLiteral()
      entries.push([this.#keyOf(key), this.#value()])
      if (this.#next(',')) continue
      if (this.#next('}')) break
      throw new NotLiteral()
    }
    return Object.fromEntries(entries)
  }

  #keyOf(key: unknown): string {
    if (typeof key === 'object' && key !== null) this.#isOdd = true
    return String(key)
  }

  #atom(): { value: unknown } {
    const word = this.#match(/(?:True|False|None|\.\.\.)(?![\w\p{L}])/uy)?.[0]
    if (word === '...') this.#isOdd = true
    const json = this.#hasJson ? this.#match(/(?:true|false|null)(?![\w\p{L}])/uy)?.[0] : undefined
    if (json !== undefined) return { value: json === 'true' ? true : json === 'false' ? false : null }
    if (word !== undefined) return { value: word === 'True' ? true : word === 'False' ? false : null }
    const parts: string[] = []
    for (let part = this.#string(); part !== undefined; part = this.#string()) parts.push(part)
    if (parts.length > 0) return { value: parts.join('') }
    return { value: this.#signedNumber() }
  }

  #signedNumber(): number {
    const sign = this.#match(/[-+]/y)?.[0] === '-' ? -1 : 1
    this.#space()
    if (this.#next('(')) {
      const inner = this.#value()
      if (typeof inner !== 'number' || !this.#next(')')) throw new NotLiteral()
      return sign * inner || 0
    }
    const digits = this.#match(number)?.[0]
    if (digits === undefined || /[\w\p{L}.]/u.test(this.#text[this.#at] ?? '')) throw new NotLiteral()
    // 010 was octal once, and is nothing now; 010.5 and 00 are numbers
    if (/^0[0-9_]*[1-9]/.test(digits) && !/[.eEjJ]/.test(digits)) throw new NotLiteral()
    const value = Number(digits.replaceAll('_', '').replace(/[jJ]$/, ''))
    const isWhole = !/[.eEjJ]/.test(digits) || /^0[xX]/.test(digits)
    if (/[jJ]$/.test(digits) || !Number.isFinite(value) || (isWhole && !Number.isSafeInteger(value)))
      this.#isOdd = true
    return sign * value || 0
  }

  #string(): string | undefined {
    const start = this.#match(stringStart)
    if (!start) return undefined
    const [, prefix = '', quotes = ''] = start
    const from = this.#at
    while (!this.#text.startsWith(quotes, this.#at)) {
      if (this.#at >= this.#text.length) throw new NotLiteral()
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    }
    const body = this.#text.slice(from, this.#at)
    if (quotes.length === 1 && body.replace(/\\[^]/g, '').includes('\n')) throw new NotLiteral()
    this.#at += quotes.length
    this.#space()
    if (/b/i.test(prefix)) this.#isOdd = true
    return /r/i.test(prefix) ? body : body.replace(escape, (...match: unknown[]) => this.#unescaped(match))
  }

  #unescaped([all, letter, octal, ...more]: unknown[]): string {
    if (typeof letter === 'string') return letters[letter] ?? letter
    if (typeof octal === 'string') return String.fromCodePoint(Number.parseInt(octal, 8))
    const hex = more.slice(0, 3).find((digits) => typeof digits === 'string')
    if (hex !== undefined) {
      const code = Number.parseInt(hex, 16)
      if (code > 0x10ffff) throw new NotLiteral()
      return String.fromCodePoint(code)
    }
    // a character by its name is possible there; the others lack digits
    if (all === '\\N') this.#isOdd = true
    else if (typeof more[3] === 'string') throw new NotLiteral()
    return ''
  }

  #next(text: string): boolean {
    this.#space()
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #space(): void {
    this.#match(this.#hasJson ? /(?:[ \t\f\r\n]|#.*)*/y : /(?:[ \t\f]|#.*$)*/y)
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match) this.#at = pattern.lastIndex
    return match ?? undefined
  }
}
