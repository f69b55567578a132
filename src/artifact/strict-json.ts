// JSON that every parser reads alike. The documents inside an update file are read by parsers of many languages, which differ
// where the standard lets them: in what two equal keys mean, in numbers that no double holds, in broken Unicode, in how deep
// they go. What they could differ in is refused, so that a device can't see something else than was looked at here.
import { messageOf } from '../platform/platform.ts'

const maxDepth = 100

/** Why a document is no JSON that every parser reads alike; `offset` counts its UTF-16 units from 0. */
export class AmbiguousJson extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** Parses a document; throws `AmbiguousJson`. Time and memory grow with its length, whatever is in it. */
export function parseStrictJson(content: Uint8Array): unknown {
  const text = decoded(content)
  checkDepth(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new AmbiguousJson(`it is not JSON (${messageOf(error)})`, 0)
  }
  checkTokens(text)
  return value
}

function decoded(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    throw new AmbiguousJson(`it is not JSON (${messageOf(error)})`, 0)
  }
}

// before anything that could recurse sees it
function checkDepth(text: string): void {
  let depth = 0
  for (const { kind, start } of tokens(text)) {
    if (kind === 'close') depth--
    if (kind === 'open' && ++depth > maxDepth) {
      throw new AmbiguousJson(`it is nested more than ${maxDepth} deep`, start)
    }
  }
}

/** Checks the strings, keys and numbers of a text that is JSON. */
function checkTokens(text: string): void {
  /** The keys seen in each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  for (const { kind, start, end } of tokens(text)) {
    if (kind === 'open') open.push(text[start] === '{' ? new Set() : undefined)
    else if (kind === 'close') open.pop()
    else if (kind === 'number') checkNumber(text.slice(start, end), start)
    else if (kind === 'string') {
      const value: unknown = JSON.parse(text.slice(start, end))
      if (typeof value !== 'string' || !value.isWellFormed()) {
        throw new AmbiguousJson('a string is not Unicode', start)
      }
      // parsers in C take a text to end there, and so a key for another one
      if (value.includes('\0')) throw new AmbiguousJson('a string has a zero byte', start)
      if (isKey(text, end)) checkKey(value, open.at(-1), start)
    }
  }
}

function checkKey(key: string, seen: Set<string> | undefined, start: number): void {
  if (key === '__proto__') throw new AmbiguousJson('a key may not be __proto__', start)
  if (seen?.has(key) === true) throw new AmbiguousJson(`the key ${JSON.stringify(key)} is there twice`, start)
  seen?.add(key)
}

function checkNumber(literal: string, start: number): void {
  const value = Number(literal)
  if (Number.isFinite(value) && normalized(literal) === normalized(String(value))) return
  throw new AmbiguousJson(
    `the number ${literal.slice(0, 50)} can't be kept as it is: write it as text`,
    start,
  )
}

/** The digits of a number from the first to the last that counts, and where its point is. */
function normalized(literal: string): string {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  if (digits === '') return '0'
  const significant = digits.replace(/0+$/, '')
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}

interface Token {
  kind: 'open' | 'close' | 'string' | 'number'
  start: number
  end: number
}

/** What of a text is a bracket, a string or a number; makes no sense of what is no JSON. */
function* tokens(text: string): Generator<Token> {
  for (let at = 0; at < text.length;) {
    const start = at
    const char = text[at++] ?? ''
    if (char === '{' || char === '[') yield { kind: 'open', start, end: at }
    else if (char === '}' || char === ']') yield { kind: 'close', start, end: at }
    else if (char === '"') {
      while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
      yield { kind: 'string', start, end: ++at }
    } else if (char === '-' || isDigit(char)) {
      while (at < text.length && /[\d.eE+-]/.test(text[at] ?? '')) at++
      yield { kind: 'number', start, end: at }
    }
  }
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9'
}

/** Whether a string that ends there is a key: a colon follows. */
function isKey(text: string, end: number): boolean {
  let at = end
  while (' \t\n\r'.includes(text[at] ?? 'x')) at++
  return text[at] === ':'
}
