// The steps that bring a commit of the OS to a tested release. Each calls drover as a user would.
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../src/platform/platform.ts'
import { type Device, deviceIds, putIntoLab } from './devices.ts'
import { DemoFailure, type Outputs, drover, startService } from './drover.ts'
import { git, nextRelease, repositoryFrom, reportSeldom } from './repositories.ts'
import { type Images, type Keys, type Scene, type Server, need } from './scene.ts'

/** Starts the embedded OTA server with a data folder of its own. */
export async function serve({ run, progress, signal }: Scene): Promise<Server> {
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

/** Builds the older base image and the next release from the history of an OS repository. */
export async function buildImages({ run, progress, signal, story, target }: Scene): Promise<Images> {
  return await progress.step('Build an OS image', async (say) => {
    const [repository, before] = [join(run.path, 'os'), join(run.path, 'os-before')]
    const build = (folder: string, output: string) =>
      drover(run, 'build-image', {
        inputs: {
          recipe: join(folder, 'image.yml'),
          arch: target.architecture,
          output: join(run.path, output),
        },
        say,
        signal,
      })
    const { reportSeconds } = target
    await repositoryFrom('os', repository, '2026-01-05T08:00:00Z', async (path) => {
      if (reportSeconds !== undefined) await reportSeldom(path, reportSeconds)
    })
    await git(repository, ['worktree', 'add', '--quiet', '--detach', before])
    await nextRelease(repository, story)
    const [base, next] = await Promise.all([build(before, 'image-base'), build(repository, 'image')])
    return {
      value: { base, next, repository },
      result: `${next['version']} (the devices begin with ${base['version']})`,
    }
  })
}

/** Packages the next release as a signed update file, and lets Mender's own tool judge it. */
export async function packageImage(scene: Scene, images: Images): Promise<{ artifact: Outputs; keys: Keys }> {
  const { run, progress, signal } = scene
  return await progress.step('Package it as a signed artifact', async (say) => {
    const keys = await makeKeys(run.path)
    const artifact = await drover(run, 'package-artifact', {
      inputs: {
        source: need(images.next, 'rootfs'),
        'device-types': scene.target.deviceType,
        options: join(images.repository, 'artifact.yml'),
      },
      env: { DROVER_SIGNING_KEY: keys.signing },
      say,
      signal,
    })
    const file = need(artifact, 'artifact')
    const judge = async (verb: string) =>
      await runOk('mender-artifact', [verb, '-k', keys.verify, file], { what: `mender-artifact ${verb}` })
    const [verdict] = await Promise.all([judge('validate'), judge('read')])
    say(`mender-artifact validate: ${verdict.trim()}`)
    const megabytes = (Number(artifact['size']) / 1e6).toFixed(0)
    return { value: { artifact, keys }, result: `${megabytes} MB, signed; mender-artifact finds it valid` }
  })
}

/** Uploads the artifact and updates the lab device with it, until the device itself reports the release. */
export async function updateLab(
  scene: Scene,
  server: Server,
  artifact: Outputs,
  keys: Keys,
): Promise<{ release: string; ids: ReadonlyMap<string, string> }> {
  const { run, progress, signal, target } = scene
  return await progress.step('Upload it and update the lab device', async (say) => {
    const env = { DROVER_TOKEN: server.token }
    const uploaded = await drover(run, 'upload-artifact', {
      inputs: { server: server.url, artifact: need(artifact, 'artifact'), 'verify-key': keys.verify },
      env,
      say,
      signal,
    })
    const ids = await deviceIds(scene, server, say)
    const id = ids.get('lab-01') ?? ''
    await putIntoLab(server, id, signal)
    await drover(run, 'dispatch-artifact', {
      inputs: {
        server: server.url,
        release: need(uploaded, 'release'),
        device: `lab:${target.deviceType}`,
        timeout: `${5 * target.patience}m`,
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
      value: { release: need(uploaded, 'release'), ids },
      result: `lab-01 itself reports ${need(uploaded, 'release')}`,
    }
  })
}

/** Tests the lab device over ssh. */
export async function testDevice(
  scene: Scene,
  images: Images,
  device: Device,
  keys: Keys,
  artifact: Outputs,
): Promise<Outputs> {
  const { run, progress, signal } = scene
  return await progress.step('Test the device', async (say) => {
    const outputs = await drover(run, 'test-device', {
      inputs: {
        device: device.ssh,
        'host-key': device.hostKey,
        tests: join(images.repository, 'tests'),
        'expect-release': need(artifact, 'name'),
        'boot-timeout': `${scene.target.patience}m`,
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
