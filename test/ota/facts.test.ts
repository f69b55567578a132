// The facts file: written, read again, and refused where it is not one.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gatherFacts, readFacts, requireDevices, silentDevices, writeFacts } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { openLab } from '../support/mender-lab.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('what is written is read again as it was', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'never asks', attributes: { note: '</td>"\n|' } })
  await lab.server.upload(await lab.artifact('os-2'))
  await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [device.key] })
  const facts = await gatherFacts(lab.server, plainContext())
  assert.equal(facts.devices.length, 1)
  assert.equal(facts.openDeployments[0]?.devices.get(device.key), 'pending')
  const path = join(lab.folder, 'new', 'facts.json')
  await writeFacts(path, facts)
  await writeFacts(path, facts)
  assert.deepEqual(await readFacts(path), facts)
})

test('a file that is no facts file, or is cut, is refused with what is wrong', async (t) => {
  const path = join(await temporaryFolder(t), 'facts.json')
  const good = { schema: 'drover/facts/v1', server: 'x', gatheredAt: '2026-01-01T00:00:00Z' }
  const lists = { devices: [], releases: [], openDeployments: [] }
  const write = (value: unknown) => writeFile(path, JSON.stringify(value))
  await assert.rejects(readFacts(path), { reason: 'file-missing' })
  await writeFile(path, JSON.stringify({ ...good, ...lists }).slice(0, -5))
  await assert.rejects(readFacts(path), { reason: 'invalid-file' })
  await write({ ...good, ...lists, schema: 'drover/facts/v2' })
  await assert.rejects(readFacts(path), { reason: 'invalid-file', message: /schema/ })
  await write({ ...good, ...lists, devices: [{ id: 'a' }] })
  await assert.rejects(readFacts(path, 'facts.json'), { reason: 'invalid-file', message: /devices.0.status/ })
  await write({ ...good, ...lists })
  assert.deepEqual((await readFacts(path)).devices, [])
})

test('silent is an accepted device without young facts', async (t) => {
  const lab = await openLab(t)
  await lab.device()
  const facts = await gatherFacts(lab.server, plainContext())
  const [device] = facts.devices
  assert.ok(device)
  const at = (ms: number) => new Date(Date.parse(device.reportedAt ?? '') + ms)
  assert.deepEqual(silentDevices(facts, 1000, at(1000)), [])
  assert.deepEqual(silentDevices(facts, 1000, at(1001)), [device])
  const never = { ...device, reportedAt: undefined }
  const pending = { ...never, status: 'pending' as const }
  assert.deepEqual(silentDevices({ ...facts, devices: [never, pending] }, 1e9, at(0)), [never])
})

test('a server without any device is a failure', async (t) => {
  const lab = await openLab(t)
  const facts = await gatherFacts(lab.server, plainContext())
  assert.throws(() => requireDevices(facts), { reason: 'no-device-matched' })
})
