// The words of a template. Hides where the library's lexer is not Jinja2's: its leniency is refused, comments and strings
// are made what Jinja2 makes of them.
import { type Spot, TemplateProblem, unsupported } from './template-tree.ts'

export interface Token {
  type: string
  value: unknown
  lineno: number
  colno: number
}

export type Lex = (source: string) => {
  nextToken(): Token | null
  tags: unknown
  lineno: number
  colno: number
}

/** Whether backslashes in strings mean something: in files, as in Jinja2; in variables Ansible doubles them. */
export interface TokenOptions {
  hasEscapes: boolean
}

const maxDepth = 60
const tags = ['if', 'elif', 'else', 'endif', 'for', 'endfor', 'set']
const closers: Record<string, string> = {
  'left-paren': 'right-paren',
  'left-bracket': 'right-bracket',
  'left-curly': 'right-curly',
}
const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' }

/** All tokens of `source`, whose line breaks are `\n`, without comments. Throws `TemplateProblem`. */
export function tokensOf(
  source: string,
  lex: Lex,
  options: TokenOptions,
): { tokens: Token[]; tags: unknown } {
  const lexer = lex(source)
  const starts = lineStarts(source)
  const found: Token[] = []
  try {
    for (let token = lexer.nextToken(); token; token = lexer.nextToken()) found.push(token)
  } catch {
    const spot = { line: lexer.lineno + 1, column: lexer.colno + 1 }
    unsupported('#} without {#, or {# without #},', spot)
  }
  const reader = { source, offsetOf: (token: Token) => (starts[token.lineno] ?? 0) + token.colno, ...options }
  checkBrackets(found)
  let before: Token | undefined
  let test: 'is' | 'name' | undefined
  const tokens = withoutComments(found).map((token) => {
    const kept = checked(token, before, reader)
    if (token.type === 'whitespace') return kept
    test = checkedTest(token, test)
    before = token
    return kept
  })
  return { tokens, tags: lexer.tags }
}

/** How far `is name` is read with this token: another name after it is the test's argument to Jinja2. */
function checkedTest(token: Token, test: 'is' | 'name' | undefined): 'is' | 'name' | undefined {
  if (token.type !== 'symbol') return test === 'is' ? 'name' : undefined
  const word = String(token.value)
  if (test === 'name' && !['else', 'or', 'and'].includes(word))
    unsupported(`"${word}" after a test without parentheses`, spotOf(token))
  if (word === 'is') return 'is'
  return test === 'is' ? (word === 'not' ? 'is' : 'name') : undefined
}

interface Reader extends TokenOptions {
  source: string
  offsetOf: (token: Token) => number
}

export const spotOf = ({ lineno, colno }: { lineno: number; colno: number }): Spot => ({
  line: lineno + 1,
  column: colno + 1,
})

/** A whole float is a number like any other to the library, and `a.b` is `a['b']`: their tokens carry what they were. */
function checked(token: Token, before: Token | undefined, reader: Reader): Token {
  const spot = spotOf(token)
  const value = String(token.value)
  if (before?.type === 'block-start' && token.type === 'symbol' && !tags.includes(value))
    unsupported(`{% ${value} %}`, spot)
  switch (token.type) {
    case 'symbol':
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) unsupported(`"${value}"`, spot)
      return before?.type === 'operator' && before.value === '.'
        ? { ...token, value: { member: value, toString: () => value } }
        : token
    case 'none':
      // null is a variable to Jinja2, if anything
      return value === 'null' ? { ...token, type: 'symbol' } : token
    case 'int':
      if (!/^(0|[1-9][0-9]*)$/.test(value) || !Number.isSafeInteger(Number(value)))
        unsupported(`the number ${value}`, spot)
      return token
    case 'float':
      if (!/^[0-9]+\.[0-9]+$/.test(value)) unsupported(`the number ${value}`, spot)
      return { ...token, type: 'string', value: { float: Number(value) } }
    case 'regex':
      return unsupported('a regular expression', spot)
    case 'operator':
      if (value === '===' || value === '!==' || value === '**') unsupported(`the operator ${value}`, spot)
      return token
    case 'string':
      return { ...token, value: stringOf(token, reader) }
    case 'left-paren':
      if (before?.type === 'right-paren') unsupported('a call of what a call gave', spot)
      return token
    default:
      return token
  }
}

/** What stands between the quotes, with Jinja2's escapes. */
function stringOf(token: Token, { source, offsetOf, hasEscapes }: Reader): string {
  const start = offsetOf(token)
  const quote = source[start]
  let text = ''
  for (let at = start + 1; at < source.length; at++) {
    const letter = source[at] ?? ''
    if (letter === quote) return text
    if (letter !== '\\') {
      text += letter
      continue
    }
    const escaped = source[++at] ?? ''
    const meant = hasEscapes ? escapes[escaped] : undefined
    if (meant === undefined)
      unsupported(
        hasEscapes ? `the escape \\${escaped}` : 'a backslash in a text of a variable',
        spotOf(token),
      )
    text += meant
  }
  throw new TemplateProblem('this text has no end', spotOf(token))
}

/** The library takes any closing bracket for any opening one. */
function checkBrackets(tokens: readonly Token[]): void {
  const open: string[] = []
  for (const token of tokens) {
    const closer = closers[token.type]
    if (closer !== undefined) {
      open.push(closer)
      if (open.length > maxDepth)
        unsupported(`more than ${maxDepth} brackets within each other`, spotOf(token))
    } else if (Object.values(closers).includes(token.type)) {
      if (open.pop() !== token.type)
        throw new TemplateProblem(`"${String(token.value)}" closes no bracket`, spotOf(token))
    } else if (token.type === 'block-end' || token.type === 'variable-end') {
      if (open.length > 0)
        unsupported(
          `"${String(token.value)}" before a bracket is closed (write a space between } and }})`,
          spotOf(token),
        )
    }
  }
}

/** Comments take white space and line breaks with them as Jinja2's do, and leave nothing. */
function withoutComments(tokens: readonly Token[]): Token[] {
  const kept: Token[] = []
  let after: 'all' | 'line break' | undefined
  for (const token of tokens) {
    if (token.type === 'comment') {
      const text = String(token.value)
      const previous = kept.at(-1)
      if (text.startsWith('{#-') && previous?.type === 'data')
        kept[kept.length - 1] = { ...previous, value: String(previous.value).trimEnd() }
      if (/^\{#\+|\+#\}$/.test(text)) unsupported('a + beside a comment', spotOf(token))
      after = text.endsWith('-#}') && text.length > 4 ? 'all' : 'line break'
      // nothing, so that white space on either side stays apart
      kept.push({ ...token, type: 'data', value: '' })
      continue
    }
    const text = String(token.value)
    if (token.type === 'data' && after !== undefined)
      kept.push({ ...token, value: after === 'all' ? text.trimStart() : text.replace(/^\n/, '') })
    else kept.push(token)
    after = undefined
  }
  return kept
}

function lineStarts(source: string): number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
