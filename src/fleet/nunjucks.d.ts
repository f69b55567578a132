// What is used of nunjucks: its lexer and its parser, which it has no types for. Their trees are checked where they are read.
declare module 'nunjucks/src/lexer.js' {
  /** Lines and columns count from 0. */
  interface LibraryToken {
    type: string
    value: unknown
    lineno: number
    colno: number
  }
  const lexer: {
    lex(
      source: string,
      options: { trimBlocks: boolean },
    ): { nextToken(): LibraryToken | null; tags: unknown; lineno: number; colno: number }
  }
  export default lexer
}

declare module 'nunjucks/src/parser.js' {
  const parser: {
    Parser: new (tokens: { nextToken(): unknown; tags: unknown }) => { parseAsRoot(): unknown }
  }
  export default parser
}
