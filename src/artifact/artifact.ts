// Update files: written, read and verified as streams. Hides the container formats, their compression and signatures.
export type {
  ArtifactFormat,
  ArtifactInfo,
  ArtifactLimits,
  Compression,
  Depends,
  PayloadFile,
  PayloadInfo,
} from './artifact-info.ts'
export { artifactText } from './artifact-text.ts'
export { type Content, contentDigestOf, scriptsProvide } from './content-digest.ts'
export { artifactOptionsSchema } from './artifact-options.ts'
export { publicKeyOf } from './keys.ts'
export type { CheckedArtifact, WriteRequest, WrittenArtifact } from './write-request.ts'
export { type PackageOptions, packageArtifact } from './package-artifact.ts'
export { type SignOptions, signArtifact } from './sign-artifact.ts'
export { type Signing, signingKeyOf } from './signing.ts'
export { type InspectOptions, inspectArtifact, openArtifact } from './read.ts'
export { type MenderOptions, writeMender } from './mender/write-mender.ts'
export type { RaucOptions } from './rauc/rauc-options.ts'
export { writeRauc } from './rauc/write-rauc.ts'
export type { SwupdateOptions } from './swupdate/swupdate-options.ts'
export { writeSwupdate } from './swupdate/write-swupdate.ts'
export { type Check, type Tested, type Verdict, type VerifyPolicy, requireAccepted } from './verdict.ts'
export { verdictSummary } from './verdict-summary.ts'
export { isLabVariant, namesVariant, variantProvide, variantsIn } from './variant.ts'
export { verifyArtifact } from './verify.ts'
