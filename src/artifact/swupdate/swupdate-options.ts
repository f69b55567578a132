import { resolve } from 'node:path'
import * as v from 'valibot'
import { optionText as text } from '../option-text.ts'

const flag = v.boolean('it can be true or false')
const word = v.pipe(text, v.regex(/^[A-Za-z0-9_-]+$/, 'it can have letters, digits, _ and - only'))
const texts = v.record(text, text)
const source = v.pipe(text, v.description('File that goes into the update; relative to this file.'))
const properties = v.optional(
  v.pipe(texts, v.description('Settings for the handler, such as `create-destination: "true"`.')),
)
const device = v.pipe(text, v.description('Device that it is written to, such as /dev/mmcblk0p3.'))
const environment = v.pipe(
  texts,
  v.description('Variables of the boot loader and their values; an empty one is no value.'),
)

/** What images and files may say, as sw-description calls it. */
const target = {
  type: v.optional(v.pipe(word, v.description('Handler on the device; `raw` for an image where not given.'))),
  device: v.optional(device),
  path: v.optional(v.pipe(text, v.description('Path on the device that it is written to.'))),
  filesystem: v.optional(
    v.pipe(text, v.description('Kind of the file system on the device that the path is in.')),
  ),
  volume: v.optional(v.pipe(text, v.description('UBI volume that it is written to.'))),
  offset: v.optional(v.pipe(text, v.description('Where on the device it begins, such as `4K`.'))),
  'installed-directly': v.optional(
    v.pipe(
      flag,
      v.description('Written while it arrives, so that the device needs no room to keep it first.'),
    ),
  ),
  'install-if-different': v.optional(
    v.pipe(flag, v.description('Skipped where the device has this version of this name already.')),
  ),
  'install-if-higher': v.optional(
    v.pipe(flag, v.description('Skipped where the device has this version of this name, or a newer one.')),
  ),
  properties,
}
const component = {
  name: v.optional(v.pipe(word, v.description('What its version is compared by on the device.'))),
  version: v.optional(v.pipe(text, v.description('Its version, for install-if-different and -higher.'))),
}
interface Compared {
  name?: string | undefined
  version?: string | undefined
  'install-if-different'?: boolean | undefined
  'install-if-higher'?: boolean | undefined
}

const needsVersion = 'install-if-different and install-if-higher need a name and a version'

/** The section `swupdate` of an options file. */
export const swupdateOptionsSchema = v.pipe(
  v.strictObject({
    ...target,
    name: v.optional(
      v.pipe(word, v.description('What the device calls the source when it compares versions; `rootfs`.')),
    ),
    slots: v.optional(
      v.pipe(
        v.record(word, v.union([text, v.strictObject({ device, bootenv: v.optional(environment) })])),
        v.check((slots) => Object.keys(slots).length > 0, 'it names no slot'),
        v.description(
          'Instead of `device`: the device of each slot by its mode, which SWUpdate is told with `-e stable,copy1`; with `bootenv`, variables of the boot loader that only this slot sets.',
        ),
      ),
    ),
    selection: v.optional(
      v.pipe(word, v.description('What SWUpdate calls the slots’ set, `-e stable,…`; `stable`.')),
    ),
    images: v.optional(
      v.pipe(
        v.array(
          v.pipe(
            v.strictObject({ source, ...target, ...component }),
            v.check((item) => isComparable(item), needsVersion),
          ),
        ),
        v.description('More images, installed after the source.'),
      ),
    ),
    files: v.optional(
      v.pipe(
        v.array(
          v.pipe(
            v.strictObject({ source, ...target, path: text, ...component }),
            v.check((item) => isComparable(item), needsVersion),
          ),
        ),
        v.description('Single files, by the handler `rawfile` where none is named.'),
      ),
    ),
    scripts: v.optional(
      v.pipe(
        v.array(
          v.strictObject({
            source,
            type: v.optional(
              v.pipe(
                v.picklist(['shellscript', 'lua', 'preinstall', 'postinstall']),
                v.description(
                  '`shellscript` (the default) and `lua` run before and after, with `preinst` or `postinst` as first argument; the others once.',
                ),
              ),
            ),
            data: v.optional(v.pipe(text, v.description('Further arguments of the script.'))),
            properties,
          }),
        ),
        v.description('Scripts that run on the device.'),
      ),
    ),
    bootenv: v.optional(environment),
    'hardware-compatibility': v.optional(
      v.pipe(
        v.array(text),
        v.minLength(1, 'it names no revision'),
        v.description(
          'Hardware revisions that may install it, or `#RE:` with a regular expression; any where not given.',
        ),
      ),
    ),
    description: v.optional(v.pipe(text, v.description('What the update is, for people.'))),
  }),
  v.check(
    (given) => !(given.device !== undefined && given.slots !== undefined),
    'give device or slots, not both',
  ),
  v.check((given) => given.selection === undefined || given.slots !== undefined, 'selection goes with slots'),
)

/** One file that goes into a .swu, and what sw-description says of it besides its name and checksum. */
export interface SwupdateItem {
  list: 'images' | 'files' | 'scripts'
  source: string
  says: Readonly<Record<string, unknown>> & { type: string }
}

export interface SwupdateSlot {
  mode: string
  device: string
  bootenv: Readonly<Record<string, string>>
}

/** What only a .swu file has. */
export interface SwupdateOptions {
  /** What is said of the source; `{ type: 'raw' }` where not given. */
  says?: SwupdateItem['says'] | undefined
  slots?: readonly SwupdateSlot[] | undefined
  selection?: string | undefined
  items?: readonly SwupdateItem[] | undefined
  bootenv?: Readonly<Record<string, string>> | undefined
  hardwareCompatibility?: readonly string[] | undefined
  description?: string | undefined
}

/** The section as the writer takes it; its paths are relative to `folder`. */
export function swupdateOptionsOf(
  given: v.InferOutput<typeof swupdateOptionsSchema> | undefined,
  folder: string,
): SwupdateOptions {
  if (given === undefined) return {}
  const { slots, selection, images, files, scripts, bootenv, description, ...says } = given
  const { 'hardware-compatibility': hardwareCompatibility, ...main } = says
  const item =
    (list: SwupdateItem['list'], type: string) => (one: { source: string; type?: string | undefined }) => {
      const { source, ...rest } = one
      return { list, source: resolve(folder, source), says: { ...rest, type: one.type ?? type } }
    }
  return {
    says: { ...main, type: main.type ?? 'raw' },
    slots: slots && Object.entries(slots).map(([mode, slot]) => slotOf(mode, slot)),
    selection,
    items: [
      ...(images ?? []).map(item('images', 'raw')),
      ...(files ?? []).map(item('files', 'rawfile')),
      ...(scripts ?? []).map(item('scripts', 'shellscript')),
    ],
    bootenv,
    hardwareCompatibility,
    description,
  }
}

function isComparable(item: Compared): boolean {
  const isCompared = item['install-if-different'] === true || item['install-if-higher'] === true
  return !isCompared || (item.name !== undefined && item.version !== undefined)
}

function slotOf(
  mode: string,
  slot: string | { device: string; bootenv?: Record<string, string> | undefined },
): SwupdateSlot {
  if (typeof slot === 'string') return { mode, device: slot, bootenv: {} }
  return { mode, device: slot.device, bootenv: slot.bootenv ?? {} }
}
