// A host's variables as templates see them: Ansible's rules for what a variable with a template is, over lazily rendered
// values. Hides caching, circles, encrypted values and types.
import type { Problem } from '../platform/platform.ts'
import { byCodePoints } from './code-points.ts'
import { ancestry } from './inventory-data.ts'
import type { Host, Variable } from './inventory-model.ts'
import { pythonLiteral } from './python-literal.ts'
import { type Path, isRecord } from './source.ts'
import type { TemplateParser } from './template-parse.ts'
import type { Names } from './template-evaluate.ts'
import { joined, renderParts } from './template-render.ts'
import { type Spot, TemplateProblem, unsupported } from './template-tree.ts'
import {
  Float,
  type Given,
  KeptText,
  Undefined,
  type Value,
  fromData,
  toData,
  valueOf,
} from './template-values.ts'
import { type Layers, lookUp, written } from './variables.ts'
import { isEncrypted, vaultHeader } from './vault.ts'

/** Something wrong with a template, with its place in a file. */
export class PlacedProblem extends Error {
  override readonly name = 'PlacedProblem'
  readonly problem: Problem
  readonly isUnsupported: boolean
  readonly isUndefined: boolean
  readonly isUnknown: boolean

  constructor(problem: Problem, { isUnsupported, isUndefined, isUnknown }: TemplateProblem) {
    super(problem.message)
    this.problem = problem
    this.isUnsupported = isUnsupported
    this.isUndefined = isUndefined
    this.isUnknown = isUnknown
  }
}

/** What the templates of one host can use. */
export interface TemplateWorld {
  parse: TemplateParser
  /** The variable as Git has it. */
  variable(name: string): Variable | undefined
  /** Ansible's own: `inventory_hostname` and its like. */
  magic(): Readonly<Record<string, unknown>>
  /** The text of an encrypted value. Throws `TemplateProblem`. */
  decrypt(vault: string, spot: Spot): string
  /** An environment variable's value, undefined where it is not set. Throws `TemplateProblem` where it may not be read. */
  environment(name: string, spot: Spot): string | undefined
  /** Throws `TemplateProblem` where it isn't known whether a variable that is nowhere exists. */
  missing?(name: string, spot: Spot): void
}

const maxDepth = 50
const start: Spot = { line: 1, column: 1 }
/** Names that Ansible gives a value, and that are not known here. */
const unknowable =
  /^(ansible_.*|groups|hostvars|omit|playbook_dir|role_.*|inventory_dir|inventory_file|vars)$/

