// The form of fleet.yml. schemas/fleet.json is this schema, published.
import * as v from 'valibot'

const duration = v.pipe(
  v.string('write a duration such as 90s, 15m, 24h or 2d'),
  v.regex(/^\d{1,6}(s|m|h|d)$/, 'write a duration such as 90s, 15m, 24h or 2d'),
)
const percentPattern = /^(100|\d{1,2})(\.\d+)?%$/
const percent = v.pipe(
  v.string('write a share such as 95%'),
  v.regex(percentPattern, 'write a share such as 95%'),
)
const count = v.pipe(v.number(), v.integer('write a whole number'), v.minValue(0, 'write a number from 0 on'))
const limit = v.union(
  [count, v.pipe(v.string(), v.regex(percentPattern))],
  'write a number of devices, or a share such as 2%',
)
const text = v.pipe(v.string(), v.trim(), v.nonEmpty('must not be empty'))
const instant = v.pipe(
  v.string('write a time such as 2026-05-01T12:00:00Z'),
  v.regex(
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/,
    'write a time such as 2026-05-01T12:00:00Z, or a date',
  ),
  v.check((value) => !Number.isNaN(Date.parse(value)), 'there is no such time'),
)
const timeOfDay = v.pipe(
  v.string('write a time of day such as "02:00", in quotes'),
  v.regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time of day such as "02:00"'),
)

/** Whether this machine knows a time zone of that name. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

const stage = v.strictObject({
  branch: text,
  after: v.optional(text),
  review: v.optional(v.picklist(['required', 'none'], 'write required or none')),
  enroll: v.optional(v.picklist(['in-git', 'none'], 'write in-git or none')),
  waves: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string('write a step such as "1 per device type" or 10%'),
          v.regex(
            /^([1-9]\d{0,5} per device type|(100|\d{1,2})(\.\d+)?%)$/,
            'write a step such as "1 per device type" or 10%',
          ),
        ),
      ),
      v.minLength(1, 'write at least one wave'),
    ),
  ),
  gate: v.optional(
    v.strictObject({
      soak: v.optional(duration),
      'max-failures': v.optional(limit),
      'min-success': v.optional(percent),
      'max-pending': v.optional(limit),
      'facts-younger-than': v.optional(duration),
    }),
  ),
  window: v.optional(
    v.strictObject({
      days: v.optional(v.pipe(v.array(v.picklist(dayNames, 'write days as mon, tue, …')), v.minLength(1))),
      from: timeOfDay,
      to: timeOfDay,
      'time-zone': v.pipe(
        text,
        v.check(
          (name) => name === 'device' || isTimeZone(name),
          'write "device" or a time zone such as Europe/Zurich',
        ),
      ),
    }),
  ),
  budget: v.optional(
    v.strictObject({
      devices: v.optional(count),
      'per-site': v.optional(percent),
      'device-types': v.optional(count),
      missing: v.optional(limit),
      retire: v.optional(count),
    }),
  ),
  'allow-empty': v.optional(v.boolean()),
})

/** fleet.yml as people write it. */
export const policySchema = v.strictObject({
  server: v.optional(
    v.strictObject({
      type: v.optional(v.picklist(['mender', 'hawkbit'], 'write mender or hawkbit')),
      url: v.pipe(
        text,
        v.regex(
          /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
          "write the server's URL, such as https://ota.example.com",
        ),
      ),
    }),
  ),
  stages: v.optional(
    v.record(
      v.pipe(
        v.string(),
        v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'name a stage with lower-case letters, digits and dashes'),
      ),
      stage,
    ),
  ),
  freeze: v.nullish(v.strictObject({ reason: text, until: v.optional(instant) })),
  'known-bad': v.nullish(v.array(text)),
  retry: v.nullish(
    v.record(
      v.pipe(
        v.string(),
        v.regex(
          /^[^\s]+\/[0-9a-f]{12}\/[0-9a-f]{12}$/,
          'name a rollout as a tick does: stage/digest/commit, with 12 hex digits each',
        ),
      ),
      v.pipe(
        v.number(),
        v.integer('write a whole number'),
        v.minValue(1),
        v.maxValue(999, 'attempts go up to 999'),
      ),
    ),
  ),
  emergency: v.nullish(v.strictObject({ stage: text, release: text, reason: text, until: instant })),
})

export type PolicyFile = v.InferOutput<typeof policySchema>
export type StageFile = v.InferOutput<typeof stage>
