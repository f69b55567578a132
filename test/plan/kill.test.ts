// A tick that is killed at any write, and ticks beside one another: a server's requests go through a proxy that decides.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { type IncomingMessage, createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as v from 'valibot'
import type { Lab } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'
import { type World, image, openWorld, settled, stages } from './world.ts'

type Moment = 'before' | 'after'

/** Forwards to `target`; before or after the given write (from 1) reaches it, `onWrite` is called and no answer is given. */
async function startProxy(
  t: TestContext,
  target: string,
  kill: { at: number; moment: Moment; now: () => void },
) {
  let writes = 0
  const server = createServer((incoming, outgoing) => {
    const isLast = isWrite(incoming) && ++writes === kill.at
    if (isLast && kill.moment === 'before') return kill.now()
    const { method, headers } = incoming
    const forwarded = send(`${target}${incoming.url}`, { method, headers }, (reply) => {
      if (isLast) {
        reply.resume()
        kill.now()
        return
      }
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${address.port}`, writes: () => writes }
}

const isWrite = ({ method, url = '' }: IncomingMessage) =>
  method !== 'GET' && !url.includes('/filters/search')

function startTick({ repository, lab }: World): { child: ChildProcess; ended: Promise<string> } {
  const script = join(import.meta.dirname, '../../src/cli/main.ts')
  const words = ['schedule-updates', '--fleet', repository.folder, '--stage', 'canary', '--json']
  const child = spawn(process.execPath, [script, ...words], {
    env: { ...process.env, DROVER_TOKEN: lab.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  return { child, ended: new Promise((resolve) => child.once('close', () => resolve(said))) }
}

const orders = v.array(v.object({ id: v.string(), name: v.string() }))

/** How many orders each device has ever had, by its id. */
async function ordersOf(lab: Lab): Promise<Map<string, string[]>> {
  const reply = await lab.operate('GET', '/v2/deployments/deployments?per_page=500')
  const found = new Map<string, string[]>()
  for (const { id, name } of v.parse(orders, await reply.json())) {
    const list = await lab.operate('GET', `/v1/deployments/deployments/${id}/device_list`)
    for (const device of v.parse(v.array(v.string()), await list.json()))
      found.set(device, [...(found.get(device) ?? []), name])
  }
  return found
}

/** Three devices on canary, two of them of another type, on the older release: a tick has two orders to place. */
async function worldOfTwoTypes(t: TestContext): Promise<World> {
  const world = await openWorld(t, { count: 1 })
  const { lab, repository } = world
  for (const name of ['old', 'new'])
    await lab.server.upload(await lab.artifact(name, { deviceTypes: ['board'], content: `${name} board` }))
  const board = () => lab.device({ pollMs: 20, deviceType: 'board' })
  world.devices.push(await board(), await board())
  await repository.git('checkout', '--quiet', 'canary')
  const host = (index: number) => `device_id: ${world.devices[index]?.key}\nsubscribed_branch: canary\n`
  const both = (release: string) => `${image(release)}  - device_type: board\n    image_name: ${release}\n`
  await repository.commit({
    'inventory.yml': 'all:\n  hosts:\n    lab-0:\n    device-1:\n    device-2:\n    device-3:\n',
    'host_vars/device-2.yml': host(2),
    'host_vars/device-3.yml': host(3),
    'group_vars/all.yml': both('new'),
  })
  return world
}

async function useServer({ repository, lab }: World, url: string): Promise<void> {
  const policy = stages({ ...lab, url })
    .replace('    after: development\n', '')
    .replace('waves: [1 per device type, 100%]', 'waves: [100%]')
  await repository.commit({ 'fleet.yml': policy })
  await repository.push()
}

for (const moment of ['before', 'after'] as const) {
  for (const at of [1, 2]) {
    test(`a tick killed ${moment} its write ${at} reaches the server leaves nothing twice and nothing out`, async (t) => {
      const world = await worldOfTwoTypes(t)
      let tick: { child: ChildProcess; ended: Promise<string> } | undefined
      const proxy = await startProxy(t, world.lab.url, { at, moment, now: () => tick?.child.kill('SIGKILL') })
      await useServer(world, proxy.url)
      tick = startTick(world)
      const said = await tick.ended
      assert.equal(tick.child.signalCode, 'SIGKILL', said)
      const again = startTick(world)
      assert.match(await again.ended, /"state":"(in-progress|done)"/)
      await settled(world.lab)
      const [lab, ...fleet] = world.devices.map(({ key }) => key)
      const found = await ordersOf(world.lab)
      assert.deepEqual(
        fleet.map((key) => found.get(key)?.length),
        [1, 1, 1],
        JSON.stringify([...found]),
      )
      assert.equal(found.get(lab ?? ''), undefined, 'no device outside of the plan')
    })
  }
}

test('ticks beside one another place each order once', async (t) => {
  const world = await worldOfTwoTypes(t)
  await useServer(world, world.lab.url)
  await Promise.all([1, 2, 3].map(() => startTick(world).ended))
  await settled(world.lab)
  const found = await ordersOf(world.lab)
  const counts = world.devices.slice(1).map(({ key }) => found.get(key)?.length)
  assert.deepEqual(counts, [1, 1, 1], JSON.stringify([...found]))
})
