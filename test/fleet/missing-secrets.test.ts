// A run that GitHub gives no secrets: what is made of one is unknown, and all the rest is read as ever.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Allowed, type Fleet, allowedBy, loadFleet } from '../../src/fleet/fleet.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

// without a password nothing after its first line matters
const vault =
  '$ANSIBLE_VAULT;1.1;AES256\n62313365396662343061393464336163383764373764613633653634306231386433626436623361\n'
const indented = (text: string) => text.replaceAll(/^/gm, '  ')

const base = {
  'inventory.yml': 'all: { children: { pi4: { hosts: { a: , b: } } } }\n',
  'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
  'group_vars/pi4.yml': 'configuration: { template: kiosk.json }\n',
}

async function load(t: TestContext, files: Record<string, string>, allowed: Allowed): Promise<Fleet> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries({ ...base, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return await loadFleet(folder, plainContext(), allowed)
}

const without = allowedBy(undefined, ['KIOSK_TOKEN'], true)
const unknownOf = ({ unknown = [], folder }: Fleet) =>
  unknown.map(
    ({ file, line, message }) => `${relative(folder, join(process.cwd(), file))}:${line} ${message}`,
  )

function unset(t: TestContext, ...names: string[]): void {
  for (const name of names) {
    const before = process.env[name]
    process.env[name] = ''
    undo(t, async () => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
}

test('a configuration made of a secret that is missing is unknown, others are known', async (t) => {
  unset(t, 'FLEET_TOKEN', 'KIOSK_TOKEN', 'DROVER_VAULT_PASSWORD')
  const fleet = await load(
    t,
    {
      'host_vars/b.yml': 'configuration: { template: open.json }\n',
      'templates/kiosk.json': `{ "token": "{{ lookup('env', 'FLEET_TOKEN') | mandatory }}" }`,
      'templates/open.json': '{ "name": "{{ inventory_hostname }}" }',
    },
    without,
  )
  const [a, b] = fleet.devices
  assert.deepEqual([a?.configuration, b?.configuration?.values.get('name')], [undefined, 'b'])
  assert.equal(fleet.unknown?.length, 1)
  assert.match(unknownOf(fleet)[0] ?? '', /kiosk\.json:1 configuration: FLEET_TOKEN is not set in this run/)
  assert.deepEqual(fleet.warnings, fleet.unknown)
})

test('so it is with a default, an allowed name, an encrypted value, and one in an encrypted file', async (t) => {
  unset(t, 'FLEET_TOKEN', 'KIOSK_TOKEN', 'DROVER_VAULT_PASSWORD')
  const table: [files: Record<string, string>, unknown: RegExp, hasDefault: boolean][] = [
    [
      { 'templates/kiosk.json': `{ "a": "{{ lookup('env', 'FLEET_TOKEN') | default('x', true) }}" }` },
      /FLEET_TOKEN/,
      true,
    ],
    [
      { 'templates/kiosk.json': `{ "a": "{{ lookup('env', 'KIOSK_TOKEN', default='x') }}" }` },
      /KIOSK_TOKEN/,
      true,
    ],
    [
      {
        'templates/kiosk.json': '{ "a": "{{ token }}" }',
        'host_vars/a.yml': `token: !vault |\n${indented(vault)}`,
        'host_vars/b.yml': `token: !vault |\n${indented(vault)}`,
      },
      /is encrypted, and this run has no password/,
      false,
    ],
    [
      {
        'templates/kiosk.json': '{ "a": "{{ vault_token | default(1) }}" }',
        'group_vars/all/vault.yml': vault,
      },
      /vault_token may be in a file that this run has no password for/,
      false,
    ],
  ]
  for (const [files, expected, hasDefault] of table) {
    const folder = 'group_vars/all/vault.yml' in files
    const all = folder
      ? { 'group_vars/all/all.yml': base['group_vars/all.yml'], 'group_vars/all.yml': '' }
      : {}
    const fleet = await load(t, { ...all, ...files }, without)
    assert.match(unknownOf(fleet).join('\n'), expected)
    assert.deepEqual(
      fleet.devices.map(({ configuration }) => configuration),
      [undefined, undefined],
    )
    const expecting = load(t, { ...all, ...files }, allowedBy(undefined, ['KIOSK_TOKEN']))
    if (hasDefault) assert.ok((await expecting).devices[0]?.configuration)
    else await assert.rejects(expecting, { reason: 'invalid-file' })
  }
})

test('what a plan can not do without stays a mistake', async (t) => {
  unset(t, 'FLEET_TOKEN', 'DROVER_VAULT_PASSWORD')
  const files = { 'templates/kiosk.json': '{}' }
  const id = { ...files, 'host_vars/a.yml': `device_id: "{{ lookup('env', 'FLEET_TOKEN') }}"\n` }
  await assert.rejects(load(t, id, without), {
    reason: 'invalid-file',
    message: /device_id: FLEET_TOKEN is not set/,
  })
  const closed = { ...files, 'host_vars/a.yml': `device_id: !vault |\n${indented(vault)}` }
  await assert.rejects(load(t, closed, without), {
    reason: 'invalid-file',
    message: /device_id: is encrypted/,
  })
  const other = { 'templates/kiosk.json': `{ "a": "{{ lookup('env', 'HOME') }}" }` }
  await assert.rejects(load(t, other, without), { reason: 'invalid-file', message: /rename HOME/ })
})
