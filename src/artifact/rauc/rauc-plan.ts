// What goes into a bundle in the making: checked, named and hashed before rauc starts, since the content digest may become a
// part of the release's name.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Context, Failure, digestOfFile, hasCode, hexOf, messageOf } from '../../platform/platform.ts'
import type { WriteRequest } from '../write-request.ts'
import { contentOf } from './rauc-content.ts'
import { type PlannedManifest, type RaucImage, isPrintable } from './rauc-manifest.ts'
import type { RaucImageOptions, RaucOptions } from './rauc-options.ts'

/** A file that goes into a bundle under `name`. */
export interface PlannedFile {
  name: string
  source: string
  sizeBytes: number
  isProgram: boolean
}

/** A bundle in the making. */
export interface BundlePlan {
  manifest: PlannedManifest
  files: readonly PlannedFile[]
  contentDigest: ReturnType<typeof contentOf>['contentDigest']
}

/**
 * Plans the bundle of `request`. Throws `bad-input` for what a bundle can't hold or say, `file-missing`, and the signal's
 * reason.
 */
export async function planBundle(
  request: WriteRequest & RaucOptions,
  { signal, log }: Context,
): Promise<BundlePlan> {
  const compatible = compatibleOf(request)
  checkName(typeof request.name === 'string' ? request.name : request.name.prefix)
  const wanted: RaucImageOptions[] = [
    {
      slot: request.slot ?? 'rootfs',
      file: request.source,
      variant: request.variant,
      hooks: request.imageHooks,
    },
    ...(request.images ?? []),
  ]
  checkSlots(wanted)
  const files: PlannedFile[] = []
  const images: RaucImage[] = []
  for (const image of wanted) {
    const name = fileNameOf(image)
    const sizeBytes = await sizeOf(image.file, 'image')
    log.debug(`${image.file} becomes ${name}, ${sizeBytes} bytes`)
    const checksum = await checksumOf(image.file, signal)
    if (image.file === request.source) checkDigest(checksum, request)
    files.push({ name, source: image.file, sizeBytes, isProgram: false })
    const { slot, variant, hooks = [] } = image
    images.push({ slot, variant, hooks, settings: {}, file: { name, sizeBytes, checksum } })
  }
  const programs = await programsOf(request, signal)
  const hooks = request.hooks && { file: 'hook', isChecked: request.hooks.isChecked === true }
  if (hooks === undefined && images.some((image) => image.hooks.length > 0))
    throw new Failure('bad-input', 'an image has hooks, but there is no script for them: give one')
  const handler = request.handler && { file: 'handler', args: request.handler.args }
  const { contentDigest } = contentOf({ compatible, hooks, handler, images }, programs.map(bundleFile))
  const { description, build, bundleFormat: format = 'verity' } = request
  const version = nameOf(request, contentDigest)
  const planned = images.map(({ file, ...image }) => ({ ...image, fileName: file?.name ?? '' }))
  return {
    manifest: { compatible, version, description, build, format, hooks, handler, images: planned },
    files: [...files, ...programs],
    contentDigest,
  }
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

function checkName(name: string): void {
  if (/^[^\s/\\]{1,200}$/u.test(name) && isPrintable(name) && !/^\.{1,2}$/.test(name)) return
  const rule = 'at most 200 characters, without white space and slashes'
  throw new Failure('bad-input', `${JSON.stringify(name)} can't be a release's name: ${rule}`)
}

function nameOf({ name }: WriteRequest, contentDigest: BundlePlan['contentDigest']): string {
  return typeof name === 'string' ? name : `${name.prefix}-${hexOf(contentDigest).slice(0, 12)}`
}

function checkSlots(images: readonly RaucImageOptions[]): void {
  const seen = new Set<string>()
  for (const { slot, variant } of images) {
    const group = variant === undefined ? slot : `${slot}, variant ${variant}`
    if (seen.has(group)) throw new Failure('bad-input', `two images are for the slot ${group}: give it one`)
    seen.add(group)
  }
}

// rauc tells by the end of a file's name what to do with it for which type of slot (src/update_handler.c)
const knownEnd = /\.(img|ext4|vfat|squashfs(-lz4|-lzo|-xz|-zst)?|ubifs|catar|tar(\.\w+)?)$/

function fileNameOf({ slot, variant, file }: RaucImageOptions): string {
  const [end = '.img'] = knownEnd.exec(basename(file)) ?? []
  return `${variant === undefined ? slot : `${slot}-${variant}`}${end}`
}

async function programsOf(
  { hooks, handler }: RaucOptions,
  signal: AbortSignal,
): Promise<(PlannedFile & { checksum: string })[]> {
  const given = [
    { name: 'handler', source: handler?.file },
    { name: 'hook', source: hooks?.file },
  ]
  const programs: (PlannedFile & { checksum: string })[] = []
  for (const { name, source } of given) {
    if (source === undefined) continue
    const sizeBytes = await sizeOf(source, `${name} script`)
    if (sizeBytes > maxProgramBytes) {
      const rule = `a program of a bundle can have ${maxProgramBytes} at most`
      throw new Failure('bad-input', `${source} has ${sizeBytes} bytes: ${rule}`)
    }
    const checksum = await checksumOf(source, signal)
    programs.push({ name, source, sizeBytes, isProgram: true, checksum })
  }
  return programs
}

/** The reader takes no larger ones, either. */
const maxProgramBytes = 16 << 20

function bundleFile({ name, checksum }: { name: string; checksum: string }) {
  return { name, checksum }
}

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
    if (error instanceof Failure) throw error
    const why = hasCode(error, 'ENOENT') ? 'there is no such file' : messageOf(error)
    throw new Failure('file-missing', `can't read the ${what} ${path}: ${why}`, { cause: error })
  }
}

function checkDigest(checksum: string, { source, sourceDigest }: WriteRequest): void {
  if (sourceDigest === undefined || hexOf(sourceDigest) === checksum) return
  throw new Failure(
    'bad-input',
    `${source} has the digest sha256:${checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`,
  )
}
