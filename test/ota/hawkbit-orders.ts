// Orders on the real hawkBit server, where it is not like the others. The devices are stand-ins.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch } from '../../src/ota/ota.ts'
import { type Log, plainContext, silentLog } from '../../src/platform/platform.ts'
import { until } from '../support/lab.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

test('a device that is busy with an order of somebody else keeps it', { skip }, async (t) => {
  const { server, operate, ...lab } = await openTenant(t)
  const { key } = await lab.device({ behaviour: 'hangs' })
  const { artifactId } = await server.upload(await lab.artifact('os-2'))
  await operate('POST', `/distributionsets/${artifactId}/assignedTargets`, [{ id: key }])
  const [theirs] = await server.openDeployments()
  assert.deepEqual([theirs?.id, theirs?.name, theirs?.release], [artifactId, 'os-2:virtual', 'os-2'])
  await server.upload(await lab.artifact('os-3'))
  const order = { name: 'wave-1', release: 'os-3', devices: [key] }
  await assert.rejects(server.deploy(order), { reason: 'device-busy', message: /would cancel/ })
  assert.equal(await server.findDeployment('wave-1'), undefined)
  assert.deepEqual((await server.openDeployments()).length, 1)
})

test('a device that reports the release already is not given it again', { skip }, async (t) => {
  const { server, ...lab } = await openTenant(t)
  const [there, other] = [
    await lab.device({ release: 'os-2', behaviour: 'never asks' }),
    await lab.device({ behaviour: 'never asks' }),
  ]
  await server.upload(await lab.artifact('os-2'))
  const order = { name: 'wave-1', release: 'os-2', devices: [there.key, other.key] }
  const { devices, finishedAt } = await server.deploy(order)
  assert.deepEqual([devices.get(there.key), devices.get(other.key)], ['already-installed', 'pending'])
  assert.deepEqual([...(finishedAt?.keys() ?? [])], [there.key])
})

test('a device that went back is given the same release again by a new order', { skip }, async (t) => {
  const { server, ...lab } = await openTenant(t)
  const device = await lab.device({ behaviour: 'lies' })
  await server.upload(await lab.artifact('os-2'))
  for (const name of ['attempt 1', 'attempt 2']) {
    const { id } = await server.deploy({ name, release: 'os-2', devices: [device.key] })
    await until(async () => (await server.deployment(id)).isFinished)
    assert.equal((await server.deployment(id)).devices.get(device.key), 'success')
    assert.equal((await server.device(device.key)).release, 'old')
    assert.ok((await server.deployment(id)).finishedAt?.has(device.key))
  }
})

test('each device of an order gets the artifact for its type, or nobody gets any', { skip }, async (t) => {
  const { server, ...lab } = await openTenant(t)
  const [a, b, c] = await Promise.all(
    ['a', 'b', 'c'].map((deviceType) => lab.device({ deviceType, behaviour: 'never asks' })),
  )
  await server.upload(await lab.artifact('os-2', { deviceTypes: ['a'] }))
  await server.upload(await lab.artifact('os-2', { deviceTypes: ['b'], content: 'other' }))
  const [one, two, three] = [a?.key ?? '', b?.key ?? '', c?.key ?? '']
  const order = { name: 'wave-1', release: 'os-2', devices: [one, two, three] }
  await assert.rejects(server.deploy(order), { reason: 'wrong-device-type', message: new RegExp(three) })
  assert.deepEqual(await server.openDeployments(), [])
  const placed = await server.deploy({ ...order, devices: [one, two] })
  assert.deepEqual([...placed.devices.keys()].sort(), [one, two].sort())
  assert.deepEqual(await server.openDeployments(), [placed])
})

test('an order that was cut short is completed by the same order', { skip }, async (t) => {
  const { server, operate, ...lab } = await openTenant(t)
  const [one, two] = [
    await lab.device({ behaviour: 'never asks' }),
    await lab.device({ behaviour: 'never asks' }),
  ]
  await server.upload(await lab.artifact('os-2'))
  const order = { name: 'wave-1', release: 'os-2', devices: [one.key, two.key] }
  const whole = await server.deploy(order)
  // as if the run had been killed before it came to the second device
  await until(async () => {
    await operate('DELETE', `/targets/${two.key}`)
    // a poll that was under way at that moment brings the device back, with another token
    return lab.createTarget(two.key).then(
      () => true,
      () => false,
    )
  })
  await until(async () => (await server.device(two.key)).reportedAt !== undefined)
  assert.deepEqual([...(await server.deployment(whole.id)).devices.keys()], [one.key])
  const again = await server.deploy(order)
  assert.equal(again.id, whole.id)
  assert.deepEqual([...again.devices.keys()].sort(), [one.key, two.key].sort())
})

