// Disk images: a partition table, and the root file system in one of the partitions, or in two of them.
import { rm, symlink } from 'node:fs/promises'
import * as v from 'valibot'
import { type Context, Failure, lastWords, start } from '../platform/platform.ts'
import { type FileSystemPlace, isInImage } from './image-reader.ts'
import { copySparsely } from './sparse-copy.ts'

/** A root file system on a disk. */
export interface RootPartition extends FileSystemPlace {
  number: number
}

/** The first partition of the disk image that holds a root file system; undefined where it is no disk image. Throws `bad-input`. */
export async function rootPartitionOf(path: string): Promise<RootPartition | undefined> {
  const partitions = await partitionsOf(path)
  if (partitions === undefined) return undefined
  for (const { number, offset } of partitions) {
    const place = { path, offset }
    if (await isRootFileSystem(place)) return { ...place, number }
  }
  throw new Failure(
    'bad-input',
    `${path} is a disk image, and none of its ${partitions.length} partitions is an ext4 root file system`,
  )
}

/** Makes `to` a disk of its own of the image `from`, which may be compressed by xz. Throws `invalid-file`, `disk-full`. */
export async function copyDisk(from: string, to: string, context: Context): Promise<void> {
  if (!from.endsWith('.xz')) return await copySparsely(from, to, context.signal)
  // xz itself leaves the holes out where it names the file that it writes
  const link = `${to}.xz`
  await symlink(from, link)
  try {
    const { code, stderr } = await start('xz', ['--decompress', '--keep', '--force', link], {
      signal: context.signal,
    }).done
    if (code === 0) return
    const reason = stderr.includes('No space left') ? 'disk-full' : 'invalid-file'
    throw new Failure(reason, `can't unpack ${from}: ${lastWords(stderr, 'xz', code)}`)
  } finally {
    await rm(link, { force: true })
  }
}

/** Where each partition begins, in bytes; undefined where there is no partition table. */
async function partitionsOf(path: string): Promise<{ number: number; offset: number }[] | undefined> {
  const { code, stdout } = await start('sfdisk', ['--json', path]).done
  if (code !== 0) return undefined
  const { partitiontable: table } = v.parse(partitionTable, JSON.parse(stdout))
  return table.partitions.map(({ node, start: first }) => ({
    number: Number(/(\d+)$/.exec(node)?.[1]),
    offset: first * (table.sectorsize ?? 512),
  }))
}

async function isRootFileSystem(place: FileSystemPlace): Promise<boolean> {
  try {
    return await isInImage(place, '/etc/os-release')
  } catch (error) {
    if (error instanceof Failure && error.reason === 'invalid-file') return false
    throw error
  }
}

const partitionTable = v.object({
  partitiontable: v.object({
    sectorsize: v.optional(v.number()),
    partitions: v.array(v.object({ node: v.string(), start: v.number() })),
  }),
})
