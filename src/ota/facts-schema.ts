import * as v from 'valibot'
import { type Digest, isDigest } from '../platform/platform.ts'

/** A file of this size holds well over 100,000 devices; a larger one is a mistake or an attack. */
export const maxFactsBytes = 256 << 20

const text = v.pipe(v.string(), v.maxLength(65_536))
const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(256))
const time = v.pipe(v.string(), v.isoTimestamp())
const digest = v.pipe(
  v.string(),
  v.regex(/^sha256:[0-9a-f]{64}$/),
  v.guard((value): value is Digest => isDigest(value)),
)
const texts = v.record(v.string(), text)

const device = v.object({
  id: v.pipe(id, v.description("The device's id on the OTA server.")),
  status: v.picklist(['accepted', 'pending', 'rejected', 'preauthorized', 'noauth']),
  reportedAt: v.pipe(v.optional(time), v.description('When it last reported; missing where it never did.')),
  deviceType: v.optional(text),
  release: v.pipe(v.optional(text), v.description('The OS release that it runs.')),
  group: v.pipe(v.optional(text), v.description('The group on the server that operators put it in.')),
  identity: texts,
  attributes: v.pipe(texts, v.description('Everything else it reported.')),
})

const release = v.object({
  name: text,
  artifacts: v.array(
    v.object({
      id,
      deviceTypes: v.array(text),
      sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
      isSigned: v.boolean(),
      contentDigest: v.pipe(digest, v.description('Digest of what it holds, whatever it is signed with.')),
      provides: v.optional(texts),
    }),
  ),
})

const state = v.picklist([
  'pending',
  'downloading',
  'installing',
  'rebooting',
  'success',
  'already-installed',
  'failure',
  'aborted',
  'no-artifact',
  'decommissioned',
])

const deployment = v.object({
  id,
  name: text,
  release: text,
  createdAt: time,
  devices: v.pipe(v.record(id, state), v.description('How each device stands, by its id.')),
  finishedAt: v.pipe(
    v.optional(v.record(id, time), {}),
    v.description('When each device was done, where the server says so.'),
  ),
})

/** facts.json, as schemas/facts.json publishes it. */
export const factsFile = v.object({
  schema: v.literal('drover/facts/v1'),
  server: v.pipe(text, v.description('URL of the OTA server.')),
  gatheredAt: v.pipe(time, v.description('When reading began.')),
  devices: v.array(device),
  releases: v.array(release),
  openDeployments: v.array(deployment),
})
