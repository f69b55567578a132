import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Allowed, type Fleet, allowedBy, loadFleet, releaseFor } from '../../src/fleet/fleet.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

type Files = Record<string, string>

const base: Files = {
  'inventory.yml': 'all:\n  children:\n    pi4: { hosts: { a: , b.example: } }\n',
  'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
}

async function load(t: TestContext, files: Files, allowed?: Allowed): Promise<Fleet> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries({ ...base, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  try {
    return await loadFleet(folder, plainContext(), allowed)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const shown = error.problems.map(
      ({ file, line, column, message }) => `${relative(folder, file)}:${line}:${column} ${message}`,
    )
    throw new Failure(error.reason, shown.join('\n'))
  }
}

/** The reason, and the problems, that loading fails with. */
async function failing(t: TestContext, files: Files): Promise<string> {
  try {
    await load(t, files)
  } catch (error) {
    if (error instanceof Failure) return `${error.reason}\n${error.message}`
    throw error
  }
  return 'no failure'
}

function setEnvironment(t: TestContext, values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    const former = process.env[name]
    process.env[name] = value
    undo(t, async () => {
      if (former === undefined) delete process.env[name]
      else process.env[name] = former
    })
  }
}

test("a template is rendered with each host's own variables", async (t) => {
  const { devices } = await load(t, {
    'group_vars/pi4.yml':
      'device_id: "{{ prefix }}-{{ inventory_hostname_short | upper }}"\nprefix: "{{ group_names | join }}"\nlab: "{{ is_lab }}"\nis_lab: no\nsite: "{{ where[\'city\'] }}"\nwhere: { city: "{{ city | default(\'Bern\') }}" }\n',
    'host_vars/a.yml': 'is_lab: yes\ncity: Basel\n',
  })
  assert.deepEqual(
    devices.map(({ id, isLab, site }) => [id, isLab, site]),
    [
      ['pi4-A', true, 'Basel'],
      ['pi4-B', false, 'Bern'],
    ],
  )
})

test('os_image can name another variable, and is found at the line of that one', async (t) => {
  const { devices } = await load(t, {
    'group_vars/pi4.yml':
      'os_image: "{{ wanted }}"\nwanted: "{{ next_release }}"\n# here\nnext_release: r7\n',
  })
  const [device] = devices
  assert.ok(device)
  assert.equal(releaseFor(device, undefined), 'r7')
  assert.deepEqual(device.imageSource.path, ['next_release'])
  assert.equal(device.at().line, 4)
})

test('everything wrong with templates is told at once, and what is undefined is never empty', async (t) => {
  const said = await failing(t, {
    'group_vars/pi4.yml':
      'site: "{{ city }}"\ndevice_type: "{{ one }}"\none: "{{ two }}"\ntwo: "x{{ one }}"\n',
    'host_vars/a.yml': 'device_id: "a{{ name | regex_replace(1) }}"\nlab: "{{ 1 +"\n',
  })
  assert.deepEqual(said.split('\n').sort(), [
    'group_vars/pi4.yml:1:1 site: city is not defined, at 1:4 of its text',
    'group_vars/pi4.yml:4:1 device_type: these variables are made of each other: one → two → one, at 1:5 of its text',
    'host_vars/a.yml:1:1 device_id: the filter regex_replace in templates is not supported here, at 1:12 of its text',
    "host_vars/a.yml:2:1 lab: this can't be read as a template (expected expression, got end of file), at 1:6 of its text",
    'invalid-file',
  ])
})

test('the reason is unsupported-template where nothing else is wrong', async (t) => {
  const said = await failing(t, { 'group_vars/pi4.yml': 'site: "{{ x | to_yaml }}"\nx: 1\n' })
  assert.equal(
    said,
    'unsupported-template\ngroup_vars/pi4.yml:1:1 site: the filter to_yaml in templates is not supported here, at 1:8 of its text',
  )
})

