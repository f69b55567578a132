import * as v from 'valibot'
import { type ArtifactInfo, inspectArtifact } from '../artifact/artifact.ts'
import { Failure, hexOf, oneLine } from '../platform/platform.ts'
import type { Spool } from './artifact-files.ts'
import { insertArtifact, refuseDuplicate } from './artifacts.ts'
import { type Core, newId } from './core.ts'
import type { Exchange, Reply } from './exchange.ts'
import { type Part, boundaryOf, readParts, textOf } from './multipart.ts'
import { Refusal } from './refusal.ts'

const maxDescriptionBytes = 4096

/** What stands before the artifact in an upload. */
interface Fields {
  description: string
  /** Chosen by the client, so that it can find its upload again. */
  id: string
  sizeBytes: number | undefined
}

/**
 * Takes an upload: the small parts first, the artifact last (what follows it is ignored). It is checked while it arrives,
 * every byte of it; nothing is stored unless all of it is right.
 */
export async function receiveUpload(core: Core, exchange: Exchange): Promise<Reply> {
  const boundary = boundaryOf(exchange.header('content-type'))
  if (Number(exchange.header('content-length') ?? 0) > core.maxArtifactBytes + (1 << 20)) throw tooLarge(core)
  const fields: Fields = { description: '', id: newId(), sizeBytes: undefined }
  // not destroyed when we stop reading: a refusal still has to go out
  const source = exchange.request.iterator({ destroyOnReturn: false })
  try {
    for await (const part of readParts(source, boundary)) {
      if (part.name === 'artifact') return await receiveArtifact(core, exchange, part, fields)
      if (part.name === 'description') fields.description = await textOf(part, maxDescriptionBytes)
      else if (part.name === 'artifact_id') fields.id = uuidIn(await textOf(part, 64))
      else if (part.name === 'size') fields.sizeBytes = sizeIn(await textOf(part, 20))
    }
  } finally {
    await source.return?.()
  }
  throw new Refusal(400, 'request does not contain the artifact: the part "artifact" is missing')
}

async function receiveArtifact(core: Core, exchange: Exchange, part: Part, fields: Fields): Promise<Reply> {
  const spool = await core.files.receive()
  try {
    const info = await inspect(core, arriving(core, part, spool, fields))
    await core.files.exclusively(() => store(core, spool, fields, info))
    core.log.info(
      `artifact ${oneLine(info.name)} for ${oneLine(info.deviceTypes.join(', '))}: stored, ${info.sizeBytes} bytes`,
    )
    return { status: 201, headers: { Location: `${exchange.url.pathname}/${fields.id}` } }
  } finally {
    await spool.drop()
  }
}

/** The file first, then its row: a crash between the two leaves a file that the next start removes. */
async function store(core: Core, spool: Spool, fields: Fields, info: ArtifactInfo): Promise<void> {
  const sha256 = hexOf(info.sha256)
  refuseDuplicate(core, fields.id, info)
  await spool.keep(sha256)
  try {
    insertArtifact(core, fields.id, fields.description, info)
  } catch (error) {
    await core.files.remove(sha256)
    throw error
  }
}

async function inspect(core: Core, source: AsyncIterable<Uint8Array>): Promise<ArtifactInfo> {
  try {
    return await inspectArtifact(source, { limits: { artifactBytes: core.maxArtifactBytes } })
  } catch (error) {
    if (error instanceof Failure && error.reason === 'artifact-damaged')
      throw new Refusal(400, `Cannot parse artifact file: ${oneLine(error.message)}`, { cause: error })
    throw error
  }
}

/** The artifact's bytes, each chunk written down before it is handed on. */
async function* arriving(
  core: Core,
  part: Part,
  spool: Spool,
  { sizeBytes }: Fields,
): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of part.body) {
    size += chunk.length
    if (size > core.maxArtifactBytes) throw tooLarge(core)
    if (sizeBytes !== undefined && size > sizeBytes) throw wrongSize(sizeBytes)
    await spool.write(chunk)
    yield chunk
  }
  if (sizeBytes !== undefined && size !== sizeBytes) throw wrongSize(sizeBytes)
}

function tooLarge(core: Core): Refusal {
  return new Refusal(413, `artifact too large (max: ${core.maxArtifactBytes} bytes)`)
}

function wrongSize(sizeBytes: number): Refusal {
  return new Refusal(400, `the artifact does not have the ${sizeBytes} bytes that the part "size" says`)
}

function uuidIn(text: string): string {
  const result = v.safeParse(v.pipe(v.string(), v.trim(), v.uuid()), text)
  if (!result.success) throw new Refusal(400, 'the part "artifact_id" is no UUID')
  return result.output.toLowerCase()
}

function sizeIn(text: string): number {
  if (!/^\d{1,15}$/.test(text.trim())) throw new Refusal(400, 'the part "size" is no number of bytes')
  return Number(text)
}