test('an order is found under any name that a person may give it', { skip }, async (t) => {
  const { server, ...lab } = await openTenant(t)
  const { key } = await lab.device({ behaviour: 'never asks' })
  const release = `os"2"*(x,y);a==b'c'`
  await server.upload(await lab.artifact(release))
  const name = `wave "1"; of * (2 devices, 0123456789abcdef) — ä\nb`
  const placed = await server.deploy({ name, release, devices: [key] })
  assert.equal(placed.release, release)
  assert.deepEqual(await server.findDeployment(name), placed)
  assert.equal(await server.findDeployment('wave "1"; of '), undefined)
  const long = { name: 'n'.repeat(500), release, devices: [key] }
  await assert.rejects(server.deploy(long), { reason: 'bad-input' })
})

test(
  'an order that somebody cancels is aborted, or goes on where the device refuses',
  { skip },
  async (t) => {
    const { server, operate, ...lab } = await openTenant(t)
    const busy = await lab.device({ behaviour: 'hangs' })
    await server.upload(await lab.artifact('os-2'))
    const { id } = await server.deploy({ name: 'wave-1', release: 'os-2', devices: [busy.key] })
    const state = async () => (await server.deployment(id)).devices.get(busy.key)
    await until(async () => (await state()) === 'downloading')
    const reply = await operate('GET', `/targets/${busy.key}/actions`)
    const { content } = (await reply.json()) as { content: { id: number }[] }
    await operate('DELETE', `/targets/${busy.key}/actions/${content[0]?.id}`)
    assert.equal(await state(), 'downloading', 'the device has not answered yet')
    assert.deepEqual(await server.withdraw(id), [busy.key])
    // its own word that it has ended is enough to take it out
    assert.deepEqual(await server.withdraw(id, [busy.key]), [])
    assert.equal(await state(), 'aborted')
  },
)

test('a dispatch ends when the device itself reports the release', { skip }, async (t) => {
  const { server, folder, operate, ...lab } = await openTenant(t)
  const { key } = await lab.device()
  await operate('PUT', '/targetgroups/lab/assigned', [key])
  await server.upload(await lab.artifact('os-2'))
  const lines: string[] = []
  const log: Log = { ...silentLog, info: (line) => lines.push(line) }
  const request = {
    release: 'os-2',
    device: 'lab:virtual',
    timeoutMs: 60_000,
    runId: 'run',
    logFolder: folder,
  }
  const done = await dispatch(server, request, plainContext({ log }))
  assert.deepEqual([done.device, done.result, done.changed], [key, 'success', true])
  assert.equal((await server.device(key)).release, 'os-2')
  assert.equal(await server.leaseOf(key), undefined)
  assert.match(lines.join('\n'), /is success/)
})

test('a dispatch that fails tells why in the words of the device', { skip }, async (t) => {
  const { server, folder, ...lab } = await openTenant(t)
  const { key } = await lab.device({ behaviour: 'fails' })
  await server.upload(await lab.artifact('os-2'))
  const request = { release: 'os-2', device: key, timeoutMs: 60_000, runId: 'run', logFolder: folder }
  await assert.rejects(dispatch(server, request, plainContext()), {
    reason: 'update-failed',
    message: /no space left on device/,
  })
})

test('an order of more than one RAUC bundle is refused before anything is written', { skip }, async (t) => {
  const { server, operate, ...lab } = await openTenant(t)
  const { key } = await lab.device({ behaviour: 'never asks' })
  const module = { name: 'Board OS', version: '1', type: 'os' }
  const [made] = (await (await operate('POST', '/softwaremodules', [module])).json()) as { id: number }[]
  for (const name of ['os.raucb', 'app.raucb']) await lab.putFile(made?.id ?? 0, name)
  const set = { name: 'Board OS', version: '1', type: 'os', modules: [{ id: made?.id }] }
  await operate('POST', '/distributionsets', [set])
  const order = { name: 'wave-1', release: 'Board OS:1', devices: [key] }
  await assert.rejects(server.deploy(order), { reason: 'bad-input', message: /RAUC takes one/ })
  assert.equal(await server.findDeployment('wave-1'), undefined)
})
