import type { ArtifactFormat } from '../artifact/artifact.ts'
import type { Context, Digest } from '../platform/platform.ts'

/** What a device last reported, and when. */
export interface DeviceFacts {
  /** The device's id on the OTA server. */
  id: string
  status: 'accepted' | 'pending' | 'rejected' | 'preauthorized' | 'noauth'
  /** When it last reported (ISO 8601, UTC); undefined for a device that never did. */
  reportedAt: string | undefined
  /** When it last asked the server for anything, as far as the server tells; never before `reportedAt`. */
  lastSeen?: string | undefined
  deviceType: string | undefined
  /** The OS release that it runs: `rootfs-image.version`, else its image's own attribute, else `artifact_name`. */
  release: string | undefined
  /** The group on the server that operators put it in; not something a device can claim. */
  group: string | undefined
  /** What identifies it to the server (serial number, MAC address). */
  identity: Readonly<Record<string, string>>
  /** Everything else it reported; repeated attributes are joined by commas. */
  attributes: Readonly<Record<string, string>>
  /** Who holds it, where the server tells it with the rest; not what the device says. */
  lease?: Readonly<Omit<Lease, 'id'>> | undefined
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
  /** The format of its one file, where the server takes several and we put it there. */
  format?: ArtifactFormat | undefined
  /** Digest of what it holds, made of what the server lists; the same as `openArtifact` gives for the file. */
  contentDigest: Digest
  /** What a device has after it, as far as the server lists it; a device that runs it reports the same. */
  provides?: Readonly<Record<string, string>>
}

/** How one device stands in one deployment; `isOpenState` tells those that may still change. */
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
  /** When each device that is done was done (ISO 8601, UTC), as far as the server tells. */
  finishedAt?: ReadonlyMap<string, string>
}

/** Of deployments by name, devices that have what these bring by their own word: most likely those that got it by them. */
export type Believed = ReadonlyMap<string, readonly string[]>

/** What to order: one release to a list of devices, known by a name that the caller derives and never reuses. */
export interface Order {
  name: string
  release: string
  devices: readonly string[]
}

/** The same to all accepted devices that are in a group on the server at that time. */
export interface GroupOrder extends Omit<Order, 'devices'> {
  group: string
}

/** A device that is to be let in at its first request. */
export interface Newcomer {
  /** How it will identify itself, as its identity script says; on hawkBit `controllerId` alone. */
  identity: Readonly<Record<string, string>>
  /** What shows that it is the one: its public key (PEM); on hawkBit its security token, which is a secret. */
  key: string
}

export interface Uploaded {
  artifactId: string
  release: string
  contentDigest: Digest
  /** Digest of the whole file. */
  sha256: Digest
  /** Where the server shows it. */
  url: string
  /** False where the server had it already. */
  isNew: boolean
}

/** What whoever wants a lease says of it. */
export interface LeaseWish {
  id: string
  /** Who holds it, for the others' messages: the link of a run, where there is one. */
  holder: string
  /** When it ends by itself (ISO 8601, UTC). */
  until: string
}

/** The right to use one device for one run. It stands on the server, beside the device, and ends by itself. */
export interface Lease extends LeaseWish {
  /** Grows with every lease of the device, whatever became of the one before: who holds a lower one holds it no more. */
  number: number
}

/**
 * An OTA server, in our words. Every call may be repeated without harm. All throw `unreachable`, `bad-credentials`,
 * `unexpected-reply` and `server-refused`; what else, each says.
 */
export interface OtaServer {
  readonly url: string
  /** The same server for calls in another context: what has to be undone after an abort needs one that goes on. */
  within(context: Context): OtaServer
  /** All devices, page by page, in the server's order. */
  devices(): AsyncIterable<readonly DeviceFacts[]>
  /** One device; throws `device-missing`. */
  device(id: string): Promise<DeviceFacts>
  releases(): Promise<readonly Release[]>
  /** One release by name, or undefined. */
  release(name: string): Promise<Release | undefined>
  /**
   * Stores an artifact file, which is checked as a whole first, and reads it back. Same content twice is one upload; the
   * same name with other content for one of its device types throws `artifact-conflict` with both digests. With keys (PEM)
   * one of them must have signed it. Throws also `file-missing`, `artifact-damaged`, `artifact-unsigned`,
   * `upload-incomplete`.
   */
  upload(path: string, verifyKeys?: readonly string[]): Promise<Uploaded>
  /**
   * Places an order, or finds the one of the same name, and reads back which devices it has. Throws `no-device-matched`
   * for an empty list, `bad-input` for one of over 20,000, `release-missing`, `device-missing` where the server left a device
   * out; on hawkBit, where an order would cancel what runs, also `device-busy` and `wrong-device-type`.
   *
   * An order to a group is for those who are in it and accepted when it is placed, and read back as such. Throws also
   * `no-device-matched` where that is nobody, and like any order that is not what was asked where the group has changed since.
   */
  deploy(order: Order | GroupOrder): Promise<Deployment>
  /** A deployment by name, newest first where there are several, or undefined. */
  findDeployment(name: string): Promise<Deployment | undefined>
  /**
   * The deployments of these names that there are, by name, the newest where there are several. Of one that has ended well
   * for as many devices as `believed` names, these may be taken to be its devices, done when it ended: that saves a request.
   */
  findDeployments(names: readonly string[], believed?: Believed): Promise<ReadonlyMap<string, Deployment>>
  deployment(id: string): Promise<Deployment>
  /** The name of the newest order that each of these devices has taken up, ended or not; those that took none lack. */
  lastTaken(devices: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** All deployments that are not finished, oldest first: a device takes them in that order. */
  openDeployments(): Promise<readonly Deployment[]>
  /**
   * Takes an order back from the devices that have not begun it; returns those that had begun and go on. A device that
   * begins between the look and the withdrawal is told at its next report and goes back to what it ran: that race can't
   * be closed from here. `ended` are devices whose own facts show that they have ended it without saying so. `from` are the
   * devices to take it from, all where it is missing.
   */
  withdraw(
    deployment: string,
    ended?: readonly string[],
    from?: readonly string[],
  ): Promise<readonly string[]>
  /**
   * Lets a device in before it comes, or one that waits with this very key; returns its id on the server. Throws `bad-key`,
   * and `device-not-accepted` where the server knows the device with another key, or this key was turned away.
   */
  preauthorise(newcomer: Newcomer): Promise<string>
  /** Lets a known device in; throws `device-missing`. */
  accept(device: string): Promise<void>
  /** Removes a device and its credentials; one that is not there is already removed. */
  retire(device: string): Promise<void>
  /** Who holds a device; undefined where nobody does or the lease has ended. Throws `device-missing`. */
  leaseOf(device: string): Promise<Lease | undefined>
  /**
   * Takes a lease, or prolongs the one with this id, which keeps its number. Returns the lease that now holds: another's
   * where that was first.
   */
  takeLease(device: string, wish: LeaseWish): Promise<Lease>
  /** Returns a lease; does nothing where another holds the device by now. */
  returnLease(device: string, id: string): Promise<void>
  /** The device's log of a failed deployment, at most 1 MiB; undefined where there is none (yet). */
  log(deployment: string, device: string): Promise<string | undefined>
}

/** What others may know of a lease: whoever has its id can return it. */
export function leaseNote({ holder, until, number }: Lease): Omit<Lease, 'id'> {
  return { holder, until: new Date(until).toISOString(), number }
}

/** Whether a device in this state may still change it. */
export function isOpenState(state: DeviceState): boolean {
  return ['pending', 'downloading', 'installing', 'rebooting'].includes(state)
}
