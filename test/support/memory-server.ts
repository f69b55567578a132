// The rules of a Mender server without a server: what a device is offered, what its words change, when an order is over. It
// stands in where thousands of histories need speed; the port's contract is run against it too, so that it speaks as the
// servers do that it stands for.
import {
  type DeviceFacts,
  type DeviceState,
  type Lease,
  type Release,
  isOpenState,
} from '../../src/ota/ota.ts'

export interface StoredTarget {
  state: DeviceState
  /** Whether the device was offered it. */
  isTaken?: boolean
  finishedAt?: string
}

export interface StoredDeployment {
  /** Grows: a device takes its orders in this sequence. */
  seq: number
  id: string
  name: string
  release: string
  createdAt: string
  targets: Map<string, StoredTarget>
}

export interface StoredDevice {
  facts: DeviceFacts
  /** Also one that has ended, for its number. */
  lease?: Lease
  remarks: Map<string, string>
}

/** What a server keeps, and what devices and operators do to it; every call is one request. */
export class MemoryServer {
  readonly devices = new Map<string, StoredDevice>()
  readonly releases = new Map<string, Release>()
  readonly deployments: StoredDeployment[] = []
  readonly logs = new Map<string, string>()
  /** What a device has to report for an artifact to fit, by the artifact's id. */
  readonly depends = new Map<string, Readonly<Record<string, string>>>()
  /** What each device showed that it is itself. */
  readonly #keys = new Map<string, string>()
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
  }

  /** A device asks to be let in. */
  join(id: string, facts: Partial<DeviceFacts>, isAccepted: boolean, key = id): void {
    const isExpected = this.devices.get(id)?.facts.status === 'preauthorized' && this.#keys.get(id) === key
    this.#keys.set(id, key)
    this.#add(id, facts, isAccepted || isExpected ? 'accepted' : 'pending')
  }

  /** Lets a device in before it comes, or one that waits with this key; false where it is known with another. */
  preauthorise(id: string, facts: Partial<DeviceFacts>, key: string): boolean {
    const known = this.devices.get(id)?.facts
    if (known && this.#keys.get(id) !== key) return false
    this.#keys.set(id, key)
    if (known?.status === 'accepted') return true
    this.#add(id, facts, known?.status === 'pending' ? 'accepted' : 'preauthorized')
    return true
  }

  #add(id: string, facts: Partial<DeviceFacts>, status: DeviceFacts['status']): void {
    const unknown = { reportedAt: undefined, deviceType: undefined, release: undefined, group: undefined }
    const all = { id, ...unknown, identity: {}, attributes: {}, ...facts, status } as const
    this.devices.set(id, { facts: all, remarks: new Map() })
  }

  /** A device reports; false where it isn't let in. */
  report(id: string, facts: Partial<DeviceFacts>): boolean {
    const device = this.devices.get(id)
    if (device?.facts.status !== 'accepted') return false
    device.facts = { ...device.facts, reportedAt: this.#now().toISOString(), ...facts }
    return true
  }

  /**
   * What a device is offered that runs `release` and installed `artifact` last: its oldest open order that was made after its
   * last ended one.
   */
  next(
    id: string,
    release: string,
    deviceType: string,
    artifact: string = release,
  ): StoredDeployment | undefined {
    if (this.devices.get(id)?.facts.status !== 'accepted') return undefined
    const own = this.deployments.filter(({ targets }) => targets.has(id))
    const last = own.findLast((one) => !isOpenState(one.targets.get(id)?.state ?? 'pending'))
    const found = own.find((one) => {
      return isOpenState(one.targets.get(id)?.state ?? 'success') && one.seq > (last?.seq ?? 0)
    })
    if (!found) return undefined
    const artifacts = this.releases.get(found.release)?.artifacts ?? []
    const isThere = found.release === artifact
    const fits = artifacts.some(
      (one) =>
        one.deviceTypes.includes(deviceType) &&
        (this.depends.get(one.id)?.['rootfs-image.version'] ?? release) === release,
    )
    const target = found.targets.get(id)
    if (target) target.isTaken = true
    if (!isThere && fits) return found
    this.#set(found, id, isThere ? 'already-installed' : 'no-artifact')
    return undefined
  }

  /** A device says how it stands; false where the order has ended for it, which makes it stop and go back. */
  say(id: string, deployment: string, state: DeviceState): boolean {
    const found = this.deployments.find((one) => one.id === deployment)
    const target = found?.targets.get(id)
    if (!found || !target || !isOpenState(target.state)) return target?.state === state
    this.#set(found, id, state)
    return true
  }

  /** False where an equal order is open: two requests at once are one order. */
  create(name: string, release: string, devices: readonly string[]): boolean {
    if (this.#isOpen(name, release, devices)) return false
    const seq = this.deployments.length + 1
    const createdAt = this.#now().toISOString()
    const targets = new Map(devices.map((id): [string, StoredTarget] => [id, { state: 'pending' }]))
    this.deployments.push({ seq, id: `deployment-${seq}`, name, release, createdAt, targets })
    return true
  }

  #isOpen(name: string, release: string, devices: readonly string[]): boolean {
    return this.deployments.some((one) => {
      const isSame = one.name === name && one.release === release && one.targets.size === devices.length
      return (
        isSame &&
        devices.every((id) => one.targets.has(id)) &&
        [...one.targets.values()].some(({ state }) => isOpenState(state))
      )
    })
  }

  /** Ends an order for all its devices. */
  abort(id: string): void {
    const found = this.deployments.find((one) => one.id === id)
    for (const [device, { state }] of found?.targets ?? [])
      if (found && isOpenState(state)) this.#set(found, device, 'aborted')
  }

  /** Ends all orders of a device. */
  abortAllOf(device: string, state: 'aborted' | 'decommissioned' = 'aborted'): void {
    for (const deployment of this.deployments) {
      const target = deployment.targets.get(device)
      if (target && isOpenState(target.state)) this.#set(deployment, device, state)
    }
  }

  #set({ targets }: StoredDeployment, device: string, state: DeviceState): void {
    const isTaken = targets.get(device)?.isTaken ?? false
    const end = isOpenState(state) ? {} : { finishedAt: this.#now().toISOString() }
    targets.set(device, { state, isTaken, ...end })
  }
}
