// Builds OS images: a base system from a builder (or the cache), the recipe's files over it, and an ext4 file system of it
// with its package lists. The same commit and the same package versions give the same bytes.
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type Context,
  type Digest,
  Failure,
  cacheFolder,
  machineArch,
  requirePrograms,
  seconds,
} from '../platform/platform.ts'
import { machineSources } from './apt-sources.ts'
import { type BaseSystem, openBase } from './base-cache.ts'
import type { BaseRequest, Builder } from './builder.ts'
import { type PackageDifferences, differencesFromLast } from './differences.ts'
import { commandBuilder } from './command-builder.ts'
import { diskPrograms } from './disk.ts'
import { applyRecipe, clean, fromOsRelease, nameImage, refusePasswords } from './finish.ts'
import { mmdebstrap } from './mmdebstrap.ts'
import { type ImageFacts, installedPackages } from './packages.ts'
import { withPlaybooks } from './playbook.ts'
import { type Recipe, loadRecipe } from './recipe.ts'
import { imageTime } from './release.ts'
import { refuseDifferences } from './reproducible.ts'
import { writeResults } from './results.ts'
import { inMiB, withScratch } from './scratch.ts'
import type { SharedCache } from './shared-cache.ts'
import { expectedContentBytes, requireRoom } from './space.ts'
import { type FileEntries, Tree } from './tree.ts'
import { setServices } from './units.ts'

export type { BaseRequest, BuildPlace, Builder } from './builder.ts'
export type { PackageDifferences } from './differences.ts'
export { imageSummary } from './image-summary.ts'
export { recipeSchema } from './recipe-schema.ts'
export type { SharedCache } from './shared-cache.ts'

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
  /** Where base systems also are, for machines that begin with an empty disk; asked only where `cache` has none. */
  shared?: SharedCache | undefined
  /** `check` builds a second time, from nothing, and compares; nothing is compared where it is `assume` or undefined. */
  reproducible?: 'assume' | 'check' | undefined
}

/** What a build left in the output folder; all paths are absolute. */
export interface BuiltImage {
  /** The root file system as ext4. Beside it stands `rootfs.ext4.release.json` with release and sha256. */
  rootfs: string
  /** What is flashed: `disk.img.xz` (or `.zst`) with its block map beside it where the recipe has a `disk`, else the same as `rootfs`. */
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
  /** Against the build before that the cache knows of; undefined where it knows none. */
  differences: PackageDifferences | undefined
  /** Whether it was built twice and both were the same bytes. */
  isChecked: boolean
}

/**
 * Builds the image that a recipe describes. Needs root (or user namespaces) only where the base system isn't in the cache.
 * With `check`, throws `build-failed` where a second build differs. Throws `file-missing`, `invalid-file`, `bad-input`, `build-failed`, `disk-full`, `missing-tool`, `missing-rights`.
 * After a failure or an abort nothing is left but earlier results. May be repeated, and several may run at once.
 */
export async function buildImage(
  options: BuildOptions,
  context: Context,
  given?: Builder,
): Promise<BuiltImage> {
  const { tree, ...built } = await buildOnce(options, context, given)
  if (options.reproducible !== 'check') return { ...built, isChecked: false }
  await withScratch(2 * built.sizeBytes, 'disk', context, async (scratch) => {
    const [output, differing] = [join(scratch, 'again'), join(scratch, 'differing')]
    await mkdir(differing)
    const again = await buildOnce({ ...options, output, cache: 'none' }, context, given)
    await refuseDifferences({ ...built, tree }, again, differing, context)
  })
  context.log.info('built twice, the second time from nothing: the same bytes')
  return { ...built, isChecked: true }
}

type BuiltOnce = Omit<BuiltImage, 'isChecked'> & { tree: FileEntries }

