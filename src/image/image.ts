// Builds OS images: a base system from a builder (or the cache), the recipe's files over it, and an ext4 file system of it
// with its package lists. The same commit and the same package versions give the same bytes.
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type Context,
  type Digest,
  digestOfFile,
  hexOf,
  markedName,
  requirePrograms,
  seconds,
  storageFailure,
  sweep,
  writeAtomically,
} from '../platform/platform.ts'
import { machineSources } from './apt-sources.ts'
import { type BaseSystem, openBase } from './base-cache.ts'
import type { BaseRequest, Builder } from './builder.ts'
import { makeExt4 } from './ext4.ts'
import { applyRecipe, clean, fromOsRelease, nameImage, refusePasswords } from './finish.ts'
import { machineArch, mmdebstrap } from './mmdebstrap.ts'
import { type ImageFacts, installedPackages, manifestOf, sbomOf } from './packages.ts'
import { type Recipe, loadRecipe } from './recipe.ts'
import { imageTime } from './release.ts'
import { inMiB, requireSpace, withScratch } from './scratch.ts'
import { Tree } from './tree.ts'

export type { BaseRequest, BuildPlace, Builder } from './builder.ts'
export { recipeSchema } from './recipe.ts'

const expectedImageBytes = 512 << 20
const expectedContentBytes = 512 << 20

export interface BuildOptions {
  /** Path of `image.yml`. */
  recipe: string
  /** Debian's word for the architecture; the machine's own where undefined. */
  arch?: string | undefined
  /** One of the recipe's variants. */
  variant?: string | undefined
  /** Folder for the results; made where it is missing. */
  output: string
  /** Folder of finished base systems; `none` for no cache; the user's cache folder where undefined. */
  cache?: string | undefined
}

/** What a build left in the output folder; all paths are absolute. */
export interface BuiltImage {
  /** The root file system as ext4. Beside it stands `rootfs.ext4.release.json` with release and sha256. */
  rootfs: string
  /** What is flashed or booted: the same file as `rootfs`. */
  image: string
  /** Installed packages with versions, JSON. */
  manifest: string
  /** The same as CycloneDX 1.6. */
  sbom: string
  /** The release's name. */
  version: string
  /** Of the file `rootfs`. */
  sha256: Digest
  sizeBytes: number
  packages: number
  cacheHit: boolean
  /** False where the output folder had this very image already. */
  changed: boolean
}

/**
 * Builds the image that a recipe describes. Needs root (or user namespaces) only where the base system isn't in the cache.
 * Throws `file-missing`, `invalid-file`, `bad-input`, `build-failed`, `disk-full`, `missing-tool`, `missing-rights`.
 * After a failure or an abort nothing is left but earlier results. May be repeated, and several may run at once.
 */
export async function buildImage(
  options: BuildOptions,
  context: Context,
  builder: Builder = mmdebstrap,
): Promise<BuiltImage> {
  const { log } = context
  // known before a minute has gone into the base system
  requirePrograms(['mke2fs', 'debugfs', 'e2fsck'])
  const recipe = await loadRecipe(options.recipe, options.variant)
  const arch = options.arch ?? machineArch()
  const output = resolve(options.output)
  const time = await imageTime(recipe, context)
  const request = await requestOf(recipe, arch)
  await requireSpace(output, Math.max(expectedImageBytes, recipe.sizeBytes ?? 0), 'the image')
  const base = await log.group('Base system', () =>
    openBase(request, builder, cacheFolder(options.cache), context),
  )
  try {
    return await log.group('Image', () =>
      withScratch(expectedContentBytes, 'memory', context, (scratch) =>
        finish({ recipe, arch, output, time, base, scratch }, context),
      ),
    )
  } finally {
    await base.file.close()
  }
}

interface Build {
  recipe: Recipe
  arch: string
  output: string
  time: number
  base: BaseSystem
  scratch: string
}

async function finish(build: Build, context: Context): Promise<BuiltImage> {
  const { recipe, time, base } = build
  const startedAt = performance.now()
  const { log } = context
  const said = base.isFromCache ? 'base system from the cache' : 'base system built'
  const [contents, working] = [join(build.scratch, 'contents'), join(build.scratch, 'working')]
  await Promise.all([contents, working].map((folder) => mkdir(folder)))
  const tree = new Tree(contents)
  await tree.extract(base.file.fd, context.signal)
  clean(tree, time)
  await applyRecipe(tree, recipe, time, context)
  refusePasswords(tree)
  const packages = installedPackages(tree.text('var/lib/dpkg/status') ?? '')
  const { release, content } = nameImage(tree, recipe, base, time)
  log.info(`${said}, ${packages.length} packages, ${tree.entries().length} files and folders`)
  const facts: ImageFacts = {
    release,
    recipe: recipe.name,
    variant: recipe.variant,
    suite: recipe.suite,
    architecture: build.arch,
    time,
    distribution: { id: fromOsRelease(tree, 'ID') ?? 'debian', version: fromOsRelease(tree, 'VERSION_ID') },
    packages,
  }
  const built = await writeResults(tree, facts, content, { ...build, scratch: working }, context)
  log.info(`${release}: ${inMiB(built.sizeBytes)} in ${seconds(performance.now() - startedAt)}`)
  return built
}

/** Results become visible when all are made; the small file that names the image comes last. */
async function writeResults(
  tree: Tree,
  facts: ImageFacts,
  content: Digest,
  { recipe, output, time, base, scratch }: Build,
  context: Context,
): Promise<BuiltImage> {
  await mkdir(output, { recursive: true })
  await sweep(output, context)
  const rootfs = join(output, 'rootfs.ext4')
  const temporary = markedName(rootfs)
  try {
    const options = { path: temporary, sizeBytes: recipe.sizeBytes, time, uuid: uuidOf(content), scratch }
    const sizeBytes = await makeExt4(tree, options, context)
    const sha256 = await digestOfFile(temporary, context.signal)
    const named = `${JSON.stringify({ release: facts.release, sha256 }, null, 2)}\n`
    const about = `${rootfs}.release.json`
    const changed = (await readFile(about, 'utf8').catch(() => '')) !== named
    const [manifest, sbom] = [join(output, 'manifest.json'), join(output, 'sbom.cdx.json')]
    await rm(about, { force: true })
    await rename(temporary, rootfs)
    await writeAtomically(manifest, `${JSON.stringify(manifestOf(facts), null, 2)}\n`)
    await writeAtomically(sbom, `${JSON.stringify(sbomOf(facts), null, 2)}\n`)
    await writeAtomically(about, named)
    const { release: version, packages } = facts
    return {
      rootfs,
      image: rootfs,
      manifest,
      sbom,
      version,
      sha256,
      sizeBytes,
      packages: packages.length,
      cacheHit: base.isFromCache,
      changed,
    }
  } catch (error) {
    await rm(temporary, { force: true })
    throw storageFailure(error, output)
  }
}

async function requestOf(recipe: Recipe, arch: string): Promise<BaseRequest> {
  const { suite, packages, mirror } = recipe
  const named = mirror === undefined ? [] : [{ url: mirror, suite, components: ['main'], keyring: undefined }]
  const sources = mirror === undefined ? await machineSources(suite, arch) : named
  return { suite, arch, packages, sources }
}

function cacheFolder(given: string | undefined): string | undefined {
  if (given === 'none') return undefined
  return resolve(given ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'drover/images'))
}

// A UUID that is the content's: RFC 9562 version 8 (our own making), variant 10
function uuidOf(content: Digest): string {
  const hex = hexOf(content)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
