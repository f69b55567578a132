import type { Digest } from '../platform/platform.ts'

/** What a device last reported, and when. */
export interface DeviceFacts {
  /** The device's id on the OTA server. */
  id: string
  status: 'accepted' | 'pending' | 'rejected' | 'preauthorized' | 'noauth'
  /** When it last reported (ISO 8601, UTC); undefined for a device that never did. */
  reportedAt: string | undefined
  deviceType: string | undefined
  /** The OS release that it runs: `rootfs-image.version`, else its image's own attribute, else `artifact_name`. */
  release: string | undefined
  /** The group on the server that operators put it in; not something a device can claim. */
  group: string | undefined
  /** What identifies it to the server (serial number, MAC address). */
  identity: Readonly<Record<string, string>>
  /** Everything else it reported; repeated attributes are joined by commas. */
  attributes: Readonly<Record<string, string>>
}

/** All artifacts of one name on the server, one for each device type. */
export interface Release {
  name: string
  artifacts: readonly ReleaseArtifact[]
}

export interface ReleaseArtifact {
  id: string
  deviceTypes: readonly string[]
  sizeBytes: number
  isSigned: boolean
  /** Digest of what it holds, made of what the server lists; the same as `openArtifact` gives for the file. */
  contentDigest: Digest
}

/** How one device stands in one deployment. `done` are the final ones. */
export type DeviceState =
  | 'pending'
  | 'downloading'
  | 'installing'
  | 'rebooting'
  | 'success'
  | 'already-installed'
  | 'failure'
  | 'aborted'
  | 'no-artifact'
  | 'decommissioned'

export interface Deployment {
  id: string
  name: string
  release: string
  createdAt: string
  isFinished: boolean
  /** All devices that it targets and how each stands; a device that has not polled yet is `pending`. */
  devices: ReadonlyMap<string, DeviceState>
}

/** What to order: one release to a list of devices, known by a name that the caller derives and never reuses. */
export interface Order {
  name: string
  release: string
  devices: readonly string[]
}

export interface Uploaded {
  artifactId: string
  release: string
  contentDigest: Digest
  /** False where the server had it already. */
  isNew: boolean
}

/**
 * An OTA server, in our words. Every call may be repeated without harm. All throw `unreachable`, `bad-credentials`,
 * `unexpected-reply` and `server-refused`; what else, each says.
 */
export interface OtaServer {
  readonly url: string
  /** All devices, page by page, in the server's order. */
  devices(): AsyncIterable<readonly DeviceFacts[]>
  /** One device; throws `device-missing`. */
  device(id: string): Promise<DeviceFacts>
  releases(): Promise<readonly Release[]>
  /** One release by name, or undefined. */
  release(name: string): Promise<Release | undefined>
  /**
   * Stores an artifact file and reads it back. Same content twice is one upload; the same name with other content for the
   * same device type throws `artifact-conflict` with both digests. Throws also `artifact-damaged`, `upload-incomplete`.
   */
  upload(path: string): Promise<Uploaded>
  /** Places an order, or finds the one of the same name. Throws `release-missing`, and `server-refused` where a device is unknown. */
  deploy(order: Order): Promise<Deployment>
  /** A deployment by name, newest first where there are several, or undefined. */
  findDeployment(name: string): Promise<Deployment | undefined>
  deployment(id: string): Promise<Deployment>
  /** All deployments that are not finished. */
  openDeployments(): Promise<readonly Deployment[]>
  /** Takes back what no device of this deployment has begun; returns the devices that had begun and go on. */
  withdraw(deployment: string): Promise<readonly string[]>
  accept(device: string): Promise<void>
  retire(device: string): Promise<void>
  /** The device's log of a failed deployment, at most 1 MiB; undefined where there is none (yet). */
  log(deployment: string, device: string): Promise<string | undefined>
}
