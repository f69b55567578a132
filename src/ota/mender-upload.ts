// Puts an artifact file onto a Mender server, once, whatever breaks on the way.
import { createHash } from 'node:crypto'
import type { ArtifactInfo } from '../artifact/artifact.ts'
import { Failure, hexOf, multipart, seconds } from '../platform/platform.ts'
import { type ArtifactFile, openArtifactFile, requireSignedThere } from './artifact-file.ts'
import { requireSameVariant } from './lab-artifact.ts'
import type { MenderClient } from './mender-client.ts'
import { artifactsPath, listArtifacts, releaseArtifact } from './mender-releases.ts'
import type { MenderArtifact } from './mender-schemas.ts'
import type { Uploaded } from './ota-server.ts'

const attempts = 3
/** A try that broke after this long may have been ended by a proxy: they allow 30 or 60 seconds unless told otherwise. */
const proxyMs = 20_000

/** Uploads a file; see `OtaServer.upload`. */
export async function uploadArtifact(
  client: MenderClient,
  path: string,
  verifyKeys: readonly string[] = [],
): Promise<Uploaded> {
  const { context } = client
  const file = await openArtifactFile(path, verifyKeys, context)
  const { info } = file
  for (let attempt = 1; ; attempt++) {
    const existing = await findSame(client, info)
    if (existing) {
      requireSignedThere(client.url, info, existing.signed ?? undefined, verifyKeys)
      context.log.info(`the server has it: artifact ${existing.id}`)
      if ((existing.signed ?? false) !== (info.signature !== 'none')) {
        context.log.warn(
          `the server's ${info.name} is ${existing.signed ? '' : 'not '}signed, this file is${existing.signed ? ' not' : ''}; it stays as it is`,
        )
      }
      return uploaded(client, info, existing, attempt > 1)
    }
    const failure = await send(client, file)
    if (failure === undefined) break
    if (attempt === attempts) throw failure
    // an upload whose answer was lost may have succeeded, so the next round looks first
    context.log.warn(`upload ${attempt} of ${attempts} broke: ${failure.message}`)
    await context.clock.sleep(1000 * 2 ** (attempt - 1), context.signal)
  }
  const stored = await findSame(client, info)
  if (stored) return uploaded(client, info, stored, true)
  throw new Failure(
    'upload-incomplete',
    `${client.url} took the upload of ${info.name}, but does not list it: look at the server's own log`,
  )
}

/** Returns what may pass with another try; throws what would not. */
async function send(client: MenderClient, { path, info, mark }: ArtifactFile): Promise<Failure | undefined> {
  const { headers, body } = multipart(
    {
      // the server's order: its parser wants the file last
      fields: [
        ['size', String(info.sizeBytes)],
        ['artifact_id', artifactIdOf(info)],
      ],
      field: 'artifact',
      path,
      fileName: 'artifact.mender',
      contentType: 'application/octet-stream',
      sizeBytes: info.sizeBytes,
      mark,
    },
    client.context,
  )
  const { clock } = client.context
  const startedAt = clock.now().getTime()
  try {
    // 409: another run was faster with the same artifact, or with another of its name; the next look tells
    const request = { method: 'POST', path: artifactsPath, headers, body } as const
    const { status } = await client.http.send({ ...request, repeatable: false, accept: [201, 409] })
    return status === 409 ? await conflict(client, info) : undefined
  } catch (error) {
    if (!(error instanceof Failure && error.reason === 'unreachable')) throw error
    const tookMs = clock.now().getTime() - startedAt
    if (tookMs < proxyMs) return error
    const hint = 'where each try breaks after the same time, a proxy on the way limits how long it may take'
    return new Failure('unreachable', `${error.message} (after ${seconds(tookMs)}; ${hint})`, {
      cause: error,
    })
  }
}

async function conflict(client: MenderClient, info: ArtifactInfo): Promise<Failure | undefined> {
  if (await findSame(client, info)) return undefined
  return new Failure(
    'artifact-conflict',
    `${client.url} refuses ${info.name} for what another artifact there already claims, and does not list which`,
  )
}

/**
 * The artifact of this name for one of these device types, where it is the same in content. Throws `artifact-conflict`
 * where it is another one.
 */
async function findSame(client: MenderClient, info: ArtifactInfo): Promise<MenderArtifact | undefined> {
  const listed = await listArtifacts(client, info.name)
  const rivals = listed.filter((one) =>
    one.device_types_compatible.some((type) => info.deviceTypes.includes(type)),
  )
  for (const rival of rivals) {
    const listed = releaseArtifact(rival)
    const { contentDigest } = listed
    if (contentDigest === info.contentDigest) {
      requireSameVariant(client.url, info, listed)
      continue
    }
    // ours under our id with other content was damaged on the way
    const isOurs = rival.id === artifactIdOf(info)
    throw new Failure(
      isOurs ? 'upload-incomplete' : 'artifact-conflict',
      isOurs
        ? `${client.url} lists the artifact ${rival.id} with content ${contentDigest}, but the file has ${info.contentDigest}: delete it there and run again`
        : `${client.url} has another ${info.name} for ${rival.device_types_compatible.join(', ')}: its content is ${contentDigest}, this file's is ${info.contentDigest}. Give the new release a new name`,
    )
  }
  const [same] = rivals
  if (same) checkSize(client, info, same)
  return same
}

/** A signed and an unsigned file differ in size; the file that we sent must not. */
function checkSize(client: MenderClient, info: ArtifactInfo, listed: MenderArtifact): void {
  if (listed.id !== artifactIdOf(info) || listed.size === info.sizeBytes) return
  throw new Failure(
    'upload-incomplete',
    `${client.url} lists ${listed.size ?? 'no'} bytes for the artifact ${listed.id}, but the file has ${info.sizeBytes}: delete it there and run again`,
  )
}

function uploaded(
  client: MenderClient,
  info: ArtifactInfo,
  listed: MenderArtifact,
  isNew: boolean,
): Uploaded {
  return {
    artifactId: listed.id,
    release: info.name,
    contentDigest: info.contentDigest,
    sha256: info.sha256,
    url: `${client.url}/ui/releases/${encodeURIComponent(info.name)}`,
    isNew,
  }
}

// Any constant: it only keeps our ids apart from others' of the same kind.
const idSpace = Buffer.from('6d3f1f9e4c0b4f0e9a3a5b1d2c7e8f90', 'hex')

/** The id that we choose for a file: a UUID of its own digest (RFC 9562, version 5), so a repeated upload finds itself. */
function artifactIdOf(info: ArtifactInfo): string {
  const hash = createHash('sha1').update(idSpace).update(hexOf(info.sha256)).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}