/** Whether Ansible takes `text` for a template. */
export const isTemplate = (text: string): boolean => /\{\{|\{%|\{#/.test(text)

/** The variables of one host, each rendered once at most. */
export class HostTemplates implements Names {
  readonly #world: TemplateWorld
  readonly #known = new Map<string, Given>()
  readonly #open: string[] = []

  constructor(world: TemplateWorld) {
    this.#world = world
  }

  /** A variable's value with every template within rendered, as plain data. Throws `PlacedProblem`. */
  data(name: string): unknown {
    return toData(valueOf(this.value(name, start) ?? null))
  }

  /** A file's text, rendered; `file` is what messages call it. Throws `PlacedProblem`. */
  file(text: string, file: string): string {
    return placed(
      ({ line, column }) => ({ file, line, column }),
      () => joined(renderParts(this.#world.parse(text, { hasEscapes: true }), this)),
    )
  }

  value(name: string, spot: Spot): Given | undefined {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const variable = this.#world.variable(name)
    if (!variable) {
      const magic = this.#world.magic()
      if (Object.hasOwn(magic, name)) return fromData(magic[name], spot)
      if (name === 'desired_os_image')
        throw new TemplateProblem('desired_os_image is known only with a device_type in Git', spot)
      if (unknowable.test(name)) return unsupported(`the variable ${name}, which is Ansible's own,`, spot)
      this.#world.missing?.(name, spot)
      return undefined
    }
    const circle = this.#open.indexOf(name)
    if (circle >= 0) {
      const names = [...this.#open.slice(circle), name].join(' → ')
      throw new TemplateProblem(`these variables are made of each other: ${names}`, spot)
    }
    if (this.#open.length >= maxDepth) unsupported(`more than ${maxDepth} variables made of each other`, spot)
    this.#open.push(name)
    try {
      const given = this.#templated(variable, variable.value, [])
      this.#known.set(name, given)
      return given
    } catch (error) {
      // as in Ansible, it fails where it is used
      if (error instanceof PlacedProblem && error.isUndefined) return new Undefined(error)
      throw error
    } finally {
      this.#open.pop()
    }
  }

  environment(name: string, fallback: string | undefined, spot: Spot): string {
    return this.#world.environment(name, spot) ?? fallback ?? ''
  }

  #templated(variable: Variable, data: unknown, path: Path): Given {
    return placed(
      ({ line, column }) => ({ ...variable.at(path), inner: `, at ${line}:${column} of its text` }),
      () => {
        if (isEncrypted(data)) return this.#world.decrypt(data.__ansible_vault, start)
        const odd = variable.oddAt?.(path)
        if (odd === 'python') return unsupported('this value of Python', start)
        if (typeof data === 'string') return odd === 'unsafe' ? data : this.#text(data)
        if (typeof data === 'number' && odd === 'float') return new Float(data)
        if (Array.isArray(data))
          return data.map((item, index) => valueOf(this.#templated(variable, item, [...path, index])))
        if (typeof data !== 'object' || data === null) return fromData(data, start)
        const entries = Object.entries(data).map(([key, inner]): [string, Value] => [
          key,
          valueOf(this.#templated(variable, inner, [...path, key])),
        ])
        return new Map(entries)
      },
    )
  }

  #text(text: string): Given {
    if (text.startsWith(vaultHeader))
      throw new TemplateProblem('is encrypted with Ansible Vault, and has no !vault before it', start)
    if (!isTemplate(text)) return text
    // Ansible's SINGLE_VAR: numbers, true and false keep their type, and nothing stays nothing
    const only = /^\{\{\s*(\w*)\s*\}\}\n?$/.exec(text)?.[1]
    const raw = only === undefined ? undefined : this.#world.variable(only)?.value
    const isKept = raw === null || typeof raw === 'number' || typeof raw === 'boolean'
    if (only !== undefined && isKept) return this.value(only, start) ?? null
    const template = this.#world.parse(text, { hasEscapes: false })
    const parts = renderParts(template, this)
    const [first, ...more] = parts
    const given = first instanceof KeptText && more.length === 0 ? first : converted(joined(parts))
    if (typeof given !== 'string' && !(given instanceof KeptText)) return given
    const result = typeof given === 'string' ? given : given.text
    const missing = template.trailing - (/\n*$/.exec(result)?.[0].length ?? 0)
    return missing > 0 ? result + '\n'.repeat(missing) : given
  }
}

/** Ansible takes what looks like a list, a mapping or a truth value for one. */
function converted(text: string): Value {
  if (!/^[[{]/.test(text) && text !== 'True' && text !== 'False') return text
  // whether Python's parser takes white space there depends on its version
  if (/\n[ \t]+$/.test(text)) return unsupported('white space after the last line break', start)
  const literal = pythonLiteral(text, { hasJson: true })
  if (literal.kind === 'text') return text
  // numbers such as 2.0 and tuples are kinds of their own in Python
  const bare = text.replace(/'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/g, '')
  if (literal.kind === 'odd' || /[0-9]\.0*(?![0-9])|[0-9.][eE]|\(/.test(bare))
    return unsupported('this value of Python', start)
  return fromData(literal.value, start)
}

/** Gives a `TemplateProblem` of `work` its place in a file. */
function placed<T>(placeOf: (spot: Spot) => Omit<Problem, 'message'> & { inner?: string }, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error
    const { inner = '', ...place } = placeOf(error.spot)
    throw new PlacedProblem({ ...place, message: `${error.message}${inner}` }, error)
  }
}

/** What Ansible says of a host itself. */
export function magicOf(host: Host, layers: Layers): Readonly<Record<string, unknown>> {
  const image = wantedImage(layers)
  const groups = [...ancestry(host.groups)].map(({ name }) => name).filter((name) => name !== 'all')
  return {
    inventory_hostname: host.name,
    inventory_hostname_short: host.name.split('.')[0],
    group_names: groups.sort(byCodePoints),
    ...(image === undefined ? {} : { desired_os_image: image }),
  }
}

/** The release of a host whose type is in Git, or that has one for every type; edi-cd's roles call it so. */
function wantedImage(layers: Layers): unknown {
  const images = written(layers, 'os_image')?.value
  if (!Array.isArray(images)) return images ?? undefined
  const type = lookUp(layers, 'device_type')?.value
  const image: unknown = images.find((item: unknown) => isRecord(item) && item['device_type'] === type)
  return isRecord(image) ? image['image_name'] : undefined
}

/** Whether there is a template anywhere within plain data. */
export function hasTemplate(data: unknown): boolean {
  if (typeof data === 'string') return isTemplate(data)
  if (isEncrypted(data) || typeof data !== 'object' || data === null) return false
  return Object.values(data).some(hasTemplate)
}
