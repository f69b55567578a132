// The JSON documents inside a Mender artifact, format version 3. Loose: newer writers may add keys.
import * as v from 'valibot'
import { messageOf } from '../../platform/platform.ts'
import { damaged } from '../archive/byte-reader.ts'

const text = v.pipe(v.string(), v.maxLength(1024))
const name = v.pipe(text, v.nonEmpty())
const values = v.union([text, v.array(text)])

export const versionSchema = v.object({ format: v.string(), version: v.number() })

export const headerInfoSchema = v.object({
  payloads: v.pipe(v.array(v.object({ type: v.nullable(name) })), v.minLength(1)),
  artifact_provides: v.object({ artifact_name: name, artifact_group: v.optional(text) }),
  artifact_depends: v.objectWithRest(
    { device_type: v.pipe(v.array(name), v.minLength(1)) },
    v.nullish(v.union([text, v.array(text)])),
  ),
})

export const typeInfoSchema = v.object({
  type: v.nullish(text),
  artifact_provides: v.nullish(v.record(text, text), {}),
  artifact_depends: v.nullish(v.record(text, values), {}),
  clears_artifact_provides: v.nullish(v.array(text), []),
})

export const metaDataSchema = v.record(v.string(), v.unknown())

/** Reads one of these documents; throws `artifact-damaged` where it isn't JSON or not of this shape. */
export function parseJson<S extends v.GenericSchema>(
  content: Buffer,
  schema: S,
  place: string,
): v.InferOutput<S> {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch (error) {
    throw damaged(place, 0, `it is not JSON (${messageOf(error)})`, error)
  }
  const result = v.safeParse(schema, raw)
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  throw damaged(place, 0, `${key === null ? '' : `${key}: `}${issue.message}`)
}
