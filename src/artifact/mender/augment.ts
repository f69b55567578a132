// Augmented artifacts: a second manifest and a second header, which no signature covers, add files and settings to a payload
// or change its type. They are how a server turns a signed image into a difference to what a device has.
import { damaged, wrongMember } from '../archive/byte-reader.ts'
import type { Augmentation, PayloadInfo } from '../artifact-info.ts'
import type { Manifest } from './manifest.ts'

type Described = Omit<PayloadInfo, 'files'>

/** The payloads with what a header-augment says of them, as an update module on a device gets them. */
export function augmentedPayloads(payloads: readonly Described[], added: readonly Described[]): Described[] {
  return payloads.map((payload, i) => {
    const more = added[i]
    if (more === undefined) return payload
    const place = `header-augment.tar, headers/${String(i).padStart(4, '0')}`
    if (payload.type === '') throw damaged(place, 0, 'an empty payload can’t be augmented')
    // what would hold then, the device's readers don't agree in
    if (more.type === 'rootfs-image') throw damaged(place, 0, 'a rootfs-image can’t augment a payload')
    return {
      type: more.type,
      metaData: merged(payload.metaData, more.metaData, place),
      provides: { ...payload.provides, ...more.provides },
      depends: { ...payload.depends, ...more.depends },
      clearsProvides: more.clearsProvides.length > 0 ? more.clearsProvides : payload.clearsProvides,
    }
  })
}

/** The files of a manifest and of its manifest-augment, by payload; none may be in both. */
export function augmentedFiles(
  manifest: Manifest['payloads'],
  added: Manifest['payloads'],
): readonly ReadonlyMap<string, string>[] {
  return Array.from({ length: Math.max(manifest.length, added.length) }, (_, i) => {
    const files = new Map(manifest[i])
    for (const [name, checksum] of added[i] ?? []) {
      if (files.has(name)) {
        throw wrongMember(
          'manifest-augment',
          0,
          `it names ${JSON.stringify(name)}, as the manifest does`,
          name,
        )
      }
      files.set(name, checksum)
    }
    return files
  })
}

/** What is told of an augmented artifact: for each payload what was added to it. */
export function augmentationOf(
  added: readonly Described[],
  files: Manifest['payloads'],
): readonly Augmentation[] {
  return added.map((payload, i) => ({ ...payload, files: [...(files[i]?.keys() ?? [])] }))
}

type Settings = Readonly<Record<string, unknown>>

/** Objects are merged key by key; anything else replaces its like. */
function merged(settings: Settings, added: Settings, place: string): Settings {
  for (const value of [...Object.values(settings), ...Object.values(added)]) {
    // the client of many devices can't copy those
    if (Array.isArray(value) && value.some((one) => kindOf(one) !== 'value')) {
      throw damaged(`${place}/meta-data`, 0, 'a list has lists or objects in it, which can’t be merged')
    }
  }
  const result: Record<string, unknown> = { ...settings }
  for (const [key, value] of Object.entries(added)) {
    const before = Object.hasOwn(settings, key) ? settings[key] : undefined
    if (before === undefined) result[key] = value
    else if (kindOf(before) !== kindOf(value)) {
      throw damaged(
        `${place}/meta-data`,
        0,
        `${JSON.stringify(key)} is of another type than what it replaces`,
      )
    } else result[key] = isSettings(before) && isSettings(value) ? merged(before, value, place) : value
  }
  return result
}

function kindOf(value: unknown): 'list' | 'object' | 'value' {
  return Array.isArray(value) ? 'list' : isSettings(value) ? 'object' : 'value'
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
