// Releases, devices and leases on the real hawkBit server, where it is not like the others.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { openServer, readFacts } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { rsa } from '../artifact/keys.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { allDevices, until } from '../support/lab.ts'
import { runInRunner } from '../support/runner.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

async function idOf(reply: Promise<Response>): Promise<number> {
  const [made] = (await (await reply).json()) as { id: number }[]
  return made?.id ?? 0
}

const module = (lab: HawkbitLab, name: string, version: string) =>
  idOf(lab.operate('POST', '/softwaremodules', [{ name, version, type: 'os' }]))

test('an upload that was cut short is completed by the next one', { skip }, async (t) => {
  const lab = await openTenant(t)
  const path = await lab.artifact('os-2')
  const id = await module(lab, 'os-2', 'virtual')
  assert.deepEqual(await lab.server.releases(), [])
  const { artifactId, contentDigest } = await lab.server.upload(path)
  const reply = await lab.operate('GET', `/distributionsets/${artifactId}`)
  const { modules } = (await reply.json()) as { modules: { id: number }[] }
  assert.deepEqual(
    modules.map((one) => one.id),
    [id],
  )
  assert.equal((await openArtifact(path)).contentDigest, contentDigest)
})

test(
  'a release whose file was removed by hand gets it again, and one with another file is no success',
  { skip },
  async (t) => {
    const lab = await openTenant(t)
    const path = await lab.artifact('os-2')
    const { sha256 } = await openArtifact(path)
    const first = await lab.server.upload(path)
    const set = await (await lab.operate('GET', `/distributionsets/${first.artifactId}`)).json()
    const id = (set as { modules: { id: number }[] }).modules[0]?.id ?? 0
    const files = async () => {
      const reply = await lab.operate('GET', `/softwaremodules/${id}/artifacts`)
      return (await reply.json()) as { id: number; hashes: { sha256: string } }[]
    }
    const remove = async () => {
      for (const file of await files())
        await lab.operate('DELETE', `/softwaremodules/${id}/artifacts/${file.id}`)
    }
    assert.equal((await lab.server.upload(path)).isNew, false)
    await remove()
    const again = await lab.server.upload(path)
    assert.deepEqual([again.isNew, again.artifactId], [true, first.artifactId])
    assert.deepEqual(
      (await files()).map(({ hashes }) => `sha256:${hashes.sha256}`),
      [sha256],
    )
    assert.equal((await lab.server.upload(path)).isNew, false)
    await lab.putFile(id, 'second.mender')
    await assert.rejects(lab.server.upload(path), { reason: 'artifact-conflict', message: /has 2 files/ })
    await remove()
    await lab.putFile(id, 'other.mender')
    await assert.rejects(lab.server.upload(path), {
      reason: 'artifact-conflict',
      message: /has the file sha256:/,
    })
  },
)

test('the same content in a file with another signature is there, with its own file', { skip }, async (t) => {
  const lab = await openTenant(t)
  const packed = async (key?: string) => {
    const source = join(lab.folder, 'os-2.ext4')
    await writeFile(source, 'os-2'.padEnd(8192, '.'))
    const output = join(lab.folder, `os-2${key ? '-signed' : ''}.mender`)
    const options = { source, output, name: 'os-2', deviceTypes: ['virtual'], compression: 'gzip' } as const
    await writeMender({ ...options, signing: { key } }, plainContext())
    return output
  }
  const { artifactId } = await lab.server.upload(await packed())
  const again = await lab.server.upload(await packed(rsa.pkcs8))
  assert.deepEqual([again.isNew, again.artifactId], [false, artifactId])
})

test('a release that was deleted can only come back under a new name', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device({ behaviour: 'never asks' })
  const path = await lab.artifact('os-2')
  const { artifactId } = await lab.server.upload(path)
  const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [key] })
  await lab.server.withdraw(id)
  await lab.operate('POST', `/distributionsets/${artifactId}/assignedTargets`, [{ id: key }])
  assert.equal((await lab.operate('DELETE', `/distributionsets/${artifactId}`)).status, 204)
  assert.equal(await lab.server.release('os-2'), undefined)
  await assert.rejects(lab.server.upload(path), { reason: 'artifact-conflict', message: /was deleted/ })
})

test('a module of this name with another file is left alone', { skip }, async (t) => {
  const lab = await openTenant(t)
  const id = await module(lab, 'os-2', 'virtual')
  await lab.putFile(id, 'other.swu')
  const path = await lab.artifact('os-2')
  const { sha256 } = await openArtifact(path)
  await assert.rejects(lab.server.upload(path), (error: Error & { reason: string }) => {
    assert.equal(error.reason, 'artifact-conflict')
    assert.match(error.message, new RegExp(sha256))
    return true
  })
  assert.deepEqual(await lab.server.releases(), [])
})

