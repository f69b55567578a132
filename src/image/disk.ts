// The disk image: what is flashed onto a card or an eMMC. A partition table, a boot partition, the root file system in each
// slot, a data partition; made as plain files, without loop devices, mounts or rights.
import { type FileHandle, open, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, type Digest, Failure, digestOf, hexOf, start } from '../platform/platform.ts'
import { makeBlockMap } from './block-map.ts'
import { makeBoot } from './boot-partition.ts'
import { compressOnce, suffixOf } from './compress.ts'
import { makeExt4 } from './ext4.ts'
import type { DiskLayout } from './recipe.ts'
import { inMiB } from './scratch.ts'
import { type Tree, subtree } from './tree.ts'

const mebibyte = 1 << 20
const sectorBytes = 512
/** Before the first partition, and at the end for the second copy of a GPT; partitions begin at whole mebibytes. */
const [headBytes, tailBytes] = [4 * mebibyte, mebibyte]
/** Types as sfdisk knows them: EFI system and Linux; FAT32 (LBA) and Linux. */
const types = { gpt: { boot: 'U', linux: 'L' }, mbr: { boot: 'c', linux: 'L' } } as const

/** A partition and the file that has its content. */
export interface Partition {
  name: string
  kind: 'boot' | 'linux'
  startBytes: number
  sizeBytes: number
  source: string
}

export interface DiskOptions {
  layout: DiskLayout
  tree: Tree
  /** The root file system's image. */
  rootfs: string
  content: Digest
  /** Seconds since 1970. */
  time: number
  /** An empty folder that takes all of the disk, uncompressed; the caller removes it. */
  folder: string
}

/** Files in the folder that the disk was made in. */
export interface MadeDisk {
  /** Compressed. */
  image: string
  blockMap: string
}

/** What a disk of this layout takes, uncompressed. */
export function diskBytes({ boot, slots, data }: DiskLayout, rootfsBytes: number): number {
  const parts = [boot?.sizeBytes ?? 0, ...Array<number>(slots).fill(rootfsBytes), data?.sizeBytes ?? 0]
  return headBytes + parts.reduce((sum, bytes) => sum + whole(bytes), 0) + tailBytes
}

/**
 * Writes the disk image, compressed, and its block map. The same tree, time and layout give the same bytes. Throws
 * `build-failed` where a part doesn't fit, `missing-tool`, `disk-full`; after an abort the files may remain.
 */
export async function makeDisk(options: DiskOptions, context: Context): Promise<MadeDisk> {
  const { layout, folder, content } = options
  const [raw, blockMap] = [join(folder, 'disk.img'), join(folder, 'disk.img.bmap')]
  const partitions = await partitionsOf(options, context)
  const rootfsBytes = (await stat(options.rootfs)).size
  const sizeBytes = diskBytes(layout, rootfsBytes)
  await writeFile(raw, '', { flag: 'wx' })
  await truncate(raw, sizeBytes)
  await run(
    'sfdisk',
    ['--quiet', '--no-reread', '--no-tell-kernel', raw],
    context,
    tableOf(layout, partitions, content),
  )
  const disk = await open(raw, 'r+')
  try {
    for (const partition of partitions) await copyInto(disk, partition, context.signal)
    await writeFile(blockMap, await makeBlockMap(disk, sizeBytes, partitions, context))
  } finally {
    await disk.close()
  }
  context.log.info(
    `disk of ${inMiB(sizeBytes)}: ${partitions.map(({ name, sizeBytes: bytes }) => `${name} ${inMiB(bytes)}`).join(', ')}`,
  )
  const image = `${raw}.${suffixOf(layout.compression)}`
  const starts = [...partitions.map(({ startBytes }) => startBytes), sizeBytes - tailBytes]
  await compressOnce({ from: raw, to: image, compression: layout.compression, starts }, context)
  return { image, blockMap }
}

