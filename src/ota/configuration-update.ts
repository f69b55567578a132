// A configuration for devices whose updater is SWUpdate or RAUC: a .swu or a bundle of its own, with one file, and a script
// that hands it to the device's own program. The same program and the same file whichever the updater.
import { chmod, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Signing, type WrittenArtifact, writeRauc, writeSwupdate } from '../artifact/artifact.ts'
import { type Context, canonicalJson } from '../platform/platform.ts'
import { configurationType } from './configuration-kind.ts'

/** What a device is told. */
export interface ConfigurationUpdate {
  /** The artifact's name. */
  name: string
  deviceType: string
  values: ReadonlyMap<string, string>
  /** Under which the device reports it. */
  fingerprint: string
  /** The release that it was planned for: the device's program refuses it on another. */
  release: string
  /** Beside secret values, so that no digest of the file gives them away. */
  salt: string | undefined
}

/** Where things are on the device, in the fleet's images. */
export interface ConfigurationPlace {
  /** Called with the file's path as its argument; a status other than 0 means that what was before still holds. */
  program: string
  /** Where SWUpdate puts the file, in a folder for nothing else; RAUC mounts it. */
  file: string
}

const usualPlace: ConfigurationPlace = {
  program: '/usr/lib/drover/configure',
  file: '/run/drover/configuration.json',
}

/**
 * Writes the update into `folder`, signed; its two other files there are of no more use then. May be repeated. Throws what
 * the writers of the formats throw: for RAUC `bad-input` without a key, `missing-tool` without rauc and squashfs-tools.
 */
export async function writeConfigurationUpdate(
  format: 'swupdate' | 'rauc',
  update: ConfigurationUpdate,
  { folder, signing, place = usualPlace, bundleFormat }: UpdateOptions,
  context: Context,
): Promise<WrittenArtifact> {
  const { name, deviceType, fingerprint, release, salt, values } = update
  const source = join(folder, 'configuration.json')
  const told = { configuration: Object.fromEntries(values), fingerprint, release, salt }
  await writeFile(source, canonicalJson(told), { mode: 0o600 })
  const script = join(folder, 'configure')
  const output = join(folder, format === 'rauc' ? 'configuration.raucb' : 'configuration.swu')
  const request = { source, output, name, deviceTypes: [deviceType], signing }
  if (format === 'rauc') {
    // images are named after their slots in a bundle
    const file = `"$RAUC_BUNDLE_MOUNT_POINT/${configurationType}.img"`
    await writeScript(script, `exec ${quoted(place.program)} ${file}`)
    const rauc = { slot: configurationType, handler: { file: script }, build: fingerprint }
    return writeRauc({ ...request, ...rauc, bundleFormat, compression: 'gzip' }, context)
  }
  // SWUpdate calls scripts before it writes the file, for all to read, and after that; newer ones also when that failed
  await writeScript(
    script,
    `FILE=${quoted(place.file)}`,
    `FOLDER=${quoted(dirname(place.file))}`,
    'if [ "$1" = preinst ]; then',
    '  mkdir -p "$FOLDER" && exec chmod 700 "$FOLDER"',
    'fi',
    `trap 'rm -f "$FILE"' EXIT`,
    `[ "$1" != postinst ] || ${quoted(place.program)} "$FILE"`,
  )
  const says = { type: 'rawfile', name: configurationType, version: fingerprint, path: place.file }
  const items = [{ list: 'scripts', source: script, says: { type: 'shellscript' } }] as const
  return writeSwupdate({ ...request, says, items, compression: 'none', verify: true }, context)
}

export interface UpdateOptions {
  /** An empty folder of the caller's. */
  folder: string
  signing: Signing | undefined
  place?: ConfigurationPlace | undefined
  /** Of RAUC's two the one that needs less of a device is `plain`; `verity` where not given. */
  bundleFormat?: 'verity' | 'plain' | undefined
}

async function writeScript(path: string, ...lines: readonly string[]): Promise<void> {
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  await chmod(path, 0o755)
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`
}
