import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type InventorySource, inventorySource, listInventory, loadFleet } from '../../src/fleet/fleet.ts'
import { Failure, plainContext, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'

const list = {
  _meta: { hostvars: { a: { site: 'north', n: 1 }, b: { ansible_port: 22, 'odd key': [null, true] } } },
  all: { children: ['ungrouped', 'lab', 'field'] },
  lab: { hosts: ['a'], children: ['inner'] },
  inner: { hosts: ['b'] },
  field: { hosts: ['a', 'b'] },
}

/** A program that prints `text`, beside a fleet repository with these files. */
async function sourceOf(t: TestContext, text: string, files: Record<string, string> = {}) {
  const base = await temporaryFolder(t)
  const folder = join(base, 'fleet')
  await mkdir(folder)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  const program = join(base, 'list.sh')
  await writeFile(join(base, 'list.json'), text)
  await writeFile(program, `#!/bin/sh\ncat '${join(base, 'list.json')}'\n`)
  await chmod(program, 0o755)
  return { base, folder, program, source: source({ command: program }) }
}

function source(given: { command?: string; url?: string }): InventorySource {
  const found = inventorySource({ command: given.command, url: given.url })
  assert.ok(found)
  return found
}

const listOf = async (folder: string, source: InventorySource) =>
  JSON.parse(JSON.stringify((await listInventory(folder, plainContext(), { inventory: source })).list))

const failing = async (work: Promise<unknown>): Promise<Failure> =>
  await work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => {
      assert.ok(error instanceof Failure, String(error))
      return error
    },
  )

test(
  "a program's inventory is what Ansible makes of it, with the variables beside it",
  { skip: needs('ansible-inventory') },
  async (t) => {
    const files = {
      'group_vars/lab.yml': 'site: lab\nx: 1\n',
      'host_vars/b.yml': 'n: 2\n',
      'group_vars/all/a.yml': 'y: z\n',
    }
    const { base, folder, program, source } = await sourceOf(t, JSON.stringify(list), files)
    await writeFile(join(base, 'ansible.cfg'), '')
    const expected = await runOk('ansible-inventory', ['-i', program, '--playbook-dir', folder, '--list'], {
      what: 'ansible-inventory',
      env: { ANSIBLE_CONFIG: join(base, 'ansible.cfg'), HOME: base },
    })
    assert.deepEqual(await listOf(folder, source), JSON.parse(expected))
  },
)

test('what an inventory was resolved to is an inventory again, the same', async (t) => {
  const { folder, source } = await sourceOf(t, JSON.stringify(list))
  const { ungrouped: _none, ...first } = await listOf(folder, source)
  assert.deepEqual(first, list)
})

test(
  'numbers of a program are rendered as Ansible renders them',
  { skip: needs('ansible-inventory') },
  async (t) => {
    const numbers =
      '"n": { "two": 2.0, "many": [1e3, 5, 2.50, { "x": -3.0 }], "small": 1E-7, "zero": -0.0, "text": "2.0" }'
    const text = `{ "_meta": { "hostvars": { "a": { ${numbers}, "version": 2.0, "whole": 2 } } }, "g": { "hosts": ["a"] } }`
    const shown =
      '{{ version }} {{ whole }} {{ n.two }} {{ n.many }} {{ n.many[3].x }} {{ n.small }} {{ n.zero }} {{ n.text }}'
    const { folder, program, source } = await sourceOf(t, text, {
      'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\nconfiguration: { template: a.json }\n',
      'templates/a.json': `{ "numbers": "${shown}" }`,
    })
    const { devices } = await loadFleet(folder, plainContext(), { inventory: source })
    const args = ['all', '-i', program, '-c', 'local', '-m', 'debug', '-a', `msg="= ${shown}"`]
    const said = await runOk('ansible', args, { what: 'ansible' })
    const [, theirs] = /"msg": "= (.*)"/.exec(said) ?? []
    assert.equal(devices[0]?.configuration?.values.get('numbers'), theirs)
    assert.match(theirs ?? '', /^2\.0 2 2\.0 /)
  },
)

test(
  'numbers of JSON files are rendered as Ansible renders them',
  { skip: needs('ansible-inventory') },
  async (t) => {
    const shown = '{{ n }} {{ m }} {{ o }} {{ k }}'
    const { folder } = await sourceOf(t, '', {
      'inventory.json': '{ "all": { "hosts": { "a": { "n": 1e3, "m": [1E2, 2.0, 7], "o": 5 } } } }',
      'group_vars/all.json':
        '{ "k": 2e1, "subscribed_branch": "main", "os_image": "r1", "configuration": { "template": "a.json" } }',
      'templates/a.json': `{ "numbers": "${shown}" }`,
    })
    const { devices } = await loadFleet(folder)
    const args = ['all', '-i', join(folder, 'inventory.json'), '-c', 'local', '-m', 'debug']
    const said = await runOk('ansible', [...args, '-a', `msg="= ${shown}"`], { what: 'ansible' })
    assert.equal(devices[0]?.configuration?.values.get('numbers'), /"msg": "= (.*)"/.exec(said)?.[1])
  },
)

