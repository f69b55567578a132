import { runAction } from '../../src/action/action.ts'
import { buildImage } from '../../src/image/image.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'

await runAction('build-image', async (action) => {
  const { input } = action
  const options = {
    recipe: input.path('recipe') ?? input.required('recipe'),
    arch: input.optional('arch'),
    variant: input.optional('variant'),
    output: input.path('output') ?? input.required('output'),
    cache: input.optional('cache') === 'none' ? 'none' : input.path('cache'),
  }
  const built = await buildImage(options, action)
  await action.summary(
    [
      `### Image \`${escapeMarkdown(built.version)}\``,
      '',
      '| packages | size | base system | sha256 |',
      '|---|---|---|---|',
      `| ${built.packages} | ${built.sizeBytes / 2 ** 20} MiB | ${built.cacheHit ? 'from the cache' : 'built'} | \`${built.sha256}\` |`,
      '',
    ].join('\n'),
  )
  return {
    image: built.image,
    rootfs: built.rootfs,
    manifest: built.manifest,
    sbom: built.sbom,
    version: built.version,
    sha256: built.sha256,
    'cache-hit': built.cacheHit,
    changed: built.changed,
  }
})
