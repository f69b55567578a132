import { basename, dirname, parse, resolve } from 'node:path'
import * as v from 'valibot'
import { type Context, type Digest, Failure, isDigest, readYaml } from '../platform/platform.ts'
import { readArtifactOptions } from './artifact-options.ts'
import type { Signing } from './signing.ts'
import { caveatOf } from './archive/compress.ts'
import type { ArtifactFormat, Compression } from './artifact-info.ts'
import { Findings } from './findings.ts'
import { doubtAboutImage } from './image-kind.ts'
import type { MenderChoice } from './mender/mender-choice.ts'
import { writeMender } from './mender/write-mender.ts'
import { writeRauc } from './rauc/write-rauc.ts'
import { writeSwupdate } from './swupdate/write-swupdate.ts'
import { checkDeviceTypes, checkReleaseName } from './release-facts.ts'
import { signSource } from './sign-source.ts'
import { variantProvide } from './variant.ts'
import type { CheckedArtifact, WriteRequest, WrittenArtifact } from './write-request.ts'

export interface PackageOptions {
  format: ArtifactFormat
  /**
   * Path of what the update brings: an image, another file, or a folder. The options file where that says everything, as for
   * containers.
   */
  source: string
  deviceTypes: readonly string[]
  compression: Compression
  /** The release's name; where not given, the one in `<source>.release.json`, else made from the source's name and content. */
  name?: string | undefined
  /** Path of the file to write; `<name>.mender` beside the source where not given. */
  output?: string | undefined
  /** Unsigned where not given. */
  signing?: Signing | undefined
  /** Path of a YAML file with everything else. */
  optionsFile?: string | undefined
}

/** What a builder of images writes beside a root file system, to name the release that it is. */
const releaseSchema = v.object({
  release: v.pipe(v.string(), v.nonEmpty()),
  sha256: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'it is not sha256:…'),
  variant: v.optional(v.pipe(v.string(), v.nonEmpty())),
})

/**
 * Makes one update file and reads all of it back before it gets its name; a source that is an update file already is signed
 * instead (see `signSource`). All that is wrong with what was given is one failure, before anything is written: what the
 * writers throw, `invalid-file` for the options and `<source>.release.json`, and `bad-input` where that file is of another
 * image.
 */
export async function packageArtifact(options: PackageOptions, context: Context): Promise<CheckedArtifact> {
  const signed = await signSource(options, context)
  if (signed !== undefined) return signed
  const { format, source, output, name, deviceTypes, compression, signing } = options
  const { extra, release } = await readAll(options)
  warnOfChoices(options, release?.release, context)
  if ((extra.mender?.payload?.kind ?? 'rootfs-image') === 'rootfs-image' && format === 'mender') {
    const doubt = await doubtAboutImage(source)
    if (doubt !== undefined) context.log.warn(doubt)
  }
  const request: WriteRequest = {
    source,
    deviceTypes,
    compression,
    name: name ?? release?.release ?? { prefix: parse(basename(source)).name },
    sourceDigest: release?.sha256,
    output: output ?? { folder: dirname(source) },
    signing: { ...signing, ...extra.signing },
    verify: true,
  }
  const imageVariant = extra.imageVariant ?? release?.variant
  switch (format) {
    case 'mender':
      return checked(
        await writeMender({ ...request, ...withVariant(extra.mender, release?.variant) }, context),
      )
    case 'swupdate':
      return checked(await writeSwupdate({ ...request, imageVariant, ...extra.swupdate }, context))
    case 'rauc':
      return writeRauc({ ...request, imageVariant, ...extra.rauc }, context)
  }
}

/** An image that was built as a variant says so to whoever orders it: a lab's must not reach the field. */
function withVariant(choice: MenderChoice | undefined, variant: string | undefined): Partial<MenderChoice> {
  const isImage = (choice?.payload.kind ?? 'rootfs-image') === 'rootfs-image'
  if (variant === undefined || !isImage) return choice ?? {}
  return { ...choice, provides: { [variantProvide]: variant, ...choice?.provides } }
}

function checked({ sha256, ...written }: WrittenArtifact): CheckedArtifact {
  if (sha256 === undefined) throw new Error(`${written.path} was not read back`)
  return { ...written, sha256 }
}

async function readAll({ format, source, optionsFile, name, deviceTypes }: PackageOptions) {
  const findings = new Findings()
  if (format !== 'mender' && optionsFile !== undefined && resolve(source) === resolve(optionsFile)) {
    findings.add(new Failure('bad-input', `missing input: source, which the format ${format} always needs`))
  }
  const extra = await findings.from(() => readArtifactOptions(optionsFile, { format, source }))
  const release = await findings.from(() => releaseOf(source))
  // what a writer would find anyhow is told together with the rest
  if (!findings.isClean) {
    if (name !== undefined) checkReleaseName(name, findings)
    checkDeviceTypes(deviceTypes, findings)
  }
  findings.fail()
  return { extra: extra ?? {}, release }
}

function warnOfChoices(
  { format, compression, name }: PackageOptions,
  release: string | undefined,
  { log }: Context,
): void {
  const caveat = format === 'mender' ? caveatOf(compression) : undefined
  if (caveat !== undefined) log.warn(caveat)
  if (release === undefined || name === undefined || name === release) return
  log.warn(
    `the artifact is named ${name}, but the image calls itself ${release} and devices will report that: leave the name empty`,
  )
}

async function releaseOf(source: string): Promise<v.InferOutput<typeof releaseSchema> | undefined> {
  try {
    return (await readYaml(`${source}.release.json`, releaseSchema)).value
  } catch (error) {
    if (error instanceof Failure && error.reason === 'file-missing') return undefined
    throw error
  }
}
