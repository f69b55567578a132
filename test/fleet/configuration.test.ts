import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Configuration, listInventory, loadFleet } from '../../src/fleet/fleet.ts'
import { Failure, digestOf } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

type Files = Record<string, string>

const base: Files = {
  'inventory.yml': 'all: { children: { pi4: { hosts: { a: , b: } } } }\n',
  'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
}
const withTemplate = (text: string, more: Files = {}): Files => ({
  'group_vars/pi4.yml': 'configuration: { template: kiosk.json }\n',
  'templates/kiosk.json': text,
  ...more,
})

async function folderWith(t: TestContext, files: Files): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries({ ...base, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

async function configurations(folder: string): Promise<(Configuration | undefined)[]> {
  return (await loadFleet(folder)).devices.map(({ configuration }) => configuration)
}

const valuesOf = (configuration: Configuration | undefined) => Object.fromEntries(configuration?.values ?? [])

/** The configuration of the first device. */
async function first(t: TestContext, files: Files): Promise<Configuration> {
  const [configuration] = await configurations(await folderWith(t, files))
  assert.ok(configuration)
  return configuration
}

async function problemsOf(folder: string): Promise<string[]> {
  try {
    await loadFleet(folder)
    return []
  } catch (error) {
    assert.ok(error instanceof Failure, String(error))
    return error.problems.map(
      ({ file, line, column, message }) => `${relative(folder, file)}:${line}:${column} ${message}`,
    )
  }
}

test("a device's configuration is its template with its own variables and parameters", async (t) => {
  const folder = await folderWith(t, {
    ...withTemplate(`{
{% if monitoring_enabled is defined and monitoring_enabled %}
    "monitoring": "true",
{% endif %}
    "kiosk_url": "{{ configuration.parameters.url | mandatory }}",
    "expected_os_image": "{{ desired_os_image }}"
}
`),
    'host_vars/a.yml':
      'configuration:\n  template: kiosk.json\n  parameters:\n    url: "https://{{ site }}.example"\nsite: basel\n',
    'host_vars/b.yml':
      'configuration: { template: kiosk.json, parameters: { url: x } }\nmonitoring_enabled: yes\nos_image: r2\n',
  })
  const [a, b] = await configurations(folder)
  assert.deepEqual(valuesOf(a), { kiosk_url: 'https://basel.example', expected_os_image: 'r1' })
  assert.deepEqual(valuesOf(b), { monitoring: 'true', kiosk_url: 'x', expected_os_image: 'r2' })
  assert.equal(a?.template, 'kiosk.json')
})

test('the templates of an edi-cd role are found where they are', async (t) => {
  const configuration = await first(t, {
    'group_vars/pi4.yml': 'configuration: { template: kiosk.json }\n',
    'roles/apply_configuration/templates/kiosk.json': '{ "a": "1" }',
  })
  assert.deepEqual(valuesOf(configuration), { a: '1' })
})

test('a host without configuration has none, and the branch of a retired one is not rendered', async (t) => {
  const folder = await folderWith(t, {
    ...withTemplate('{ "a": "{{ missing }}" }'),
    'host_vars/a.yml': 'state: retired\n',
    'host_vars/b.yml': 'configuration: null\n',
  })
  assert.deepEqual(await configurations(folder), [undefined, undefined])
})

test('equal configurations have one digest, however keys are ordered and numbers spelt', async (t) => {
  const one = await first(t, withTemplate('{ "a": 5, "b": false, "c": "x" }'))
  const same = await first(t, withTemplate('{ "c": "x", "b": "false", "a": "5" }'))
  const other = await first(t, withTemplate('{ "c": "x", "b": "true", "a": "5" }'))
  assert.equal(one.digest, same.digest)
  assert.notEqual(one.digest, other.digest)
  assert.match(one.digest, /^sha256:[0-9a-f]{64}$/)
})

test('keys with secrets are named, and no message has what is in them', async (t) => {
  const former = process.env['FLEET_TOKEN']
  process.env['FLEET_TOKEN'] = 'very-secret-token'
  undo(t, async () => {
    if (former === undefined) delete process.env['FLEET_TOKEN']
    else process.env['FLEET_TOKEN'] = former
  })
  const template = '{ "url": "x", "token": "Bearer {{ token }}" }'
  const files = withTemplate(template, { 'host_vars/a.yml': `token: "{{ lookup('env', 'FLEET_TOKEN') }}"\n` })
  files['host_vars/b.yml'] = 'configuration: null\n'
  const configuration = await first(t, files)
  assert.deepEqual([...configuration.secretKeys], ['token'])
  const broken = await folderWith(t, {
    ...files,
    'templates/kiosk.json': '{ "token": "{{ token }}" {{ token }} }',
  })
  const problems = await problemsOf(broken)
  assert.match(problems.join(), /kiosk\.json:1:1 gives no JSON, at line 1, column/)
  assert.ok(!problems.join().includes('very-secret'), problems.join())
})

function setEnvironment(t: TestContext, values: Record<string, string | undefined>): void {
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(values)) {
    const former = process.env[name]
    set(name, value)
    undo(t, () => set(name, former))
  }
}

test('with secrets the fingerprint is keyed: nobody without the key can tell a guess from a hit', async (t) => {
  const files = withTemplate(`{ "pin": "{{ lookup('env', 'FLEET_PIN') }}", "url": "x" }`)
  const withPin = async (pin: string, key: string | undefined) => {
    setEnvironment(t, { FLEET_PIN: pin, DROVER_CONFIGURATION_KEY: key })
    return await first(t, files)
  }
  const key = 'a key that is long enough'
  const one = await withPin('1234', key)
  assert.match(one.fingerprint ?? '', /^hmac-sha256:[0-9a-f]{64}$/)
  assert.match(one.salt ?? '', /^[0-9a-f]{64}$/)
  assert.equal((await withPin('1234', key)).fingerprint, one.fingerprint)
  assert.notEqual((await withPin('1235', key)).fingerprint, one.fingerprint)
  assert.notEqual((await withPin('1234', `${key}!`)).fingerprint, one.fingerprint)
  assert.equal((await withPin('1234', undefined)).fingerprint, undefined)
  await assert.rejects(withPin('1234', 'short'), { reason: 'bad-input', message: /fewer than 20 characters/ })
})

test('a configuration without secrets has its digest as fingerprint, and knows its template and its line', async (t) => {
  const configuration = await first(t, withTemplate('{ "a": false }'))
  const { fingerprint, digest, salt, source } = configuration
  const at = configuration.at()
  assert.deepEqual([fingerprint, salt], [digest, undefined])
  assert.equal(source.digest, digestOf('{ "a": false }'))
  assert.match(source.file, /templates\/kiosk\.json$/)
  assert.deepEqual([at.file.split('/').at(-1), at.line], ['pi4.yml', 1])
})

test('everything wrong with configurations is told at once, each with its place', async (t) => {
  const folder = await folderWith(t, {
    'host_vars/a.yml': 'configuration: { template: gone.json }\n',
    'host_vars/b.yml': 'configuration:\n  template: bad.json\n',
    'templates/bad.json':
      '{\n  "list": [],\n  "null": null,\n  "level": "loud",\n  "port": 99999,\n  "typo": "x",\n  "big": 12345678901234567890\n}\n',
    'templates/bad.schema.json': JSON.stringify({
      type: 'object',
      required: ['url'],
      properties: {
        big: {},
        list: true,
        null: {},
        level: { enum: ['debug', 'info'] },
        port: { type: 'integer', maximum: 65535 },
        url: { type: 'string', pattern: '^https://' },
      },
      additionalProperties: false,
    }),
  })
  assert.deepEqual(await problemsOf(folder), [
    'host_vars/a.yml:1:18 configuration: there is no template gone.json in templates or roles/apply_configuration/templates',
    'templates/bad.json:1:1 has no url',
    'templates/bad.json:2:3 list: must be a text, a number, true or false',
    'templates/bad.json:3:3 null: must be a text, a number, true or false',
    'templates/bad.json:4:3 level: must be "debug" or "info"',
    'templates/bad.json:5:3 port: is too large',
    'templates/bad.json:6:3 typo: is no key of the schema',
    "templates/bad.json:7:3 big: is a number that can't be kept exactly: write it in quotes",
  ])
})

test('a pattern that would never end is told of once, and holds no plan up', async (t) => {
  const hosts = Array.from({ length: 40 }, (_, index) => `d${index}: `).join(', ')
  const files = (schema: string) => ({
    'inventory.yml': `all: { children: { pi4: { hosts: { ${hosts} } } } }\n`,
    ...withTemplate(`{ "name": "{{ inventory_hostname }}-${'a'.repeat(60)}!" }`),
    'templates/kiosk.schema.json': schema,
  })
  const slow = '{ "properties": {\n  "name": { "pattern": "(a+)+$" } } }'
  const startedAt = performance.now()
  const problems = await problemsOf(await folderWith(t, files(slow)))
  assert.equal(problems.length, 1, problems.join('\n'))
  assert.match(
    problems[0] ?? '',
    /^templates\/kiosk\.schema\.json:2:13 takes longer than 250 ms .*repetition within/,
  )
  assert.ok(performance.now() - startedAt < 10_000, `${performance.now() - startedAt} ms`)
  const keys = '{ "patternProperties": { "^(n|na|a|am|m|me|e)*x$": {} }, "additionalProperties": true }'
  assert.deepEqual(await problemsOf(await folderWith(t, files(keys))), [])
})

test('a schema with a rule that is not known here is refused, not passed over', async (t) => {
  const folder = await folderWith(
    t,
    withTemplate('{ "a": "1" }', {
      'templates/kiosk.json.schema.json':
        '{\n  "properties": {\n    "a": { "format": "uri" }\n  },\n  "if": {}\n}\n',
    }),
  )
  assert.deepEqual(await problemsOf(folder), [
    'templates/kiosk.json.schema.json:3:12 properties.a.format: is not supported in the schema of a configuration',
    'templates/kiosk.json.schema.json:5:3 if: is not supported in the schema of a configuration',
  ])
})

test('an undefined variable in a template is an error at its line and column', async (t) => {
  const folder = await folderWith(
    t,
    withTemplate('{\n  "a": "{{ here }}",\n  "b": "{{ nowhere }}"\n}\n', {
      'host_vars/a.yml': 'here: 1\n',
      'host_vars/b.yml': 'configuration: null\n',
    }),
  )
  assert.deepEqual(await problemsOf(folder), [
    'templates/kiosk.json:3:12 configuration: nowhere is not defined',
  ])
})

test('a template is a file of the repository: no path and no link leads out', async (t) => {
  const outside = await folderWith(t, { 'secret.json': '{ "a": "outside" }' })
  const up = await folderWith(t, { 'group_vars/pi4.yml': `configuration: { template: ../fleet.yml }\n` })
  assert.match((await problemsOf(up)).join(), /there is no template \.\.\/fleet\.yml/)
  const linked = await folderWith(t, withTemplate('{}'))
  await symlink(join(outside, 'secret.json'), join(linked, 'templates/link.json'))
  assert.match((await problemsOf(linked)).join(), /templates\/link\.json:1:1 is a link that leads out/)
})

test('the list of the inventory shows configurations without their secrets', async (t) => {
  const former = process.env['FLEET_TOKEN']
  process.env['FLEET_TOKEN'] = 'very-secret-token'
  undo(t, async () => {
    if (former === undefined) delete process.env['FLEET_TOKEN']
    else process.env['FLEET_TOKEN'] = former
  })
  const folder = await folderWith(t, {
    ...withTemplate('{ "url": "{{ url }}", "token": "{{ token }}", "basic": "{{ token | b64encode }}" }'),
    'host_vars/a.yml': `url: x\ntoken: "{{ lookup('env', 'FLEET_TOKEN') }}"\n`,
    'host_vars/b.yml': 'url: y\ntoken: none\n',
  })
  const { list } = await listInventory(folder)
  const { configurations } = list._meta
  assert.deepEqual(configurations?.['a'], {
    template: 'kiosk.json',
    values: { url: 'x', token: '(secret)', basic: '(secret)' },
  })
  assert.match(configurations?.['b']?.digest ?? '', /^sha256:/)
  assert.ok(!JSON.stringify(list).includes('very-secret'))
})

test('the reason is unsupported-template, whoever reads the template', async (t) => {
  const folder = await folderWith(t, withTemplate('{ "url": "{{ site | nope }}" }'))
  await assert.rejects(loadFleet(folder), { reason: 'unsupported-template' })
  await assert.rejects(listInventory(folder), { reason: 'unsupported-template' })
})
