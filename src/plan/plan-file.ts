// plan.json: how a plan travels between steps. Another version may have written it, so it is checked as a whole when read.
import * as v from 'valibot'
import { type Digest, Failure, isDigest, parseYaml, readText, writeAtomically } from '../platform/platform.ts'
import { type Plan, blockers } from './model.ts'

const maxPlanBytes = 256 << 20
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const wave = v.pipe(v.number(), v.integer(), v.minValue(1))
const time = v.pipe(v.string(), v.isoTimestamp())
const about = {
  device: v.pipe(v.string(), v.nonEmpty()),
  host: v.pipe(v.string(), v.nonEmpty()),
  cause: v.strictObject({ file: v.string(), line: wave }),
}
const digest = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'must be sha256: and 64 hex digits',
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
  }),
  v.strictObject({
    kind: v.literal('no-op'),
    ...about,
    deviceType: v.string(),
    site: v.optional(v.string()),
    to: v.string(),
    why: v.picklist(['already-there', 'already-pending']),
    wave,
  }),
  v.strictObject({
    kind: v.literal('blocked'),
    ...about,
    from: v.optional(v.string()),
    to: v.optional(v.string()),
    by: v.picklist(blockers),
    why: v.string(),
    until: v.optional(time),
  }),
])

/** The form of plan.json, with any kind of digest; `schemas/plan.json` is it, published. */
export const planFields = {
  schema: v.literal('drover/plan/v1'),
  stage: v.pipe(v.string(), v.nonEmpty()),
  branch: v.string(),
  server: v.string(),
  createdAt: time,
  factsAt: time,
  counts: v.strictObject({
    inGit: count,
    updates: count,
    alreadyPending: count,
    alreadyThere: count,
    blocked: count,
  }),
  waves: v.array(v.strictObject({ wave, share: v.string(), devices: count, updates: count })),
  changes: v.array(change),
}

const planSchema = v.strictObject({ ...planFields, digest })

/** Writes a plan as JSON, whole or not at all. Throws `disk-full`. */
export async function writePlan(path: string, plan: Plan): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(plan, undefined, 2)}\n`)
}

/** Reads a plan file. Throws `file-missing`, and `invalid-file` where it is no plan of this version or its counts don't add up. */
export async function readPlan(path: string): Promise<Plan> {
  const text = await readText(path, maxPlanBytes)
  const plan = parsePlan(text, path)
  const { counts, changes } = plan
  const sum = counts.updates + counts.alreadyPending + counts.alreadyThere + counts.blocked
  if (sum !== counts.inGit || changes.length !== counts.inGit)
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
  const result = v.safeParse(planSchema, raw)
  if (result.success) return normal(result.output)
  // a second, slower reading finds the lines
  parseYaml(text, path, planSchema)
  throw new Failure('invalid-file', `${path} is no plan file of version 1: plan again`)
}

function normal(plan: v.InferOutput<typeof planSchema>): Plan {
  return {
    ...plan,
    changes: plan.changes.map((change) => {
      if (change.kind === 'blocked')
        return { ...change, from: change.from, to: change.to, until: change.until }
      return { ...change, site: change.site }
    }),
  }
}
