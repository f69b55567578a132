// The lab that several workflow runs share: a server, the example's devices on an older release, and a newer release to bring
// them to.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serials } from '../../demo/devices.ts'
import { changeOs } from '../../demo/repositories.ts'
import { openHttp, plainContext, runOk } from '../../src/platform/platform.ts'
import { type Server, drover, startDevices, startServer } from './lab.ts'
import { exampleRepository } from './place.ts'
import type { Place } from './run-act.ts'

export const deviceType = `virtual-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`

export interface Lab {
  server: Server
  /** Ids on the server by serial number: `lab-01` is in the lab's group, the others in nobody's. */
  devices: ReadonlyMap<string, string>
  /** Release that the devices start with. */
  base: string
  /** A newer release; the server has both. */
  next: string
  /** Private ssh key of root on the devices. */
  sshKey: string
}

const labs = new WeakMap<Place, Promise<Lab>>()

/** The place's lab, started on the first call. */
export function labOf(place: Place): Promise<Lab> {
  const lab = labs.get(place) ?? startLab(place)
  labs.set(place, lab)
  return lab
}

async function startLab(place: Place): Promise<Lab> {
  place.say('    starting a lab: a server, four devices, two releases')
  const keyFile = join(place.folder, 'lab-key')
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile], { what: 'making an ssh key' })
  const repository = await exampleRepository(place, 'os', 'lab-os')
  const build = (output: string) =>
    drover(place, ['build-image', '--recipe', join(repository, 'image.yml'), '--output', output])
  const base = await build(join(place.folder, 'lab-base'))
  await changeOs(repository)
  const next = await build(join(place.folder, 'lab-next'))
  const server = await startServer(place)
  const devices = await startDevices(place, server, {
    image: base['rootfs'] ?? '',
    deviceType,
    serials,
    authorizedKey: `${keyFile}.pub`,
  })
  await putIntoLab(server, devices.get('lab-01') ?? '')
  for (const { rootfs = '' } of [base, next]) await upload(place, server, repository, rootfs)
  const [baseName, nextName] = [base['version'] ?? '', next['version'] ?? '']
  return { server, devices, base: baseName, next: nextName, sshKey: await readFile(keyFile, 'utf8') }
}

async function upload(place: Place, server: Server, repository: string, source: string): Promise<void> {
  const options = join(repository, 'artifact.yml')
  const { artifact = '' } = await drover(place, [
    'package-artifact',
    '--source',
    source,
    '--device-types',
    deviceType,
    '--options',
    options,
  ])
  await drover(place, ['upload-artifact', '--server', server.url, '--artifact', artifact], {
    DROVER_TOKEN: server.token,
  })
}

/** Operators say on the server which devices are the lab's; a device can't claim it. */
async function putIntoLab(server: Server, id: string): Promise<void> {
  const http = openHttp({ baseUrl: server.url, authorization: `Bearer ${server.token}` }, plainContext())
  const path = `/api/management/v1/inventory/devices/${encodeURIComponent(id)}/group`
  await http.send({ method: 'PUT', path, json: { group: 'lab' } })
}
