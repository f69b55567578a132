import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * Why a file is probably not the root file system that it is packed as, for people; undefined where nothing speaks against it
 * or it can't be read, which is for others to say.
 */
export async function doubtAboutImage(path: string): Promise<string | undefined> {
  const start = await startOf(path).catch(() => undefined)
  if (start === undefined) return undefined
  const packed = compressions.find((one) => holds(start, one))
  if (packed !== undefined) {
    return `${path} is compressed with ${packed.name}, and devices write it into their slot as it is: unpack it first`
  }
  if (fileSystems.some((one) => holds(start, one))) return undefined
  if (hasPartitions(start)) {
    return `${path} is the image of a whole disk, and devices write it into one slot: give the root file system alone`
  }
  return `${path} holds no file system that is known, and is packed as rootfs-image: if it is anything else, name its payload in the options file`
}

interface Magic {
  name: string
  at: number
  hex: string
}

const compressions: readonly Magic[] = [
  { name: 'gzip', at: 0, hex: '1f8b08' },
  { name: 'xz', at: 0, hex: 'fd377a585a00' },
  { name: 'zstd', at: 0, hex: '28b52ffd' },
  { name: 'bzip2', at: 0, hex: '425a68' },
  { name: 'zip', at: 0, hex: '504b0304' },
]

const fileSystems: readonly Magic[] = [
  { name: 'ext2 to ext4', at: 1080, hex: '53ef' },
  { name: 'squashfs', at: 0, hex: '68737173' },
  { name: 'erofs', at: 1024, hex: 'e2e1f5e0' },
  { name: 'f2fs', at: 1024, hex: '1020f5f2' },
  { name: 'btrfs', at: 65_600, hex: '5f42485266535f4d' },
  { name: 'xfs', at: 0, hex: '58465342' },
  { name: 'ubi', at: 0, hex: '55424923' },
  { name: 'ubifs', at: 0, hex: '31181006' },
  { name: 'cramfs', at: 0, hex: '453dcd28' },
  { name: 'FAT', at: 54, hex: '464154' },
  { name: 'FAT32', at: 82, hex: '4641543332' },
]

const readBytes = 65_608

async function startOf(path: string): Promise<Buffer> {
  // a pipe would make a plain open wait for its other end
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!(await file.stat()).isFile()) throw new Error('no plain file')
  const buffer = Buffer.alloc(readBytes)
  const { bytesRead } = await file.read(buffer, 0, readBytes, 0)
  return buffer.subarray(0, bytesRead)
}

function holds(start: Buffer, { at, hex }: Magic): boolean {
  return start.toString('hex', at, at + hex.length / 2) === hex
}

/** A partition table of either kind: a disk with GPT has one of the old kind too, which covers all of it. */
function hasPartitions(start: Buffer): boolean {
  if (start.toString('hex', 510, 512) !== '55aa') return false
  const entries = [0, 1, 2, 3].map((i) => start.subarray(446 + 16 * i, 462 + 16 * i))
  return (
    entries.every(([status]) => status === 0 || status === 0x80) && entries.some((entry) => entry[4] !== 0)
  )
}
