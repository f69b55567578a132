import { runAction, workflowCache } from '../../src/action/action.ts'
import { buildImage, imageSummary } from '../../src/image/image.ts'

await runAction('build-image', async (action) => {
  const { input } = action
  const options = {
    recipe: input.path('recipe') ?? input.required('recipe'),
    arch: input.optional('arch'),
    variant: input.optional('variant'),
    output: input.path('output') ?? input.required('output'),
    cache: input.optional('cache') === 'none' ? 'none' : input.path('cache'),
    shared: workflowCache(),
    reproducible: input.choice('reproducible', ['assume', 'check']),
  }
  const built = await buildImage(options, action)
  await action.summary(imageSummary(built))
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
