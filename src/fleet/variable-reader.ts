// The variables that mean something here, checked. Hides their forms, what is encrypted and what is a template.
import * as v from 'valibot'
import type { Problem } from '../platform/platform.ts'
import type { Host, Variable } from './inventory-model.ts'
import { type Configuration, configurationOf } from './configuration.ts'
import type { Image } from './model.ts'
import { isTimeZone } from './policy-schema.ts'
import type { Path } from './source.ts'
import { Secrets, type TemplateKit, type TemplatesOfHost, templatesOfHost } from './template-hosts.ts'
import { PlacedProblem, hasTemplate, isTemplate } from './template-variables.ts'
import { type Layers, lookUp, written } from './variables.ts'
import { isEncrypted, vaultHeader } from './vault.ts'

const name = v.pipe(
  v.string('must be text: write it in quotes'),
  v.trim(),
  v.nonEmpty('must not be empty'),
  v.maxLength(256, 'has more than 256 characters'),
  // oxlint-disable-next-line no-control-regex -- control characters are what a name may not have
  v.regex(/^[^\u0000-\u001f\u007f]*$/, 'has control characters'),
)

const image = v.pipe(
  v.string(
    'must be the name of a release, in quotes where it is a number, or a list of device_type and image_name',
  ),
  name,
  v.transform((release): readonly Image[] => [{ deviceType: undefined, release }]),
)
const images = v.pipe(
  v.array(v.strictObject({ device_type: name, image_name: name })),
  v.minLength(1, 'must not be empty'),
  v.transform((items): readonly Image[] =>
    items.map((item) => ({ deviceType: item.device_type, release: item.image_name })),
  ),
)

const schemas = {
  subscribed_branch: name,
  os_image: v.lazy((value) => (Array.isArray(value) ? images : image)),
  device_id: name,
  device_type: name,
  lab: v.boolean('must be true or false'),
  site: name,
  time_zone: v.pipe(name, v.check(isTimeZone, 'must be a time zone such as Europe/Zurich')),
  state: v.picklist(['present', 'retired'], 'must be present or retired'),
} as const

type Name = keyof typeof schemas
/** The checked variables of one host. */
export type Values = { [N in Name]?: v.InferOutput<(typeof schemas)[N]> }

/** Variables of existing fleets that mean something there and have no effect here yet. */
const withoutEffect: Record<string, string> = {
  mender_server: 'is not read: the server is what fleet.yml names',
}

/** The values of one host that are right, and the names of those that are not. */
export interface Read {
  values: Values
  wrong: ReadonlySet<string>
  configuration: Configuration | undefined
}

type Checked = { value: unknown; ok: true } | { ok: false }

/** Checks each variable once, however many hosts share it: a wrong line is one problem. */
export class VariableReader {
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  /** What this run knows nothing of for want of a secret. */
  readonly unknown: Problem[] = []
  /** Whether a template was met without a kit: then nothing that was read counts. */
  needsTemplates = false
  /** Whether everything wrong is that templates have what is not supported. */
  isUnsupported = true
  readonly #kit: TemplateKit | undefined
  readonly #checked = new Map<Variable, Checked>()
  readonly #said = new Set<string>()
  readonly #warned = new Set<Variable>()
  readonly #secrets = new Secrets()
  readonly withoutSecrets = this.#secrets.withoutSecrets

  constructor(kit: TemplateKit | undefined) {
    this.#kit = kit
  }

  /** The values of one host that are right, and the names of those that are not. */
  read(host: Host, layers: Layers): Read {
    const templates = this.#templatesOf(host, layers)
    const values: Record<string, unknown> = {}
    const wrong = new Set<string>()
    for (const name of Object.keys(schemas) as Name[]) {
      const variable = name === 'os_image' ? written(layers, name) : lookUp(layers, name)
      if (!variable || variable.value === null) continue
      const checked = this.#check(name, variable, templates)
      if (checked.ok && checked.value === null) continue
      if (checked.ok) values[name] = checked.value
      else wrong.add(name)
    }
    // hosts that are left alone may mean something else by the name
    const isConfigured = values['subscribed_branch'] !== undefined && values['state'] !== 'retired'
    const configuration = isConfigured ? this.#configuration(layers, templates) : undefined
    return { values, wrong, configuration }
  }

  warnOf(layers: Layers): void {
    for (const [name, message] of Object.entries(withoutEffect)) {
      const variable = lookUp(layers, name)
      if (!variable || this.#warned.has(variable)) continue
      this.#warned.add(variable)
      this.warnings.push({ ...variable.at(), message: `${name}: ${message}` })
    }
  }

  #check(name: Name, variable: Variable, templates: TemplatesOfHost | undefined): Checked {
    let checked = this.#checked.get(variable)
    if (!checked) {
      if (hasTemplate(variable.value)) return this.#checkTemplate(name, variable, templates)
      checked = this.#checkNew(name, variable)
      this.#checked.set(variable, checked)
    }
    return checked
  }

