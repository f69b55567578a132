import { runAction } from '../../src/action/action.ts'
import { openServer, serverTypes } from '../../src/ota/ota.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'

await runAction('upload-artifact', async (action) => {
  const { input } = action
  const server = openServer(
    {
      type: input.choice('server-type', serverTypes),
      url: input.required('server'),
      token: input.secret('token') ?? input.required('token'),
    },
    action,
  )
  const keys = input.keys('verify-key')
  const path = input.path('artifact') ?? input.required('artifact')
  const uploaded = await action.log.group(`Uploading ${path}`, () => server.upload(path, keys))
  await action.summary(
    `**${uploaded.isNew ? 'Uploaded' : 'Already there'}:** release ${escapeMarkdown(uploaded.release)}, ` +
      `artifact \`${uploaded.artifactId}\`, content \`${uploaded.contentDigest}\`\n`,
  )
  return {
    release: uploaded.release,
    'artifact-id': uploaded.artifactId,
    sha256: uploaded.sha256,
    'content-digest': uploaded.contentDigest,
    url: uploaded.url,
    changed: uploaded.isNew,
  }
})