test('a fleet from a program is checked like one in Git, and problems name the program', async (t) => {
  const hostvars = {
    a: { subscribed_branch: 'nowhere' },
    b: { lab: 'perhaps', subscribed_branch: 'main' },
    c: {},
  }
  const given = { _meta: { hostvars }, lab: { hosts: ['a', 'b'] } }
  const files = {
    'fleet.yml': 'stages:\n  development: { branch: main }\n',
    'group_vars/all.yml': 'os_image: os-1\n',
  }
  const { folder, source } = await sourceOf(t, JSON.stringify(given), files)
  const { reason, problems } = await failing(loadFleet(folder, plainContext(), { inventory: source }))
  assert.equal(reason, 'invalid-file')
  assert.deepEqual(
    problems.map(({ file, message }) => `${file} ${message}`),
    [
      'inventory-command:list.sh _meta.hostvars.c: is a host of no group',
      'inventory-command:list.sh lab: must be true or false',
      'inventory-command:list.sh a subscribes to the branch nowhere, which is no stage of fleet.yml',
    ],
  )
})

test('what is no inventory is refused with all that is wrong', async (t) => {
  const cases: [text: string, ...messages: string[]][] = [
    ['nothing', 'is no JSON object of groups: print what ansible-inventory --list prints'],
    ['[]', 'is no JSON object of groups: print what ansible-inventory --list prints'],
    [
      '{"a": {"hosts": []}}',
      '_meta: must be there, with hostvars in it: programs that print variables host by host are not asked',
    ],
    [
      '{"_meta": {"hostvars": {}}, "a": {"host": ["x"]}, "b": {"hosts": [1]}, "c": 7}',
      'a.host: a group has hosts, children and vars, nothing else',
      'b.hosts.0: must be text',
      'c: is no group: a group has hosts, children and vars, nothing else',
    ],
    [
      '{"_meta": {"hostvars": {"h": {"n": 12345678901234567890}}}, "a": ["h"]}',
      "_meta.hostvars.h.n: this number can't be kept exactly: write it as text",
    ],
  ]
  for (const [text, ...messages] of cases) {
    const { folder, source } = await sourceOf(t, text)
    const { problems } = await failing(listOf(folder, source))
    assert.deepEqual(
      problems.map(({ message }) => message),
      messages,
      text,
    )
  }
})

test('a checkout never runs: its own program is refused while another is named', async (t) => {
  const { base, folder, source } = await sourceOf(t, JSON.stringify(list), {
    'inventory.yml': '#!/bin/sh\ntouch ran\n',
  })
  await chmod(join(folder, 'inventory.yml'), 0o755)
  const { warnings } = await listInventory(folder, plainContext(), { inventory: source })
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['is not read, as the inventory comes from elsewhere'],
  )
  await assert.rejects(readFile(join(base, 'fleet', 'ran')))
})

test('a program or a script in the checkout is not run, even where it is named, and modules beside it are not found', async (t) => {
  const { base, folder } = await sourceOf(t, '', {
    'list.sh': '#!/bin/sh\ntouch "$0.ran"\n',
    'json.py': 'raise SystemExit(9)\n',
  })
  await chmod(join(folder, 'list.sh'), 0o755)
  await symlink(join(folder, 'list.sh'), join(base, 'link.sh'))
  for (const command of [join(folder, 'list.sh'), `sh ${join(folder, 'list.sh')}`, join(base, 'link.sh')])
    assert.match((await failing(listOf(folder, source({ command })))).message, /is in the fleet repository/)
  assert.throws(() => source({ command: './list.sh' }), /relative path/)
  await assert.rejects(readFile(join(folder, 'list.sh.ran')))
  const former = process.cwd()
  undo(t, () => process.chdir(former))
  process.chdir(folder)
  const python = `python3 -c 'import json; print(json.dumps({"_meta": {"hostvars": {}}, "g": ["h"]}))'`
  assert.deepEqual((await listOf(folder, source({ command: python }))).g, { hosts: ['h'] })
})

