import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Facts, acceptedDevice, startLab } from './lab.ts'

test('a search whose pattern takes for ever is refused, and holds nobody up for long', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await device.inventory({ model: `${'a'.repeat(30)}!`, plain: 'a'.repeat(4000) })
  const search = (attribute: string, value: string) => ({
    filters: [{ scope: 'inventory', attribute, type: '$regex', value }],
  })
  const path = 'v2/inventory/filters/search'
  await lab.expect(400, 'POST', path, search('model', '(a+)+$'))
  await lab.expect(400, 'POST', path, search('model', '/^(a|a)*$/i'))
  const found = await lab.expect<Facts[]>(200, 'POST', path, search('plain', 'a+$'))
  assert.equal(found.length, 1)
})
