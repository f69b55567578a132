// What a build takes of the disk, said and checked before it begins.
import { tmpdir } from 'node:os'
import type { Context } from '../platform/platform.ts'
import type { Builder } from './builder.ts'
import { diskBytes } from './disk.ts'
import { playbookBytes } from './playbook-run.ts'
import type { Recipe } from './recipe.ts'
import { inMiB, requireSpace } from './scratch.ts'

const expectedImageBytes = 512 << 20

/** What the contents of a root file system take while its image is made. */
export const expectedContentBytes = 512 << 20

/**
 * Says how much space a build needs, and throws `disk-full` where there isn't enough for its results. The rest is looked for
 * where it is used: what turns out to be in the cache needs none.
 */
export async function requireRoom(
  recipe: Recipe,
  builder: Builder,
  output: string,
  { log }: Context,
): Promise<void> {
  const imageBytes = Math.max(expectedImageBytes, recipe.sizeBytes ?? 0)
  // the disk is there twice for a moment, the second time compressed
  const results = imageBytes + (recipe.disk ? 1.5 * diskBytes(recipe.disk, imageBytes) : 0)
  const work = recipe.playbooks.length > 0 ? playbookBytes : 0
  const temporary = Math.max(builder.scratchBytes, work + expectedContentBytes)
  log.info(
    `this takes up to ${inMiB(results)} in ${output} and, without a cache, ${inMiB(temporary)} of temporary space in ${tmpdir()} or in memory`,
  )
  await requireSpace(output, results, 'the image')
}
