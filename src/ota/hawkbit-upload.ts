// Puts an artifact file onto a hawkBit server, once, whatever breaks on the way: module, file, metadata, distribution set.
// The set comes last, so what was left half done is no release; a next run finds it by its names and goes on with it.
import type { ArtifactInfo } from '../artifact/artifact.ts'
import { Failure, digestOf, hexOf, multipart } from '../platform/platform.ts'
import { type ArtifactFile, openArtifactFile, requireSignedThere } from './artifact-file.ts'
import { type HawkbitClient, errorCodeOf, quoted } from './hawkbit-client.ts'
import { isDecisive, kindOf, providesOf, typesOf } from './hawkbit-kinds.ts'
import { checkFile, hasItsFile } from './hawkbit-module-file.ts'
import {
  type HawkbitArtifact,
  extensions,
  findArtifacts,
  keys,
  listFiles,
  readModuleFacts,
} from './hawkbit-releases.ts'
import { softwareModule } from './hawkbit-schemas.ts'
import { checkFormat } from './hawkbit-updaters.ts'
import { requireSameVariant } from './lab-artifact.ts'
import type { Uploaded } from './ota-server.ts'

const attempts = 3
const [maxName, maxVersion, maxValue] = [128, 64, 4000]

/** Uploads a file; see `OtaServer.upload`. */
export async function uploadArtifact(
  client: HawkbitClient,
  path: string,
  verifyKeys: readonly string[] = [],
): Promise<Uploaded> {
  const { context } = client
  const file = await openArtifactFile(path, verifyKeys, context)
  const { info } = file
  checkName(path, info.name)
  if (kindOf(info) === 'configuration') {
    context.log.info(`${info.name} is a configuration, and no release of the OS`)
  }
  for (let attempt = 1; ; attempt++) {
    const existing = await findSame(client, info)
    if (existing && isWhole(client, info, existing)) {
      requireSignedThere(client.url, info, existing.isSigned, verifyKeys)
      return uploaded(client, info, existing, attempt > 1)
    }
    await checkFormat(client, info)
    const failure = await store(client, file)
    if (failure === undefined) break
    if (attempt === attempts) throw failure
    // what broke may have succeeded, so the next round looks first
    context.log.warn(`upload ${attempt} of ${attempts} broke: ${failure.message}`)
    await context.clock.sleep(1000 * 2 ** (attempt - 1), context.signal)
  }
  const stored = await findSame(client, info)
  if (stored && isWhole(client, info, stored)) return uploaded(client, info, stored, true)
  throw new Failure(
    'upload-incomplete',
    `${client.url} took the upload of ${info.name}, but does not list it: look at the server's own log`,
  )
}

function checkName(path: string, name: string): void {
  if (name !== '' && name.length <= maxName) return
  throw new Failure(
    'bad-input',
    name === ''
      ? `${path} has no release name, and hawkBit needs one: package it with a name`
      : `${path}: hawkBit takes names of ${maxName} characters, and this release's has ${name.length}: shorten it`,
  )
}

/** Returns what may pass with another try; throws what would not. */
async function store(client: HawkbitClient, file: ArtifactFile): Promise<Failure | undefined> {
  const { info } = file
  try {
    const module = await findOrCreateModule(client, info)
    const files = await listFiles(client, module)
    if (files.length === 0) await send(client, file, module)
    const where = placeOf(client, info.name, versionOf(info), module)
    checkFile(where, info, files.length === 0 ? await listFiles(client, module) : files)
    await describe(client, info, module)
    await createSet(client, info, module)
    return undefined
  } catch (error) {
    if (error instanceof Failure && error.reason === 'unreachable') return error
    throw error
  }
}

async function findOrCreateModule(client: HawkbitClient, info: ArtifactInfo): Promise<number> {
  const found = await findModule(client, info)
  if (found !== undefined) return found
  const module = {
    name: info.name,
    version: versionOf(info),
    type: typesOf[kindOf(info)].module,
    description: infoText(info),
  }
  const { status } = await client.http.send({
    method: 'POST',
    path: '/softwaremodules',
    json: [module],
    accept: [200, 201, 409],
  })
  const made = await findModule(client, info)
  if (made !== undefined) return made
  throw status === 409 ? deleted(client, 'software module', info) : unlisted(client, info)
}

