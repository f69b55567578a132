import assert from 'node:assert/strict'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { loadFleet, readFleetPolicy, releaseFor } from '../../src/fleet/fleet.ts'
import { Failure } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { type Files, base, fleetOf, folderWith, inventory } from './fleet-folder.ts'

test('variables follow the precedence of Ansible', async (t) => {
  const fleet = await fleetOf(t, {
    'inventory.yml': `
all:
  vars: { site: all-inventory, time_zone: UTC, subscribed_branch: main, os_image: none }
  children:
    parent:
      vars: { site: parent-inventory, device_type: parent }
      children:
        child:
          vars: { site: child-inventory }
          hosts: { a: , b: { site: host-inventory }, c: }
    zz: { vars: { device_type: zz }, hosts: { a: , c: } }
    aa: { vars: { device_type: aa, ansible_group_priority: 5 }, hosts: { c: } }
`,
    'group_vars/all.yml': 'site: all-file\n',
    'group_vars/child/10.yml': 'os_image: child-file-10\n',
    'group_vars/child/20.yml': 'os_image: child-file-20\n',
    'group_vars/parent': 'os_image: parent-file\nlab: yes\n',
    'host_vars/c.yaml': 'os_image: host-file\nsite: host-file\n',
  })
  const shown = fleet.devices.map(({ host, site, deviceType, images, isLab }) => [
    host,
    site,
    deviceType,
    images[0]?.release,
    isLab,
  ])
  assert.deepEqual(shown, [
    // group_vars/all beats what groups say in the inventory; of equally deep groups the last by name wins, then priority
    ['a', 'all-file', 'zz', 'child-file-20', true],
    ['b', 'host-inventory', 'parent', 'child-file-20', true],
    ['c', 'host-file', 'aa', 'host-file', true],
  ])
})

test('os_image is one name, or one for each device type', async (t) => {
  const fleet = await fleetOf(t, {
    ...base,
    'host_vars/b.yml':
      'os_image:\n  - { device_type: pi, image_name: r-pi }\n  - { device_type: bone, image_name: r-bone }\n',
  })
  const [a, b] = fleet.devices
  assert.ok(a && b)
  assert.deepEqual([releaseFor(a, 'pi'), releaseFor(a, undefined)], ['r1', 'r1'])
  assert.deepEqual(
    [releaseFor(b, 'pi'), releaseFor(b, 'bone'), releaseFor(b, 'x')],
    ['r-pi', 'r-bone', undefined],
  )
})

test('a content digest in known-bad counts however it is spelt', async (t) => {
  const hex = 'ab'.repeat(32)
  for (const entry of [`sha256:${hex}`, `SHA256:${hex.toUpperCase()}`, hex]) {
    const { switches } = await fleetOf(t, { ...base, 'fleet.yml': `known-bad: [os-1, "${entry}"]\n` })
    assert.deepEqual([...switches.knownBad], ['os-1', `sha256:${hex}`], entry)
  }
})

test('without fleet.yml every branch that devices subscribe to is a stage, one device per type first', async (t) => {
  const fleet = await fleetOf(t, { ...base, 'host_vars/b.yml': 'subscribed_branch: canary\n' })
  assert.deepEqual([...fleet.stages.keys()], ['main', 'canary'])
  const stage = fleet.stages.get('canary')
  assert.deepEqual(stage?.waves, [
    { kind: 'per-device-type', count: 1 },
    { kind: 'share', share: 1 },
  ])
  assert.equal(stage?.gate.soakMs, 24 * 3_600_000)
  assert.equal(fleet.server, undefined)
})

