// The text of sw-description, as JSON: libconfig's syntax has no rules for what a name may hold.
import type { SwupdateItem, SwupdateOptions, SwupdateSlot } from './swupdate-options.ts'
import type { Compression } from '../artifact-info.ts'

/** A file that goes into the archive. */
export interface DescribedFile {
  list: SwupdateItem['list']
  fileName: string
  says: SwupdateItem['says']
  compression: Compression
  /** Whether it is the source, which goes to the slot where there are slots. */
  isMain: boolean
}

export interface ToDescribe extends Omit<SwupdateOptions, 'says' | 'items'> {
  deviceTypes: readonly string[]
  /** Not a word of SWUpdate's, which passes over what it doesn't know. */
  imageVariant?: string | undefined
  files: readonly DescribedFile[]
}

const compressedBy: Readonly<Record<Compression, string | undefined>> = {
  none: undefined,
  gzip: 'zlib',
  zstd: 'zstd',
  xz: 'xz',
}
/** Keys that mean something else in the place where boards are named. */
const reserved = new Set([
  'version',
  'description',
  'name',
  'hardware-compatibility',
  'images',
  'files',
  'scripts',
  'partitions',
  'bootenv',
  'uboot',
  'embedded-script',
  'bootloader_transaction_marker',
  'bootloader_state_marker',
  'reboot',
  'output',
  'ref',
  'update-type',
  'no-downgrading',
  // our own
  'variant',
])
/** Stands for every revision of a board. */
export const anyRevision = '#RE:^.*$'

/** Whether a board can't be called so, because the name means something else there. */
export function isReserved(deviceType: string): boolean {
  return reserved.has(deviceType)
}

/**
 * sw-description of a release; `sha256Of` gives the checksum of a file as it is stored. Its size depends on that of the name
 * and on nothing else that isn't known before.
 */
export function describe(
  { deviceTypes, hardwareCompatibility, description, imageVariant, ...content }: ToDescribe,
  name: string,
  sha256Of: (fileName: string) => string,
): Buffer {
  const { slots, selection = 'stable', ...rest } = content
  const node =
    slots === undefined
      ? listsOf(rest, undefined, name, sha256Of)
      : {
          [selection]: Object.fromEntries(
            slots.map((slot) => [slot.mode, listsOf(rest, slot, name, sha256Of)]),
          ),
        }
  const board = { 'hardware-compatibility': hardwareCompatibility ?? [anyRevision], ...node }
  const software = {
    version: name,
    ...(description === undefined ? {} : { description }),
    ...(imageVariant === undefined ? {} : { variant: imageVariant }),
    ...Object.fromEntries([...new Set(deviceTypes)].map((type) => [type, board])),
  }
  return Buffer.from(`${JSON.stringify({ software })}\n`)
}

function listsOf(
  { files, bootenv }: Pick<ToDescribe, 'files' | 'bootenv'>,
  slot: SwupdateSlot | undefined,
  release: string,
  sha256Of: (fileName: string) => string,
): Record<string, unknown> {
  const list = (name: SwupdateItem['list']) => {
    const items = files.filter((file) => file.list === name)
    return items.length === 0 ? {} : { [name]: items.map((file) => itemOf(file, slot, release, sha256Of)) }
  }
  const variables = Object.entries({ ...bootenv, ...slot?.bootenv })
  return {
    ...list('images'),
    ...list('files'),
    ...list('scripts'),
    ...(variables.length === 0 ? {} : { bootenv: variables.map(([name, value]) => ({ name, value })) }),
  }
}

function itemOf(
  { fileName, says, compression, isMain }: DescribedFile,
  slot: SwupdateSlot | undefined,
  release: string,
  sha256Of: (fileName: string) => string,
): Record<string, unknown> {
  const compressed = compressedBy[compression]
  return {
    filename: fileName,
    ...(isMain ? { name: 'rootfs', version: release } : {}),
    ...says,
    ...(isMain && slot !== undefined ? { device: slot.device } : {}),
    ...(compressed === undefined ? {} : { compressed }),
    sha256: sha256Of(fileName),
  }
}