async function findModule(client: HawkbitClient, info: ArtifactInfo): Promise<number | undefined> {
  const version = versionOf(info)
  const query = `name==${quoted(info.name)};version==${quoted(version)};type==${typesOf[kindOf(info)].module}`
  const all = await client.list('/softwaremodules', { sort: 'id:ASC', query }, softwareModule)
  return all.find((one) => one.name === info.name && one.version === version && one.deleted !== true)?.id
}

async function send(
  client: HawkbitClient,
  { path, info, mark }: ArtifactFile,
  module: number,
): Promise<void> {
  const fileName = fileNameOf(info)
  const { headers, body } = multipart(
    {
      fields: [],
      field: 'file',
      path,
      fileName,
      contentType: 'application/octet-stream',
      sizeBytes: info.sizeBytes,
      mark,
    },
    client.context,
  )
  const search = new URLSearchParams({ filename: fileName, sha256sum: hexOf(info.sha256) })
  const target = `/softwaremodules/${module}/artifacts?${search.toString()}`
  // 409: another run was faster; the look that follows tells with what
  const request = { method: 'POST', path: target, headers, body, repeatable: false } as const
  const reply = await client.http.send({ ...request, accept: [200, 201, 400, 409, 423] })
  if (reply.status === 400) {
    const code = errorCodeOf(reply) ?? 'bad request'
    throw new Failure(
      code.startsWith('artifact.uploadFailed') ? 'upload-incomplete' : 'server-refused',
      `${client.url} refused the file of ${info.name} (${code}): it arrived otherwise than it was sent. Run again`,
    )
  }
  if (reply.status === 423) {
    throw new Failure(
      'artifact-conflict',
      `${client.url} has ${info.name} locked, without a file: somebody ordered it before it was whole. Give the release a new name`,
    )
  }
}

/** The server replaces entries of the same key, so this may be repeated. */
async function describe(client: HawkbitClient, info: ArtifactInfo, module: number): Promise<void> {
  const provides = providesText(info)
  const entries = [
    [keys.contentDigest, info.contentDigest],
    [keys.sha256, info.sha256],
    [keys.deviceTypes, JSON.stringify(info.deviceTypes)],
    [keys.signed, String(info.signature !== 'none')],
    [keys.format, info.format],
    [keys.provides, provides],
    ...(info.format === 'rauc' ? info.deviceTypes.map((type) => [keys.bundleFor, type] as const) : []),
  ] as const
  const [tooLong] = entries.find(([, value]) => value.length > maxValue) ?? []
  if (tooLong !== undefined) {
    const what = tooLong === keys.provides ? 'variants' : 'device types'
    throw new Failure('bad-input', `${info.name}: its ${what} don't fit into hawkBit's metadata`)
  }
  await client.http.send({
    method: 'POST',
    path: `/softwaremodules/${module}/metadata`,
    json: entries.map(([key, value]) => ({ key, value, targetVisible: false })),
    repeatable: true,
    accept: [200, 201, 204, 409],
  })
  const stored = await readModuleFacts(client, module)
  if (stored?.contentDigest === info.contentDigest) return
  throw new Failure(
    'upload-incomplete',
    `${client.url} did not keep the content digest of ${info.name}: its software module ${module} says ${stored?.contentDigest ?? 'nothing'}`,
  )
}

/** All that it provides, or where that doesn't fit what is decided by. */
function providesText(info: ArtifactInfo): string {
  const all = providesOf(info)
  const text = JSON.stringify(all)
  if (text.length <= maxValue) return text
  const kept = Object.entries(all).filter(([name]) => isDecisive(name))
  return JSON.stringify(Object.fromEntries(kept))
}

async function createSet(client: HawkbitClient, info: ArtifactInfo, module: number): Promise<void> {
  const set = {
    name: info.name,
    version: versionOf(info),
    type: typesOf[kindOf(info)].set,
    description: infoText(info),
    modules: [{ id: module }],
  }
  const { status } = await client.http.send({
    method: 'POST',
    path: '/distributionsets',
    json: [set],
    accept: [200, 201, 409],
  })
  if (status !== 409 || (await findSame(client, info))) return
  throw deleted(client, 'distribution set', info)
}