test('what has no effect yet is a warning at its line, never silence', async (t) => {
  const fleet = await fleetOf(t, {
    ...base,
    'inventory.yml': `${inventory}    printer: { subscribed_branch: null, os_image: null }\n`,
    'group_vars/all.yml': 'x: 1\n',
    'group_vars/nobody.yml': 'x: 1\n',
    'host_vars/a.yml': 'subscribed_branch: main\nos_image: r\nconfiguration: { template: x.json }\n',
    'templates/x.json': '{}',
    'host_vars/b.yml': 'subscribed_branch: main\nos_image: r\n',
    'host_vars/b.yaml': 'subscribed_branch: canary\n',
    'fleet.yml':
      'stages:\n  main:\n    branch: main\n    window: { from: "02:00", to: "05:00", time-zone: UTC }\n',
  })
  const warnings = fleet.warnings.map(
    ({ file, line, message }) => `${file.split('/').slice(-2).join('/')}:${line} ${message}`,
  )
  for (const expected of [
    /group_vars\/nobody\.yml:1 .*group that is not in the inventory/,
    /host_vars\/b\.yaml:1 is never read, as b\.yml is there too/,
    /inventory\.yml:5 printer subscribes to no branch/,
    /fleet\.yml:4 stages\.main\.window: at its end the next run of schedule-updates takes back/,
  ])
    assert.ok(
      warnings.some((warning) => expected.test(warning)),
      `${expected} in\n${warnings.join('\n')}`,
    )
})

test('a folder that is no fleet repository says what is missing', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(loadFleet(join(folder, 'nowhere')), {
    reason: 'file-missing',
    message: /there is no folder/,
  })
  await assert.rejects(loadFleet(folder), { reason: 'file-missing', message: /no inventory\.yml in/ })
  assert.equal((await readFleetPolicy(folder)).server, undefined)
})

test('twenty thousand hosts are read in time that grows with their number', async (t) => {
  const read = async (count: number) => {
    const hosts = Array.from(
      { length: count },
      (_, index) => `    d${index}: { site: s${index % 7} }\n`,
    ).join('')
    const folder = await folderWith(t, { ...base, 'inventory.yml': `all:\n  hosts:\n${hosts}` })
    const before = process.cpuUsage()
    const fleet = await loadFleet(folder)
    assert.equal(fleet.devices.at(-1)?.at().line, 2)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  await read(100)
  const [small, large] = [await read(2000), await read(20_000)]
  assert.ok(large < Math.max(small, 0.05) * 25, `${small} s for 2,000 and ${large} s for 20,000`)
})

test('links out of the repository are not followed, links within it are', async (t) => {
  const outside = await folderWith(t, { 'all.yml': 'os_image: from-outside\n', 'secret.yml': 'word\n' })
  const linked = async (name: string, target: string, files: Files = base) => {
    const folder = await folderWith(t, { ...files, '.git/config': 'token\n' })
    await rm(join(folder, name), { force: true, recursive: true })
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await symlink(target, join(folder, name))
    return folder
  }
  for (const [name, target] of [
    ['group_vars/all.yml', join(outside, 'all.yml')],
    ['group_vars', outside],
    ['group_vars/all/more.yml', join(outside, 'secret.yml')],
    ['host_vars/a.yml', '../.git/config'],
    ['host_vars/b.yml', '/dev/zero'],
    ['inventory.yml', join(outside, 'secret.yml')],
    ['fleet.yml', join(outside, 'secret.yml')],
  ] as const) {
    const files = name.startsWith('group_vars/all/') ? { 'inventory.yml': inventory } : base
    await assert.rejects(loadFleet(await linked(name, target, files)), (error) => {
      assert.ok(error instanceof Failure)
      const told = error.problems.map(({ file, message }) => `${file} ${message}`).join('\n')
      assert.match(told, new RegExp(`${name} is a link that leads out of the fleet repository`))
      assert.ok(!told.includes('secret') && !told.includes('token'), told)
      return true
    })
  }
  const folder = await linked('fleet/group_vars/all.yml', '../../group_vars/all.yml')
  await writeFile(join(folder, 'fleet/inventory.yml'), inventory)
  assert.equal((await loadFleet(join(folder, 'fleet'))).devices.length, 2)
})
