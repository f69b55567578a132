// Writes RAUC bundles with the program rauc, which has the only implementation of their formats that counts.
import { chmod, copyFile, link, mkdir, realpath, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Context, Failure, readText, requirePrograms } from '../../platform/platform.ts'
import type { ArtifactInfo, Compression } from '../artifact-info.ts'
import { Findings } from '../findings.ts'
import { outputFolder, outputPath } from '../output.ts'
import { megabytes } from '../progress.ts'
import type { WriteRequest, CheckedArtifact } from '../write-request.ts'
import { copyFast, inBundleFolder, keepBundle } from './bundle-folder.ts'
import { type RaucIdentity, raucIdentity, withIdentity } from './rauc-identity.ts'
import { formatManifest } from './format-manifest.ts'
import type { RaucOptions } from './rauc-options.ts'
import { type BundlePlan, type BundledFile, planBundle } from './rauc-plan.ts'
import { readRauc } from './read-rauc.ts'
import { runRauc } from './run-rauc.ts'

/**
 * Writes a signed bundle, which is read back in full before it gets its name, where it replaces what stood there. The same
 * input gives the same content digest and, with the same squashfs-tools, the same squashfs, but not the same file: every
 * signature has its time, and every hash tree a salt of its own. Beside the bundle it needs space for a copy of each image
 * that is on another file system than the output. Throws `missing-tool` before any work, `bad-input`, `bad-key`,
 * `file-missing`, `disk-full`, `build-failed`, and the signal's reason. May be repeated.
 */
export async function writeRauc(
  request: WriteRequest & RaucOptions,
  context: Context,
): Promise<CheckedArtifact> {
  requirePrograms(['rauc', 'mksquashfs', 'unsquashfs', 'openssl', 'prlimit'])
  const findings = new Findings()
  const signer = await findings.from(() => raucIdentity(request.signing, context.clock.now()))
  const keyring = await findings.from(() => keyringOf(request))
  const plan = await planBundle(request, findings, context)
  const identity = findings.orFail(signer)
  const { version: name } = plan.manifest
  const path = outputPath(request, 'rauc', name)
  return inBundleFolder(resolve(outputFolder(request)), context, async (work) => {
    const input = join(work, 'input')
    await mkdir(input)
    for (const file of plan.files) await bring(file, input, context)
    await writeFile(join(input, 'manifest.raucm'), formatManifest(plan.manifest))
    const bundle = join(work, 'bundle.raucb')
    await bundleUp({ input, bundle, work }, plan, identity, request, context)
    const info = await readRauc(bundle, {
      verifyKeys: [keyring ?? identity.publicKey],
      signal: context.signal,
    })
    checkContent(info, plan)
    await keepBundle(bundle, path, context.signal)
    const { sha256, contentDigest, sizeBytes } = info
    context.log.info(
      `wrote ${path}: ${megabytes(sizeBytes)}, ${info.bundle?.format}, for ${info.deviceTypes[0]}`,
    )
    return { path, name, sha256, contentDigest, sizeBytes }
  })
}

async function bundleUp(
  { input, bundle, work }: { input: string; bundle: string; work: string },
  plan: BundlePlan,
  identity: RaucIdentity,
  { compression }: WriteRequest,
  context: Context,
): Promise<void> {
  const needed = kernelNeeds[compression]
  if (needed !== undefined)
    context.log.info(`compressed with ${compression}: the devices' kernels need ${needed}`)
  const squashfs = ['-all-time 0 -mkfs-time 0', compressionArgs[compression], ...plan.files.map(modeOf)]
  const given = `--mksquashfs-args=${squashfs.join(' ')} -p 'manifest.raucm m 0644 0 0' -root-mode 0755`
  await withIdentity(identity, work, (signer) =>
    runRauc(['bundle', ...signer, given, input, bundle], bundle, context),
  )
}

const compressionArgs: Readonly<Record<Compression, string>> = {
  none: '-noI -noId -noD -noF -noX',
  gzip: '-comp gzip',
  zstd: '-comp zstd',
  xz: '-comp xz',
}

const kernelNeeds: Partial<Record<Compression, string>> = {
  zstd: 'CONFIG_SQUASHFS_ZSTD',
  xz: 'CONFIG_SQUASHFS_XZ',
}

/** Our own names, without anything that a shell or mksquashfs would take for more. */
function modeOf({ name, isProgram }: BundledFile): string {
  return `-p '${name} m ${isProgram ? '0755' : '0644'} 0 0'`
}

/** Puts a file into the input folder, without a copy of its bytes where the file system can do that. */
async function bring(
  { name, source, isProgram }: BundledFile,
  input: string,
  context: Context,
): Promise<void> {
  const from = await realpath(source)
  const to = join(input, name)
  if (isProgram) {
    await copyFile(from, to)
    return chmod(to, 0o755)
  }
  for (const way of [() => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE), () => link(from, to)]) {
    const isThere = await way().then(
      () => true,
      () => false,
    )
    if (isThere) return
  }
  context.log.info(`copying ${source}, which is on another file system than the output`)
  await copyFast(from, to, context.signal)
}

async function keyringOf({ keyring: path }: RaucOptions): Promise<string | undefined> {
  return path === undefined ? undefined : readText(path, undefined, `the keyring ${path}`)
}

function checkContent({ contentDigest, name }: ArtifactInfo, plan: BundlePlan): void {
  if (contentDigest === plan.contentDigest && name === plan.manifest.version) return
  throw new Failure(
    'bad-input',
    'an image or a program changed while it was packed: run again when nothing writes to them',
  )
}
