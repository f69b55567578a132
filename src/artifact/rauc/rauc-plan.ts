// What goes into a bundle in the making: checked, named and hashed before rauc starts, since the content digest may become a
// part of the release's name.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import {
  type Context,
  type Digest,
  Failure,
  digestOfFile,
  hexOf,
  readingFailure,
} from '../../platform/platform.ts'
import type { Findings } from '../findings.ts'
import { checkOutput, checkSourceDigest } from '../output.ts'
import { checkReleaseName, releaseNameOf } from '../release-facts.ts'
import { checkVariant, describedWith } from '../variant.ts'
import type { WriteRequest } from '../write-request.ts'
import { type BundleFile, contentOf } from './rauc-content.ts'
import type { PlannedManifest } from './format-manifest.ts'
import { type RaucImage, isPrintable } from './rauc-manifest.ts'
import type { RaucImageOptions, RaucOptions } from './rauc-options.ts'

/** A file that goes into a bundle under `name`. */
export interface BundledFile {
  name: string
  source: string
  sizeBytes: number
  isProgram: boolean
}

/** A bundle in the making. */
export interface BundlePlan {
  manifest: PlannedManifest
  files: readonly BundledFile[]
  contentDigest: Digest
}

/**
 * Plans the bundle of `request`. What a bundle can't hold or say is thrown as one failure, with what is in `findings` already,
 * before anything is hashed: `bad-input`, `file-missing`. Throws also the signal's reason, and `bad-input` where the source is
 * another than it should be.
 */
export async function planBundle(
  request: WriteRequest & RaucOptions,
  findings: Findings,
  { signal, log }: Context,
): Promise<BundlePlan> {
  const { compatible, images: chosen, programs } = await inputsOf(request, findings)
  const images: RaucImage[] = []
  for (const { slot, variant, hooks = [], bundled } of chosen) {
    const { name, source, sizeBytes } = bundled
    log.debug(`${source} becomes ${name}, ${sizeBytes} bytes`)
    const checksum = await checksumOf(source, signal)
    if (source === request.source) checkSourceDigest(request, checksum)
    images.push({ slot, variant, hooks, settings: {}, file: { name, sizeBytes, checksum } })
  }
  const others: BundleFile[] = []
  for (const { name, source } of programs) others.push({ name, checksum: await checksumOf(source, signal) })
  const hooks = request.hooks && { file: 'hook', isChecked: request.hooks.isChecked === true }
  const handler = request.handler && { file: 'handler', args: request.handler.args }
  const { contentDigest } = contentOf({ compatible, hooks, handler, images }, others)
  const { build, bundleFormat: format = 'verity' } = request
  const description = describedWith(request.description, request.imageVariant)
  const version = releaseNameOf(request.name, contentDigest)
  const planned = images.map(({ file, ...image }) => ({ ...image, fileName: file?.name ?? '' }))
  return {
    manifest: { compatible, version, description, build, format, hooks, handler, images: planned },
    files: [...chosen.map(({ bundled }) => bundled), ...programs],
    contentDigest,
  }
}

interface BundleInputs {
  compatible: string
  /** The source first. */
  images: readonly (RaucImageOptions & { bundled: BundledFile })[]
  programs: readonly BundledFile[]
}

/** All that goes into the bundle; throws one failure for all that is wrong. */
async function inputsOf(request: WriteRequest & RaucOptions, findings: Findings): Promise<BundleInputs> {
  checkReleaseName(request.name, findings)
  checkVariant(request.imageVariant, findings)
  const compatible = await findings.from(() => compatibleOf(request))
  const chosen = imagesOf(request)
  await findings.from(() => checkSlots(chosen))
  await findings.from(() => checkHooks(request, chosen))
  const images: (RaucImageOptions & { bundled: BundledFile })[] = []
  for (const image of chosen) {
    const bundled = await findings.from(() => imageFile(image))
    if (bundled !== undefined) images.push({ ...image, bundled })
  }
  const programs = await programsOf(request, findings)
  const others = [...images.map(({ file }) => file), ...programs.map(({ source }) => source)]
  await findings.from(() => checkOutput(request, 'rauc', others))
  return { compatible: findings.orFail(compatible), images, programs }
}

