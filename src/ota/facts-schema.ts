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

const seconds = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)))

/** What Git says of a device; only where the facts were read with a fleet repository. */
const git = {
  inGit: v.pipe(
    v.optional(v.boolean()),
    v.description('Whether Git names it; missing where no fleet was read.'),
  ),
  host: v.pipe(v.optional(text), v.description('Its name in the inventory.')),
  stage: v.pipe(v.optional(text), v.description('The stage that Git puts it in.')),
  isRetired: v.pipe(v.optional(v.boolean()), v.description('Whether Git calls it retired.')),
}

const knownDevice = v.object({
  id: v.pipe(id, v.description("The device's id on the OTA server.")),
  status: v.picklist(['accepted', 'pending', 'rejected', 'preauthorized', 'noauth']),
  reportedAt: v.pipe(
    v.optional(time),
    v.description(
      'When it last reported, by which all that it reported is as old; missing where it never did.',
    ),
  ),
  lastSeen: v.pipe(
    v.optional(time),
    v.description(
      'When it last asked the server for anything, as far as the server tells; never before reportedAt.',
    ),
  ),
  ageSeconds: v.pipe(
    v.optional(v.object({ reported: seconds, seen: seconds })),
    v.description('How old reportedAt and lastSeen were at gatheredAt.'),
  ),
  deviceType: v.optional(text),
  release: v.pipe(v.optional(text), v.description('The OS release that it runs.')),
  group: v.pipe(v.optional(text), v.description('The group on the server that operators put it in.')),
  identity: texts,
  attributes: v.pipe(texts, v.description('Everything else it reported.')),
  provides: v.pipe(v.optional(texts), v.description('What it reports of the software that it has.')),
  configuration: v.pipe(v.optional(texts), v.description('What it reports of its configuration.')),
  address: v.pipe(v.optional(text), v.description('The address that it claims, for ssh.')),
  claimedStage: v.pipe(v.optional(text), v.description('The stage that it claims; Git decides.')),
  lease: v.pipe(
    v.optional(v.object({ holder: text, until: time, number: v.pipe(v.number(), v.integer()) })),
    v.description('Who held it at gatheredAt.'),
  ),
  pending: v.pipe(
    v.optional(v.object({ deployment: id, name: text, release: text, state, since: time })),
    v.description('The oldest open deployment that has it, and how it stands there.'),
  ),
  ...git,
})

const missingDevice = v.object({
  id: v.pipe(id, v.description('The id that Git gives it.')),
  status: v.pipe(v.literal('not-on-server'), v.description('Git names it, and the server does not know it.')),
  ...git,
})

const release = v.object({
  name: text,
  artifacts: v.array(
    v.object({
      id,
      deviceTypes: v.array(text),
      sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
      isSigned: v.boolean(),
      format: v.optional(
        v.pipe(
          v.picklist(['mender', 'swupdate', 'rauc']),
          v.description('Format of its file, where the server takes several.'),
        ),
      ),
      contentDigest: v.pipe(digest, v.description('Digest of what it holds, whatever it is signed with.')),
      provides: v.optional(texts),
    }),
  ),
})

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
  isRedacted: v.pipe(
    v.optional(v.literal(true)),
    v.description('A copy without identities, addresses and what devices report beyond their software.'),
  ),
  isComparedWithGit: v.pipe(
    v.optional(v.literal(true)),
    v.description('Whether it was compared with a fleet repository.'),
  ),
  devices: v.array(v.variant('status', [knownDevice, missingDevice])),
  releases: v.array(release),
  openDeployments: v.array(deployment),
})
export type FactsFile = v.InferOutput<typeof factsFile>
