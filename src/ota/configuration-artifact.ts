// A configuration as an artifact in the format of the device's updater. It fits only a device that runs the release it was
// planned for, and tells the device under which fingerprint to report it. For Mender's client: payload type
// `mender-configure`, the map as meta-data; configuration-update.ts has the others.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ArtifactFormat,
  type Signing,
  type WrittenArtifact,
  contentDigestOf,
  writeMender,
} from '../artifact/artifact.ts'
import type { Configuration } from '../fleet/fleet.ts'
import { type Context, type Digest, Failure, digestOf, hexOf, silentLog } from '../platform/platform.ts'
import { configurationFact, configurationFilesystem, configurationType } from './configuration-kind.ts'
import { writeConfigurationUpdate } from './configuration-update.ts'
import type { OtaServer, Release, ReleaseArtifact } from './ota-server.ts'

/** What a configuration is made into an artifact for. */
export interface ConfigurationTarget {
  configuration: Configuration
  /** The release that it was planned for: a device that reports another refuses it. */
  release: string
  deviceType: string
  /** What the artifact is called: see `configurationName`. */
  name: string
  /** The format of the release for the device type, where the server takes several: whoever installs the one installs the other. */
  format?: ArtifactFormat | undefined
}

/** Who signs configurations; unsigned where it is empty. */
export type ConfigurationSigning = Signing

/** What it has to provide for one to fit. */
export const plannedForProvide = 'rootfs-image.version'
const saltFile = 'salt'

/**
 * The name of the artifacts of one configuration for one release, whatever the device type. Equal configurations that the same
 * key signs have one name, of at most 128 characters, as servers take them, and nothing secret is in it. Servers don't tell who
 * signed what they have, and no name is given twice: so one that another key signs has another name. `signer` is the key's
 * digest; undefined for one that nobody signs, or where it doesn't matter.
 */
export function configurationName(
  template: string,
  fingerprint: string,
  release: string,
  signer?: Digest,
): string {
  const stem = template.replace(/\.[A-Za-z0-9]+$/, '').replace(/[^A-Za-z0-9._+-]+/g, '-')
  const digits = fingerprint.slice(fingerprint.indexOf(':') + 1).slice(0, 16)
  const by = signer === undefined ? '' : `-by-${hexOf(signer).slice(0, 8)}`
  const on = /^[A-Za-z0-9._+-]{1,52}$/.test(release) ? release : hexOf(digestOf(release)).slice(0, 16)
  return `configuration-${stem.slice(0, 29)}-${digits}${by}-on-${on}`
}

/** A name of `configurationName` as if nobody signed it, so that it tells which configuration it is; any other as it is. */
export function withoutSigner(name: string): string {
  return name.replace(/^(configuration-.{0,29}-[0-9a-f]{16})-by-[0-9a-f]{8}(?=-on-)/, '$1')
}

/**
 * The content digest that the artifact has. With secret values a salt is part of it: who has the digest alone can't try
 * values until it fits.
 */
export function configurationContent({ values, salt }: Configuration, deviceType: string): Digest {
  const files = salt === undefined ? [] : [{ name: saltFile, checksum: hexOf(digestOf(salt)) }]
  const payload = { type: configurationType, metaData: Object.fromEntries(values), files }
  return contentDigestOf({ deviceTypes: [deviceType], payloads: [payload] })
}

/**
 * Sees to it that the server has the artifact of a configuration: makes, signs and uploads it where `known`, the release of
 * its name that the server lists, has none for the device type. Returns whether it was uploaded. May be repeated. Throws
 * `artifact-conflict` where something else has its name, or an unsigned one is there and it is to be signed, `bad-input`
 * without the key for secret values, and what `OtaServer.upload` throws.
 */
