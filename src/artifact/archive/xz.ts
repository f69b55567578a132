// xz by the program of that name. On one thread, as the program cuts the data otherwise where it has several; and the
// machine's own defaults must not decide the bytes.
import { crc32 } from 'node:zlib'
import { piped } from '../../platform/platform.ts'

const env = { XZ_DEFAULTS: '', XZ_OPT: '' }
const maxChunkBytes = 1 << 16

/** See `compress`. Level 6 needs 94 MiB here and 9 MiB on the device; level 9 would need 674 and 65. */
export function xz(blocks: AsyncIterable<Buffer>, signal?: AbortSignal): AsyncIterable<Buffer> {
  const args = ['--compress', '--stdout', '--format=xz', '--check=crc64', '--threads=1', '-6']
  return piped('xz', args, blocks, { what: 'compressing with xz', env, signal })
}

/** The most memory that is given to a decompressor; `xz -9` asks for 65 MiB. */
const maxMemoryBytes = 128 << 20

/** What an xz stream holds. Refuses what follows its end, but for zeros. Throws `internal` with the program's last words. */
export function unxz(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncIterable<Buffer> {
  const limit = `--memlimit-decompress=${maxMemoryBytes}`
  const args = ['--decompress', '--stdout', '--format=xz', '--threads=1', limit]
  return piped('xz', args, source, { what: 'uncompressing with xz', env, signal })
}

/** See `stored`: a stream of one block of uncompressed LZMA2 chunks (The .xz File Format, 1.2.1). */
export function xzStored(content: Buffer): Buffer {
  const flags = Buffer.from([0, 1]) // the check is a CRC32
  const head = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), flags, crcOf(flags)])
  // 12 bytes with its checksum, one filter, no sizes; LZMA2 (0x21) has one byte of properties, its window: 64 KiB
  const fields = Buffer.from([12 / 4 - 1, 0, 0x21, 1, 8, 0, 0, 0])
  const chunks = lzma2Stored(content)
  const block = Buffer.concat([fields, crcOf(fields), chunks])
  const unpaddedBytes = block.length + 4
  const index = padded(Buffer.concat([Buffer.from([0, 1]), varint(unpaddedBytes), varint(content.length)]))
  const tail = Buffer.alloc(6)
  tail.writeUInt32LE((index.length + 4) / 4 - 1, 0)
  flags.copy(tail, 4)
  const footer = [crcOf(tail), tail, Buffer.from('YZ')]
  return Buffer.concat([head, padded(block), crcOf(content), index, crcOf(index), ...footer])
}

function lzma2Stored(content: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < content.length; at += maxChunkBytes) {
    const chunk = content.subarray(at, at + maxChunkBytes)
    const head = Buffer.from([at === 0 ? 1 : 2, 0, 0]) // the first resets the dictionary
    head.writeUInt16BE(chunk.length - 1, 1)
    pieces.push(head, chunk)
  }
  return Buffer.concat([...pieces, Buffer.from([0])])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

function crcOf(bytes: Buffer): Buffer {
  const crc = Buffer.alloc(4)
  crc.writeUInt32LE(crc32(bytes))
  return crc
}
