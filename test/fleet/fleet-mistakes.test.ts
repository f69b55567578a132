// What is wrong with a fleet repository is told all at once, each with its line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Files, base, inventory, problemsOf } from './fleet-folder.ts'

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