function compatibleOf({ deviceTypes }: WriteRequest): string {
  const [compatible, ...others] = new Set(deviceTypes)
  if (compatible === undefined) throw new Failure('bad-input', 'no device type: name the one that it is for')
  if (others.length > 0) {
    const named = [compatible, ...others].join(', ')
    throw new Failure(
      'bad-input',
      `a RAUC bundle is for one device type, not for ${named}: make one bundle for each`,
    )
  }
  if (isPrintable(compatible) && compatible.length <= 256 && compatible.trim() === compatible)
    return compatible
  throw new Failure('bad-input', `${JSON.stringify(compatible)} can't be a device type`)
}

/** The source first. */
function imagesOf(request: WriteRequest & RaucOptions): RaucImageOptions[] {
  const { slot = 'rootfs', source: file, variant, imageHooks: hooks, images = [] } = request
  return [{ slot, file, variant, hooks }, ...images]
}

function checkSlots(images: readonly RaucImageOptions[]): void {
  const seen = new Set<string>()
  for (const { slot, variant } of images) {
    const group = variant === undefined ? slot : `${slot}, variant ${variant}`
    if (seen.has(group)) throw new Failure('bad-input', `two images are for the slot ${group}: give it one`)
    seen.add(group)
  }
}

function checkHooks({ hooks }: RaucOptions, images: readonly RaucImageOptions[]): void {
  if (hooks !== undefined || !images.some((image) => (image.hooks?.length ?? 0) > 0)) return
  throw new Failure('bad-input', 'an image has hooks, but there is no script for them: give one')
}

// rauc tells by the end of a file's name what to do with it for which type of slot (src/update_handler.c)
const knownEnd = /\.(img|ext4|vfat|squashfs(-lz4|-lzo|-xz|-zst)?|ubifs|catar|tar(\.\w+)?)$/

function fileNameOf({ slot, variant, file }: RaucImageOptions): string {
  const [end = '.img'] = knownEnd.exec(basename(file)) ?? []
  return `${variant === undefined ? slot : `${slot}-${variant}`}${end}`
}

async function imageFile(image: RaucImageOptions): Promise<BundledFile> {
  const { file: source } = image
  return { name: fileNameOf(image), source, sizeBytes: await sizeOf(source, 'image'), isProgram: false }
}

async function programsOf({ hooks, handler }: RaucOptions, findings: Findings): Promise<BundledFile[]> {
  const given = [
    { name: 'handler', source: handler?.file },
    { name: 'hook', source: hooks?.file },
  ]
  const programs: BundledFile[] = []
  for (const { name, source } of given) {
    if (source === undefined) continue
    const sizeBytes = await findings.from(() => programSizeOf(source, name))
    if (sizeBytes !== undefined) programs.push({ name, source, sizeBytes, isProgram: true })
  }
  return programs
}

async function programSizeOf(source: string, name: string): Promise<number> {
  const sizeBytes = await sizeOf(source, `${name} script`)
  if (sizeBytes <= maxProgramBytes) return sizeBytes
  const rule = `a program of a bundle can have ${maxProgramBytes} at most`
  throw new Failure('bad-input', `${source} has ${sizeBytes} bytes: ${rule}`)
}

/** The reader takes no larger ones, either. */
const maxProgramBytes = 16 << 20

async function checksumOf(path: string, signal: AbortSignal): Promise<string> {
  try {
    return hexOf(await digestOfFile(path, signal))
  } catch (error) {
    signal.throwIfAborted() // with why, which the stream's own error hides
    throw error
  }
}

async function sizeOf(path: string, what: string): Promise<number> {
  try {
    // a pipe would make a plain open wait for its other end
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const facts = await file.stat()
    const why = !facts.isFile() ? 'is not a plain file' : facts.size === 0 ? 'is empty' : undefined
    if (why === undefined) return facts.size
    throw new Failure('bad-input', `the ${what} ${path} ${why}: give the path of a file`)
  } catch (error) {
    throw readingFailure(error, `the ${what} ${path}`)
  }
}
