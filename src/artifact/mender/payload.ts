import { open, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Context, Failure, digestOfFile, hexOf } from '../../platform/platform.ts'
import { FolderArchive } from '../archive/folder-archive.ts'
import { type PlannedFile, planFile } from '../archive/file-blocks.ts'
import { SourceImage, fitName, fitNames } from '../archive/source-image.ts'
import { Findings } from '../findings.ts'
import { FileContent, type PayloadContent, TextContent } from './payload-content.ts'
import type { PayloadChoice } from './payload-choice.ts'

/** A payload that can be written: its sizes are known, its files' checksums once they were written. */
export interface Payload extends AsyncDisposable {
  /** null for a payload that brings only provides. */
  type: string | null
  contents: readonly PayloadContent[]
  metaData: Readonly<Record<string, unknown>>
  /** The checksum of the root file system that a device has afterwards; undefined for other payloads. */
  imageChecksum(): string | undefined
  /** The source's checksum, where the source is one file; to be asked after it was written. */
  sourceChecksum(): string | undefined
}

/** A manifest names every file, and a reader holds it in memory. */
const maxFiles = 4096

/** Opens what an artifact brings; throws `file-missing` and `bad-input`, one failure for all that is wrong. */
export async function openPayload(choice: PayloadChoice, source: string, context: Context): Promise<Payload> {
  switch (choice.kind) {
    case 'rootfs-image':
      return imagePayload(await SourceImage.open(source))
    case 'bootstrap':
      return bootstrapPayload(source, context.signal)
    case 'directory':
      return directoryPayload(choice, source, context)
    case 'single-file':
      return singleFilePayload(choice, source)
    case 'docker':
      warnOfTags(choice.containers, context)
      return payload('docker', [], { containers: choice.containers, run_args: choice.runArgs })
    case 'module-image':
      return filesPayload(choice.type, choice.hasSource ? [source] : [], choice.files, choice.metaData)
    case 'script':
    case 'deb':
      return filesPayload(choice.kind, [source], choice.files, {})
  }
}

function payload(
  type: string | null,
  contents: readonly PayloadContent[],
  metaData: Payload['metaData'] = {},
  sourceContent?: PayloadContent,
): Payload {
  return {
    type,
    contents,
    metaData,
    imageChecksum: () => undefined,
    sourceChecksum: () => sourceContent?.checksum(),
    [Symbol.asyncDispose]: async () => {},
  }
}

function imagePayload(image: SourceImage): Payload {
  const checksum = once(() => image.checksum())
  const content: PayloadContent = {
    name: image.name,
    sizeBytes: image.sizeBytes,
    blocks: (blocksKept, signal) => image.blocks(blocksKept, signal),
    checksum,
  }
  return {
    ...payload('rootfs-image', [content], {}, content),
    imageChecksum: checksum,
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose](),
  }
}

async function bootstrapPayload(source: string, signal: AbortSignal): Promise<Payload> {
  await planFile(source)
  const checksum = hexOf(await digestOfFile(source, signal))
  return { ...payload(null, []), imageChecksum: () => checksum, sourceChecksum: () => checksum }
}

async function directoryPayload(
  { destDir, keep }: Extract<PayloadChoice, { kind: 'directory' }>,
  source: string,
  context: Context,
): Promise<Payload> {
  if ((await stat(source).catch(() => undefined))?.isDirectory() === false) {
    throw new Failure('bad-input', `the source ${source} is no folder, which the payload directory needs`)
  }
  const archive = await FolderArchive.open(source, 'update.tar', keep)
  const [stripped] = archive.stripped
  if (stripped !== undefined) {
    context.log.warn(
      `${archive.stripped.length} of the files lose their set-id or sticky bits, the first is ${stripped}: ` +
        'give the option keep: [modes] where they are meant',
    )
  }
  return payload('directory', [archive, new TextContent('dest_dir', `${destDir}\n`)])
}