export async function provideConfiguration(
  server: OtaServer,
  target: ConfigurationTarget,
  known: Release | undefined,
  signing: ConfigurationSigning | undefined,
  context: Context,
): Promise<boolean> {
  const { configuration, deviceType, name, format } = target
  const content = configurationContent(configuration, deviceType)
  const there = known?.artifacts.find(({ deviceTypes }) => deviceTypes.includes(deviceType))
  if (there) {
    const fingerprint = fingerprintIn(configuration)
    requireSame(there, { name, content, fingerprint, isSigned: isKey(signing) }, server)
    return false
  }
  const folder = await mkdtemp(join(tmpdir(), 'drover-configuration-'))
  try {
    const made = { ...target, folder }
    const written = await (format === 'swupdate' || format === 'rauc'
      ? writeUpdate(format, made, signing, context)
      : write(made, signing, context))
    const uploaded = await server.upload(written.path)
    if (uploaded.contentDigest === written.contentDigest) return uploaded.isNew
    throw new Failure(
      'internal',
      `${name} was to have the content ${written.contentDigest}, not ${uploaded.contentDigest}`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The fingerprint of a configuration; throws `bad-input` where it needs a key and none was given. */
export function fingerprintIn({ template, fingerprint, secretKeys }: Configuration): string {
  if (fingerprint !== undefined) return fingerprint
  const keys = [...secretKeys].slice(0, 5).join(', ')
  throw new Failure(
    'bad-input',
    `a configuration made of ${template} has secret values (${keys}): give a key to compare them with in DROVER_CONFIGURATION_KEY, the same wherever this fleet is planned and scheduled (openssl rand -hex 32 makes one)`,
  )
}

/** Whether there is something to sign with. */
export function isKey(signing: ConfigurationSigning | undefined): boolean {
  return signing?.key !== undefined || signing?.command !== undefined
}

interface ToWrite extends ConfigurationTarget {
  folder: string
}

async function writeUpdate(
  format: 'swupdate' | 'rauc',
  { configuration, release, deviceType, name, folder }: ToWrite,
  signing: ConfigurationSigning | undefined,
  context: Context,
): Promise<WrittenArtifact> {
  const { values, salt } = configuration
  const update = { name, deviceType, values, salt, release, fingerprint: fingerprintIn(configuration) }
  return writeConfigurationUpdate(format, update, { folder, signing }, { ...context, log: silentLog })
}

async function write(
  { configuration, release, deviceType, name, folder }: ToWrite,
  signing: ConfigurationSigning | undefined,
  { signal, clock }: Context,
): Promise<WrittenArtifact> {
  const { values, salt } = configuration
  const saltPath = join(folder, saltFile)
  if (salt !== undefined) await writeFile(saltPath, salt, { mode: 0o600 })
  return writeMender(
    {
      source: saltPath, // not read: the payload has none
      output: join(folder, 'configuration.mender'),
      name,
      deviceTypes: [deviceType],
      compression: 'gzip',
      payload: {
        kind: 'module-image',
        type: configurationType,
        hasSource: false,
        files: salt === undefined ? [] : [saltPath],
        metaData: Object.fromEntries(values),
      },
      depends: { [plannedForProvide]: release },
      software: { filesystem: configurationFilesystem, version: fingerprintIn(configuration) },
      signing,
    },
    { signal, clock, log: silentLog },
  )
}

function requireSame(
  there: ReleaseArtifact,
  wanted: { name: string; content: Digest; fingerprint: string; isSigned: boolean },
  { url }: OtaServer,
): void {
  const { name, content, fingerprint, isSigned } = wanted
  // in other formats the same configuration has another content, and says its fingerprint
  const isOther = there.format !== undefined && there.format !== 'mender'
  if (isOther ? there.provides?.[configurationFact] !== fingerprint : there.contentDigest !== content)
    throw new Failure(
      'artifact-conflict',
      `${url} has another ${name} for ${there.deviceTypes.join(', ')}: its content is ${there.contentDigest}, that of the configuration ${content}. Delete it there`,
    )
  if (isSigned && !there.isSigned)
    throw new Failure(
      'artifact-conflict',
      `${url} has ${name} unsigned, and configurations are to be signed: delete it there`,
    )
}