test('what others put there is a release too, for the target types it may go to', { skip }, async (t) => {
  const lab = await openTenant(t)
  const modules = [{ id: await module(lab, 'Board OS', '2.0') }]
  const reply = await lab.operate('GET', '/distributionsettypes?q=key==os')
  const { content } = (await reply.json()) as { content: { id: number }[] }
  const compatibledistributionsettypes = content.map(({ id }) => ({ id }))
  await lab.operate('POST', '/targettypes', [{ name: 'board', compatibledistributionsettypes }])
  const set = { name: 'Board OS', version: '2.0', type: 'os', modules }
  const id = await idOf(lab.operate('POST', '/distributionsets', [set]))
  const release = await lab.server.release('Board OS:2.0')
  assert.deepEqual(
    release?.artifacts.map((one) => [one.id, one.deviceTypes, one.isSigned]),
    [[String(id), ['board'], false]],
  )
  assert.deepEqual(await lab.server.releases(), [release])
  assert.equal(await lab.server.release('Board OS'), undefined)
})

test('what is over a quota is refused at once, and not tried again', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device()
  const many = Array.from({ length: 101 }, (_, i) => ({ key: `k${i}`, value: 'v' }))
  assert.equal((await lab.operate('POST', `/targets/${key}/metadata`, many)).status, 429)
  assert.equal((await lab.operate('POST', `/targets/${key}/metadata`, many.slice(0, 98))).status, 201)
  for (const one of many.slice(98)) await lab.operate('POST', `/targets/${key}/metadata`, [one])
  const lease = { id: 'a', holder: 'run', until: new Date(Date.now() + 60_000).toISOString() }
  await assert.rejects(lab.server.takeLease(key, lease), { reason: 'server-refused', message: /429/ })
})

test('facts are asked for afresh, and only then do they count as new', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device()
  const times = new Set<string>()
  const look = async () => times.add((await lab.server.device(key)).reportedAt ?? '')
  await until(async () => (await look()).size === 2, 30_000)
  const [first = '', second = ''] = times
  assert.ok(second > first)
})

test('a token that may only read gets facts, too', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device()
  const server = openServer({ type: 'hawkbit', url: lab.url, token: lab.reader }, plainContext())
  assert.equal((await server.device(key)).release, 'old')
  const path = await lab.artifact('os-2')
  await assert.rejects(server.upload(path), { reason: 'bad-credentials' })
})

test('devices are read in pages', { skip }, async (t) => {
  const lab = await openTenant(t)
  const ids = Array.from({ length: 501 }, (_, i) => `device-${i}-ä`)
  const targets = ids.map((controllerId) => ({ controllerId, name: controllerId }))
  assert.equal((await lab.operate('POST', '/targets', targets)).status, 201)
  const all = await allDevices(lab.server)
  assert.deepEqual(all.map(({ id }) => id).sort(), ids.sort())
  assert.ok(all.every(({ reportedAt, status }) => reportedAt === undefined && status === 'accepted'))
})

test('of those who see a lease end one gets the next, and numbers only grow', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device()
  const lease = (id: string, ms: number) => ({
    id,
    holder: id,
    until: new Date(Date.now() + ms).toISOString(),
  })
  await lab.server.takeLease(key, lease('killed', -1000))
  const takers = ['a', 'b', 'c', 'd'].map((id) => lab.server.takeLease(key, lease(id, 60_000)))
  const holders = new Set((await Promise.all(takers)).map(({ id }) => id))
  assert.equal(holders.size, 1)
  const [holder = ''] = holders
  const longer = lease(holder, 120_000)
  assert.deepEqual(await lab.server.takeLease(key, longer), { ...longer, number: 2 })
  assert.equal((await lab.server.leaseOf(key))?.until, longer.until)
  const numbers = async () => {
    const reply = await lab.operate('GET', `/targets/${key}/metadata`)
    const { content } = (await reply.json()) as { content: { key: string }[] }
    return content.flatMap(({ key }) => /^drover\.lease\.(\d+)$/.exec(key)?.[1] ?? [])
  }
  assert.deepEqual(await numbers(), ['2'])
  await lab.server.returnLease(key, holder)
  assert.deepEqual(await numbers(), ['2'], 'an empty one stays, or numbers would start again')
  await lab.server.takeLease(key, lease('e', 60_000))
  assert.deepEqual(await numbers(), ['3'])
})

test('an action writes the facts of a hawkBit server', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { key } = await lab.device()
  const inputs = {
    server: lab.url,
    'server-type': 'hawkbit',
    token: lab.token,
    output: join(lab.folder, 'facts.json'),
  }
  const { code, outputs, log } = await runInRunner('gather-facts', { inputs })
  assert.equal(code, 0, log)
  const facts = await readFacts(outputs['facts'] ?? '')
  assert.deepEqual(
    facts.devices.map(({ id, release }) => [id, release]),
    [[key, 'old']],
  )
  const said = log.split('\n').filter((line) => !line.startsWith('::add-mask::'))
  assert.ok(!said.join('\n').includes(lab.token.split(':')[1] ?? ''))
})
