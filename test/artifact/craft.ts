// Artifacts of the tests' own making, to have every mistake that a writer or an attacker could make. Shares no code with
// what it tests.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export interface Member {
  name: string
  content?: string | Buffer
  /** `0` is a plain file, `2` a symbolic link, `5` a folder, `x` and `L` extended headers. */
  type?: string
  /** What the header claims, where that isn't the content's size. */
  claimedSize?: number
}

export interface Parts {
  version: string
  /** All files of the payload. */
  files: Member[]
  headerMembers: Member[]
  /** Sees the lines of the manifest, and says what they are instead. */
  manifest: (lines: string[]) => string[]
  /** Sees the outer members, and says what they are instead. */
  members: (members: Member[]) => Member[]
  /** Compresses header and payload. */
  compress: (tar: Buffer) => Buffer
  suffix: string
}

export const headerInfo = {
  payloads: [{ type: 'rootfs-image' }],
  artifact_provides: { artifact_name: 'release-1' },
  artifact_depends: { device_type: ['board'] },
}
export const typeInfo = { type: 'rootfs-image', artifact_provides: { 'rootfs-image.version': 'release-1' } }

export const defaultHeader: Member[] = [
  { name: 'header-info', content: JSON.stringify(headerInfo) },
  { name: 'headers/0000/type-info', content: JSON.stringify(typeInfo) },
]

/** A small artifact that is whole, but for what `parts` changes. Checksums are always those of what is there. */
export function craft(parts: Partial<Parts> = {}): Buffer {
  const {
    version = '{"format":"mender","version":3}',
    files = [{ name: 'rootfs.ext4', content: 'an image' }],
    headerMembers = defaultHeader,
    compress = (bytes: Buffer) => gzipSync(bytes),
    suffix = '.gz',
  } = parts
  const header = compress(tar(headerMembers))
  const lines = [
    ...files.map(({ name, content = '' }) => `${sha256(content)}  data/0000/${name}`),
    `${sha256(header)}  header.tar${suffix}`,
    `${sha256(version)}  version`,
  ]
  const members: Member[] = [
    { name: 'version', content: version },
    { name: 'manifest', content: `${(parts.manifest?.(lines) ?? lines).join('\n')}\n` },
    { name: `header.tar${suffix}`, content: header },
    { name: `data/0000.tar${suffix}`, content: compress(tar(files)) },
  ]
  return tar(parts.members?.(members) ?? members)
}

/** A tar archive, its end included. */
export function tar(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)])
}

function tarMember({ name, content = '', type = '0', claimedSize }: Member): Buffer {
  const bytes = Buffer.from(content)
  const header = Buffer.alloc(512)
  header.write(name, 0)
  for (const [at, value] of [
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${(claimedSize ?? bytes.length).toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, '        '],
    [156, type],
    [257, 'ustar\x0000'],
  ] as const) {
    header.write(value, at, 'latin1')
  }
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** `bytes` as a stream in chunks of `size`. */
export async function* chunks(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Bytes that look like an image: some that can be compressed, some that can't, and unused space; always the same. */
export function image(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let at = 0, i = 0; at < sizeBytes; at += 4096, i++) {
    const seed = createHash('sha256').update(String(i)).digest()
    const kind = Math.floor(at / (3 << 19)) % 3
    const page = bytes.subarray(at, at + 4096)
    if (kind === 0) page.fill(`${seed.toString('hex')} and the text of page ${i}\n`)
    if (kind === 1) {
      for (let j = 0; j < page.length; j += 32) {
        createHash('sha256').update(seed).update(String(j)).digest().copy(page, j)
      }
    }
  }
  return bytes
}
