import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { tinyBuilder } from './tiny-base.ts'
import { ask, workshop } from './workshop.ts'

test('every problem of a recipe is told at once, each with its line', async (t) => {
  const { reason, problems } = await failureOf(
    t,
    `name: Tiny OS
suite: bookworm
pakages: [vim]
mirror: ftp://mirror.example
size: 12 apples
files:
  - source: files
    path: etc
    mode: "8"
packages: [Vim, "a;b"]
links:
  - { path: /a/../b, target: x }
variants:
  lab: { suite: sid }
`,
  )
  assert.equal(reason, 'invalid-file')
  assert.deepEqual(
    problems.map(({ line = 0 }) => line).sort((a, b) => a - b),
    [1, 3, 4, 5, 8, 9, 10, 10, 12, 14],
  )
})

test('a source that isn’t there, is absolute, or has a mode it can’t have is told with its line', async (t) => {
  const { reason, problems } = await failureOf(
    t,
    `name: tiny
suite: tiny
files:
  - { source: nothing, path: /etc/x }
  - { source: /etc/passwd, path: /etc/y }
  - { source: ., path: /opt, mode: "0755" }
  - { source: image.yml, path: /opt/ }
variants:
  lab:
    files:
      - { source: missing, path: /z }
`,
  )
  assert.equal(reason, 'invalid-file')
  assert.deepEqual(
    problems.map(({ line, message }) => [line, message.slice(0, 30)]),
    [
      [4, 'there is no nothing beside the'],
      [5, 'source /etc/passwd is absolute'],
      [6, '. is a folder: mode is for a s'],
      [7, 'image.yml is a file: path has '],
      [11, 'there is no missing beside the'],
    ],
  )
})

test('a playbook that isn’t there, or has no folder of its own, is told with its line', async (t) => {
  const { reason, problems } = await failureOf(
    t,
    `name: tiny
suite: tiny
playbooks:
  - { playbook: image.yml }
  - playbook: ansible/site.yml
    vars: ansible/vars.yml
  - { playbook: site.sh }
variants:
  lab:
    playbooks:
      - { playbook: ../site.yml, vars: image.yml }
`,
  )
  assert.equal(reason, 'invalid-file')
  assert.deepEqual(
    problems.map(({ line, message }) => [line, message.slice(0, 44)]),
    [[7, 'playbooks.2.playbook: name a file beside the']],
  )
  const { problems: more } = await failureOf(
    t,
    `name: tiny
suite: tiny
playbooks:
  - { playbook: image.yml }
  - playbook: ansible/site.yml
    vars: ansible/vars.yml
variants:
  lab:
    playbooks:
      - { playbook: nothing/site.yml, vars: image.yml }
`,
  )
  assert.deepEqual(
    more.map(({ line, message }) => [line, message.slice(0, 44)]),
    [
      [4, 'the playbook image.yml needs a folder of its'],
      [5, 'there is no ansible/site.yml beside the reci'],
      [6, 'there is no ansible/vars.yml beside the reci'],
      [10, 'there is no nothing/site.yml beside the reci'],
    ],
  )
})

test('a source that leads out of the repository is refused, however it gets there', async (t) => {
  const folder = await temporaryFolder(t)
  const recipe = join(folder, 'image.yml')
  const sources = ['../../etc/hostname', 'out/hostname', 'link', '.git/config', '.']
  const files = sources.map((source, i) => `  - { source: ${source}, path: /opt/${i} }`)
  await writeFile(recipe, `name: tiny\nsuite: tiny\nfiles:\n${files.join('\n')}\n`)
  await symlink('/etc', join(folder, 'out'))
  await symlink('/etc/hostname', join(folder, 'link')) // goes into the image as a link
  await mkdir(join(folder, '.git'))
  await writeFile(join(folder, '.git', 'config'), '')
  const building = buildImage({ recipe, output: folder, cache: 'none' }, plainContext())
  await assert.rejects(building, (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.deepEqual(
      error.problems.map(({ line }) => line),
      [4, 5, 7],
    )
    return true
  })
})

test('an unknown variant is refused with the ones there are', async (t) => {
  const { reason, message } = await failureOf(
    t,
    'name: a\nsuite: b\nvariants: {lab: {}, field: {}}\n',
    'feild',
  )
  assert.equal(reason, 'bad-input')
  assert.match(message, /no variant "feild": it has lab, field/)
})

test('a recipe that isn’t there is a missing file', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(
    buildImage({ recipe: join(folder, 'image.yml'), output: folder, cache: 'none' }, plainContext()),
    { reason: 'file-missing' },
  )
})

test(
  'a variant adds its packages and files and is named in the image',
  { skip: needs('mke2fs', 'debugfs', 'e2fsck', 'git') },
  async (t) => {
    const shop = await workshop(
      t,
      'packages: [vim]\nvariants:\n  lab:\n    packages: [gdb]\n    files: [{source: key, path: /etc/lab-key}]\n',
      { key: 'lab\n' },
    )
    const builder = tinyBuilder()
    const options = { recipe: join(shop.source, 'image.yml'), arch: 'amd64', cache: 'none' }
    const lab = await buildImage(
      { ...options, variant: 'lab', output: join(shop.folder, 'lab') },
      shop.context(),
      builder,
    )
    const plain = await buildImage(
      { ...options, output: join(shop.folder, 'plain') },
      shop.context(),
      builder,
    )
    assert.deepEqual(
      builder.builds.map(({ packages }) => packages),
      [['gdb', 'vim'], ['vim']],
    )
    assert.equal(await ask(lab.rootfs, 'cat /etc/lab-key'), 'lab\n')
    assert.match(await ask(lab.rootfs, 'cat /usr/lib/os-release'), /^VARIANT_ID=lab$/m)
    assert.doesNotMatch(await ask(plain.rootfs, 'stat /etc/lab-key'), /Inode/)
    assert.doesNotMatch(await ask(plain.rootfs, 'cat /usr/lib/os-release'), /VARIANT_ID/)
  },
)

async function failureOf(t: TestContext, recipe: string, variant?: string): Promise<Failure> {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'image.yml')
  await writeFile(path, recipe)
  const building = buildImage({ recipe: path, variant, output: folder, cache: 'none' }, plainContext())
  const error = await building.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof Failure, String(error))
  return error
}
