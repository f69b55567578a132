// The block map of a disk image: what a flasher has to write and what it may leave out. Only blocks that a file system
// calls free are left out; a block of zeros that a file system reads (an inode table, a journal) is written, since a card
// that was used before holds something else there.
import type { FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { type Context, Failure, start } from '../platform/platform.ts'
import type { Partition } from './disk.ts'

const blockBytes = 4096
const readBytes = 1 << 20

/** A range of blocks, both ends in it. */
interface Range {
  first: number
  last: number
}

/** The block map (version 2.0 of bmaptool's format) of an open disk image, as XML. Throws `build-failed`. */
export async function makeBlockMap(
  disk: FileHandle,
  sizeBytes: number,
  partitions: readonly Partition[],
  context: Context,
): Promise<string> {
  const free = (await Promise.all(partitions.map((one) => freeBlocks(one, context)))).flat()
  const blocks = Math.ceil(sizeBytes / blockBytes)
  const mapped = without(free, blocks)
  const lines: string[] = []
  for (const { first, last } of mapped) {
    const sum = await digestOfRange(
      disk,
      first * blockBytes,
      Math.min((last + 1) * blockBytes, sizeBytes),
      context,
    )
    lines.push(`        <Range chksum="${sum}"> ${first === last ? first : `${first}-${last}`} </Range>`)
  }
  const count = mapped.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  const text = (checksum: string) => `<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> ${sizeBytes} </ImageSize>
    <BlockSize> ${blockBytes} </BlockSize>
    <BlocksCount> ${blocks} </BlocksCount>
    <MappedBlocksCount> ${count} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${checksum} </BmapFileChecksum>
    <BlockMap>
${lines.join('\n')}
    </BlockMap>
</bmap>
`
  // the file's own checksum is taken with zeros in its place
  return text(
    createHash('sha256')
      .update(text('0'.repeat(64)))
      .digest('hex'),
  )
}

/** Blocks of the disk that an ext4 partition has free; none of another kind. */
async function freeBlocks({ kind, source, startBytes }: Partition, { signal }: Context): Promise<Range[]> {
  if (kind !== 'linux') return []
  const { code, stdout, stderr } = await start('dumpe2fs', [source], { signal }).done
  const size = /^Block size: +(\d+)$/m.exec(stdout)?.[1]
  if (code !== 0 || Number(size) !== blockBytes)
    throw new Failure('build-failed', `dumpe2fs can't read ${source}: ${stderr.trim().slice(-300)}`)
  const offset = startBytes / blockBytes
  return [...stdout.matchAll(/^ {2}Free blocks: ([\d\-, ]+)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((part) => {
      const [first = 0, last = first] = part.trim().split('-').map(Number)
      return { first: first + offset, last: last + offset }
    }),
  )
}

function without(free: readonly Range[], blocks: number): Range[] {
  const ranges: Range[] = []
  let next = 0
  for (const { first, last } of free.toSorted((a, b) => a.first - b.first)) {
    if (first > next) ranges.push({ first: next, last: first - 1 })
    next = last + 1
  }
  if (next < blocks) ranges.push({ first: next, last: blocks - 1 })
  return ranges
}

async function digestOfRange(
  disk: FileHandle,
  from: number,
  to: number,
  { signal }: Context,
): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(readBytes)
  for (let at = from; at < to;) {
    signal.throwIfAborted()
    const { bytesRead } = await disk.read(buffer, 0, Math.min(readBytes, to - at), at)
    if (bytesRead === 0) throw new Failure('build-failed', 'the disk image is shorter than it was made')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash.digest('hex')
}
