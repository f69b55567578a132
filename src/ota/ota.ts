// OTA servers in our words: what devices report, which releases there are, orders and how they stand. Hides the servers'
// protocols, their paging, their retries and their vocabulary.
export {
  type Believed,
  type Deployment,
  type DeviceFacts,
  type DeviceState,
  type GroupOrder,
  type Lease,
  type LeaseWish,
  type Newcomer,
  type Order,
  type OtaServer,
  type Release,
  type ReleaseArtifact,
  type Uploaded,
  isOpenState,
} from './ota-server.ts'
export { type ServerAddress, type ServerType, openServer, serverAddress, serverTypes } from './open-server.ts'
export { addressOf } from './address.ts'
export { hostKeysOf } from './host-key.ts'
export { type Facts, gatherFacts, requireDevices, requireFresh, silentDevices } from './facts.ts'
export { readFacts, writeFacts } from './facts-file.ts'
export { type GitDevice, devicesInGit, unmatched } from './facts-in-git.ts'
export { redact, redactedPath } from './facts-redacted.ts'
export { factsFile } from './facts-schema.ts'
export { tellingLines } from './device-log.ts'
export { type Dispatched, type DispatchRequest, dispatch } from './dispatch.ts'
export { canBeConfigured, isFingerprint, reportedConfiguration } from './configuration-fact.ts'
export {
  type ConfigurationSigning,
  type ConfigurationTarget,
  configurationContent,
  configurationName,
  fingerprintIn,
  isKey,
  provideConfiguration,
  withoutSigner,
} from './configuration-artifact.ts'
export { type Undone, undoDispatch } from './take-back.ts'
export { type Leased, type LeaseRequest, leaseDevice } from './lease-device.ts'
export { signingKeyOf } from '../artifact/artifact.ts'
export { isLabArtifact } from './lab-artifact.ts'
export { imagesIn, otherImageOf } from './other-image.ts'
export { isInLab } from './target.ts'
export { type UploadedRelease, uploadRelease } from './upload-release.ts'
export { reportsRelease } from './watch.ts'
