// What a device is to be configured with: its template rendered, as a map of texts. Hides the template's file, its schema, and
// how values are spelt.
import * as v from 'valibot'
import { type Digest, type Problem, canonicalJson, digestOf } from '../platform/platform.ts'
import { type Fingerprint, fingerprintOf } from './configuration-fingerprint.ts'
import { problemsWith, unknownIn } from './configuration-schema.ts'
import type { Variable } from './inventory-model.ts'
import { type Place, isRecord } from './source.ts'
import { type TemplateFile, type TemplateFiles, templateFolders } from './template-files.ts'
import type { TemplatesOfHost } from './template-hosts.ts'
import { type HostTemplates, PlacedProblem } from './template-variables.ts'
import { withinTime } from './time-limit.ts'

/** A configuration in the form of the server: keys and texts. */
export interface Configuration extends Fingerprint {
  /** The template's name, as the repository has it. */
  template: string
  /** The template's file, as messages name it, and the digest of its text. */
  source: { file: string; digest: Digest }
  values: ReadonlyMap<string, string>
  /** The keys whose values have a secret in them: shown nowhere. */
  secretKeys: ReadonlySet<string>
  /**
   * Of the keys and values; the same for any order of keys, and for `5` and `"5"`. Where there are secret keys it is not to be
   * shown either: short secrets could be guessed from it.
   */
  digest: Digest
  /** The line that names the template. */
  at(): Place
}

/** One configuration, or what is wrong with it; undefined where a host has none. */
export type ConfigurationOutcome =
  { ok: true; configuration: Configuration } | { ok: false; problems: readonly Problem[] } | undefined

const maxCharacters = 4096
/** A regular expression from a checkout could go on for years; an honest one takes microseconds. */
const maxCheckMs = 250
const form = v.object({ template: v.optional(v.pipe(v.string(), v.nonEmpty())) })
const namesForm =
  'configuration: must be a mapping with the name of a template, and parameters where it has some'

/**
 * Renders a host's `configuration`. `others` gives the same templates with other secrets: what is different with them is
 * secret, however a template spells it. Throws `PlacedProblem` where a template can't be rendered.
 */
export function configurationOf(
  variable: Variable,
  { templates, others }: TemplatesOfHost,
  { files }: TemplateFiles,
): ConfigurationOutcome {
  const checked = v.safeParse(form, templates.data('configuration'))
  if (!checked.success) return { ok: false, problems: [{ ...variable.at(), message: namesForm }] }
  const { template: name } = checked.output
  if (name === undefined) return undefined
  const file = files.get(name)
  if (!file) {
    const message = `configuration: there is no template ${name} in ${templateFolders.join(' or ')}`
    return { ok: false, problems: [{ ...variable.at(['template']), message }] }
  }
  const rendered = parsed(templates.file(file.text, file.file), file)
  if ('problems' in rendered) return { ok: false, problems: rendered.problems }
  const { values, problems } = valuesOf(rendered.data, file)
  const wrong = [...schemaProblems(rendered.data, name, file, files), ...problems]
  if (wrong.length > 0) return { ok: false, problems: wrong }
  const secretKeys = secretKeysOf(values, file, others())
  const canonical = canonicalJson(Object.fromEntries(values))
  const digest = digestOf(canonical)
  const source = { file: file.file, digest: digestOf(file.text) }
  const fingerprint = fingerprintOf(canonical, digest, secretKeys.size > 0)
  const at = () => variable.at(['template'])
  return {
    ok: true,
    configuration: { template: name, source, values, secretKeys, digest, at, ...fingerprint },
  }
}

function secretKeysOf(
  values: ReadonlyMap<string, string>,
  file: TemplateFile,
  others: HostTemplates | undefined,
): Set<string> {
  if (!others) return new Set()
  const keys = new Set(values.keys())
  try {
    const other = parsed(others.file(file.text, file.file), file)
    // where other secrets give no configuration at all, nothing is known, and everything kept
    if ('problems' in other) return keys
    const otherValues = valuesOf(other.data, file).values
    for (const [key, text] of values) if (otherValues.get(key) === text) keys.delete(key)
  } catch (error) {
    if (!(error instanceof PlacedProblem)) throw error
  }
  return keys
}

type Parsed = { data: Readonly<Record<string, unknown>> } | { problems: Problem[] }

function parsed(text: string, { file }: TemplateFile): Parsed {
  try {
    const data: unknown = JSON.parse(text)
    if (isRecord(data)) return { data }
    return { problems: [{ file, line: 1, column: 1, message: 'gives no mapping of keys and values' }] }
  } catch (error) {
    // the message itself has a part of the text, which may be secret
    const place = /line (\d+) column (\d+)/.exec(error instanceof Error ? error.message : '')
    const where = place ? `, at line ${place[1]}, column ${place[2]} of what it gives` : ''
    return { problems: [{ file, line: 1, column: 1, message: `gives no JSON${where}` }] }
  }
}

/** mender-configure takes texts alone: numbers and truth values become theirs. */
function valuesOf(data: Readonly<Record<string, unknown>>, file: TemplateFile) {
  const values = new Map<string, string>()
  const problems: Problem[] = []
  for (const [key, value] of Object.entries(data)) {
    const isPlain = typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'
    if (!isPlain) problems.push(at(file, key, 'must be a text, a number, true or false'))
    else if (Number.isInteger(value) && !Number.isSafeInteger(value))
      problems.push(at(file, key, "is a number that can't be kept exactly: write it in quotes"))
    else if (String(value).length > maxCharacters)
      problems.push(at(file, key, `has more than ${maxCharacters} characters`))
    else values.set(key, String(value))
  }
  return { values, problems }
}

/** Schemas that took too long once: no other device waits for them. */
const slow = new WeakSet<TemplateFile>()

function schemaProblems(
  data: unknown,
  name: string,
  template: TemplateFile,
  files: ReadonlyMap<string, TemplateFile>,
): Problem[] {
  const schema = files.get(`${name}.schema.json`) ?? files.get(`${name.replace(/\.json$/, '')}.schema.json`)
  if (!schema) return []
  const { file, text } = schema
  let rules: unknown
  try {
    rules = JSON.parse(text)
  } catch {
    return [{ file, line: 1, column: 1, message: 'is no JSON' }]
  }
  const unknown = unknownIn(rules)
  if (unknown.length > 0)
    return unknown.map((path) => {
      const message = `${path}: is not supported in the schema of a configuration`
      return { ...placeIn(schema, path.split('.').at(-1) ?? ''), message }
    })
  const found = slow.has(schema) ? undefined : withinTime(maxCheckMs, () => problemsWith(data, rules))
  if (found) return found.value.map(({ key, message }) => at(template, key, message))
  slow.add(schema)
  const message = `takes longer than ${maxCheckMs} ms for one configuration: look for a pattern with a repetition within a repetition`
  return [{ ...placeIn(schema, 'pattern'), message }]
}

function at(file: TemplateFile, key: string | undefined, message: string): Problem {
  return { ...placeIn(file, key ?? ''), message: key === undefined ? message : `${key}: ${message}` }
}

/** Where a key is written, if it is written as it comes out. */
function placeIn({ text, file }: TemplateFile, key: string): { file: string; line: number; column: number } {
  const offset = key === '' ? -1 : text.indexOf(JSON.stringify(key))
  if (offset < 0) return { file, line: 1, column: 1 }
  const before = text.slice(0, offset).split('\n')
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
