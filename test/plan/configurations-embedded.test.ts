// Configurations from a repository in Git over the embedded server to simulated devices, through the commands that people run.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as v from 'valibot'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { canonicalJson, digestOf, plainContext, run } from '../../src/platform/platform.ts'
import { startCrowd } from '../../src/simulator/simulator.ts'
import { type Lab, allDevices, openLab, until } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'
import { type FleetRepository, makeRepository } from './fleet-repository.ts'

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signingKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const pin = 'Zq7!'

interface Stage {
  lab: Lab
  repository: FleetRepository
  devices: readonly string[]
}

const template = `{ "url": "{{ url }}", "pin": "{{ lookup('env', 'FLEET_PIN') }}", "debug": {{ debug | to_json }} }\n`

const variables = (release: string, url: string) =>
  `subscribed_branch: main\nos_image: ${release}\nurl: ${url}\ndebug: true\nconfiguration: { template: kiosk.json }\n`

/** A stage of three devices on os-1, whose releases are signed. */
async function openStage(t: TestContext): Promise<Stage> {
  const lab = await openLab(t)
  for (const name of ['os-1', 'os-2']) await lab.server.upload(await lab.artifact(name, { signingKey }))
  const crowd = startCrowd(
    {
      url: lab.url,
      deviceTypes: { virtual: 3 },
      release: 'os-1',
      attributes: {},
      faults: [],
      seed: 'kiosk',
      pollMs: 10 * 60_000,
      speed: 6000,
    },
    plainContext(),
  )
  undo(t, () => crowd.stop())
  await until(async () => (await reported(lab)).length === 3)
  const devices = (await reported(lab)).map(({ id }) => id)
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${devices.map((_, at) => `    kiosk-${at}:\n`).join('')}`,
    'group_vars/all.yml': variables('os-1', 'https://a.example/'),
    'templates/kiosk.json': template,
    'fleet.yml': `server: { type: mender, url: ${lab.url} }\nstages:\n  main:\n    branch: main\n    waves: [1 per device type, 100%]\n    gate: { soak: 0s, max-failures: 0 }\n`,
    ...Object.fromEntries(devices.map((id, at) => [`host_vars/kiosk-${at}.yml`, `device_id: ${id}\n`])),
  })
  return { lab, repository, devices }
}

const reported = async (lab: Lab) =>
  (await allDevices(lab.server)).filter(({ reportedAt }) => reportedAt !== undefined)

const outputs = v.record(v.string(), v.unknown())

/** Runs a command with the fleet's secrets; gives its outputs and all that it said. */
async function drover(
  { lab, repository }: Stage,
  words: readonly string[],
  secrets: Record<string, string> = {},
) {
  const script = join(import.meta.dirname, '../../src/cli/main.ts')
  const env = {
    DROVER_TOKEN: lab.token,
    FLEET_PIN: pin,
    DROVER_CONFIGURATION_KEY: 'only the jobs of this fleet have it',
    DROVER_SIGNING_KEY: signingKey,
    ...secrets,
  }
  const all = [script, ...words, '--fleet', repository.folder, '--json']
  const { code, stdout, stderr } = await run(process.execPath, all, { env })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return { code, said: stdout + stderr, outputs: v.parse(outputs, JSON.parse(last || '{}')) }
}

/** Ticks until one says that nothing is left to do; all that they said, and the orders by the names that the server has. */
async function untilDone(stage: Stage, secrets: Record<string, string> = {}): Promise<string> {
  let said = ''
  for (let round = 0; round < 20; round++) {
    const tick = await drover(stage, ['schedule-updates', '--stage', 'main'], secrets)
    said += tick.said
    assert.equal(tick.code, 0, tick.said)
    if (tick.outputs['state'] === 'done') return said
    await until(async () => (await stage.lab.server.openDeployments()).length === 0)
    const now = new Date().toISOString()
    await until(async () => (await reported(stage.lab)).every(({ reportedAt = '' }) => reportedAt > now))
  }
  throw new Error(`it is never done: ${said}`)
}

const configurations = async ({ lab }: Stage) =>
  new Set(
    (await reported(lab)).map(
      ({ attributes }) => attributes['data-partition.mender-configure.version'] ?? '',
    ),
  )

test('a kiosk URL in Git gets to each device, with the release that it is for, and no secret gets out', async (t) => {
  const stage = await openStage(t)
  const { lab, repository } = stage
  const planFile = join(lab.folder, 'plan.json')
  const planned = await drover(stage, ['plan-updates', '--stage', 'main', '--output', planFile])
  assert.equal(planned.code, 0, planned.said)
  assert.equal(planned.outputs['changes'], '3')
  const first = await untilDone(stage)
  const [before, ...others] = await configurations(stage)
  assert.match(before ?? '', /^hmac-sha256:/)
  assert.deepEqual(others, [])
  assert.equal((await configurationsOnServer(lab)).length, 1)

  await repository.commit({ 'group_vars/all.yml': variables('os-2', 'https://b.example/') })
  await repository.push()
  const second = await untilDone(stage)
  const [after, ...more] = await configurations(stage)
  assert.notEqual(after, before)
  assert.deepEqual(more, [])
  assert.deepEqual(
    (await reported(lab)).map(({ release }) => release),
    ['os-2', 'os-2', 'os-2'],
  )
  const stored = await configurationsOnServer(lab)
  assert.deepEqual(
    stored.map(({ name, isSigned }) => [name.replace(/-[0-9a-f]{16}-by-[0-9a-f]{8}-/, '-…-'), isSigned]),
    [
      ['configuration-kiosk-…-on-os-1', true],
      ['configuration-kiosk-…-on-os-2', true],
    ],
  )

  const facts = join(lab.folder, 'facts.json')
  const gathered = await drover(stage, ['gather-facts', '--output', facts])
  assert.equal(gathered.code, 0, gathered.said)
  const published = [
    planned.said,
    first,
    second,
    await readFile(planFile, 'utf8'),
    await readFile(facts, 'utf8'),
  ]
  const text = published.join('\n')
  assert.ok(!text.includes(pin), 'the secret itself')
  for (const url of ['https://a.example/', 'https://b.example/']) {
    const guess = digestOf(canonicalJson({ url, pin, debug: 'true' })).slice('sha256:'.length)
    assert.ok(!text.includes(guess.slice(0, 12)), 'what a guess could be compared with')
  }
})

test('without the keys that it takes nothing is written', async (t) => {
  const stage = await openStage(t)
  const without = async (secrets: Record<string, string>) => {
    const { code, outputs: found } = await drover(stage, ['schedule-updates', '--stage', 'main'], secrets)
    return [code, found['failure-reason']]
  }
  assert.deepEqual(await without({ DROVER_CONFIGURATION_KEY: '' }), [1, 'bad-input'])
  assert.deepEqual(await without({ DROVER_SIGNING_KEY: '' }), [1, 'artifact-unsigned'])
  const written = await configurationsOnServer(stage.lab)
  assert.deepEqual([written, await stage.lab.server.openDeployments()], [[], []])
})

test('another signing key signs what is there anew', async (t) => {
  const stage = await openStage(t)
  const { lab } = stage
  const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secrets = { DROVER_SIGNING_KEY: next.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  const first = await drover(stage, ['schedule-updates', '--stage', 'main'])
  assert.equal(first.outputs['scheduled'], '1', first.said)
  const said = await untilDone(stage, secrets)
  assert.equal((await configurations(stage)).size, 1, said)
  const names = (await configurationsOnServer(lab)).map(({ name }) => name)
  assert.equal(new Set(names).size, 2, 'one by each key')
  const pems = [key, next].map(({ publicKey }) =>
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  const signers = names.map(async (name) => {
    const path = await download(lab, name)
    const isBy = async (pem: string) =>
      openArtifact(path, { verifyKeys: [pem] }).then(
        () => true,
        () => false,
      )
    return await Promise.all(pems.map(isBy))
  })
  const found = (await Promise.all(signers)).map(String).toSorted()
  assert.deepEqual(found, ['false,true', 'true,false'])
})

async function download(lab: Lab, name: string): Promise<string> {
  const [artifact] = (await lab.server.release(name))?.artifacts ?? []
  const link = await lab.operate('GET', `/v1/deployments/artifacts/${artifact?.id}/download`)
  const { uri } = v.parse(v.object({ uri: v.string() }), await link.json())
  const path = join(lab.folder, `${name}.mender`)
  await writeFile(path, await (await fetch(uri)).bytes())
  return path
}

async function configurationsOnServer({ server }: Lab) {
  return (await server.releases()).flatMap(({ name, artifacts }) =>
    name.startsWith('configuration-') ? artifacts.map(({ isSigned }) => ({ name, isSigned })) : [],
  )
}
