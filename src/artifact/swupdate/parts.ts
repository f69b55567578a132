import { resolve } from 'node:path'
import { Failure } from '../../platform/platform.ts'
import { maxCpioEntryBytes } from '../archive/cpio-header.ts'
import { SourceImage } from '../archive/source-image.ts'
import type { Compression } from '../artifact-info.ts'
import type { Findings } from '../findings.ts'
import type { WriteRequest } from '../write-request.ts'
import type { SwupdateItem, SwupdateOptions } from './swupdate-options.ts'

/** One file of an archive that is being written; several items of sw-description may be about it. */
export class Part {
  readonly fileName: string
  readonly path: string
  readonly compression: Compression
  readonly sizeBytes: number
  readonly items: PartItem[] = []
  /** Of what is written into the archive; known once it was. */
  stored = { sizeBytes: 0, sum: 0, sha256: '' }
  readonly #image: SourceImage
  #checksum: string | undefined

  constructor(image: SourceImage, compression: Compression) {
    this.#image = image
    this.fileName = image.name
    this.path = image.path
    this.sizeBytes = image.sizeBytes
    this.compression = compression
  }

  /** See `SourceImage.blocks`. */
  blocks(blocksKept: number, signal: AbortSignal): AsyncIterable<Buffer> {
    return this.#image.blocks(blocksKept, signal)
  }

  /** SHA-256 of the file itself, 64 hex digits; to be asked after all of `blocks`. */
  get checksum(): string {
    return (this.#checksum ??= this.#image.checksum())
  }
}

export interface PartItem {
  list: SwupdateItem['list']
  says: SwupdateItem['says']
  isMain: boolean
  /** Its place among all items. */
  position: number
}

/**
 * Opens every file that goes into the archive, in the order in which they go there: what is small first, since a device may
 * need it before the images arrive, and the source last. `stack` closes them.
 */
export async function openParts(
  request: WriteRequest & SwupdateOptions,
  stack: AsyncDisposableStack,
  findings: Findings,
): Promise<Part[]> {
  const says = request.says ?? { type: 'raw' }
  const main = { list: listOf(says), source: request.source, says, isMain: true }
  const items = [main, ...(request.items ?? []).map((item) => ({ ...item, isMain: false }))]
  const parts = new Map<string, Part>()
  for (const [position, item] of items.entries()) {
    const compression = item.isMain || item.list === 'images' ? request.compression : 'none'
    const part = await findings.from(() => partOf(item, compression, parts, stack))
    part?.items.push({ list: item.list, says: item.says, isMain: item.isMain, position })
  }
  const rank = ({ items: [first] }: Part) =>
    first?.isMain === true ? 3 : { scripts: 0, files: 1, images: 2 }[first?.list ?? 'images']
  return [...parts.values()].toSorted((a, b) => rank(a) - rank(b))
}

/** SWUpdate has handlers for whole devices, and some for single files, which it looks for in another list. */
function listOf({ type }: SwupdateItem['says']): 'images' | 'files' {
  return type === 'rawfile' ? 'files' : 'images'
}

async function partOf(
  { source: path, isMain }: { source: string; isMain: boolean },
  compression: Compression,
  parts: Map<string, Part>,
  stack: AsyncDisposableStack,
): Promise<Part> {
  const known = [...parts.values()].find((part) => resolve(part.path) === resolve(path))
  if (known?.compression === compression) return known
  const image = stack.use(await SourceImage.open(path, { empty: !isMain }))
  if (image.sizeBytes > maxCpioEntryBytes && compression === 'none') {
    throw new Failure(
      'bad-input',
      `${path} has ${image.sizeBytes} bytes, and a .swu file holds none of 4 GiB or more: compress it, make it smaller, or choose another format`,
    )
  }
  const other = parts.get(image.name)
  if (other !== undefined) {
    const why = known === undefined ? `and ${other.path} have the same name` : 'is both an image and a file'
    throw new Failure('bad-input', `${path} ${why}: give one of them another name`)
  }
  const part = new Part(image, compression)
  parts.set(part.fileName, part)
  return part
}
