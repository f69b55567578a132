import { dirname } from 'node:path'
import * as v from 'valibot'
import { Failure, type Problem, failOn, parseYaml, readText, readYaml } from '../platform/platform.ts'
import type { ArtifactFormat } from './artifact-info.ts'
import { Findings } from './findings.ts'
import { type GivenOptions, type MenderChoice, menderChoice } from './mender/mender-choice.ts'
import { menderOptionsEntries } from './mender/mender-options.ts'
import { type RaucOptions, raucOptionsOf, raucOptionsSchema } from './rauc/rauc-options.ts'
import type { Signing } from './signing.ts'
import { readSigning, signingOptionsSchema } from './signing-options.ts'
import { variantProvide } from './variant.ts'
import {
  type SwupdateOptions,
  swupdateOptionsOf,
  swupdateOptionsSchema,
} from './swupdate/swupdate-options.ts'

/** The options file of `package-artifact`. */
export const artifactOptionsSchema = v.strictObject({
  ...menderOptionsEntries,
  signing: v.optional(
    v.pipe(
      signingOptionsSchema,
      v.description(
        'Who signs, where the key itself is not at hand, and the certificate that belongs to a key.',
      ),
    ),
  ),
  swupdate: v.optional(
    v.pipe(swupdateOptionsSchema, v.description('What only a .swu file has (`format: swupdate`).')),
  ),
  rauc: v.optional(v.pipe(raucOptionsSchema, v.description('What only a RAUC bundle has (`format: rauc`).'))),
})

/** An options file, by what reads it. */
export interface ArtifactOptions {
  mender?: MenderChoice | undefined
  swupdate?: SwupdateOptions
  rauc?: RaucOptions
  /** Of a .swu file or a bundle, the variant of its image. */
  imageVariant?: string | undefined
  signing?: Signing | undefined
}

/**
 * Reads an options file, and what there is to say without one, for an update file of `format` from `source`. Throws
 * `file-missing`, and `invalid-file` with every problem and its line: keys that nobody knows, wrong values, and options that
 * mean nothing for what is made.
 */
export async function readArtifactOptions(
  path: string | undefined,
  { format, source }: { format: ArtifactFormat; source: string },
): Promise<ArtifactOptions> {
  const { given, sections, problems } = await givenOptions(path)
  const findings = new Findings()
  const signing =
    path === undefined ? undefined : await findings.from(() => readSigning(sections.signing, path))
  const made = format === 'mender' ? await menderChoice(given, source) : { choice: undefined, problems: [] }
  problems.push(...made.problems, ...ofOtherFormats(given, format))
  const [first] = problems
  if (path === undefined && first !== undefined)
    throw new Failure('bad-input', `${first.message}: give it in an options file`)
  await findings.from(() => failOn(problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))))
  findings.fail()
  const imageVariant = sections.provides?.[variantProvide]
  switch (format) {
    case 'mender':
      return { signing, mender: made.choice }
    case 'swupdate':
      return { signing, swupdate: swupdateOptionsOf(sections.swupdate, dirname(path ?? '.')), imageVariant }
    case 'rauc':
      return { signing, rauc: raucOptionsOf(sections.rauc, path), imageVariant }
  }
}

/** Keys that only an update file of another format could have. */
function ofOtherFormats({ raw, problemAt }: GivenOptions, format: ArtifactFormat): Problem[] {
  const foreign = Object.keys(raw).filter((key) =>
    key === 'swupdate' || key === 'rauc'
      ? key !== format
      : Object.hasOwn(menderOptionsEntries, key) && format !== 'mender' && key !== 'provides',
  )
  const provided = format === 'mender' ? [] : Object.keys(objectOf(raw['provides']))
  return [
    ...foreign.map((key) => problemAt([key], `${key} means nothing for the format ${format}`)),
    ...provided
      .filter((key) => key !== variantProvide)
      .map((key) =>
        problemAt(
          ['provides', key],
          `provides.${key} means nothing for the format ${format}: only ${variantProvide} does`,
        ),
      ),
  ]
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

async function givenOptions(
  path: string | undefined,
): Promise<{ given: GivenOptions; sections: OptionValues; problems: Problem[] }> {
  if (path === undefined) {
    const problemAt = (_: unknown, message: string) => ({ file: 'inputs', message })
    return { given: { file: path, values: {}, raw: {}, problemAt }, sections: {}, problems: [] }
  }
  const text = await readText(path)
  const parsed = parseYaml(text, path, optionsByName)
  const values = rightOnes(parsed.value)
  const problemAt: GivenOptions['problemAt'] = (at, message) => ({
    file: path,
    ...parsed.locate(at),
    message,
  })
  return {
    given: { file: path, values, raw: parsed.value, problemAt },
    sections: values,
    problems: problemsOf(text, path),
  }
}

type OptionValues = v.InferOutput<typeof artifactOptionsSchema>

const optionsByName = v.record(v.string(), v.unknown(), ({ input }) =>
  input === null
    ? 'it holds no options: write some, or leave the input options out'
    : 'it has to be options, each with its name',
)

/** The options of which everything is right, so that what they mean together can be checked whatever else is wrong. */
function rightOnes(raw: Readonly<Record<string, unknown>>): OptionValues {
  const result = v.safeParse(artifactOptionsSchema, raw)
  if (result.success) return result.output
  const wrong = new Set(result.issues.map((issue) => issue.path?.[0].key))
  return v.parse(
    artifactOptionsSchema,
    Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.has(key))),
  )
}

function problemsOf(text: string, path: string): Problem[] {
  try {
    parseYaml(text, path, artifactOptionsSchema)
    return []
  } catch (error) {
    if (error instanceof Failure) return [...error.problems]
    throw error
  }
}

/** Of an options file the section `signing`, and which other options it has. Throws as `readArtifactOptions` does. */
export async function readSigningOptions(
  path: string,
): Promise<{ signing: Signing | undefined; others: string[] }> {
  const { value } = await readYaml(path, artifactOptionsSchema)
  const { signing, ...others } = value
  return { signing: await readSigning(signing, path), others: Object.keys(others) }
}
