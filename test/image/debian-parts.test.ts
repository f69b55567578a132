// What only a real Debian shows: packages of a vendor's repository, and programs that run in the new system.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mmdebstrap } from '../../src/image/mmdebstrap.ts'
import { needs } from '../support/needs.ts'
import { vendorRepository } from './apt-repository.ts'
import { ask, workshop } from './workshop.ts'

const skip = needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'e2fsck', 'git', 'gpg', 'dpkg-deb')

test('a recipe takes packages from a vendor, and runs hooks in the new system', { skip }, async (t) => {
  const shop = await workshop(t)
  const vendor = await vendorRepository(t, shop.folder, 'vendor')
  await shop.write('vendor.asc', vendor.key)
  await shop.write(
    'image.yml',
    `name: tiny-os
suite: bookworm
repositories: [{ url: "${vendor.url}", suite: vendor, key: vendor.asc }]
packages: [vendor-tool]
hooks:
  - { command: [sh, -c, 'vendor-tool > "/etc/$0"', "it's here"] }
`,
  )
  await shop.commit('2026-03-05T00:00:00Z')
  const { rootfs } = await shop.build(mmdebstrap)
  assert.equal(await ask(rootfs, `cat "/etc/it's here"`), 'vendor\n')
  assert.match(await ask(rootfs, 'stat /usr/bin/vendor-tool'), /Mode: {2}0755/)
  // where it came from stays with the builder
  assert.equal(await ask(rootfs, 'cat /etc/apt/sources.list'), '')
})
