// What an artifact is to a hawkBit server: an OS release or a configuration. Each has types of its own there, so that a
// configuration never stands among releases of the OS, and no target type takes one that isn't meant to.
import { type ArtifactInfo, type PayloadInfo, namesVariant } from '../artifact/artifact.ts'
import { Failure } from '../platform/platform.ts'
import { configurationFact, configurationProvide, configurationType } from './configuration-kind.ts'

export type Kind = 'os' | 'configuration'

/** The types of software module and distribution set; every hawkBit server has these from the start. */
export const typesOf: Readonly<Record<Kind, { module: string; set: string }>> = {
  os: { module: 'os', set: 'os' },
  configuration: { module: 'application', set: 'app' },
}

/** Which provide says the fingerprint: that of Mender's format, or of a .swu file. */
const versions = [configurationProvide, `${configurationType}.version`] as const

/** Tells which it is; throws `bad-input` for a file that brings both, for only one of them could be ordered or taken back. */
export function kindOf({ name, payloads, scripts }: ArtifactInfo): Kind {
  // scripts of a .swu file are payloads of their own, and serve the others
  const content = payloads.filter(({ files: [file] }) => file === undefined || !scripts.includes(file.name))
  const configurations = content.filter(isConfiguration)
  if (configurations.length === 0) return 'os'
  if (configurations.length === content.length) return 'configuration'
  throw new Failure(
    'bad-input',
    `${name} brings a configuration together with something else: package them as an artifact each, so that each can be ordered by itself`,
  )
}

function isConfiguration({ type, provides }: PayloadInfo): boolean {
  return type === configurationType || Object.hasOwn(provides, `${configurationType}.version`)
}

/** What a device reports once it has the artifact: all that the file says, and of a configuration its fingerprint. */
export function providesOf(info: ArtifactInfo): Readonly<Record<string, string>> {
  if (!info.payloads.some(isConfiguration)) return info.provides
  // RAUC's bundles have no provides of their own
  const [fingerprint = info.bundle?.build] = versions.flatMap((name) => info.provides[name] ?? [])
  return fingerprint === undefined ? info.provides : { ...info.provides, [configurationFact]: fingerprint }
}

/** Whether what a device provides decides what it gets, so that it has to be known of each artifact. */
export function isDecisive(name: string): boolean {
  return name === configurationFact || namesVariant(name)
}
