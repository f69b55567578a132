// plan.json: how a plan travels between steps. Another version may have written it, so it is checked as a whole when read.
import * as v from 'valibot'
import {
  type Digest,
  Failure,
  canonicalJson,
  isDigest,
  parseYaml,
  readText,
  writeAtomically,
} from '../platform/platform.ts'
import { countsOf } from './counts.ts'
import { type Plan, blockers } from './model.ts'

const maxPlanBytes = 256 << 20
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const wave = v.pipe(v.number(), v.integer(), v.minValue(1))
const time = v.pipe(v.string(), v.isoTimestamp())
const about = {
  device: v.pipe(v.string(), v.nonEmpty(), v.description("The device's id on the OTA server.")),
  host: v.pipe(v.string(), v.nonEmpty(), v.description('Its name in the inventory.')),
  cause: v.pipe(
    v.strictObject({ file: v.string(), line: wave }),
    v.description('The line in Git that the change comes from.'),
  ),
}
const digest = v.pipe(
  v.string(),
  v.regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits'),
  v.guard((value): value is Digest => isDigest(value)),
  v.description(
    "Over the stage's desired state alone: the same before and after the merge. What a review approves.",
  ),
)

const fingerprint = v.pipe(
  v.string(),
  v.regex(/^(hmac-sha256|sha256):[0-9a-f]{64}$/),
  v.description('Equal exactly where the configuration is; keyed where it has secrets.'),
)
const configuration = v.pipe(
  v.optional(v.strictObject({ template: v.string(), to: fingerprint, wave })),
  v.description('What it is to be configured with once it runs its release.'),
)
const notBefore = v.optional(
  v.pipe(time, v.description('The earliest time at which it could begin, with the offset of its time zone.')),
)

const change = v.variant('kind', [
  v.strictObject({
    kind: v.literal('update'),
    ...about,
    deviceType: v.string(),
    site: v.optional(v.string()),
    from: v.string(),
    to: v.string(),
    wave,
    configuration,
    notBefore,
  }),
  v.strictObject({
    kind: v.literal('configure'),
    ...about,
    deviceType: v.string(),
    site: v.optional(v.string()),
    template: v.pipe(v.string(), v.description('What its configuration is made of.')),
    from: v.optional(v.pipe(v.string(), v.description('The fingerprint that it reports, or a word.'))),
    to: fingerprint,
    on: v.pipe(v.string(), v.description('The release that it was planned for, and that the device runs.')),
    wave,
    releaseWave: v.pipe(wave, v.description('Its wave among all that are to run the release.')),
    notBefore,
  }),
  v.strictObject({
    kind: v.literal('enroll'),
    ...about,
    deviceType: v.optional(v.string()),
    site: v.optional(v.string()),
    to: v.optional(v.pipe(v.string(), v.description('What it is to run then, where Git alone tells.'))),
  }),
  v.strictObject({
    kind: v.literal('retire'),
    ...about,
    deviceType: v.optional(v.string()),
    from: v.optional(v.string()),
  }),
  v.strictObject({
    kind: v.literal('no-op'),
    ...about,
    why: v.literal('already-retired'),
  }),
  v.strictObject({
    kind: v.literal('no-op'),
    ...about,
    deviceType: v.string(),
    site: v.optional(v.string()),
    to: v.string(),
    why: v.picklist(['already-there', 'already-pending']),
    wave,
    configuration,
  }),
  v.strictObject({
    kind: v.literal('blocked'),
    ...about,
    from: v.optional(v.string()),
    to: v.optional(v.string()),
    by: v.picklist(blockers),
    why: v.string(),
    until: v.optional(time),
    wave: v.optional(
      v.pipe(wave, v.description('Its place in the waves, where it is blocked for now alone.')),
    ),
    deviceType: v.optional(v.string()),
    site: v.optional(v.string()),
    configuration,
  }),
])

/** The form of plan.json; `schemas/plan.json` is it, published. */
export const planFile = v.strictObject({
  schema: v.literal('drover/plan/v1'),
  stage: v.pipe(v.string(), v.nonEmpty()),
  branch: v.string(),
  server: v.pipe(v.string(), v.description('URL of the OTA server.')),
  createdAt: time,
  factsAt: v.pipe(time, v.description('When the facts were read.')),
  digest,
  counts: v.pipe(
    v.strictObject({
      inGit: count,
      updates: count,
      configures: count,
      enrolls: count,
      retires: count,
      alreadyPending: count,
      alreadyThere: count,
      alreadyRetired: count,
      blocked: count,
    }),
    v.description('Every device of the stage in Git is in one of these: the others add up to inGit.'),
  ),
  waves: v.array(
    v.strictObject({
      wave,
      share: v.pipe(v.string(), v.description('How much of the stage has its turn by its end.')),
      devices: v.pipe(count, v.description('Devices in it, also those that are there already.')),
      updates: v.pipe(count, v.description('Devices that something is to be ordered for.')),
      begins: v.optional(v.pipe(v.string(), v.description('When it begins, in words.'))),
      notBefore: v.optional(
        v.pipe(time, v.description('The earliest time at which it could begin, if all goes well.')),
      ),
    }),
  ),
  changes: v.pipe(
    v.array(change),
    v.description('One for each device of the stage, in the order of the inventory.'),
  ),
  notInGit: v.pipe(
    v.array(
      v.strictObject({
        device: v.string(),
        status: v.picklist(['accepted', 'pending', 'rejected', 'preauthorized', 'noauth']),
        deviceType: v.optional(v.string()),
      }),
    ),
    v.description('Devices on the server that no stage has. Nothing touches them.'),
  ),
})

/** Writes a plan as JSON, whole or not at all. Throws `disk-full`. */
export async function writePlan(path: string, plan: Plan): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(plan, undefined, 2)}\n`)
}

/** Reads a plan file. Throws `file-missing`, and `invalid-file` where it is no plan of this version or its counts don't add up. */
export async function readPlan(path: string): Promise<Plan> {
  const text = await readText(path, maxPlanBytes)
  const plan = parsePlan(text, path)
  const counts = countsOf(plan.changes)
  if (canonicalJson({ ...plan.counts }) !== canonicalJson({ ...counts }))
    throw new Failure('invalid-file', `${path}: the plan's counts don't add up: plan again`)
  return plan
}

function parsePlan(text: string, path: string): Plan {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw new Failure('invalid-file', `${path} is no plan file: it is not JSON`, { cause: error })
  }
  const result = v.safeParse(planFile, raw)
  if (result.success) return normal(result.output)
  // a second, slower reading finds the lines
  parseYaml(text, path, planFile)
  throw new Failure('invalid-file', `${path} is no plan file of version 1: plan again`)
}

function normal(plan: v.InferOutput<typeof planFile>): Plan {
  return {
    ...plan,
    changes: plan.changes.map((change) => {
      if (change.kind === 'blocked')
        return {
          ...change,
          from: change.from,
          to: change.to,
          until: change.until,
        }
      if (change.kind === 'configure') return { ...change, site: change.site, from: change.from }
      if (change.kind !== 'update' && change.kind !== 'no-op') return change
      return 'wave' in change ? { ...change, site: change.site } : change
    }),
  }
}
