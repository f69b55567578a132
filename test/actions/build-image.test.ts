import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('without a recipe build-image names the input and its environment variable', async () => {
  const { code, outputs, errors } = await runInRunner('build-image')
  assert.equal(code, 1)
  assert.equal(outputs['failure-reason'], 'bad-input')
  assert.match(errors[0]?.message ?? '', /recipe \(environment: INPUT_RECIPE\)/)
})

test('a wrong recipe is annotated line by line, and nothing is written', async (t) => {
  const workspace = await temporaryFolder(t)
  await mkdir(join(workspace, 'os'))
  await writeFile(
    join(workspace, 'os/image.yml'),
    'name: tiny\nsuite: Not A Suite\nfiles: [{source: x, path: y}]\n',
  )
  const { code, outputs, errors, summary } = await runInRunner('build-image', {
    workspace,
    inputs: { recipe: 'os/image.yml', cache: 'none' },
  })
  assert.equal(code, 1)
  assert.equal(outputs['failure-reason'], 'invalid-file')
  assert.equal(outputs['changed'], 'false')
  assert.deepEqual(
    errors.slice(0, 2).map(({ properties }) => [properties['file'], properties['line']]),
    [
      ['os/image.yml', '2'],
      ['os/image.yml', '3'],
    ],
  )
  assert.match(summary, /invalid-file/)
  await assert.rejects(readFile(join(workspace, 'image/rootfs.ext4')))
})

test(
  'the example’s image is built, and the outputs say where and what it is',
  { skip: needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'git') },
  async (t) => {
    const output = await temporaryFolder(t)
    const { code, outputs, summary, log } = await runInRunner('build-image', {
      workspace: join(import.meta.dirname, '../..'),
      inputs: { recipe: 'examples/os/image.yml', output },
    })
    assert.equal(code, 0, log)
    assert.equal(outputs['failure-reason'], '')
    assert.equal(outputs['changed'], 'true')
    assert.equal(outputs['rootfs'], join(output, 'rootfs.ext4'))
    assert.equal(outputs['image'], outputs['rootfs'])
    assert.match(outputs['version'] ?? '', /^example-os-\d{8}T\d{4}-[0-9a-f]{12}$/)
    assert.match(outputs['cache-hit'] ?? '', /^(true|false)$/)
    const named: unknown = JSON.parse(await readFile(join(output, 'rootfs.ext4.release.json'), 'utf8'))
    assert.deepEqual(named, { release: outputs['version'], sha256: outputs['sha256'] })
    for (const name of ['manifest', 'sbom']) JSON.parse(await readFile(outputs[name] ?? '', 'utf8'))
    assert.match(summary, /example-os-/)
  },
)