test('a command is split as a shell splits it, and nothing in it is expanded', async (t) => {
  const { base, folder } = await sourceOf(t, '')
  const program = join(base, 'echo.sh')
  await writeFile(
    program,
    `#!/bin/sh\nprintf '{"_meta": {"hostvars": {"h": {"args": "'; printf '[%s]' "$@"; printf '"}}}, "g": ["h"]}'\n`,
  )
  await chmod(program, 0o755)
  const argsOf = async (command: string) => (await listOf(folder, source({ command })))._meta.hostvars.h.args
  assert.equal(
    await argsOf(`${program} a 'b c' d#e "$HOME" * ; x | y`),
    '[a][b c][d#e][$HOME][*][;][x][|][y]',
  )
  assert.equal(await argsOf(JSON.stringify([program, 'a b', '$(id)', ''])), '[a b][$(id)][]')
})

test('what a command was given and our own secrets are in no message, and not in its environment', async (t) => {
  const { base, folder } = await sourceOf(t, '')
  const program = join(base, 'fails.sh')
  await writeFile(program, '#!/bin/sh\necho "no: $1 $2 [$DROVER_TOKEN]" >&2\nexit 3\n')
  await chmod(program, 0o755)
  process.env['DROVER_TOKEN'] = 'very-secret-token'
  undo(t, () => void delete process.env['DROVER_TOKEN'])
  const failure = await failing(
    listOf(folder, source({ command: `${program} s3cr3t-value --key=another-one` })),
  )
  assert.equal(failure.reason, 'invalid-file')
  assert.equal(failure.message, 'the inventory command fails.sh failed (3): no: *** *** []')
})

test('a command that is interrupted ends, with what it started', async (t) => {
  const { base, folder } = await sourceOf(t, '')
  const program = join(base, 'hangs.sh')
  await writeFile(program, `#!/bin/sh\nsleep 600 &\necho $! > '${join(base, 'pid')}'\nwait\n`)
  await chmod(program, 0o755)
  const controller = new AbortController()
  const context = plainContext({ signal: controller.signal })
  const work = listInventory(folder, context, { inventory: source({ command: program }) })
  const pid = async () => Number(await readFile(join(base, 'pid'), 'utf8').catch(() => ''))
  await until('it runs', async () => (await pid()) > 0)
  controller.abort(new Failure('cancelled', 'enough'))
  assert.equal((await failing(work)).reason, 'cancelled')
  const stat = `/proc/${await pid()}/stat`
  // one that nobody waits for is still listed, as Z
  await until('it ended', async () => !/\) [^Z]/.test(await readFile(stat, 'utf8').catch(() => '')))
})

test('only this machine is asked without https, and no name that begins as its address does', () => {
  for (const host of ['127.0.0.1', '127.1.2.3:80', 'localhost', '[::1]:8080'])
    source({ url: `http://${host}/list` })
  for (const host of [
    '127.example.com',
    '127.0.0.1.example.com',
    'localhost.example.com',
    '10.0.0.1',
    '[::2]',
  ])
    assert.throws(
      () => source({ url: `http://${host}/list` }),
      { reason: 'bad-input', message: /https/ },
      host,
    )
})

test('a URL is asked with its token, which no message has', async (t) => {
  const { folder } = await sourceOf(t, '')
  let status = 200
  const server = createServer((request, reply) => {
    const isRight = request.headers.authorization === 'Bearer right-token'
    reply.writeHead(isRight ? status : 401).end(JSON.stringify(list))
  }).listen(0, '127.0.0.1')
  undo(t, () => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list?key=query-secret`
  undo(t, () => void delete process.env['DROVER_INVENTORY_TOKEN'])
  process.env['DROVER_INVENTORY_TOKEN'] = 'right-token'
  assert.deepEqual((await listOf(folder, source({ url })))._meta, list._meta)
  status = 302
  const moved = await failing(listOf(folder, source({ url })))
  process.env['DROVER_INVENTORY_TOKEN'] = 'wrong-token'
  const refused = await failing(listOf(folder, source({ url })))
  assert.deepEqual([moved.reason, refused.reason], ['server-refused', 'bad-credentials'])
  for (const { message } of [moved, refused]) assert.doesNotMatch(message, /secret|(?:right|wrong)-token/)
})

test('a source that can be no source is refused without what it says', () => {
  const cases = [
    { command: '' },
    { command: "list 'open" },
    { command: '["a", 1]' },
    { command: 'a', url: 'https://example.com' },
    { url: 'http://example.com/list' },
    { url: 'https://user:s3cr3t@example.com/list' },
    { url: 'file:///etc/passwd' },
  ]
  for (const given of cases)
    assert.throws(
      () => source(given),
      (error) =>
        error instanceof Failure && error.reason === 'bad-input' && !error.message.includes('s3cr3t'),
      JSON.stringify(given),
    )
})
