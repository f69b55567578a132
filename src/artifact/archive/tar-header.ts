import { paddingOf } from './tar-reader.ts'

/** An octal field of 11 digits ends here; beyond, GNU's binary form is written. */
const maxOctal = 8 ** 11

/**
 * The header of a plain file in a tar archive (POSIX ustar), 512 bytes that depend on the arguments alone: owner and group
 * are 0, the date is 1970-01-01. `name` has at most 100 bytes.
 */
export function tarHeader(name: string, sizeBytes: number, mode = 0o644): Buffer {
  const block = Buffer.alloc(512)
  if (Buffer.byteLength(name) > 100) throw new RangeError(`too long for a tar header: ${name}`)
  block.write(name, 0)
  block.write(octal(mode, 8), 100, 'latin1')
  block.write(octal(0, 8), 108, 'latin1')
  block.write(octal(0, 8), 116, 'latin1')
  if (sizeBytes < maxOctal) {
    block.write(octal(sizeBytes, 12), 124, 'latin1')
  } else {
    block[124] = 0x80
    block.writeBigUInt64BE(BigInt(sizeBytes), 128)
  }
  block.write(octal(0, 12), 136, 'latin1')
  block.write('        ', 148, 'latin1') // the checksum counts itself as spaces
  block.write('0', 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** A whole member: header, content, padding. */
export function tarMember(name: string, content: string | Uint8Array, mode?: number): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([tarHeader(name, bytes.length, mode), bytes, Buffer.alloc(paddingOf(bytes.length))])
}

/** What ends an archive. */
export const tarEnd: Buffer = Buffer.alloc(1024)

function octal(value: number, fieldBytes: number): string {
  return `${value.toString(8).padStart(fieldBytes - 1, '0')}\0`
}