/** The release's artifact for these device types, where its content is the same; `artifact-conflict` where it isn't. */
async function findSame(client: HawkbitClient, info: ArtifactInfo): Promise<HawkbitArtifact | undefined> {
  const listed = await findArtifacts(client, info.name)
  const isFor = ({ deviceTypes: types }: HawkbitArtifact) =>
    types.length === 0 ||
    info.deviceTypes.length === 0 ||
    types.some((type) => info.deviceTypes.includes(type))
  const rivals = listed.filter(isFor)
  const other = rivals.find(({ contentDigest }) => contentDigest !== info.contentDigest)
  if (other) {
    throw new Failure(
      'artifact-conflict',
      `${client.url} has another ${info.name} for ${other.deviceTypes.join(', ') || 'any device'}: its content is ${other.contentDigest}, this file's is ${info.contentDigest}. Give the new release a new name`,
    )
  }
  for (const rival of rivals) requireSameVariant(client.url, info, rival)
  return rivals[0]
}

/** Whether the file is there, too; false where it can be put back. */
function isWhole(client: HawkbitClient, info: ArtifactInfo, { set, ...artifact }: HawkbitArtifact): boolean {
  const where = placeOf(client, set.name, set.version, set.modules?.[0]?.id)
  if (hasItsFile(where, info, artifact)) return true
  const isSamePlace = set.name === info.name && set.version === versionOf(info)
  if (!isSamePlace) {
    throw new Failure(
      'artifact-conflict',
      `${where} has no file any more: upload the one for ${artifact.deviceTypes.join(', ')} again, or give the release a new name`,
    )
  }
  client.context.log.warn(`${where} has no file any more: somebody removed it. It is uploaded again`)
  return false
}

function placeOf({ url }: HawkbitClient, name: string, version: string, module: number | undefined): string {
  return `${url}: software module ${module ?? '?'} (${name} ${version})`
}

function uploaded(
  { url, context }: HawkbitClient,
  info: ArtifactInfo,
  stored: HawkbitArtifact,
  isNew: boolean,
): Uploaded {
  if (!isNew) context.log.info(`the server has it: distribution set ${stored.id}`)
  if (stored.isSigned !== (info.signature !== 'none')) {
    context.log.warn(
      `the server's ${info.name} is ${stored.isSigned ? '' : 'not '}signed, this file is${stored.isSigned ? ' not' : ''}; it stays as it is`,
    )
  }
  return {
    artifactId: stored.id,
    release: info.name,
    contentDigest: info.contentDigest,
    sha256: info.sha256,
    url: `${url}/rest/v1/distributionsets/${stored.id}`,
    isNew,
  }
}

/** The version under which module and set stand: the device types, so that a release's artifacts have one each. */
function versionOf({ deviceTypes }: ArtifactInfo): string {
  const types = [...new Set(deviceTypes)].sort()
  const readable = types.join('+') || 'any'
  // a hash where the names don't fit, or where a "+" in one of them would make two lists look the same
  const isPlain = readable.length <= maxVersion && types.every((type) => /^[A-Za-z0-9._-]+$/.test(type))
  return isPlain ? readable : `types-${hexOf(digestOf(JSON.stringify(types))).slice(0, 24)}`
}

function fileNameOf(info: ArtifactInfo): string {
  return `${info.name.replace(/[^A-Za-z0-9._-]/g, '_')}.${extensions[info.format]}`
}

function infoText({ contentDigest, format }: ArtifactInfo): string {
  return `${format} artifact, content ${contentDigest}`
}

function deleted(client: HawkbitClient, what: string, info: ArtifactInfo): Failure {
  return new Failure(
    'artifact-conflict',
    `${client.url} had a ${what} ${info.name} ${versionOf(info)} that was deleted, and never gives its name away again: give the release a new name`,
  )
}

function unlisted(client: HawkbitClient, info: ArtifactInfo): Failure {
  return new Failure(
    'unexpected-reply',
    `${client.url} took the software module ${info.name} ${versionOf(info)}, but does not list it`,
  )
}
