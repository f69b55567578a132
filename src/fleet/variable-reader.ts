// The variables that mean something here, checked. Hides their forms and what of Ansible's is not supported yet.
import * as v from 'valibot'
import type { Problem } from '../platform/platform.ts'
import type { Variable } from './inventory-model.ts'
import type { Image } from './model.ts'
import { isTimeZone } from './policy-schema.ts'
import type { Path } from './source.ts'
import { type Layers, lookUp } from './variables.ts'
import { isEncrypted, openVault, vaultHeader } from './vault.ts'

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
  configuration: 'configurations are not applied yet: devices get their OS alone',
  mender_server: 'is not read: the server is what fleet.yml names',
}

type Checked = { value: unknown; ok: true } | { ok: false }

/** Checks each variable once, however many hosts share it: a wrong line is one problem. */
export class VariableReader {
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  readonly #checked = new Map<Variable, Checked>()
  readonly #warned = new Set<Variable>()
  readonly #secrets = new Set<string>()

  /** The values of one host that are right, and the names of those that are not. */
  read(layers: Layers): { values: Values; wrong: ReadonlySet<string> } {
    const values: Record<string, unknown> = {}
    const wrong = new Set<string>()
    for (const name of Object.keys(schemas) as Name[]) {
      const variable = lookUp(layers, name)
      if (!variable || variable.value === null) continue
      const checked = this.#check(name, variable)
      if (checked.ok) values[name] = checked.value
      else wrong.add(name)
    }
    return { values, wrong }
  }

  warnOf(layers: Layers): void {
    for (const [name, message] of Object.entries(withoutEffect)) {
      const variable = lookUp(layers, name)
      if (!variable || this.#warned.has(variable)) continue
      this.#warned.add(variable)
      this.warnings.push({ ...variable.at(), message: `${name}: ${message}` })
    }
  }

  /** A problem whose message has nothing in it that was encrypted. */
  readonly withoutSecrets = (problem: Problem): Problem => ({
    ...problem,
    message: [...this.#secrets].reduce(
      (message, secret) => message.replaceAll(secret, '(encrypted)'),
      problem.message,
    ),
  })

  #check(name: Name, variable: Variable): Checked {
    let checked = this.#checked.get(variable)
    if (!checked) {
      checked = this.#checkNew(name, variable)
      this.#checked.set(variable, checked)
    }
    return checked
  }

  #checkNew(name: Name, variable: Variable): Checked {
    const opened = this.#opened(name, variable, variable.value, [])
    if (!opened.ok) return opened
    const unsupported = unsupportedValue(opened.value, [])
    if (unsupported) {
      this.problems.push({ ...variable.at(unsupported.path), message: `${name}: ${unsupported.message}` })
      return { ok: false }
    }
    const result = v.safeParse(schemas[name], opened.value)
    if (result.success) return { ok: true, value: result.output }
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key as string | number)
      this.problems.push({ ...variable.at(path), message: `${[name, ...path].join('.')}: ${said(issue)}` })
    }
    return { ok: false }
  }

  /** The value with everything decrypted within it. */
  #opened(name: Name, variable: Variable, value: unknown, path: Path): Checked {
    if (isEncrypted(value)) {
      const opened = openVault(value.__ansible_vault)
      if (opened.ok) {
        if (opened.text !== '') this.#secrets.add(opened.text)
        return { ok: true, value: opened.text }
      }
      this.problems.push({ ...variable.at(path), message: `${name}: ${opened.why}` })
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

/** A template anywhere within, or an encrypted value that is not marked as one: passed on as it is, it would be taken for a name. */
function unsupportedValue(value: unknown, path: Path): { path: Path; message: string } | undefined {
  if (typeof value === 'string') {
    if (value.startsWith(vaultHeader))
      return { path, message: 'is encrypted with Ansible Vault, and has no !vault before it' }
    if (/\{\{|\{%|\{#/.test(value))
      return { path, message: `templates in variables are not supported yet: write the value itself` }
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = unsupportedValue(inner, [...path, Array.isArray(value) ? Number(key) : key])
    if (found) return found
  }
  return undefined
}
