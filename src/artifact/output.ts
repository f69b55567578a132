// Where a new update file goes, which is checked before any work, and what is the same in all formats once it is written.
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Context, type Digest, Failure, hexOf } from '../platform/platform.ts'
import { checkReplaceable } from './archive/output-place.ts'
import type { PartialFile } from './archive/partial-file.ts'
import type { ArtifactFormat } from './artifact-info.ts'
import { megabytes } from './progress.ts'
import { openArtifact } from './read.ts'
import type { WriteRequest } from './write-request.ts'

const endings: Readonly<Record<ArtifactFormat, string>> = {
  mender: '.mender',
  swupdate: '.swu',
  rauc: '.raucb',
}

/** The folder that the file will be in. */
export function outputFolder({ output }: Pick<WriteRequest, 'output'>): string {
  return typeof output === 'string' ? dirname(output) : output.folder
}

/** The file of a release of this name. */
export function outputPath(
  { output }: Pick<WriteRequest, 'output'>,
  format: ArtifactFormat,
  name: string,
): string {
  return typeof output === 'string' ? output : join(output.folder, `${name}${endings[format]}`)
}

/**
 * Throws `bad-input` where the output is a folder or a device, would replace the source or one of `others`, the files that
 * go into it, or change a folder that does.
 */
export async function checkOutput(
  request: Pick<WriteRequest, 'output' | 'source' | 'name'>,
  format: ArtifactFormat,
  others: readonly string[],
): Promise<void> {
  const { output, source, name } = request
  const isKnown = typeof output === 'string' || typeof name === 'string'
  // a name that is made of the content is no input's
  const path = resolve(
    isKnown ? outputPath(request, format, typeof name === 'string' ? name : '') : output.folder,
  )
  let what: string | undefined
  if (isKnown && [source, ...others].some((input) => resolve(input) === path))
    what = 'the source itself, or another file that goes into it'
  else if (isKnown) await checkReplaceable(path)
  // else the next run would pack this one's result
  if (`${path}/`.startsWith(`${resolve(source)}/`) && (await isFolder(source))) what = 'in the source'
  if (what === undefined) return
  throw new Failure('bad-input', `the output ${path} is ${what}: give the path of another file to write`)
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined) // what it is instead is for the one who opens it to say
  return facts?.isDirectory() === true
}

/** Throws `bad-input` where the source's `checksum` (undefined where it isn't one file) is not that of its digest. */
export function checkSourceDigest(
  { source, sourceDigest }: Pick<WriteRequest, 'source' | 'sourceDigest'>,
  checksum: string | undefined,
): void {
  if (sourceDigest === undefined || checksum === undefined || hexOf(sourceDigest) === checksum) return
  throw new Failure(
    'bad-input',
    `${source} has the digest sha256:${checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`,
  )
}

/**
 * Gives a file that is written its name, and tells; where `verify` is asked for, after it was read back in full, and was
 * signed by `publicKey` where one is given. Gives its digest, where it was read back.
 */
export async function keepOutput(
  file: PartialFile,
  written: { path: string; publicKey: string | undefined; sourceBytes: number; sizeBytes: number },
  { verify }: Pick<WriteRequest, 'verify'>,
  { signal, log }: Context,
): Promise<Digest | undefined> {
  const { path, publicKey, sourceBytes, sizeBytes } = written
  const verifyKeys = publicKey === undefined ? [] : [publicKey]
  const sha256 =
    verify === true ? (await openArtifact(file.path, { verifyKeys, signal, log })).sha256 : undefined
  signal.throwIfAborted()
  await file.keepAs(path)
  const by = publicKey === undefined ? 'unsigned, for no key was given' : 'signed'
  log.info(`wrote ${path}: ${megabytes(sourceBytes)} in ${megabytes(sizeBytes)}, ${by}`)
  return sha256
}
