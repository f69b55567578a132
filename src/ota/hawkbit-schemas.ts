// What hawkBit's management API answers, as far as it is read here. Loose: servers grow.
import * as v from 'valibot'

const text = v.pipe(v.string(), v.maxLength(4096))
const id = v.pipe(v.number(), v.integer(), v.minValue(0))
/** Milliseconds since 1970; within what a Date can hold. */
const time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15))
const links = v.nullish(v.record(v.string(), v.unknown()), {})

export const target = v.object({
  controllerId: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  createdAt: time,
  installedAt: v.nullish(time),
  lastControllerRequestAt: v.nullish(time),
  /** Whether the server asks the device for its attributes, because it has none that are new enough. */
  requestAttributes: v.nullish(v.boolean()),
  group: v.nullish(text),
  targetTypeName: v.nullish(text),
})
export type Target = v.InferOutput<typeof target>

export const attributes = v.record(v.string(), v.nullish(v.string(), ''))

export const metadata = v.object({ key: v.string(), value: v.nullish(v.string(), '') })
export type Metadata = v.InferOutput<typeof metadata>

export const softwareModule = v.object({
  id,
  name: text,
  version: text,
  deleted: v.nullish(v.boolean()),
})

export const moduleArtifact = v.object({
  id,
  providedFilename: text,
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
  hashes: v.object({ sha256: v.nullish(v.string()) }),
})
export type ModuleArtifact = v.InferOutput<typeof moduleArtifact>

export const distributionSet = v.object({
  id,
  name: text,
  version: text,
  type: v.nullish(text),
  description: v.nullish(text),
  createdAt: time,
  deleted: v.nullish(v.boolean()),
  valid: v.nullish(v.boolean()),
  modules: v.nullish(v.array(softwareModule), []),
})
export type DistributionSet = v.InferOutput<typeof distributionSet>

export const targetType = v.object({ id, name: text, key: v.nullish(text) })
export const setType = v.object({ id, key: text })

export const action = v.object({
  id,
  active: v.boolean(),
  status: text,
  createdAt: time,
  lastModifiedAt: v.nullish(time),
  _links: links,
})
export type Action = v.InferOutput<typeof action>

export const actionStatus = v.object({
  id,
  type: text,
  messages: v.nullish(v.array(v.string()), []),
  /** When the device says that it was; `timestamp` is when the server heard of it. */
  reportedAt: v.nullish(time),
  timestamp: v.nullish(time),
})
export type ActionStatus = v.InferOutput<typeof actionStatus>

export const created = v.pipe(v.array(v.object({ id })), v.minLength(1))