async function partitionsOf(
  { layout, tree, rootfs, content, time, folder }: DiskOptions,
  context: Context,
): Promise<Partition[]> {
  const parts: Omit<Partition, 'startBytes'>[] = []
  if (layout.boot) {
    const [source, { sizeBytes, from }] = [join(folder, 'boot.vfat'), layout.boot]
    await makeBoot(
      { path: source, sizeBytes, files: subtree(tree, from), from, content, time, scratch: folder },
      context,
    )
    parts.push({ name: 'boot', kind: 'boot', sizeBytes, source })
  }
  const slotBytes = whole((await stat(rootfs)).size)
  for (const name of ['rootfs-a', 'rootfs-b'].slice(0, layout.slots))
    parts.push({ name, kind: 'linux', sizeBytes: slotBytes, source: rootfs })
  if (layout.data) {
    const [path, { sizeBytes, from }] = [join(folder, 'data.ext4'), layout.data]
    const uuid = uuidOf(content, 'data file system')
    await makeExt4(
      subtree(tree, from),
      { path, sizeBytes, time, uuid, label: 'data', scratch: folder },
      context,
    )
    parts.push({ name: 'data', kind: 'linux', sizeBytes, source: path })
  }
  let startBytes = headBytes
  return parts.map((part) => {
    const placed = { ...part, startBytes }
    startBytes += whole(part.sizeBytes)
    return placed
  })
}

/** A script for sfdisk: every id in it is the content's, so that two builds are equal and two releases are not. */
function tableOf({ table }: DiskLayout, partitions: readonly Partition[], content: Digest): string {
  const id = table === 'gpt' ? uuidOf(content, 'disk') : `0x${hexOf(digestOf(`${content} disk`)).slice(0, 8)}`
  const lines = partitions.map(({ name, kind, startBytes, sizeBytes }) =>
    [
      `start=${startBytes / sectorBytes}`,
      `size=${whole(sizeBytes) / sectorBytes}`,
      `type=${types[table][kind]}`,
      ...(table === 'gpt' ? [`uuid=${uuidOf(content, name)}`, `name="${name}"`] : []),
      ...(table === 'mbr' && kind === 'boot' ? ['bootable'] : []),
    ].join(', '),
  )
  const head = [`label: ${table === 'gpt' ? 'gpt' : 'dos'}`, `label-id: ${id}`, 'unit: sectors']
  return `${[...head, '', ...lines].join('\n')}\n`
}

async function copyInto(
  disk: FileHandle,
  { source, startBytes }: Partition,
  signal: AbortSignal,
): Promise<void> {
  await using from = await open(source)
  const buffer = Buffer.allocUnsafe(mebibyte)
  const zeros = Buffer.alloc(mebibyte)
  for (let at = 0; ;) {
    signal.throwIfAborted()
    const { bytesRead } = await from.read(buffer, 0, mebibyte, at)
    if (bytesRead === 0) return
    const chunk = buffer.subarray(0, bytesRead)
    // the disk begins as one hole
    if (!chunk.equals(zeros.subarray(0, bytesRead))) await disk.write(chunk, 0, bytesRead, startBytes + at)
    at += bytesRead
  }
}

async function run(program: string, args: string[], { signal }: Context, input = ''): Promise<void> {
  const { code, stdout, stderr } = await start(program, args, { signal, input }).done
  if (code !== 0) throw failed(program, `${stderr} ${stdout}`)
}

function failed(program: string, said: string): Failure {
  const isFull = /no space left/i.test(said)
  const words = said.trim().slice(-500)
  return new Failure(
    isFull ? 'disk-full' : 'build-failed',
    `${program} could not make the disk image: ${words}`,
  )
}

function whole(bytes: number): number {
  return Math.ceil(bytes / mebibyte) * mebibyte
}

/** The programs that making such a disk calls. */
export function diskPrograms({ boot, compression }: DiskLayout): string[] {
  return ['sfdisk', 'dumpe2fs', compression, ...(boot ? ['mkfs.vfat', 'mmd', 'mcopy'] : [])]
}

/** A UUID that is the content's and a name's: RFC 9562 version 8 (our own making), variant 10. */
export function uuidOf(content: Digest, name = ''): string {
  const hex = name === '' ? hexOf(content) : hexOf(digestOf(`${content} ${name}`))
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`]
  return [...parts, hex.slice(20, 32)].join('-')
}
