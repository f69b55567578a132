import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { listInventory, loadFleet } from '../../src/fleet/fleet.ts'
import { type DeviceFacts, type Facts, gatherFacts, writeFacts } from '../../src/ota/ota.ts'
import { makePlan } from '../../src/plan/plan.ts'
import { plainContext, run, runOk } from '../../src/platform/platform.ts'
import { openLab } from '../support/mender-lab.ts'
import { needs } from '../support/needs.ts'
import { dist } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

const adopt = async (args: string[], env: Record<string, string> = {}) =>
  await run(process.execPath, [join(dist, 'drover.mjs'), 'adopt-fleet', '--json', ...args], { env })

const device = (id: string, more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  id,
  status: 'accepted',
  reportedAt: '2026-05-01T00:00:00.000Z',
  deviceType: 'pi',
  release: 'os-1',
  group: undefined,
  identity: { mac: id },
  attributes: {},
  ...more,
})

async function factsFile(
  t: TestContext,
  devices: DeviceFacts[],
): Promise<{ base: string; file: string; facts: Facts }> {
  const base = await temporaryFolder(t)
  const file = join(base, 'facts.json')
  const gatheredAt = '2026-05-01T00:00:00.000Z'
  const facts = { server: 'https://ota.example.com', gatheredAt, devices, releases: [], openDeployments: [] }
  await writeFacts(file, facts)
  return { base, file, facts }
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const texts = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length), await readFile(path, 'utf8')]),
  )
  return Object.fromEntries(texts)
}

async function likeAnsible(base: string, folder: string): Promise<void> {
  await writeFile(join(base, 'ansible.cfg'), '')
  const args = ['-i', join(folder, 'inventory.yml'), '--playbook-dir', folder, '--list']
  const env = { ANSIBLE_CONFIG: join(base, 'ansible.cfg'), HOME: base }
  const theirs = await runOk('ansible-inventory', args, { what: 'ansible-inventory', env })
  const { list } = await listInventory(folder)
  assert.deepEqual(JSON.parse(JSON.stringify(list)), JSON.parse(theirs))
}

test('a live fleet is adopted, and the first plan on it changes nothing', async (t) => {
  const lab = await openLab(t)
  const devices = [await lab.device(), await lab.device(), await lab.device()]
  await lab.operate('PATCH', '/v1/inventory/groups/lab/devices', [devices[0]?.key])
  const folder = join(lab.folder, 'fleet')
  const args = ['--server', lab.url, '--output', folder, '--stages', 'development=main,production=live']
  const { code, stdout, stderr } = await adopt(args, { DROVER_TOKEN: lab.token })
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { fleet: folder, devices: 3, 'left-out': 0, blocked: 0 })
  const fleet = await loadFleet(folder)
  assert.deepEqual(
    fleet.devices.map(({ id, stage, isLab }) => `${id} ${stage} ${isLab}`).toSorted(),
    devices
      .map(({ key }, index) => `${key} ${index === 0 ? 'development' : 'production'} ${index === 0}`)
      .toSorted(),
  )
  const facts = await gatherFacts(lab.server, plainContext())
  for (const stage of ['development', 'production'])
    for (const change of makePlan(fleet, stage, facts, new Date()).changes)
      assert.ok(change.kind === 'no-op' && change.why === 'already-there', JSON.stringify(change))
  assert.equal(fleet.server?.url, lab.url)
})

test(
  'Ansible reads what was adopted to the same, whatever devices call themselves',
  { skip: needs('ansible-inventory') },
  async (t) => {
    const odd = [
      '12',
      '1e-3',
      'on',
      'all',
      'localhost',
      '../../etc',
      'a b',
      'a:b[1:3]',
      '.hidden',
      'x.yml',
      '-x',
      'ä',
      'A1',
      'a1',
      "it's",
      '"q"',
      '#c',
      '%y',
      'a: b',
    ]
    const { base, file, facts } = await factsFile(t, [
      ...odd.map((id, index) =>
        device(id, { attributes: { site: id, time_zone: index % 2 === 0 ? 'Europe/Zurich' : 'Mars/Base' } }),
      ),
      device('other', { release: 'os-2', deviceType: 'pi 4', attributes: { subscribed_branch: 'canary' } }),
      device('third', { release: '007', deviceType: 'pi-4' }),
    ])
    const folder = join(base, 'fleet')
    const { code, stderr } = await adopt(['--facts', file, '--output', folder, '--stages', 'canary,main'])
    assert.equal(code, 0, stderr)
    const { devices } = await loadFleet(folder)
    assert.deepEqual(devices.map(({ id }) => id).toSorted(), facts.devices.map(({ id }) => id).toSorted())
    assert.deepEqual(
      devices.filter(({ stage }) => stage === 'canary').map(({ id }) => id),
      ['other'],
    )
    assert.equal(devices.find(({ id }) => id === '12')?.timeZone, 'Europe/Zurich')
    await likeAnsible(base, folder)
  },
)

test('what a device says is never a template, a path or an order; such devices are named and left out', async (t) => {
  const { base, file } = await factsFile(t, [
    device('good', { attributes: { site: '{{ lookup("pipe", "id") }}', subscribed_branch: '../x' } }),
    device('{{ evil }}'),
    device('new\nline'),
    device('b', { release: '{% x %}' }),
    device('c', { deviceType: '$ANSIBLE_VAULT;1.1;AES256' }),
    device('d', { status: 'pending' }),
    device('e', { release: undefined }),
  ])
  const folder = join(base, 'fleet')
  const { code, stdout, stderr } = await adopt(['--facts', file, '--output', folder])
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { fleet: folder, devices: 1, 'left-out': 6, blocked: 0 })
  const files = await filesOf(folder)
  assert.equal(files['/host_vars/good.yml'], 'device_id: good\ndevice_type: pi\nsubscribed_branch: main\n')
  assert.doesNotMatch(Object.values(files).join(''), /\{\{|\{%|VAULT/)
  assert.match(stderr, /left out: "e" doesn't report which release it runs/)
})

test('the same fleet gives the same files, in whatever order the server lists it', async (t) => {
  const devices = ['c', 'A', 'a', 'b'].map((id, index) => device(id, { release: `os-${index % 2}` }))
  const [one, other] = [await factsFile(t, devices), await factsFile(t, devices.toReversed())]
  for (const { base, file } of [one, other]) await adopt(['--facts', file, '--output', join(base, 'fleet')])
  assert.deepEqual(await filesOf(join(one.base, 'fleet')), await filesOf(join(other.base, 'fleet')))
})

test('a folder with something in it is left as it is, and so is one where nothing could be adopted', async (t) => {
  const { base, file } = await factsFile(t, [device('a', { status: 'pending' })])
  const full = join(base, 'full')
  await mkdir(full)
  await writeFile(join(full, 'mine'), '')
  const refused = await adopt(['--facts', file, '--output', full])
  assert.deepEqual([refused.code, JSON.parse(refused.stdout)], [1, { 'failure-reason': 'bad-input' }])
  assert.deepEqual(await readdir(full), ['mine'])
  const none = await adopt(['--facts', file, '--output', join(base, 'none')])
  assert.deepEqual([none.code, JSON.parse(none.stdout)], [1, { 'failure-reason': 'no-device-matched' }])
  assert.deepEqual((await readdir(base)).toSorted(), ['facts.json', 'full'])
  for (const wrong of [
    ['--stages', 'a=b=c'],
    ['--stages', 'a=x,b=x'],
    ['--server', 'https://x.example'],
  ])
    assert.equal((await adopt(['--facts', file, '--output', join(base, 'none'), ...wrong])).code, 2)
})
