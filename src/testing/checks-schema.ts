// The form of `checks.yml`; schemas/checks.json is made of it.
import * as v from 'valibot'

const text = (pattern: RegExp, message: string) => v.pipe(v.string(), v.regex(pattern, message))
// oxlint-disable-next-line no-control-regex -- control characters are what these refuse
const line = text(/^[^\u0000-\u001f]{1,1000}$/, 'write one line of text')
// oxlint-disable-next-line no-control-regex -- as above
const path = text(/^\/[^\u0000-\u001f]{0,1000}$/, 'write an absolute path on the device')
const inQuotes = "write it in quotes, as in '0644'"
const mode = v.pipe(v.string(inQuotes), v.regex(/^[0-7]{3,4}$/, inQuotes))
const texts = v.union([line, v.pipe(v.array(line), v.minLength(1))], 'write a text, or a list of texts')
const isThere = v.optional(v.boolean())
const account = text(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'write the name or the number of an account')
const share = text(
  /^(100|[1-9]?[0-9])%$|^[1-9][0-9]{0,6}(KiB|MiB|GiB)$/,
  'write a size such as 64MiB, or a share such as 20%',
)
const duration = text(/^[1-9][0-9]{0,5}(s|m)$/, 'write a duration such as 30s or 2m')

/** A map of names and what has to be true of each; nothing after a name asks for its presence alone. */
const each = <E extends v.ObjectEntries>(key: v.GenericSchema<string, string>, entries: E, what: string) =>
  v.pipe(v.optional(v.record(key, v.nullable(v.strictObject(entries)))), v.description(what))

const measureName = text(
  /^[A-Za-z0-9][A-Za-z0-9.:/_-]{0,99}$/,
  'write a name of letters, digits and . : / _ -, such as boot-time',
)

/** How often a failed test is tried again. */
export const retries = v.pipe(
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5))),
  v.description('How often a failed test is tried again, 0 to 5; one that passes then is named as flaky.'),
)

const limit = v.strictObject({
  'at-most': v.optional(v.number()),
  'at-least': v.optional(v.number()),
  'worse-by': v.pipe(
    v.optional(text(/^\d{1,4}(\.\d{1,3})?%?$/, 'write a share such as 10%, or a number')),
    v.description('How much worse than in the baseline: a share, or a number in its unit.'),
  ),
  better: v.pipe(v.optional(v.picklist(['lower', 'higher'])), v.description('lower unless given.')),
  result: v.pipe(
    v.optional(v.picklist(['flag', 'fail'])),
    v.description('Whether a worse number is only flagged, or a failed test; flag unless given.'),
  ),
})

/** What measurements are compared with, and how much worse they may be. */
export const measurementRules = v.optional(
  v.strictObject({
    baseline: v.pipe(
      v.optional(v.pipe(v.string(), v.nonEmpty())),
      v.description('The measurements.json of an earlier release, from this file on; it may be missing.'),
    ),
    limits: v.optional(v.record(measureName, limit)),
  }),
)

/** The form of `checks.yml`. */
export const checksSchema = v.strictObject({
  retries,
  measurements: measurementRules,
  mounts: each(
    path,
    { type: v.optional(line), source: v.optional(line), options: v.optional(v.array(line)) },
    'Mount points, each with its file system, source and options.',
  ),
  services: each(
    text(/^[A-Za-z0-9:_.@\\-]{1,255}$/, 'write the name of a systemd unit, such as ssh'),
    { running: isThere, enabled: isThere, 'max-restarts': v.optional(v.pipe(v.number(), v.minValue(0))) },
    'Units of systemd; running unless told otherwise.',
  ),
  ports: each(
    text(/^(tcp|udp)\/([1-9][0-9]{0,4})$/, 'write a protocol and a port, such as tcp/22'),
    {
      listening: isThere,
      address: v.optional(text(/^[0-9a-fA-F.:]{2,45}$/, 'write an address such as 127.0.0.1 or ::1')),
    },
    'Ports that something listens on; any address unless one is given.',
  ),
  packages: each(
    text(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,200}(:[a-z0-9]+)?$/, 'write the name of a package'),
    { installed: isThere, version: v.optional(line) },
    'Packages of dpkg, rpm, opkg or apk; a * in a version stands for anything.',
  ),
  files: each(
    path,
    {
      exists: isThere,
      type: v.optional(v.picklist(['file', 'directory', 'link', 'socket', 'device', 'pipe'])),
      mode: v.optional(mode),
      owner: v.optional(account),
      group: v.optional(account),
      contains: v.optional(texts),
      lacks: v.optional(texts),
    },
    'Files, by path: what is asked of a link is asked of its target, unless its type is link.',
  ),
  commands: v.optional(
    v.array(
      v.strictObject({
        name: v.optional(line),
        run: v.pipe(
          v.array(v.pipe(v.string(), v.regex(/^[^\0]*$/, 'no zero bytes'), v.maxLength(20_000))),
          v.minLength(1, 'write the program and its arguments, each on its own'),
        ),
        status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255))),
        contains: v.optional(texts),
        lacks: v.optional(texts),
        timeout: v.pipe(v.optional(duration), v.description('30s unless given.')),
        measure: v.pipe(
          v.optional(
            v.strictObject({
              name: measureName,
              unit: v.optional(text(/^[^\s]{1,16}$/, 'write a unit such as ms')),
              after: v.optional(line),
            }),
          ),
          v.description('Keeps the first number of the output, or the first one after a text.'),
        ),
      }),
    ),
  ),
  disk: v.pipe(
    v.optional(v.record(path, v.strictObject({ free: share }))),
    v.description('Mount points or folders, and what has to be free there.'),
  ),
  memory: v.optional(v.strictObject({ available: share })),
  'boot-time': v.pipe(v.optional(duration), v.description('How long the last start may have taken.')),
})

/** What stands in `checks.yml`. */
export type ChecksFile = v.InferOutput<typeof checksSchema>
