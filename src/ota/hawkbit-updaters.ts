// What the updaters on devices take. RAUC's takes one module with one bundle, fails every order that brings anything else, and
// says so on the device only; so what it couldn't take is refused before anything is written.
import type { ArtifactInfo } from '../artifact/artifact.ts'
import { Failure } from '../platform/platform.ts'
import { forEach } from './at-a-time.ts'
import { type HawkbitClient, quoted } from './hawkbit-client.ts'
import { type HawkbitArtifact, extensions, keys } from './hawkbit-releases.ts'
import { softwareModule } from './hawkbit-schemas.ts'

/** Throws `wrong-device-type` where devices of one of the file's types use RAUC and the file is no bundle. */
export async function checkFormat(client: HawkbitClient, info: ArtifactInfo): Promise<void> {
  if (info.format === 'rauc') return
  const bundles = await forEach(info.deviceTypes, (type) => bundleFor(client, type))
  const [type, bundle] = [info.deviceTypes, bundles].map((list) => list[bundles.findIndex(Boolean)])
  if (type === undefined || bundle === undefined) return
  throw new Failure(
    'wrong-device-type',
    `${info.name} is a .${extensions[info.format]} file, and devices of the type ${type} use RAUC (${client.url} has the bundle ${bundle} for them): package it with format rauc, or for a device type of its own`,
  )
}

/** Throws `bad-input` where RAUC's updater could not take what a release has for a device type. */
export async function checkFiles(
  client: HawkbitClient,
  release: string,
  { artifact, deviceTypes }: { artifact: HawkbitArtifact; deviceTypes: readonly string[] },
): Promise<void> {
  const { id, files, set } = artifact
  const fileNames = files.map(({ providedFilename }) => providedFilename)
  const isBundle = (file: string) => file.endsWith(`.${extensions.rauc}`)
  const modules = set.modules?.length ?? 0
  if (fileNames.length === 1 && modules === 1 && fileNames.every(isBundle)) return
  const bundles = fileNames.some(isBundle)
    ? [release]
    : await forEach(deviceTypes, (type) => bundleFor(client, type))
  if (!bundles.some(Boolean)) return
  throw new Failure(
    'bad-input',
    `${release} (distribution set ${id} on ${client.url}) has ${fileNames.length} files in ${modules} modules (${fileNames.slice(0, 5).join(', ') || 'none'}), and RAUC takes one bundle in one module: put everything into one .raucb`,
  )
}

/** The name of a bundle of ours for this device type, where the server has one. */
async function bundleFor(client: HawkbitClient, deviceType: string): Promise<string | undefined> {
  const query = `metadata.${keys.bundleFor}==${quoted(deviceType)}`
  const path = '/softwaremodules'
  for await (const { entries } of client.pages(path, { sort: 'id:DESC', query }, softwareModule)) {
    const found = entries.find(({ deleted }) => deleted !== true)
    if (found) return found.name
  }
  return undefined
}
