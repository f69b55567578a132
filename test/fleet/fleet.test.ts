import assert from 'node:assert/strict'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Fleet, loadFleet, readFleetPolicy, releaseFor } from '../../src/fleet/fleet.ts'
import { Failure } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

type Files = Record<string, string>

async function folderWith(t: TestContext, files: Files): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const fleetOf = async (t: TestContext, files: Files): Promise<Fleet> => loadFleet(await folderWith(t, files))

/** Every problem as `file:line:column message`, with the files named from the fleet's folder. */
async function problemsOf(t: TestContext, files: Files): Promise<string[]> {
  const folder = await folderWith(t, files)
  try {
    await loadFleet(folder)
    return []
  } catch (error) {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.reason, 'invalid-file')
    return error.problems.map(
      ({ file, line, column, message }) => `${relative(folder, file)}:${line}:${column} ${message}`,
    )
  }
}

const inventory = 'all:\n  hosts:\n    a:\n    b:\n'
const base: Files = {
  'inventory.yml': inventory,
  'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
}

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

test('everything wrong is told at once, with file, line and column', async (t) => {
  const problems = await problemsOf(t, {
    'inventory.yml': `all:
  hosts:
    a:
    b: { device_id: same }
    c: { device_id: same }
    d: { subscribed_branch: nowhere }
    e:
  typo: {}
`,
    'group_vars/all.yml':
      'os_image:\n  - device_type: pi\n    image_name: r1\n    imagename: r2\nsubscribed_branch: main\n',
    'host_vars/e.yml': 'lab: perhaps\nos_image: "{{ wanted }}"\n',
    'host_vars/ghost.yml': 'site: x\n',
    'host_vars/a.yml': 'device_type: bone\nos_image:\n  - { device_type: pi, image_name: r1 }\n',
    'fleet.yml': 'stages:\n  main: { branch: main, colour: red }\nfreez: null\n',
  })
  assert.deepEqual(problems, [
    'fleet.yml:2:25 stages.main.colour: is not a known key',
    'fleet.yml:3:1 freez: is not a known key',
    'group_vars/all.yml:4:5 os_image.0.imagename: is not a known key',
    'host_vars/a.yml:2:1 os_image has no image for the device type bone of a',
    'host_vars/e.yml:1:1 lab: must be true or false',
    'host_vars/e.yml:2:1 os_image: wanted is not defined, at 1:4 of its text',
    'host_vars/ghost.yml:1:1 these are variables of a host that is not in the inventory: add it there or remove the file',
    'inventory.yml:5:5 c has the same device id as b: same',
    'inventory.yml:8:3 all.typo: a group has hosts, vars and children, nothing else',
  ])
})

test('mistakes of devices, templates and stages are told together', async (t) => {
  const problems = await problemsOf(t, {
    'inventory.yml': 'all:\n  hosts:\n    a:\n    b:\n    c:\n    d:\n    e:\n',
    'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
    'host_vars/a.yml': 'device_id: one\n',
    'host_vars/b.yml': 'device_id: one\nsubscribed_branch: canary\n',
    'host_vars/c.yml': 'configuration: { template: kiosk.json }\n',
    'host_vars/d.yml': 'roles: [probe, runner]\narchitecture: armhf\n',
    'host_vars/e.yml': 'device_type: bone\nos_image:\n  - { device_type: pi, image_name: r1 }\n',
    'host_vars/ghost.yml': 'site: x\n',
    'fleet.yml':
      'stages:\n  main: { branch: main }\n  canary: { branch: canary }\n  next: { branch: next }\n  spare: { branch: spare, allow-empty: true }\n',
  })
  assert.deepEqual(problems, [
    'fleet.yml:4:3 stages.next: no device subscribes to next: subscribe one, or set allow-empty: true',
    'host_vars/c.yml:1:18 configuration: there is no template kiosk.json in templates or roles/apply_configuration/templates',
    "host_vars/d.yml:1:1 roles: d is a 32-bit device (armhf) and can't be a runner: GitHub's runner needs a 64-bit system. Test it over ssh from another one",
    'host_vars/e.yml:2:1 os_image has no image for the device type bone of e',
    'host_vars/ghost.yml:1:1 these are variables of a host that is not in the inventory: add it there or remove the file',
    'inventory.yml:4:5 b has the same device id as a: one, and the device would be in two stages',
  ])
  const alone = await problemsOf(t, {
    ...base,
    'host_vars/a.yml': 'lab: perhaps\n',
    'fleet.yml': 'stages:\n  main: { branch: main }\n  next: { branch: next }\n',
  })
  assert.deepEqual(alone, [
    'fleet.yml:3:3 stages.next: no device subscribes to next: subscribe one, or set allow-empty: true',
    'host_vars/a.yml:1:1 lab: must be true or false',
  ])
  const unknown = await problemsOf(t, {
    ...base,
    'host_vars/a.yml': 'subscribed_branch: 1\n',
    'fleet.yml': 'stages:\n  main: { branch: main }\n  next: { branch: next }\n',
  })
  assert.deepEqual(
    unknown.map((problem) => problem.split(' ')[0]),
    ['host_vars/a.yml:1:1'],
    'who may belong to it is not known',
  )
})

