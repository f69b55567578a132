// The JSON documents inside a Mender artifact, format version 3. As strict as the readers on devices are: where these refuse
// an unknown key, so does this; where they pass over it, so does this.
import * as v from 'valibot'
import { damaged, tooLarge, unsafePath } from '../archive/byte-reader.ts'
import { AmbiguousJson, parseStrictJson } from '../strict-json.ts'

const maxDocumentBytes = 1 << 20

/** No control characters, and none that turn the direction of text. */
// oxlint-disable-next-line no-control-regex -- they are what this refuses
const visible = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/
const unseen = 'it has characters that can’t be seen'
const isPath = 'it is a path'
const text = v.pipe(v.string(), v.maxLength(1024), v.regex(visible, unseen))
const name = v.pipe(text, v.nonEmpty())
/** On the device it is a program's file name. */
const payloadType = v.pipe(name, v.regex(/^(?!\.{1,2}$)[^/\\]+$/, isPath))
const values = v.union([text, v.array(text)])

export const versionSchema = v.strictObject({ format: v.string(), version: v.number() })

const artifactProvides = v.strictObject({ artifact_name: name, artifact_group: v.nullish(text) })
const artifactDepends = v.strictObject({
  device_type: v.pipe(v.array(name), v.minLength(1)),
  artifact_name: v.nullish(v.array(text)),
  artifact_group: v.nullish(v.array(text)),
})

export const headerInfoSchema = v.strictObject({
  payloads: v.pipe(v.array(v.strictObject({ type: v.nullable(payloadType) })), v.minLength(1)),
  artifact_provides: artifactProvides,
  artifact_depends: artifactDepends,
})

/** Only the payloads count; writers repeat the rest, and readers pass over it. */
export const headerAugmentSchema = v.strictObject({
  payloads: v.pipe(v.array(v.strictObject({ type: payloadType })), v.minLength(1)),
  artifact_provides: v.nullish(artifactProvides),
  artifact_depends: v.nullish(artifactDepends),
})

const typeInfoEntries = {
  type: v.nullish(text),
  artifact_provides: v.nullish(dictionary(text), {}),
  artifact_depends: v.nullish(dictionary(values), {}),
  clears_artifact_provides: v.nullish(v.array(text), []),
}

export const typeInfoSchema = v.pipe(
  v.looseObject(typeInfoEntries),
  v.check(
    (found) => Object.keys(found).every((key) => !isAlmost(key, Object.keys(typeInfoEntries))),
    'another parser takes one of its keys for a known one',
  ),
)

export const metaDataSchema = dictionary(v.unknown())

/**
 * Reads one of these documents; throws `artifact-damaged` where it isn't JSON, can be read in more than one way, or isn't of
 * this shape.
 */
export function parseJson<S extends v.GenericSchema>(
  content: Buffer,
  schema: S,
  place: string,
): v.InferOutput<S> {
  if (content.length > maxDocumentBytes) {
    throw tooLarge(place, maxDocumentBytes, `it has ${content.length} bytes, over ${maxDocumentBytes}`)
  }
  const result = v.safeParse(schema, parsed(content, place))
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  const why = `${key === null ? '' : `${key}: `}${issue.message}`
  throw issue.message.endsWith(unseen) || issue.message === isPath
    ? unsafePath(place, 0, why)
    : damaged(place, 0, why)
}

function parsed(content: Buffer, place: string): unknown {
  try {
    return parseStrictJson(content)
  } catch (error) {
    if (!(error instanceof AmbiguousJson)) throw error
    throw damaged(place, error.offset, error.message, error)
  }
}

/** An object with any keys. `v.record` leaves some of them out, and nothing may be left out here. */
function dictionary<T>(schema: v.GenericSchema<unknown, T>) {
  return v.pipe(
    v.custom<Record<string, unknown>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'it is not an object',
    ),
    v.rawTransform<Record<string, unknown>, Record<string, T>>(({ dataset, addIssue, NEVER }) => {
      const entries: [string, T][] = []
      for (const [key, value] of Object.entries(dataset.value)) {
        const result = v.safeParse(schema, value)
        const problem = v.is(text, key) ? result.issues?.[0].message : unseen
        if (problem !== undefined || !result.success) {
          addIssue({ message: `${key.slice(0, 100)}: ${problem}` })
          return NEVER
        }
        entries.push([key, result.output])
      }
      return Object.fromEntries(entries)
    }),
  )
}

/** Whether `key` is one of `known` but for its case: Go's parser takes it for that. */
function isAlmost(key: string, known: readonly string[]): boolean {
  // through upper case, as the long s has no lower one of its own
  return !known.includes(key) && known.includes(key.toUpperCase().toLowerCase())
}
