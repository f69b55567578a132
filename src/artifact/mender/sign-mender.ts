// Puts a signature into a Mender artifact that is there already: version, manifest, the new signature, and all that followed
// byte for byte. Nothing is packed again, so nothing that a device installs can change.
import { createReadStream } from 'node:fs'
import { dirname } from 'node:path'
import { type Context, Failure } from '../../platform/platform.ts'
import { ByteReader } from '../archive/byte-reader.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { tarMember } from '../archive/tar-header.ts'
import { TarReader } from '../archive/tar-reader.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { type Signer, isValid, publicKeysOf } from '../keys.ts'
import { openArtifact } from '../read.ts'

/** Nothing that stands before the header of an artifact is larger, and that was checked when it was read. */
const maxMemberBytes = 1 << 20

/**
 * Writes the artifact at `path`, which was read in full and is `before`, to `output` with a signature by `signer` in place of
 * any other; the two may be the same. One that `signer`'s key made already stays, so doing it twice is doing it once. What was
 * written is read in full again before it gets its name. Throws what the signer throws, `bad-input` for an augmented artifact,
 * and `artifact-damaged` where the file changed meanwhile.
 */
export async function signMender(
  path: string,
  before: ArtifactInfo,
  output: string,
  signer: Signer,
  context: Context,
): Promise<ArtifactInfo> {
  const { signal } = context
  if (before.augmented !== undefined) {
    throw new Failure(
      'bad-input',
      `${path} is augmented, and no signature covers what was added to it: sign the artifact that it was made from`,
    )
  }
  const front = await frontOf(path, signal)
  const kept = front.signature && isBy(signer, front.manifest, front.signature)
  if (front.signature && kept !== true)
    context.log.info(`${path} has a signature by another key: it is replaced`)
  const signature = kept === true ? front.signature : await signer.sign(front.manifest, signal)
  const member = tarMember('manifest.sig', (signature ?? Buffer.alloc(0)).toString('base64'))
  await using file = await PartialFile.create(dirname(output))
  await copy(path, { start: 0, end: front.manifestEnd }, file, 0, signal)
  await file.write(member, front.manifestEnd)
  await copy(path, { start: front.restStart }, file, front.manifestEnd + member.length, signal)
  const after = await openArtifact(file.path, { verifyKeys: [signer.publicKey], signal })
  if (after.contentDigest !== before.contentDigest || after.name !== before.name) {
    throw new Failure(
      'artifact-damaged',
      `${path} changed while it was signed: nothing was written, sign it again`,
    )
  }
  signal.throwIfAborted()
  if (after.sha256 !== before.sha256 || output !== path) await file.keepAs(output)
  return after
}

interface Front {
  manifest: Buffer
  signature?: Buffer
  manifestEnd: number
  /** Where the first member stands that is neither version, manifest nor signature. */
  restStart: number
}

async function frontOf(path: string, signal: AbortSignal): Promise<Front> {
  await using bytes = new ByteReader(createReadStream(path, { signal }), {
    place: path,
    limitBytes: Infinity,
  })
  const tar = new TarReader(bytes)
  const next = async () => {
    const member = await tar.next()
    return { name: member?.name, content: member && (await tar.content(member, maxMemberBytes)) }
  }
  await next()
  const { content: manifest = Buffer.alloc(0) } = await next()
  const manifestEnd = bytes.offset
  // what follows may be of any size, and a signature is not: only a signature is read
  const member = await tar.next()
  if (member?.name !== 'manifest.sig') return { manifest, manifestEnd, restStart: manifestEnd }
  const signature = Buffer.from((await tar.content(member, maxMemberBytes)).toString('latin1'), 'base64')
  return { manifest, signature, manifestEnd, restStart: bytes.offset }
}

function isBy(signer: Signer, manifest: Buffer, signature: Buffer): boolean {
  return publicKeysOf(signer.publicKey).some((key) => isValid(key, manifest, signature))
}

async function copy(
  path: string,
  range: { start: number; end?: number },
  file: PartialFile,
  position: number,
  signal: AbortSignal,
): Promise<void> {
  // a stream's end is its last byte
  const end = range.end === undefined ? Infinity : range.end - 1
  const source: AsyncIterable<Buffer> = createReadStream(path, {
    start: range.start,
    end,
    highWaterMark: 1 << 20,
    signal,
  })
  let at = position
  for await (const chunk of source) {
    await file.write(chunk, at)
    at += chunk.length
  }
}