  #checkNew(name: Name, variable: Variable): Checked {
    const opened = this.#opened(name, variable, variable.value, [])
    if (!opened.ok) return opened
    const unmarked = firstPath(opened.value, (text) => text.startsWith(vaultHeader))
    // passed on as it is, it would be taken for a name
    if (unmarked) {
      const message = `${name}: is encrypted with Ansible Vault, and has no !vault before it`
      this.#wrong({ ...variable.at(unmarked), message })
      return { ok: false }
    }
    return this.#checkValue(name, variable, opened.value)
  }

  #configuration(layers: Layers, templates: TemplatesOfHost | undefined): Configuration | undefined {
    const variable = lookUp(layers, 'configuration')
    if (!variable || variable.value === null) return undefined
    this.needsTemplates ||= !this.#kit
    if (!templates || !this.#kit) return undefined
    try {
      const outcome = configurationOf(variable, templates, this.#kit.files)
      if (!outcome) return undefined
      if (outcome.ok) return outcome.configuration
      for (const problem of outcome.problems) this.#wrong(problem)
    } catch (error) {
      if (!(error instanceof PlacedProblem)) throw error
      const problem = { ...error.problem, message: `configuration: ${error.message}` }
      if (!error.isUnknown) this.#wrong(problem, error.isUnsupported)
      else if (this.#isNew(problem)) this.unknown.push(problem)
    }
    return undefined
  }

  #checkValue(name: Name, variable: Variable, value: unknown): Checked {
    const result = v.safeParse(schemas[name], value)
    if (result.success) return { ok: true, value: result.output }
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key as string | number)
      this.#wrong({ ...variable.at(path), message: `${[name, ...path].join('.')}: ${said(issue)}` })
    }
    return { ok: false }
  }

  #checkTemplate(name: Name, variable: Variable, templates: TemplatesOfHost | undefined): Checked {
    if (!templates) {
      this.needsTemplates = true
      return { ok: false }
    }
    try {
      const value = templates.templates.data(name)
      if (name === 'os_image') {
        const at = firstPath(variable.value, isTemplate)
        const message = `${name}: a template here can only be the name of one variable with the whole value, {{ name }}: the commit that brings a release is found by its line`
        this.#wrong({ ...variable.at(at), message })
        return { ok: false }
      }
      return value === null ? { ok: true, value } : this.#checkValue(name, variable, value)
    } catch (error) {
      if (!(error instanceof PlacedProblem)) throw error
      this.#wrong({ ...error.problem, message: `${name}: ${error.message}` }, error.isUnsupported)
      return { ok: false }
    }
  }

  #templatesOf(host: Host, layers: Layers): TemplatesOfHost | undefined {
    return this.#kit && templatesOfHost(this.#kit, this.#secrets, host, layers)
  }

  #isNew({ file, line, column, message }: Problem): boolean {
    const key = JSON.stringify([file, line, column, message])
    const isNew = !this.#said.has(key)
    this.#said.add(key)
    return isNew
  }

  /** Many hosts share a line: what is wrong with it is one problem. */
  #wrong(problem: Problem, isUnsupported = false): void {
    if (!this.#isNew(problem)) return
    this.isUnsupported &&= isUnsupported
    this.problems.push(problem)
  }

  /** The value with everything decrypted within it. */
  #opened(name: Name, variable: Variable, value: unknown, path: Path): Checked {
    if (isEncrypted(value)) {
      const opened = this.#secrets.open(value.__ansible_vault)
      if (opened.ok) {
        return { ok: true, value: opened.text }
      }
      this.#wrong({ ...variable.at(path), message: `${name}: ${opened.why}` })
      return { ok: false }
    }
    if (typeof value !== 'object' || value === null) return { ok: true, value }
    const entries = Object.entries(value).map(([key, inner]): [string, Checked] => [
      key,
      this.#opened(name, variable, inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ])
    const values = entries.flatMap(([key, inner]): [string, unknown][] =>
      inner.ok ? [[key, inner.value]] : [],
    )
    if (values.length < entries.length) return { ok: false }
    return {
      ok: true,
      value: Array.isArray(value) ? values.map(([, inner]) => inner) : Object.fromEntries(values),
    }
  }
}

const said = ({ type, expected, message }: v.BaseIssue<unknown>) =>
  type === 'strict_object' && expected === 'never' ? 'is not a known key' : message

/** Where within `value` the first text of a kind is. */
function firstPath(value: unknown, isOne: (text: string) => boolean, path: Path = []): Path | undefined {
  if (typeof value === 'string') return isOne(value) ? path : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = firstPath(inner, isOne, [...path, Array.isArray(value) ? Number(key) : key])
    if (found) return found
  }
  return undefined
}
