// The real Mender client, unmodified, in a virtual device that boots from two slots: what the stand-ins of the other tests
// do is checked here against what it does.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { startVirtualDevice } from '../../src/device/device.ts'
import { dispatch } from '../../src/ota/ota.ts'
import { plainContext, silentLog } from '../../src/platform/platform.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { sshKey } from '../support/devices.ts'
import { pass, serve } from '../support/hostile-server.ts'
import { type Lab, allDevices, openLab, until } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'

/** A lab whose one device runs the real client and reaches the server through a proxy that can go deaf for it. */
async function realLab(
  t: TestContext,
  trust: { verifyKey?: string } = {},
): Promise<{ lab: Lab; device: string; deafen: { forMs: number } }> {
  const lab = await openLab(t)
  const deafen = { forMs: 0 }
  let deafUntil = 0
  const url = await serve(t, (incoming, outgoing) => {
    if (Date.now() < deafUntil) return void incoming.socket.destroy()
    if (incoming.method !== 'PUT' || !incoming.url?.endsWith('/status'))
      return pass(lab.url, incoming, outgoing)
    const body: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => body.push(chunk))
    return pass(lab.url, incoming, outgoing, () => {
      if (/"rebooting"/.test(Buffer.concat(body).toString())) deafUntil = Date.now() + deafen.forMs
      return false
    })
  })
  const image = await baseImage()
  const key = await sshKey(t)
  const running = await startVirtualDevice(
    {
      image,
      folder: join(lab.folder, 'device'),
      deviceType: 'virtual',
      serial: 'SN-1',
      authorizedKey: key.publicKey,
      serverUrl: url,
      ...trust,
    },
    plainContext(),
  )
  undo(t, () => running.stop())
  const update = await imageOf('os-2', image, lab.folder)
  await writeMender(
    {
      source: update,
      output: join(lab.folder, 'os-2.mender'),
      name: 'os-2',
      deviceTypes: ['virtual'],
      compression: 'gzip',
    },
    plainContext(),
  )
  await lab.server.upload(join(lab.folder, 'os-2.mender'))
  let device = ''
  await until(async () => {
    const [first] = await allDevices(lab.server)
    device = first?.reportedAt === undefined ? '' : first.id
    return device !== ''
  })
  return { lab, device, deafen }
}

/** A copy of the image that says of itself that it is `release`, as build-image would have written it. */
async function imageOf(release: string, image: string, folder: string): Promise<string> {
  const copy = join(folder, 'update.ext4')
  execFileSync('cp', ['--reflink=auto', '--sparse=always', image, copy])
  const path = '/usr/lib/os-release'
  const text = execFileSync('debugfs', ['-R', `cat ${path}`, copy], { encoding: 'utf8', stdio: 'pipe' })
  const file = join(folder, 'os-release')
  await writeFile(file, text.replace(/^IMAGE_VERSION=.*$/m, `IMAGE_VERSION=${release}`))
  const commands = join(folder, 'commands')
  await writeFile(commands, `rm ${path}\ncd /usr/lib\nwrite ${file} os-release\n`)
  execFileSync('debugfs', ['-w', '-f', commands, copy], { stdio: 'pipe' })
  return copy
}

function go(lab: Lab, device: string, t: TestContext) {
  const log = {
    ...silentLog,
    info: (line: string) => t.diagnostic(line),
    warn: (line: string) => t.diagnostic(line),
  }
  const request = { release: 'os-2', device, timeoutMs: 240_000, runId: 'run', logFolder: lab.folder }
  return dispatch(lab.server, request, plainContext({ log }))
}

test('the real client updates, and its own facts say so', { skip: cannotBoot }, async (t) => {
  const { lab, device } = await realLab(t)
  const before = await lab.server.device(device)
  const { result, changed, address, hostKey } = await go(lab, device, t)
  assert.deepEqual({ result, changed }, { result: 'success', changed: true })
  assert.match(address ?? '', /^\d+\.\d+\.\d+\.\d+$/)
  assert.match(hostKey ?? '', /^ssh-ed25519 [\w+/]+=*$/)
  assert.notEqual(before.release, 'os-2')
  const facts = await lab.server.device(device)
  assert.equal(facts.release, 'os-2')
  assert.equal(facts.attributes['artifact_name'], 'os-2')
})

test(
  'the real client goes back where the server is away after each reboot, and is found out',
  { skip: cannotBoot },
  async (t) => {
    const { lab, device, deafen } = await realLab(t)
    const before = await lab.server.device(device)
    deafen.forMs = 12_000 // its client gives up saying so within ten seconds
    await assert.rejects(go(lab, device, t), { reason: 'rolled-back' })
    assert.equal((await lab.server.device(device)).release, before.release)
    assert.deepEqual(await lab.server.openDeployments(), [])
  },
)

test('a device with a key refuses what that key has not signed', { skip: cannotBoot }, async (t) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { lab, device } = await realLab(t, {
    verifyKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  })
  const before = await lab.server.device(device)
  await assert.rejects(go(lab, device, t), { reason: 'update-failed', message: /expecting signed artifact/ })
  assert.equal((await lab.server.device(device)).release, before.release)
})
