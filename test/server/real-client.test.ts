// Debian's unmodified mender daemon against the server, in a mount namespace of its own.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import {
  type AuthDevice,
  type Deployment,
  type DeploymentDevice,
  type Facts,
  acceptAll,
  moduleArtifact,
  startLab,
} from './lab.ts'

/** How long the client gets for one thing: it polls every second, on a busy machine. */
const patienceMs = 45_000

const skip = needs('root', 'mender', 'mender-artifact', 'unshare', 'openssl')

/** Runs the daemon until the test ends; its log is for a failed test's message. `before` is told its public key. */
async function startClient(
  t: TestContext,
  folder: string,
  url: string,
  module: string,
  before: (publicKey: string) => Promise<void> = async () => {},
) {
  const files: Record<string, string> = {
    'etc/artifact_info': 'artifact_name=initial\n',
    'etc/mender.conf': JSON.stringify({
      DeviceTypeFile: join(folder, 'device_type'),
      ServerURL: url,
      UpdatePollIntervalSeconds: 1,
      InventoryPollIntervalSeconds: 1,
      RetryPollIntervalSeconds: 1,
      DBus: { Enabled: false },
    }),
    device_type: 'device_type=testdev\n',
    'share/identity/mender-device-identity': '#!/bin/sh\necho serial=real-1\n',
    'share/inventory/mender-inventory-test': '#!/bin/sh\necho colour=red\necho address=a\necho address=b\n',
    'share/modules/v3/testmod': module,
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), 0o755)
  }
  await mkdir(join(folder, 'data'), { recursive: true })
  // making a key of the client's size takes it many seconds on a busy machine
  const key = join(folder, 'data/mender-agent.pem')
  execFileSync('openssl', ['genrsa', '-traditional', '-out', key, '2048'], { stdio: 'pipe' })
  await before(execFileSync('openssl', ['rsa', '-in', key, '-pubout'], { stdio: 'pipe', encoding: 'utf8' }))
  const script = `mount --bind ${folder}/etc /etc/mender && mount --bind ${folder}/share /usr/share/mender &&
    exec mender --no-syslog --data ${folder}/data daemon`
  const client: ChildProcess = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  client.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  undo(t, async () => {
    const ended = new Promise((resolve) => client.once('exit', resolve))
    client.kill('SIGKILL')
    await ended
  })
  return { log: () => log }
}

const fine = `#!/bin/sh
case "$1" in SupportsRollback|NeedsArtifactReboot) echo No;; esac
`
const failing = `#!/bin/sh
case "$1" in
  SupportsRollback|NeedsArtifactReboot) echo No;;
  ArtifactInstall) echo "this module always fails" >&2; exit 1;;
esac
`

for (const { outcome, module } of [
  { outcome: 'success', module: fine },
  { outcome: 'failure', module: failing },
]) {
  test(
    `the real client waits, is accepted, reports and takes an artifact to ${outcome}`,
    { skip },
    async (t) => {
      const lab = await startLab(t)
      const client = await startClient(t, join(lab.folder, 'device'), lab.server.url, module)
      await until(
        'it asks to be accepted',
        async () =>
          (await lab.expect<AuthDevice[]>(200, 'GET', 'v2/devauth/devices?status=pending'))[0]
            ? true
            : undefined,
        patienceMs,
        client.log,
      )
      const { 'real-1': id = '' } = await acceptAll(lab)
      const facts = await until(
        'it reports its inventory',
        async () => {
          const filters = [{ scope: 'inventory', attribute: 'colour', type: '$eq', value: 'red' }]
          return (await lab.expect<Facts[]>(200, 'POST', 'v2/inventory/filters/search', { filters }))[0]
        },
        patienceMs,
        client.log,
      )
      assert.equal(facts.id, id)
      const fact = (name: string) => facts.attributes.find((attribute) => attribute.name === name)?.value
      assert.equal(fact('artifact_name'), 'initial')
      assert.equal(fact('device_type'), 'testdev')
      assert.deepEqual(fact('address'), ['a', 'b'])

      const artifact = await moduleArtifact(lab.folder, 'release-1')
      assert.equal((await lab.upload(artifact)).status, 201)
      const order = { name: 'first', artifact_name: 'release-1', devices: [id] }
      await lab.expect(201, 'POST', 'v1/deployments/deployments', order)
      const [placed] = await lab.expect<Deployment[]>(200, 'GET', 'v2/deployments/deployments?name=first')
      const path = `v1/deployments/deployments/${placed?.id}`
      const ended = await until(
        'the deployment has ended',
        async () => {
          const now = await lab.expect<Deployment>(200, 'GET', path)
          return now.status === 'finished' ? now : undefined
        },
        patienceMs,
        client.log,
      )
      assert.equal(ended.statistics.status[outcome], 1)
      const [device] = await lab.expect<DeploymentDevice[]>(200, 'GET', `${path}/devices/list`)
      assert.equal(device?.status, outcome)
      assert.equal(device?.image?.meta_artifact.name, 'release-1')
      if (outcome === 'success') {
        await until(
          'it reports the release',
          async () => {
            const now = await lab.expect<Facts>(200, 'GET', `v1/inventory/devices/${id}`)
            return now.attributes.some(({ value }) => value === 'release-1') ? true : undefined
          },
          patienceMs,
          client.log,
        )
        assert.equal((await lab.call('GET', `${path}/devices/${id}/log`)).status, 404)
        return
      }
      const text = await until(
        'its log arrives',
        async () => {
          const reply = await lab.call('GET', `${path}/devices/${id}/log`)
          return reply.status === 200 ? await reply.text() : (await reply.text(), undefined)
        },
        patienceMs,
        client.log,
      )
      assert.match(text, /this module always fails/)
    },
  )
}

test('the real client is let in by itself that was preauthorised', { skip }, async (t) => {
  const lab = await startLab(t)
  const server = openServer({ type: 'mender', url: lab.server.url, token: lab.server.token }, plainContext())
  let id = ''
  const client = await startClient(t, join(lab.folder, 'device'), lab.server.url, fine, async (key) => {
    id = await server.preauthorise({ identity: { serial: 'real-1' }, key })
    assert.equal((await server.device(id)).status, 'preauthorized')
  })
  const facts = await until(
    'it reports',
    async () => {
      const now = await server.device(id)
      return now.reportedAt === undefined ? undefined : now
    },
    patienceMs,
    client.log,
  )
  assert.deepEqual(
    [facts.status, facts.release, facts.identity],
    ['accepted', 'initial', { serial: 'real-1' }],
  )
  assert.equal((await lab.expect<AuthDevice[]>(200, 'GET', 'v2/devauth/devices')).length, 1)
})