test('who can not be a runner is told by the architecture, and other meanings of roles are left alone', async (t) => {
  const of = (text: string) => problemsOf(t, { ...base, 'host_vars/a.yml': text })
  for (const architecture of ['armhf', 'armv7l', 'armv6l', 'i386', 'i686', 'ARMEL'])
    assert.match((await of(`roles: runner\narchitecture: ${architecture}\n`))[0] ?? '', /32-bit device/)
  for (const text of [
    'roles: [runner]\narchitecture: arm64\n',
    'roles: [runner]\narchitecture: amd64\n',
    'roles: [runner]\n',
    'roles: [probe]\narchitecture: armhf\n',
    'roles: [{ role: runner }]\narchitecture: armhf\n',
    'roles: [runner]\narchitecture: armhf\nstate: retired\n',
    'roles: "{{ nobody_knows }}"\narchitecture: "{{ nor_this }}"\n',
    'roles: 5\narchitecture: [5]\n',
  ])
    assert.deepEqual(await of(text), [], text)
})

test('each mistake names its line', async (t) => {
  const table: [string, Files, RegExp][] = [
    [
      'unknown key of a group',
      { 'inventory.yml': `${inventory}  childs: {}\n` },
      /^inventory\.yml:5:3 all\.childs: a group has hosts, vars and children/,
    ],
    ['broken YAML', { 'group_vars/all.yml': 'a: [\n' }, /^group_vars\/all\.yml:2:1 /],
    [
      'a key twice',
      { 'host_vars/a.yml': 'lab: true\nlab: false\n' },
      /^host_vars\/a\.yml:2:1 lab is there twice/,
    ],
    [
      'variables of no host',
      { 'host_vars/ghost.yml': 'a: 1\n' },
      /^host_vars\/ghost\.yml:1:1 .*host that is not in the inventory/,
    ],
    ['no list of variables', { 'host_vars/a.yml': '- a\n' }, /^host_vars\/a\.yml:1:1 must be a mapping/],
    [
      'a number as a release',
      { 'host_vars/a.yml': 'lab: true\nos_image: 20260101\n' },
      /^host_vars\/a\.yml:2:1 os_image: must be the name of a release, in quotes/,
    ],
    [
      'an unknown key of an image',
      { 'host_vars/a.yml': 'os_image:\n  - device_type: pi\n    image: r1\n' },
      /^host_vars\/a\.yml:\d:\d os_image/,
    ],
    [
      'a device type without an image',
      { 'host_vars/a.yml': 'device_type: bone\nos_image:\n  - { device_type: pi, image_name: r }\n' },
      /^host_vars\/a\.yml:2:1 os_image has no image for the device type bone of a/,
    ],
    [
      'no image at all',
      { 'group_vars/all.yml': 'subscribed_branch: main\n' },
      /^inventory\.yml:3:5 a has no os_image/,
    ],
    [
      'an image and no branch',
      { 'group_vars/all.yml': 'os_image: r1\n' },
      /^inventory\.yml:3:5 a has an os_image and no subscribed_branch/,
    ],
    [
      'two devices with one id',
      { 'host_vars/a.yml': 'device_id: x\n', 'host_vars/b.yml': 'device_id: x\n' },
      /^inventory\.yml:4:5 b has the same device id as a: x/,
    ],
    [
      'a device in two stages',
      { 'host_vars/a.yml': 'device_id: x\n', 'host_vars/b.yml': 'device_id: x\nsubscribed_branch: canary\n' },
      /would be in two stages/,
    ],
    [
      'lab is a word',
      { 'host_vars/a.yml': 'lab: perhaps\n' },
      /^host_vars\/a\.yml:1:1 lab: must be true or false/,
    ],
    [
      'an unknown time zone',
      { 'host_vars/a.yml': 'time_zone: Mars/North\n' },
      /^host_vars\/a\.yml:1:1 time_zone: must be a time zone/,
    ],
    [
      'an unknown state',
      { 'host_vars/a.yml': 'state: gone\n' },
      /^host_vars\/a\.yml:1:1 state: must be present or retired/,
    ],
    [
      'a template',
      { 'host_vars/a.yml': '# x\ndevice_id: "{{ serial }}"\n' },
      /^host_vars\/a\.yml:2:1 device_id: serial is not defined, at 1:4 of its text/,
    ],
    [
      'a template in a list',
      { 'host_vars/a.yml': 'os_image:\n  - device_type: pi\n    image_name: "{{ r }}"\nr: r1\n' },
      /^host_vars\/a\.yml:3:5 os_image: a template here can only be the name of one variable/,
    ],
    [
      'a vault value',
      { 'host_vars/a.yml': 'device_id: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n' },
      /^host_vars\/a\.yml:1:1 device_id: is encrypted with Ansible Vault/,
    ],
    [
      'a vault file',
      { 'host_vars/a.yml': '$ANSIBLE_VAULT;1.1;AES256\n6162\n' },
      /^host_vars\/a\.yml:1:1 is encrypted with Ansible Vault/,
    ],
    [
      'a range of hosts that ends nowhere',
      { 'inventory.yml': `${inventory}    pi[01:]:\n` },
      /^inventory\.yml:5:5 pi\[01:\]: a range is \[begin:end\]/,
    ],
    [
      'groups in a circle',
      { 'inventory.yml': `${inventory}x: { children: { y: { children: { x: } } } }\n` },
      /contain each other/,
    ],
    [
      'a branch that is no stage',
      { 'fleet.yml': 'stages: { next: { branch: next, allow-empty: true } }\n' },
      /^group_vars\/all\.yml:1:1 a subscribes to the branch main, which is no stage/,
    ],
    [
      'a stage without devices',
      { 'fleet.yml': 'stages:\n  main: { branch: main }\n  next: { branch: next }\n' },
      /^fleet\.yml:3:3 stages\.next: no device subscribes to next/,
    ],
    [
      'after an unknown stage',
      { 'fleet.yml': 'stages:\n  main: { branch: main, after: lab }\n' },
      /^fleet\.yml:2:\d+ stages\.main\.after: there is no stage lab/,
    ],
    [
      'stages in a circle',
      { 'fleet.yml': 'stages:\n  main: { branch: main, after: main }\n' },
      /wait for each other in a circle/,
    ],
    [
      'two stages of one branch',
      { 'fleet.yml': 'stages:\n  main: { branch: main }\n  next: { branch: main }\n' },
      /^fleet\.yml:3:\d+ stages\.next\.branch: .* in two stages/,
    ],
    [
      'an unknown key',
      { 'fleet.yml': 'stages:\n  main: { branch: main, colour: red }\n' },
      /^fleet\.yml:2:\d+ stages\.main\.colour/,
    ],
    [
      'waves that go back',
      { 'fleet.yml': 'stages:\n  main: { branch: main, waves: [50%, 10%, 100%] }\n' },
      /stages\.main\.waves\.1: 10% is not more/,
    ],
    [
      'waves that leave devices out',
      { 'fleet.yml': 'stages:\n  main: { branch: main, waves: [50%] }\n' },
      /the last wave must be 100%/,
    ],
    [
      'a soak without a unit',
      { 'fleet.yml': 'stages:\n  main: { branch: main, gate: { soak: 24 } }\n' },
      /stages\.main\.gate\.soak: write a duration/,
    ],
    [
      'a window without a device zone',
      {
        'fleet.yml':
          'stages:\n  main: { branch: main, window: { from: "02:00", to: "05:00", time-zone: device } }\n',
      },
      /^inventory\.yml:3:5 a has no time_zone, which the window of stage main needs/,
    ],
    [
      'an emergency of no stage',
      {
        'fleet.yml':
          'stages:\n  main: { branch: main }\nemergency: { stage: canary, release: r, reason: x, until: 2026-12-01 }\n',
      },
      /^fleet\.yml:3:14 emergency\.stage: there is no stage canary/,
    ],
    [
      'a server without a scheme',
      { 'fleet.yml': 'server: { url: ota.example.com }\n' },
      /server\.url: write the server's URL/,
    ],
    [
      'a server with a token in it',
      { 'fleet.yml': 'server: { url: "https://me:secret@ota.example.com" }\n' },
      /server\.url: write the server's URL/,
    ],
  ]
  for (const [what, files, expected] of table) {
    const problems = await problemsOf(t, { ...base, ...files })
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${what}: ${problems.join('\n') || 'nothing'}`,
    )
  }
})

test('a wrong line that many devices share is one problem', async (t) => {
  const hosts = Array.from({ length: 50 }, (_, index) => `    d${index}:\n`).join('')
  const problems = await problemsOf(t, {
    'inventory.yml': `all:\n  hosts:\n${hosts}`,
    'group_vars/all.yml': 'subscribed_branch: main\nos_image: 5\n',
  })
  assert.equal(problems.length, 1, problems.join('\n'))
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
