// The steps of the demonstration. Each calls drover as a user would and returns what the next steps need.
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { Failure, plainContext, openHttp, readYaml, runOk } from '../src/platform/platform.ts'
import { DemoFailure, type Outputs, drover, startService } from './drover.ts'
import { changeOs, breakOs, repositoryFrom } from './repositories.ts'
import type { Progress } from './progress.ts'
import type { RunFolder } from './run-folder.ts'

export const deviceType = `virtual-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`

/** What every step is handed. */
export interface Stage {
  run: RunFolder
  progress: Progress
  signal: AbortSignal
  isBreaking: boolean
}

export interface Server {
  url: string
  token: string
  tokenFile: string
}

/** Starts the embedded OTA server with a data folder of its own. */
export async function serve({ run, progress, signal }: Stage): Promise<Server> {
  return await progress.step('Start the OTA server', async () => {
    const dataDir = join(run.path, 'ota')
    const { outputs } = await startService(
      run,
      'ota',
      ['serve-ota', '--data-dir', dataDir, '--port', '0', '--accept', 'all'],
      { signal, timeoutMs: 20_000 },
    )
    const tokenFile = join(dataDir, 'token')
    const server = { url: need(outputs, 'url'), token: (await readFile(tokenFile, 'utf8')).trim(), tokenFile }
    return { value: server, result: `${server.url}, accepting every device (a laboratory's setting)` }
  })
}

export interface Images {
  base: Outputs
  next: Outputs
  repository: string
}

/** Builds the older base image and the next release from the history of an OS repository. */
export async function buildImages({ run, progress, signal, isBreaking }: Stage): Promise<Images> {
  return await progress.step('Build an OS image', async (say) => {
    const repository = join(run.path, 'os')
    const build = (output: string) =>
      drover(run, 'build-image', {
        inputs: { recipe: join(repository, 'image.yml'), output: join(run.path, output) },
        say,
        signal,
      })
    await repositoryFrom('os', repository, '2026-01-05T08:00:00Z')
    const base = await build('image-base')
    await (isBreaking ? breakOs(repository) : changeOs(repository))
    const next = await build('image')
    return {
      value: { base, next, repository },
      result: `${next['version']} (the devices begin with ${base['version']})`,
    }
  })
}

export interface Keys {
  signing: string
  verify: string
  ssh: string
  sshPublicFile: string
}

/** Packages the next release as a signed update file, and lets Mender's own tool judge it. */
export async function packageImage(stage: Stage, images: Images): Promise<{ artifact: Outputs; keys: Keys }> {
  const { run, progress, signal } = stage
  return await progress.step('Package it as a signed artifact', async (say) => {
    const keys = await makeKeys(run.path)
    const artifact = await drover(run, 'package-artifact', {
      inputs: {
        source: need(images.next, 'rootfs'),
        'device-types': deviceType,
        options: join(images.repository, 'artifact.yml'),
      },
      env: { DROVER_SIGNING_KEY: keys.signing },
      say,
      signal,
    })
    const verdict = await runOk(
      'mender-artifact',
      ['validate', '-k', keys.verify, need(artifact, 'artifact')],
      {
        what: "Mender's own check of the artifact",
      },
    )
    say(`mender-artifact validate: ${verdict.trim()}`)
    await runOk('mender-artifact', ['read', '-k', keys.verify, need(artifact, 'artifact')], {
      what: "Mender's own reading of the artifact",
    })
    const megabytes = (Number(artifact['size']) / 1e6).toFixed(0)
    return { value: { artifact, keys }, result: `${megabytes} MB, signed; mender-artifact finds it valid` }
  })
}

export interface Device {
  serial: string
  address: string
  ssh: string
  hostKey: string
  folder: string
}

/** Starts two virtual devices from the base image: one for the lab, one in the fleet's canary stage. */
export async function startDevices(
  stage: Stage,
  server: Server,
  images: Images,
  keys: Keys,
): Promise<[Device, Device]> {
  return await stage.progress.step('Start two devices', async (say) => {
    const start = async (serial: string) => {
      const device = await startDevice(stage, server, images, keys, serial)
      say(`${serial} is up: ${device.ssh}`)
      return device
    }
    const devices = await Promise.all([start('lab-01'), start('canary-01')])
    return {
      value: devices,
      result: devices.map(({ serial, address }) => `${serial} at ${address}`).join(', '),
    }
  })
}

