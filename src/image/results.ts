// What a build leaves in the output folder.
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import {
  type Context,
  type Digest,
  digestOfFile,
  markedName,
  storageFailure,
  sweep,
  writeAtomically,
} from '../platform/platform.ts'
import { makeDisk, uuidOf } from './disk.ts'
import { makeExt4 } from './ext4.ts'
import { type ImageFacts, manifestOf, sbomOf } from './packages.ts'
import type { Recipe } from './recipe.ts'
import type { Tree } from './tree.ts'

/** An image that is decided on: everything that goes into the files. */
export interface FinishedImage {
  recipe: Recipe
  tree: Tree
  facts: ImageFacts
  content: Digest
  /** Seconds since 1970. */
  time: number
}

/** Paths of what was written, and what it is. */
export interface Results {
  rootfs: string
  image: string
  manifest: string
  sbom: string
  sha256: Digest
  sizeBytes: number
  changed: boolean
}

/**
 * Writes the results. They become visible when all are made; the small file that names the image comes last. Throws what
 * the makers throw; after a failure or an abort nothing new is there.
 */
export async function writeResults(
  { recipe, tree, facts, content, time }: FinishedImage,
  { output, scratch }: { output: string; scratch: string },
  context: Context,
): Promise<Results> {
  await mkdir(output, { recursive: true })
  await sweep(output, context)
  const rootfs = join(output, 'rootfs.ext4')
  const [temporary, diskFolder] = [markedName(rootfs), markedName(join(output, 'disk'))]
  try {
    const ext4 = { path: temporary, sizeBytes: recipe.sizeBytes, time, uuid: uuidOf(content), scratch }
    const sizeBytes = await makeExt4(tree, { ...ext4, label: 'rootfs' }, context)
    const sha256 = await digestOfFile(temporary, context.signal)
    const { release, variant } = facts
    const named = { release, sha256, ...(variant === undefined ? {} : { variant }) }
    const text = `${JSON.stringify(named, null, 2)}\n`
    const about = `${rootfs}.release.json`
    const changed = (await readFile(about, 'utf8').catch(() => '')) !== text
    const [manifest, sbom] = [join(output, 'manifest.json'), join(output, 'sbom.cdx.json')]
    const images = ['xz', 'zst'].map((suffix) => join(output, `disk.img.${suffix}`))
    const blockMap = join(output, 'disk.img.bmap')
    const { disk: layout } = recipe
    if (layout) await mkdir(diskFolder)
    const wanted = { tree, rootfs: temporary, content, time, folder: diskFolder }
    const disk = layout && (await makeDisk({ ...wanted, layout }, context))
    await rm(about, { force: true })
    await rename(temporary, rootfs)
    // one of an earlier recipe would be taken for this one's
    await Promise.all([...images, blockMap].map((path) => rm(path, { force: true })))
    if (disk) {
      await rename(disk.blockMap, blockMap)
      await rename(disk.image, join(output, basename(disk.image)))
    }
    await writeAtomically(manifest, `${JSON.stringify(manifestOf(facts), null, 2)}\n`)
    await writeAtomically(sbom, `${JSON.stringify(sbomOf(facts), null, 2)}\n`)
    await writeAtomically(about, text)
    return {
      rootfs,
      image: disk ? join(output, basename(disk.image)) : rootfs,
      manifest,
      sbom,
      sha256,
      sizeBytes,
      changed,
    }
  } catch (error) {
    await rm(temporary, { force: true })
    throw storageFailure(error, output)
  } finally {
    await rm(diskFolder, { recursive: true, force: true })
  }
}
