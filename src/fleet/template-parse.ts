// Text to template. Hides the library, whose lexer and parser alone are used: its tree is translated node by node into ours,
// with Jinja2's precedence, and what is not known is refused with its place.
import type { Lex, Token, TokenOptions } from './template-tokens.ts'
import { spotOf, tokensOf } from './template-tokens.ts'
import { type Template, TemplateProblem, unsupported } from './template-tree.ts'
import { type Node, statementsOf } from './template-translate.ts'

/** Parses one text; throws `TemplateProblem`. */
export type TemplateParser = (text: string, options: TokenOptions) => Template

const maxCharacters = 256 << 10
/** Texts whose trees are kept: each host may have some of its own. */
const maxKnown = 1000
// where Python's white space is not JavaScript's
// oxlint-disable-next-line no-control-regex -- these characters are what is refused
const oddCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\ufeff]/

/** Loads the library, which only repositories with templates pay for. */
export async function loadTemplateParser(): Promise<TemplateParser> {
  const [{ default: lexer }, { default: parser }] = await Promise.all([
    import('nunjucks/src/lexer.js'),
    import('nunjucks/src/parser.js'),
  ])
  const lex: Lex = (source) => lexer.lex(source, { trimBlocks: true })
  return remembering((text, options) => {
    const source = prepared(text)
    const { tokens, tags } = tokensOf(source, lex, options)
    let at = 0
    const root = attempt(
      tokens,
      () => at,
      () => new parser.Parser({ nextToken: () => tokens[at++] ?? null, tags }).parseAsRoot(),
    )
    return { body: statementsOf(root), trailing: trailingBreaks(text) }
  })
}

/** How many line breaks `text` ends with. */
function trailingBreaks(text: string): number {
  let count = 0
  while (text[text.length - 1 - count] === '\n') count++
  return count
}

/** Hosts share texts: each is parsed once. A tree that is too deep for the stack is refused. */
function remembering(parse: TemplateParser): TemplateParser {
  const known = new Map<string, Template>()
  return (text, options) => {
    const key = `${options.hasEscapes ? 'file' : 'variable'} ${text}`
    const before = known.get(key)
    if (before) return before
    try {
      const template = parse(text, options)
      if (known.size >= maxKnown) known.clear()
      known.set(key, template)
      return template
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return unsupported('so much within each other', { line: 1, column: 1 })
    }
  }
}

/** As Jinja2 reads a file: line breaks are `\n`, and the last one is not part of it. */
function prepared(text: string): string {
  const start = { line: 1, column: 1 }
  if (text.length > maxCharacters) unsupported(`more than ${maxCharacters} characters`, start)
  if (oddCharacters.test(text)) unsupported('a control character', start)
  if (text.startsWith('#jinja2:')) unsupported('#jinja2:', start)
  return text.replace(/\r\n?/g, '\n').replace(/\n$/, '')
}

function attempt(tokens: readonly Token[], at: () => number, parse: () => unknown): Node {
  try {
    const root = parse()
    if (typeof root === 'object' && root !== null) return root
  } catch (error) {
    if (error instanceof TemplateProblem || error instanceof RangeError) throw error
    const message = error instanceof Error ? error.message.split('\n').at(-1)?.trim() : ''
    const last = tokens[Math.max(0, Math.min(at() - 1, tokens.length - 1))]
    const why = /^[a-z][\w :]+/i.test(message ?? '') && !(error instanceof TypeError) ? ` (${message})` : ''
    throw new TemplateProblem(
      `this can't be read as a template${why}`,
      last ? spotOf(last) : { line: 1, column: 1 },
      true,
    )
  }
  return unsupported('this', { line: 1, column: 1 })
}