test('templates read FLEET_ variables of the environment, and others that the workflow allows', async (t) => {
  setEnvironment(t, { FLEET_SITE: 'Basel', OTHER_SITE: 'Chur', DROVER_ALLOW_ENV: '' })
  const files = (name: string) => ({ 'group_vars/pi4.yml': `site: "{{ lookup('env', '${name}') }}"\n` })
  assert.equal((await load(t, files('FLEET_SITE'))).devices[0]?.site, 'Basel')
  assert.match(
    await failing(t, files('OTHER_SITE')),
    /4\.yml:1:1 site: .*rename OTHER_SITE, or let the workflow allow it with allow-env/,
  )
  assert.match(await failing(t, files('DROVER_VAULT_PASSWORD')), /names with FLEET_ alone/)
  setEnvironment(t, { DROVER_ALLOW_ENV: 'X, OTHER_SITE' })
  assert.equal((await load(t, files('OTHER_SITE'))).devices[0]?.site, 'Chur')
  setEnvironment(t, { DROVER_ALLOW_ENV: '' })
  const allowed = allowedBy(undefined, ['X', 'OTHER_SITE'])
  assert.equal((await load(t, files('OTHER_SITE'), allowed)).devices[0]?.site, 'Chur')
  for (const name of ['*', 'OTHER_*', 'OTHER SITE', ''])
    assert.throws(() => allowedBy(undefined, [name]), { reason: 'bad-input', message: /whole names/ })
})

test('what the environment says is in no message', async (t) => {
  setEnvironment(t, { FLEET_ZONE: 'my-secret-zone' })
  const said = await failing(t, {
    'group_vars/pi4.yml': "device_id: \"{{ lookup('env', 'FLEET_ZONE') }}\"\n",
  })
  assert.match(said, /same device id as a: \(encrypted\)/)
  assert.ok(!said.includes('my-secret-zone'), said)
  setEnvironment(t, { FLEET_ZONE: 'a' })
  const ofLetter = await failing(t, {
    'group_vars/pi4.yml': "device_id: \"{{ lookup('env', 'FLEET_ZONE') }}\"\n",
  })
  assert.match(ofLetter, /same device id as a: a/)
})

test('a template that would fill the memory or never end is refused', async (t) => {
  const doubled = Array.from(
    { length: 30 },
    (_, index) => `v${index + 1}: "{{ v${index} ~ v${index} }}"`,
  ).join('\n')
  const circles = Array.from({ length: 60 }, (_, index) => `w${index}: "{{ w${index + 1} }}x"`).join('\n')
  for (const [text, said] of [
    [`site: "{{ v30 }}"\nv0: 0123456789\n${doubled}\n`, /a text of more than 1048576 characters/],
    [`site: "{{ w0 }}"\n${circles}\n`, /more than 50 variables made of each other/],
    [
      'site: "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}"\n',
      /more than 200000 steps/,
    ],
    [`site: "{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}"\n`, /more than 60 brackets/],
    [`site: "{{ ${'not '.repeat(30000)}1 }}"\n`, /so much within each other/],
    ['site: "{{ range(99999999) | length }}"\n', /a range of more than 10000/],
  ] as const) {
    const problems = await failing(t, { 'group_vars/pi4.yml': text })
    assert.match(problems, said)
    assert.match(problems, /^unsupported-template/)
  }
})

test("a template doesn't reach JavaScript's own objects", async (t) => {
  for (const path of [
    '__proto__',
    "['__proto__']",
    'constructor',
    "['constructor']",
    'toString',
    'hasOwnProperty',
  ]) {
    const text = `site: "{{ m${path.startsWith('[') ? path : `.${path}`} }}"\nm: { a: 1 }\n`
    assert.match(
      await failing(t, { 'group_vars/pi4.yml': text }),
      /site: (there is no key|.*not supported)/,
      path,
    )
  }
  assert.match(
    await failing(t, { 'group_vars/pi4.yml': 'site: "{{ constructor }}"\n' }),
    /constructor is not defined/,
  )
})

test('what a file means besides its data counts: 2.0 is no 2, and what is unsafe is no template', async (t) => {
  const { devices } = await load(t, {
    'group_vars/all.yml': `subscribed_branch: main
os_image: r1
base: &base { version: 3.0, exact: 3, list: [1.0, 1] }
merged: { <<: *base, more: 1.50 }
raw: !unsafe "{{ missing }}"
whole: 4.0
site: "{{ base }} {{ merged.version }} {{ merged.more }} {{ raw }} {{ whole }}"
`,
  })
  assert.equal(devices[0]?.site, "{'version': 3.0, 'exact': 3, 'list': [1.0, 1]} 3.0 1.5 {{ missing }} 4.0")
  const folder = await temporaryFolder(t)
  await writeFile(
    join(folder, 'inventory.ini'),
    '[pi4]\na v=2.0\nb v=2\n[all:vars]\nsubscribed_branch=main\nos_image=r\nsite="{{ v }} x"\n',
  )
  assert.deepEqual(
    (await loadFleet(folder)).devices.map(({ site }) => site),
    ['2.0 x', '2 x'],
  )
})
