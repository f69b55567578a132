// Puts a signature into a Mender artifact that is there already: version, manifest, the new signature, and all that followed
// byte for byte. Nothing is packed again, so nothing that a device installs can change.
import { createReadStream } from 'node:fs'
import { dirname } from 'node:path'
import { type Context, Failure } from '../../platform/platform.ts'
import { ByteReader } from '../archive/byte-reader.ts'
import { copyRange } from '../archive/copy-range.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { tarMember } from '../archive/tar-header.ts'
import { TarReader } from '../archive/tar-reader.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { keepSigned } from '../keep-signed.ts'
import { type Signer, isValid, publicKeysOf } from '../keys.ts'

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
  await copyRange({ path, start: 0, end: front.manifestEnd }, file, 0, signal)
  await file.write(member, front.manifestEnd)
  const rest = { path, start: front.restStart }
  await copyRange(rest, file, front.manifestEnd + member.length, signal)
  return await keepSigned(file, { path, before, output, publicKey: signer.publicKey }, context)
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