async function startDevice(
  { run, signal }: Stage,
  server: Server,
  images: Images,
  keys: Keys,
  serial: string,
): Promise<Device> {
  const folder = join(run.path, 'devices', serial)
  const options = {
    image: need(images.base, 'rootfs'),
    folder,
    server: server.url,
    'device-type': deviceType,
    serial,
    'authorized-key': keys.sshPublicFile,
    'verify-key': keys.verify,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const { outputs } = await startService(run, `device-${serial}`, ['virtual-device', ...args], {
    signal,
    timeoutMs: 60_000,
  })
  const [address, ssh, hostKey] = [need(outputs, 'address'), need(outputs, 'ssh'), need(outputs, 'hostKey')]
  return { serial, folder, address, ssh, hostKey }
}

const factsSchema = v.object({
  devices: v.array(
    v.object({ id: v.string(), release: v.optional(v.string()), identity: v.record(v.string(), v.string()) }),
  ),
})

/** Uploads the artifact and updates the lab device with it, until the device itself reports the release. */
export async function updateLab(
  stage: Stage,
  server: Server,
  artifact: Outputs,
  keys: Keys,
): Promise<Outputs> {
  const { run, progress, signal } = stage
  return await progress.step('Upload it and update the lab device', async (say) => {
    const env = { DROVER_TOKEN: server.token }
    const uploaded = await drover(run, 'upload-artifact', {
      inputs: { server: server.url, artifact: need(artifact, 'artifact'), 'verify-key': keys.verify },
      env,
      say,
      signal,
    })
    const id = await deviceId(stage, server, 'lab-01', say)
    await putIntoLab(server, id, signal)
    const dispatched = await drover(run, 'dispatch-artifact', {
      inputs: {
        server: server.url,
        release: need(uploaded, 'release'),
        device: `lab:${deviceType}`,
        timeout: '5m',
      },
      env,
      say,
      signal,
    }).catch((error: unknown) => {
      // people know the device by its serial number
      if (!(error instanceof DemoFailure)) throw error
      throw new DemoFailure(error.reason, error.message.replaceAll(id, 'lab-01'), error.outputs)
    })
    return {
      value: { ...uploaded, ...dispatched },
      result: `lab-01 itself reports ${need(uploaded, 'release')}`,
    }
  })
}

/** The server's id of the device with this serial number, once the device has introduced itself. */
export async function deviceId(
  { run, signal }: Stage,
  server: Server,
  serial: string,
  say: (line: string) => void,
): Promise<string> {
  for (let attempt = 0; attempt < 120; attempt++) {
    const { devices } = await facts({ run, signal }, server, () => {})
    const found = devices.find(({ identity }) => identity['serial'] === serial)
    if (found) return found.id
    if (attempt === 0) say(`waiting for ${serial} to introduce itself to the server`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Failure('device-silent', `${serial} did not introduce itself to the server within 30 s`)
}

/** What all devices report now. */
export async function facts(
  { run, signal }: Pick<Stage, 'run' | 'signal'>,
  server: Server,
  say: (line: string) => void,
): Promise<v.InferOutput<typeof factsSchema>> {
  const file = join(run.path, 'facts.json')
  try {
    await drover(run, 'gather-facts', {
      inputs: { server: server.url, output: file },
      env: { DROVER_TOKEN: server.token },
      say,
      signal,
    })
  } catch (error) {
    if (error instanceof Failure && error.reason === 'no-device-matched') return { devices: [] }
    throw error
  }
  return (await readYaml(file, factsSchema)).value
}

/** Tests the lab device over ssh. */
export async function testDevice(
  stage: Stage,
  images: Images,
  device: Device,
  keys: Keys,
  artifact: Outputs,
): Promise<Outputs> {
  const { run, progress, signal } = stage
  return await progress.step('Test the device', async (say) => {
    const outputs = await drover(run, 'test-device', {
      inputs: {
        device: device.ssh,
        'host-key': device.hostKey,
        tests: join(images.repository, 'tests'),
        'expect-release': need(artifact, 'name'),
        output: join(run.path, 'test-results'),
      },
      env: { DROVER_SSH_KEY: keys.ssh },
      say,
      signal,
    })
    return {
      value: outputs,
      result: `${outputs['passed']} tests passed, ${outputs['failed']} failed, ${outputs['skipped']} skipped`,
    }
  })
}

/** Operators say on the server which devices are the lab's; a device can't claim it. */
async function putIntoLab(server: Server, id: string, signal: AbortSignal): Promise<void> {
  const http = openHttp(
    { baseUrl: server.url, authorization: `Bearer ${server.token}` },
    plainContext({ signal }),
  )
  const path = `/api/management/v1/inventory/devices/${encodeURIComponent(id)}/group`
  await http.send({ method: 'PUT', path, json: { group: 'lab' } })
}

/** Keys of the demonstration: they sign nothing else and open nothing else. */
async function makeKeys(folder: string): Promise<Keys> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const verify = join(folder, 'verify-key.pem')
  await writeFile(verify, publicKey.export({ type: 'spki', format: 'pem' }))
  const sshFile = join(folder, 'ssh-key')
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'drover-demo', '-f', sshFile], {
    what: 'making an ssh key',
  })
  return {
    signing: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    verify,
    ssh: await readFile(sshFile, 'utf8'),
    sshPublicFile: `${sshFile}.pub`,
  }
}

/** An output that the step can't go on without. */
export function need(outputs: Outputs, name: string): string {
  const value = outputs[name]
  if (value) return value
  throw new Failure('internal', `the output ${name} is missing: got ${Object.keys(outputs).join(', ')}`)
}
