// Templates as data: what our own evaluation knows of Jinja2, and no more. Positions count from 1.

/** Where in its text something stands. */
export interface Spot {
  line: number
  column: number
}

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '~'
export type Comparison = '==' | '!=' | '<' | '>' | '<=' | '>='

export interface Call {
  name: string
  args: readonly Expression[]
  named: ReadonlyMap<string, Expression>
}

export type Expression = Spot &
  (
    | { kind: 'value'; value: string | number | boolean | null }
    | { kind: 'float'; value: number }
    | { kind: 'name'; name: string }
    | { kind: 'list'; items: readonly Expression[] }
    | { kind: 'mapping'; entries: readonly (readonly [string, Expression])[] }
    | { kind: 'member'; of: Expression; name: string }
    | { kind: 'item'; of: Expression; at: Expression }
    | ({ kind: 'filter'; of: Expression } & Call)
    | ({ kind: 'test'; of: Expression } & Call)
    | ({ kind: 'method'; of: Expression } & Call)
    | ({ kind: 'call' } & Call)
    | { kind: 'negative'; of: Expression }
    | { kind: 'not'; of: Expression }
    | { kind: 'and' | 'or'; left: Expression; right: Expression }
    | { kind: 'if'; condition: Expression; whenTrue: Expression; otherwise: Expression | undefined }
    | { kind: 'in'; left: Expression; right: Expression }
    | { kind: 'operation'; operator: Operator; left: Expression; right: Expression }
    | { kind: 'comparison'; first: Expression; rest: readonly { operator: Comparison; value: Expression }[] }
  )

export type Statement = Spot &
  (
    | { kind: 'text'; text: string }
    | { kind: 'output'; value: Expression }
    | { kind: 'if'; condition: Expression; whenTrue: readonly Statement[]; otherwise: readonly Statement[] }
    | {
        kind: 'for'
        names: readonly string[]
        over: Expression
        /** Which items count: what stands after `if`. */
        where: Expression | undefined
        body: readonly Statement[]
        otherwise: readonly Statement[]
      }
    | { kind: 'set'; name: string; value: Expression }
  )

/** A parsed template. `trailing` is how many line breaks its text ended with. */
export interface Template {
  body: readonly Statement[]
  trailing: number
}

/** What is wrong in a template: `isUnsupported` where Jinja2 may know it, and nothing here does. */
export class TemplateProblem extends Error {
  override readonly name = 'TemplateProblem'
  readonly isUnsupported: boolean
  /** Whether it is that something has no value. */
  readonly isUndefined: boolean
  /** Whether nothing is wrong, but for a secret that this run doesn't have. */
  readonly isUnknown: boolean = false
  readonly spot: Spot

  constructor(message: string, spot: Spot, isUnsupported = false, isUndefined = false) {
    super(message)
    this.isUndefined = isUndefined
    this.spot = { line: spot.line, column: spot.column }
    this.isUnsupported = isUnsupported
  }
}

/** A secret that a run without secrets doesn't have: nothing that is made of it is known. */
export class UnknownSecret extends TemplateProblem {
  override readonly isUnknown = true
}

/** Refuses what is not supported; never returns. */
export function unsupported(what: string, spot: Spot): never {
  throw new TemplateProblem(`${what} in templates is not supported here`, spot, true)
}
