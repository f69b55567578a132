// A playbook on a real Debian: packages by apt, also on arm64 under qemu.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { ask, workshop } from './workshop.ts'

const skip = needs('root', 'mmdebstrap', 'ansible-playbook', 'mke2fs', 'debugfs', 'e2fsck', 'git')

const site = `
- hosts: all
  tasks:
    - ansible.builtin.apt: { name: cron, update_cache: true }
    - ansible.builtin.user: { name: app, system: true, shell: /usr/sbin/nologin }
    - ansible.builtin.cron: { name: look, user: app, minute: '5', job: 'true' }
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
    assert.match(await ask(first.rootfs, 'cat /var/spool/cron/crontabs/app'), /^5 \* \* \* \* true$/m)
    assert.match(await ask(first.rootfs, 'stat /usr/sbin/cron'), /Inode/)
    for (const gone of ['/var/lib/apt/lists/lock', '/etc/apt/sources.list', '/root/.ansible'])
      assert.doesNotMatch(await ask(first.rootfs, `stat ${gone}`), /Inode/, gone)
    await rm(join(shop.cache, 'playbooks'), { recursive: true })
    const second = await build('two')
    assert.equal(second.cacheHit, true)
    assert.equal(second.sha256, first.sha256)
  })
}
