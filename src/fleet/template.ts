// Templates of one host, for whoever has a text and variables: Jinja2 as Ansible has it.
import { environmentFor } from './template-environment.ts'
import { loadTemplateParser } from './template-parse.ts'
import { TemplateProblem } from './template-tree.ts'
import { HostTemplates, PlacedProblem } from './template-variables.ts'

/** A result, or why there is none; `isUnsupported` where Jinja2 or Ansible may know it. */
export type Rendered = { ok: true; value: unknown } | { ok: false; message: string; isUnsupported: boolean }

/** Renders texts with plain variables: `variable` as the value of one, `file` as a file's whole text. Never throws for them. */
export interface Templates {
  variable(text: string, variables: Readonly<Record<string, unknown>>): Rendered
  file(text: string, variables: Readonly<Record<string, unknown>>): Rendered
}

/** Loads what renders templates. May be repeated. */
export async function loadTemplates(): Promise<Templates> {
  const parse = await loadTemplateParser()
  const of = (variables: Readonly<Record<string, unknown>>) =>
    new HostTemplates({
      parse,
      magic: () => ({}),
      decrypt: (_, spot) => {
        throw new TemplateProblem('an encrypted value can not be read here', spot)
      },
      environment: environmentFor([]),
      variable: (name) =>
        Object.hasOwn(variables, name)
          ? { value: variables[name], file: '', path: [name], at: () => ({ file: '', line: 1, column: 1 }) }
          : undefined,
    })
  return {
    variable: (text, variables) => attempt(() => of({ ...variables, ' ': text }).data(' ')),
    file: (text, variables) => attempt(() => of(variables).file(text, '')),
  }
}

function attempt(work: () => unknown): Rendered {
  try {
    return { ok: true, value: work() }
  } catch (error) {
    if (!(error instanceof PlacedProblem)) throw error
    return { ok: false, message: error.message, isUnsupported: error.isUnsupported }
  }
}
