// What `package-artifact` does with a source that is an update file already: it signs it, and refuses whatever else was asked
// for and would need it to be packed again.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { type Context, Failure } from '../platform/platform.ts'
import { readSigningOptions } from './artifact-options.ts'
import type { ArtifactFormat, ArtifactInfo } from './artifact-info.ts'
import type { PackageOptions } from './package-artifact.ts'
import { openArtifact } from './read.ts'
import { signArtifact } from './sign-artifact.ts'
import type { CheckedArtifact } from './write-request.ts'

/**
 * Signs the source where it is an update file of any format, by its content; undefined where it is anything else, or where the
 * options file says what an update file is to be packed into. Throws `bad-input` where another name, other device types, another
 * compression, another format or any option but `signing` is asked for, and what `signArtifact` throws.
 */
export async function signSource(
  options: PackageOptions,
  context: Context,
): Promise<CheckedArtifact | undefined> {
  const { source, optionsFile, output } = options
  const format = await updateFormatOf(source)
  if (format === undefined) return undefined
  const extra =
    optionsFile === undefined ? { others: [], signing: {} } : await readSigningOptions(optionsFile)
  if (extra.others.includes('payload')) return undefined
  const before = await openArtifact(source, { signal: context.signal })
  const differences = [...differencesOf(options, before), ...extra.others.map((key) => `the option ${key}`)]
  if (differences.length > 0) {
    throw new Failure(
      'bad-input',
      `${source} is a finished ${format} file, which can be signed but not changed: leave out ${differences.join(', ')}, or package it anew from its source`,
    )
  }
  return signArtifact(source, { signing: { ...options.signing, ...extra.signing }, output, before }, context)
}

function differencesOf(options: PackageOptions, info: ArtifactInfo): string[] {
  const { name, deviceTypes, compression, format } = options
  const isSame = (a: readonly string[], b: readonly string[]) =>
    new Set(a).size === new Set(b).size && a.every((item) => b.includes(item))
  return [
    ...(name !== undefined && name !== info.name ? [`the name ${name} (its name is ${info.name})`] : []),
    ...(deviceTypes.length > 0 && !isSame(deviceTypes, info.deviceTypes)
      ? [`the device types ${deviceTypes.join(', ')} (it is for ${info.deviceTypes.join(', ')})`]
      : []),
    // an action fills in what is usual where nothing was given: gzip, and mender
    ...(compression !== 'gzip' && compression !== info.compression
      ? [`the compression ${compression} (it has ${info.compression})`]
      : []),
    ...(format !== 'mender' && format !== info.format ? [`the format ${format}`] : []),
  ]
}

/** The format of an update file by what it begins with (and, for a bundle, ends with); undefined for any other file. */
async function updateFormatOf(path: string): Promise<ArtifactFormat | undefined> {
  // what can't be opened is for the writers to name; a pipe would make a plain open wait
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  if (file === undefined) return undefined
  await using handle = file
  const facts = await handle.stat()
  if (!facts.isFile()) return undefined
  const at = async (position: number, length: number) => {
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await handle.read(buffer, 0, length, position)
    return buffer.subarray(0, bytesRead)
  }
  const start = await at(0, 1024)
  const text = start.toString('latin1')
  if (text.startsWith('version\0') && /^\{[^}]*"format" *: *"mender"/.test(text.slice(512))) return 'mender'
  if (/^07070[12]/.test(text) && text.startsWith('sw-description\0', cpioHeaderBytes)) return 'swupdate'
  if (!text.startsWith('hsqs')) return undefined
  // a bundle is a file system image with its signature and the signature's size after it; an image alone is a source
  const signatureBytes = (await at(facts.size - 8, 8)).readBigUInt64BE()
  if (signatureBytes === 0n || signatureBytes > 1n << 20n) return undefined
  const [tag] = await at(facts.size - 8 - Number(signatureBytes), 1)
  return tag === 0x30 ? 'rauc' : undefined
}

const cpioHeaderBytes = 110
