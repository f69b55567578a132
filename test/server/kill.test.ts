// The server is killed at random moments while artifacts arrive and devices report; after each restart everything that
// was acknowledged is there, and nothing stands by halves.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { needs } from '../support/needs.ts'
import { build } from 'esbuild'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import {
  type Artifact,
  type DeploymentDevice,
  type FakeDevice,
  type Lab,
  callers,
  ed25519,
  fakeDevice,
  moduleArtifact,
} from './lab.ts'

const kills = Number(process.env['DROVER_KILLS'] ?? 60)
const poolSize = 24

type Server = Pick<Lab, 'call' | 'expect' | 'upload'> & {
  url: string
  process: ChildProcess
  gone: Promise<unknown>
}

/** One file of the server's process: it starts in a fraction of the time that its sources take. */
async function bundled(folder: string): Promise<string> {
  const outfile = join(folder, 'ota-server.mjs')
  const entry = join(import.meta.dirname, '../../src/server/process.ts')
  const banner = {
    js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
  }
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', banner })
  return outfile
}

async function start(program: string, dataDir: string): Promise<Server> {
  await rm(join(dataDir, 'server.json'), { force: true })
  const process_ = spawn(process.execPath, [program, dataDir, '0', 'all'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const gone = new Promise((resolve) => process_.once('exit', resolve))
  const file = join(dataDir, 'server.json')
  for (const deadline = Date.now() + 20_000; !existsSync(file); await sleep(5))
    assert.ok(Date.now() < deadline && process_.exitCode === null, 'the server starts again after a kill')
  const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string }
  const token = (await readFile(join(dataDir, 'token'), 'utf8')).trim()
  return { url, process: process_, gone, ...callers({ url, token }) }
}

/** What the server has acknowledged, and what was asked of it when it died. */
interface Known {
  /** Names of artifacts that were acknowledged as stored; `asked` are those with an unanswered upload or removal. */
  stored: Map<string, { id: string; sha256: string }>
  asked: Set<string>
  /** Last acknowledged status of each device in its deployment, and the unanswered one after it. */
  reports: Map<string, { deployment: string; acknowledged: string; asked?: string }>
  devices: string[]
  counts: { uploads: number; removals: number; reports: number }
}

const steps = ['downloading', 'installing', 'rebooting', 'success']

test(
  `nothing acknowledged is lost over ${kills} kills, and nothing stands by halves`,
  {
    skip: needs('mender-artifact'),
  },
  async (t) => {
    const folder = await temporaryFolder(t)
    const dataDir = join(folder, 'ota')
    const program = await bundled(folder)
    const pool: { name: string; bytes: Buffer; sha256: string }[] = []
    for (let i = 0; i < poolSize; i++) {
      const bytes = await moduleArtifact(folder, `release-${i}`, {
        content: randomBytes(1 << (10 + (i % 9))),
      })
      pool.push({ name: `release-${i}`, bytes, sha256: createHash('sha256').update(bytes).digest('hex') })
    }
    const keys = [ed25519(), ed25519(), ed25519()]
    const known: Known = {
      stored: new Map(),
      asked: new Set(),
      reports: new Map(),
      devices: [],
      counts: { uploads: 0, removals: 0, reports: 0 },
    }
    let server = await start(program, dataDir)
    undo(t, () => server.process.kill('SIGKILL'))
    // one release for the deployments, which is never removed
    const base = await moduleArtifact(folder, 'base')
    assert.equal((await server.upload(base)).status, 201)

    const cut = { uploads: 0, reports: 0 }
    for (let round = 0; round < kills; round++) {
      const devices = await Promise.all(keys.map((key, i) => enrol(server, `device-${i}`, key, known)))
      const isUp = { yes: true }
      const workers = [
        uploads(server, pool, known, isUp),
        uploads(server, pool.toReversed(), known, isUp),
        ...devices.map((device) => reports(server, device, known, isUp)),
      ]
      // at work: some uploads or some reports were answered, and a random moment later it ends
      const answered = () =>
        round % 2 === 0 ? known.counts.uploads + known.counts.removals : known.counts.reports
      const wanted = answered() + 1 + Math.random() * 4
      for (const deadline = Date.now() + 5000; answered() < wanted && Date.now() < deadline;) await sleep(1)
      await sleep(Math.random() * 20)
      isUp.yes = false
      server.process.kill('SIGKILL')
      await server.gone
      await Promise.all(workers)
      cut.uploads += known.asked.size
      cut.reports += [...known.reports.values()].filter(({ asked }) => asked !== undefined).length
      await checkDatabase(dataDir, folder)
      server = await start(program, dataDir)
      await check(server, dataDir, known)
    }
    server.process.kill('SIGTERM')
    assert.equal(await server.gone, 0)
    await checkDatabase(dataDir, folder)
    t.diagnostic(`acknowledged in between: ${JSON.stringify(known.counts)}`)
    t.diagnostic(`unanswered when it was killed: ${JSON.stringify(cut)}`)
    assert.ok(cut.uploads >= kills / 4 && cut.reports >= kills / 4, 'it was killed at work')
  },
)

async function enrol(server: Server, serial: string, key: ReturnType<typeof ed25519>, known: Known) {
  const device = fakeDevice(server.url, serial, key)
  const reply = await device.authenticate()
  assert.equal(reply.status, 200, 'an accepted device stays accepted')
  const [, payload = ''] = (await reply.text()).split('.')
  const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }
  if (!known.devices.includes(sub)) known.devices.push(sub)
  assert.ok(known.devices.length <= 3, 'a device keeps its id')
  return { ...device, id: sub }
}