async function singleFilePayload(
  choice: Extract<PayloadChoice, { kind: 'single-file' }>,
  source: string,
): Promise<Payload> {
  const file = await planFile(source)
  const filename = choice.filename ?? basename(source)
  checkName(filename, source)
  // only the bit that Git keeps: the others depend on who checked it out
  const mode = ((await stat(source)).mode & 0o100) === 0 ? '644' : '755'
  const content = new FileContent(filename, file)
  const texts = [
    new TextContent('dest_dir', `${choice.destDir}\n`),
    new TextContent('filename', `${filename}\n`),
    new TextContent('permissions', `${choice.permissions ?? mode}\n`),
  ]
  if (texts.some(({ name }) => name === filename)) {
    throw new Failure(
      'bad-input',
      `the update module single-file keeps ${filename} for itself: give another filename`,
    )
  }
  return payload('single-file', [...texts, content], {}, content)
}

async function filesPayload(
  type: string,
  sources: readonly string[],
  more: readonly string[],
  metaData: Payload['metaData'],
): Promise<Payload> {
  const findings = new Findings()
  const paths = (
    await Promise.all(sources.map((source) => findings.from(() => filesOf(source, type))))
  ).flat()
  const contents: FileContent[] = []
  for (const path of [...paths, ...more]) {
    if (path === undefined) continue
    // what a package is called is nothing to dpkg, and ~ and + are common in their names
    const name = type === 'deb' ? basename(path).replaceAll(/[^A-Za-z0-9._,-]/g, '_') : basename(path)
    const content = await findings.from(async () => {
      const file = await planFile(path)
      checkName(name, path)
      if (type === 'deb') await checkPackage(file)
      const twin = contents.find((other) => other.name === name)
      if (twin === undefined) return new FileContent(name, file)
      throw new Failure(
        'bad-input',
        `${twin.path} and ${path} have the same name, which the payload can't have twice`,
      )
    })
    if (content !== undefined) contents.push(content)
  }
  if (contents.length > maxFiles) {
    const what = `${contents.length} files are too many for one payload, which has at most ${maxFiles}`
    findings.add(new Failure('bad-input', `${what}: use the payload directory`))
  }
  findings.fail()
  return payload(
    type,
    contents,
    metaData,
    contents.find(({ path }) => path === sources[0]),
  )
}

/** The source itself, or all files of the folder that it is. */
async function filesOf(source: string, type: string): Promise<string[]> {
  if ((await stat(source).catch(() => undefined))?.isDirectory() !== true) return [source]
  const entries = (await readdir(source, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
  const other = entries.find((entry) => !entry.isFile())
  if (other !== undefined) {
    const what = `${join(source, other.name)} is no plain file, and the payload ${type} has only such`
    throw new Failure('bad-input', `${what}: remove it, or name the files one by one`)
  }
  if (entries.length > 0) return entries.map(({ name }) => join(source, name))
  throw new Failure(
    'bad-input',
    `the folder ${source} has no file: give a file, or a folder with at least one`,
  )
}

function checkName(name: string, path: string): void {
  if (fitName.test(name)) return
  throw new Failure(
    'bad-input',
    `${path} has a name that devices refuse (${fitNames}): rename it, or use the payload directory`,
  )
}

async function checkPackage({ path }: PlannedFile): Promise<void> {
  await using file = await open(path)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(21), 0, 21, 0)
  const isPackage = buffer.toString('latin1', 0, bytesRead) === '!<arch>\ndebian-binary'
  if (isPackage && path.endsWith('.deb')) return
  const why = isPackage ? 'has no name that ends in .deb' : 'is no Debian package'
  throw new Failure('bad-input', `${path} ${why}: dpkg on the device would not install it`)
}

function warnOfTags(containers: readonly string[], { log }: Context): void {
  for (const container of containers) {
    if (/@sha256:[0-9a-f]{64}$/.test(container)) continue
    log.warn(
      `the container image ${container} is not pinned by its digest (name@sha256:…): devices run what it is when they pull it`,
    )
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}
