// A hook that fails, in a real build: it takes as long as one that doesn't.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mmdebstrap } from '../../src/image/mmdebstrap.ts'
import { needs } from '../support/needs.ts'
import { workshop } from './workshop.ts'

const skip = needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'e2fsck', 'git')

test('a hook that fails is named with its own words', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.write(
    'image.yml',
    'name: tiny-os\nsuite: bookworm\nhooks: [{ command: ["true"] }, { command: [cat, /nothing-here] }]\n',
  )
  await assert.rejects(shop.build(mmdebstrap), {
    reason: 'build-failed',
    message: /the hook `cat \/nothing-here` failed.*No such file/,
  })
})