async function buildOnce(options: BuildOptions, context: Context, given?: Builder): Promise<BuiltOnce> {
  const { log } = context
  // known before a minute has gone into the base system
  requirePrograms(['mke2fs', 'debugfs', 'e2fsck'])
  const recipe = await loadRecipe(options.recipe, options.variant)
  if (recipe.disk) requirePrograms(diskPrograms(recipe.disk))
  if (recipe.playbooks.length > 0) requirePrograms(['ansible-playbook', 'tar', 'unshare', 'setpriv'])
  const arch = options.arch ?? machineArch()
  const output = resolve(options.output)
  const time = await imageTime(recipe, context)
  const request = await requestOf(recipe, arch)
  const ofRecipe = commandBuilder(recipe)
  // what another program makes of is its own matter: only it can know whether it has to be made again
  const kept = ofRecipe ? undefined : baseCache(options.cache)
  const caches = kept === undefined ? undefined : { folder: kept, shared: options.shared }
  const builder = given ?? ofRecipe ?? mmdebstrap
  await requireRoom(recipe, builder, output, context)
  const base = await log.group('Base system', () => openBase(request, builder, caches, context))
  try {
    return await log.group('Image', () =>
      withScratch(expectedContentBytes, 'memory', context, (scratch) =>
        finish({ recipe, request, output, time, base, scratch, cache: baseCache(options.cache) }, context),
      ),
    )
  } finally {
    await base.file.close()
  }
}

interface Build {
  recipe: Recipe
  request: BaseRequest
  output: string
  time: number
  base: BaseSystem
  scratch: string
  cache: string | undefined
}

async function finish(build: Build, context: Context): Promise<BuiltOnce> {
  const { recipe, time, base } = build
  const startedAt = performance.now()
  const { log } = context
  const said = base.isFromCache ? 'base system from the cache' : 'base system built'
  const inScratch = (name: string) => join(build.scratch, name)
  const [contents, playbooks, working] = [inScratch('contents'), inScratch('playbooks'), inScratch('working')]
  await Promise.all([contents, playbooks, working].map((folder) => mkdir(folder)))
  const fresh = new Tree(contents)
  await fresh.extract(base.file.fd, context.signal)
  clean(fresh, time)
  await applyRecipe(fresh, recipe, time, context)
  const cache = build.cache && join(build.cache, 'playbooks')
  const tree = await withPlaybooks(fresh, { ...build, cache, contents: playbooks }, context)
  setServices(tree, recipe.services, time)
  refusePasswords(tree)
  const packages = installedPackages(tree.text('var/lib/dpkg/status') ?? '')
  const { release, content } = nameImage(tree, recipe, base, time)
  log.info(`${said}, ${packages.length} packages, ${tree.entries().length} files and folders`)
  const facts: ImageFacts = {
    release,
    recipe: recipe.name,
    variant: recipe.variant,
    suite: recipe.suite,
    architecture: build.request.arch,
    time,
    distribution: { id: fromOsRelease(tree, 'ID') ?? 'debian', version: fromOsRelease(tree, 'VERSION_ID') },
    packages,
  }
  const place = { output: build.output, scratch: working }
  const written = await writeResults({ recipe, tree, facts, content, time }, place, context)
  log.info(`${release}: ${inMiB(written.sizeBytes)} in ${seconds(performance.now() - startedAt)}`)
  const differences = await differencesFromLast(facts, build.cache, context)
  return {
    ...written,
    version: release,
    packages: packages.length,
    cacheHit: base.isFromCache,
    differences,
    tree,
  }
}

async function requestOf(recipe: Recipe, arch: string): Promise<BaseRequest> {
  const { suite, packages, mirror, hooks } = recipe
  if (recipe.builder) return { suite, arch, packages, sources: [], hooks }
  const named = { url: mirror ?? '', suite, components: ['main'], keyring: undefined }
  const found = mirror === undefined ? await machineSources(suite, arch) : [named]
  const { components } = recipe
  const sources = components ? found.map((source) => ({ ...source, components })) : found
  if (sources.length === 0 && (components || recipe.repositories.length > 0))
    throw new Failure(
      'bad-input',
      'this machine has no apt sources of the suite: a recipe with `components` or `repositories` has to name its `mirror`',
    )
  const more = recipe.repositories.map(({ key, ...source }) => ({ ...source, keyring: key }))
  return { suite, arch, packages, sources: [...sources, ...more], hooks }
}

function baseCache(given: string | undefined): string | undefined {
  if (given === 'none') return undefined
  return resolve(given ?? cacheFolder('images'))
}