/** Uploads what is not there and removes what is, until the server is gone. */
async function uploads(
  server: Server,
  pool: { name: string; bytes: Buffer; sha256: string }[],
  known: Known,
  isUp: { yes: boolean },
): Promise<void> {
  while (isUp.yes) {
    for (const { name, bytes, sha256 } of pool) {
      if (known.asked.has(name)) continue // the other worker has it, or its outcome isn't known yet
      known.asked.add(name)
      const there = known.stored.get(name)
      const id = there?.id ?? randomUUID()
      try {
        const reply = there
          ? await server.call('DELETE', `v1/deployments/artifacts/${id}`)
          : await server.upload(bytes, { artifact_id: id, size: String(bytes.length) })
        await reply.text()
        assert.equal(reply.status, there ? 204 : 201)
        if (there) known.stored.delete(name)
        else known.stored.set(name, { id, sha256 })
        known.counts[there ? 'removals' : 'uploads']++
        known.asked.delete(name)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        return // killed: whether it was done, the next start shows
      }
    }
  }
}

/** Takes one deployment after another through its statuses, until the server is gone. */
async function reports(
  server: Server,
  device: FakeDevice & { id: string },
  known: Known,
  isUp: { yes: boolean },
): Promise<void> {
  try {
    while (isUp.yes) {
      let report = known.reports.get(device.id)
      if (!report || report.acknowledged === 'success') {
        const order = { name: randomUUID(), artifact_name: 'base', devices: [device.id] }
        const reply = await server.call('POST', 'v1/deployments/deployments', order)
        assert.equal(reply.status, 201, await reply.text())
        const deployment = reply.headers.get('location')?.split('/').at(-1) ?? ''
        report = { deployment, acknowledged: 'pending' }
        known.reports.set(device.id, report)
      }
      // an order whose answer was lost is open too: go through them all, oldest first
      const { offer } = await device.next({ artifact_name: 'old', device_type: 'testdev' })
      const deployment = offer?.id ?? report.deployment
      for (const status of steps) {
        const counts = deployment === report.deployment
        if (counts) report.asked = status
        assert.equal(await device.status(deployment, status), 204)
        if (counts) Object.assign(report, { acknowledged: status, asked: undefined })
        known.counts.reports++
      }
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
  }
}

/** Compares what the restarted server has with what was acknowledged. */
async function check(server: Server, dataDir: string, known: Known): Promise<void> {
  const listed = await server.expect<Artifact[]>(200, 'GET', 'v1/deployments/artifacts')
  const byName = new Map(listed.map((artifact) => [artifact.name, artifact]))
  const digests = new Set<string>()
  for (const name of readdirSync(join(dataDir, 'artifacts'))) {
    const digest = createHash('sha256')
      .update(await readFile(join(dataDir, 'artifacts', name)))
      .digest('hex')
    assert.equal(digest, name, 'a file is whole, or there is none')
    digests.add(digest)
  }
  assert.equal(digests.size, listed.length, 'as many files as artifacts')
  for (const [name, { id, sha256 }] of known.stored) {
    if (known.asked.has(name)) continue
    assert.equal(byName.get(name)?.id, id, `${name} was acknowledged`)
    assert.ok(digests.has(sha256))
  }
  for (const [name, artifact] of byName) {
    if (name === 'base') continue
    assert.ok(known.stored.has(name) || known.asked.has(name), `${name}'s removal was acknowledged`)
    const link = await server.expect<{ uri: string }>(
      200,
      'GET',
      `v1/deployments/artifacts/${artifact.id}/download`,
    )
    const head = await fetch(link.uri, { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), String(artifact.size), 'what is listed can be had')
  }
  for (const name of known.asked) {
    const there = byName.get(name)
    const file =
      there &&
      (await server.expect<{ uri: string }>(200, 'GET', `v1/deployments/artifacts/${there.id}/download`))
    if (!there || !file) known.stored.delete(name)
    else known.stored.set(name, { id: there.id, sha256: await digestAt(file.uri) })
  }
  known.asked.clear()
  for (const report of known.reports.values()) {
    const path = `v1/deployments/deployments/${report.deployment}/devices/list`
    const [found] = await server.expect<DeploymentDevice[]>(200, 'GET', path)
    const now = found?.status ?? 'pending'
    assert.ok(
      now === report.acknowledged || now === report.asked,
      `${now}, not ${report.acknowledged} or ${report.asked}`,
    )
    Object.assign(report, { acknowledged: now, asked: undefined })
  }
}

async function digestAt(uri: string): Promise<string> {
  const reply = await fetch(uri)
  assert.equal(reply.status, 200)
  return createHash('sha256')
    .update(Buffer.from(await reply.arrayBuffer()))
    .digest('hex')
}

/** Checks a copy, so that it is the server that recovers the original. */
async function checkDatabase(dataDir: string, folder: string): Promise<void> {
  const copy = join(folder, 'copy.sqlite')
  for (const suffix of ['', '-wal']) {
    await rm(`${copy}${suffix}`, { force: true })
    if (existsSync(join(dataDir, `ota.sqlite${suffix}`)))
      await copyFile(join(dataDir, `ota.sqlite${suffix}`), `${copy}${suffix}`)
  }
  const db = new DatabaseSync(copy)
  try {
    assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
    assert.deepEqual(db.prepare('PRAGMA foreign_key_check').all(), [])
  } finally {
    db.close()
  }
}
