// A playbook on a real Debian: packages by apt, also on arm64 under qemu; and one that is run without root's rights.
import assert from 'node:assert/strict'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { pythonBuilder, skipPlaybooks } from './python-base.ts'
import { ask, output, workshop } from './workshop.ts'

const skip = needs('root', 'mmdebstrap', 'ansible-playbook', 'mke2fs', 'debugfs', 'e2fsck', 'git')

const site = `
- hosts: all
  tasks:
    - ansible.builtin.apt: { name: cron, update_cache: true }
    - ansible.builtin.user: { name: app, system: true, shell: /usr/sbin/nologin }
    - ansible.builtin.cron: { name: look, user: app, minute: '5', job: 'true', cron_file: look }
    - ansible.builtin.copy: { content: "{{ ansible_facts.architecture }} {{ ansible_facts.distribution_release }}\\n", dest: /etc/built-for }
`

for (const [arch, machine, missing] of [
  ['amd64', 'x86_64', process.arch === 'x64' ? false : 'is for x86-64'],
  ['arm64', 'aarch64', process.arch === 'arm64' ? false : needs('qemu-aarch64-static', 'arch-test')],
] as const) {
  const name = `a playbook installs packages in an ${arch} system, and twice is the same bytes`
  test(name, { skip: skip || missing }, async (t) => {
    const shop = await workshop(t)
    await shop.write('ansible/site.yml', site)
    await shop.write(
      'image.yml',
      'name: played\nsuite: bookworm\npackages: [python3]\nplaybooks: [{ playbook: ansible/site.yml }]\n',
    )
    await shop.commit('2026-03-05T00:00:00Z')
    const recipe = join(shop.source, 'image.yml')
    const build = (to: string) =>
      buildImage({ recipe, arch, output: join(shop.folder, to), cache: shop.cache }, shop.context())
    const first = await build('one')
    assert.equal(await ask(first.rootfs, 'cat /etc/built-for'), `${machine} bookworm\n`)
    assert.match(await ask(first.rootfs, 'cat /etc/cron.d/look'), /^5 \* \* \* \* app true$/m)
    assert.match(await ask(first.rootfs, 'stat /usr/sbin/cron'), /Inode/)
    for (const gone of ['/var/lib/apt/lists/lock', '/etc/apt/sources.list', '/root/.ansible'])
      assert.doesNotMatch(await ask(first.rootfs, `stat ${gone}`), /Inode/, gone)
    await rm(join(shop.cache, 'playbooks'), { recursive: true })
    const second = await build('two')
    assert.equal(second.cacheHit, true)
    assert.equal(second.sha256, first.sha256)
  })
}

test(
  'a user who isn’t root gets the same bytes as root',
  { skip: skipPlaybooks || needs('newuidmap') },
  async (t) => {
    const shop = await workshop(t)
    await shop.write('ansible/site.yml', owned)
    await shop.write(
      'image.yml',
      `name: played\nsuite: tiny\nmirror: ${shop.mirror.url}\nplaybooks: [{ playbook: ansible/site.yml }]\n`,
    )
    await shop.commit('2026-03-05T00:00:00Z')
    const [scratch, base] = [join(shop.folder, 'scratch'), join(shop.folder, 'base.tar')]
    await mkdir(scratch)
    const given: Parameters<ReturnType<typeof pythonBuilder>['build']> = [
      { suite: 'tiny', arch: 'amd64', packages: [], sources: [], hooks: [] },
      { into: base, scratch, time: 0 },
      shop.context(),
    ]
    await pythonBuilder().build(...given)
    const script = `
    const { buildImage } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/image/image.ts'))})
    const { plainContext } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/platform.ts'))})
    const { copyFile } = await import('node:fs/promises')
    const builder = { name: 'python', scratchBytes: 1, build: (_, { into }) => copyFile(${JSON.stringify(base)}, into) }
    const log = { info() {}, debug() {}, warn: console.error, group: (title, work) => work() }
    const [output] = process.argv.slice(-1)
    const options = { recipe: ${JSON.stringify(join(shop.source, 'image.yml'))}, arch: 'amd64', output, cache: 'none' }
    console.log(process.getuid(), (await buildImage(options, plainContext({ log }), builder)).sha256)`
    const node = [process.execPath, '--input-type=module', '-e', script]
    const root = await output(...first(node), join(shop.folder, 'root'))
    // the machine may have no subordinate ids for anybody: this namespace has
    const [user, ids] = [join(shop.folder, 'user'), join(shop.folder, 'subids')]
    await mkdir(user)
    await writeFile(ids, 'nobody:100000:65536\n')
    await chmod(shop.folder, 0o755)
    await output('chown', 'nobody', user)
    const become = `mount --bind "$1" /etc/subuid; mount --bind "$1" /etc/subgid; shift
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOME="$0" TMPDIR="$0" "$@"`
    const other = await output(
      ...first(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', become, user, ids, ...node]),
      join(user, 'out'),
    )
    assert.match(other, /^65534 sha256:/)
    assert.equal(other.split(' ')[1], root.split(' ')[1])
  },
)

const owned = `
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy: { content: hi, dest: /etc/hi, owner: '42', group: '42', mode: '4755' }
`

function first([program = '', ...rest]: readonly string[]): [string, ...string[]] {
  return [program, ...rest]
}
