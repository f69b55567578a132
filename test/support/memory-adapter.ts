// The port OtaServer over a server in memory, in the requests that the Mender adapter makes: between any two of them the
// world may change, or the process be killed.
import { isLabVariant, openArtifact } from '../../src/artifact/artifact.ts'
import {
  type Believed,
  type Deployment,
  type DeviceFacts,
  type GroupOrder,
  type Lease,
  type LeaseWish,
  type Newcomer,
  type Order,
  type OtaServer,
  type Uploaded,
  isLabArtifact,
  isOpenState,
} from '../../src/ota/ota.ts'
import { Failure } from '../../src/platform/platform.ts'
import type { MemoryServer, StoredDeployment } from './memory-server.ts'

/** A request: its kind, and what it is about. */
export type Request =
  | { what: 'deploy'; order: Order }
  | { what: 'abort'; deployment: string; device?: string }
  | { what: 'deployment'; deployment: string }
  | { what: 'accept' | 'retire'; device: string }
  | { what: 'write' | 'devices' | 'open' | 'read' }

/** Called before every request, and awaited. What it throws ends the caller. */
export type Asked = (request: Request) => Promise<void>

/** A client of `server`; `now` is its clock. */
export function memoryAdapter(
  server: MemoryServer,
  now: () => Date,
  asked: Asked = async () => {},
): OtaServer {
  return new Adapter(server, now, asked)
}

const url = 'http://memory.invalid'

class Adapter implements OtaServer {
  readonly url = url
  readonly #server: MemoryServer
  readonly #now: () => Date
  readonly #asked: Asked

  constructor(server: MemoryServer, now: () => Date, asked: Asked) {
    this.#server = server
    this.#now = now
    this.#asked = asked
  }

  within(): OtaServer {
    return this
  }

  async *devices() {
    await this.#asked({ what: 'devices' })
    yield [...this.#server.devices.keys()].map((id) => this.#factsOf(id))
  }

  async device(id: string) {
    await this.#asked({ what: 'read' })
    return this.#factsOf(id)
  }

  async releases() {
    await this.#asked({ what: 'read' })
    return [...this.#server.releases.values()]
  }

  async release(name: string) {
    await this.#asked({ what: 'read' })
    return this.#server.releases.get(name)
  }

  async upload(path: string, verifyKeys: readonly string[] = []): Promise<Uploaded> {
    const { contentDigest, sha256, name, deviceTypes, sizeBytes, signature, provides, depends } =
      await openArtifact(path, { verifyKeys })
    await this.#asked({ what: 'write' })
    const artifacts = this.#server.releases.get(name)?.artifacts ?? []
    const other = artifacts.find((one) => one.deviceTypes.some((type) => deviceTypes.includes(type)))
    if (other && other.contentDigest !== contentDigest)
      throw new Failure('artifact-conflict', `${other.contentDigest} is there, this is ${contentDigest}`)
    if (other && isLabArtifact(other) !== isLabVariant(provides))
      throw new Failure('artifact-conflict', `${name} is there, and only one is of the variant lab`)
    const id = other?.id ?? `artifact-${name}-${artifacts.length}`
    const isSigned = signature !== 'none'
    if (!other) {
      const artifact = { id, deviceTypes, sizeBytes, isSigned, contentDigest, provides }
      const texts = Object.entries(depends).map(([key, value]) => [key, [value].flat().join(',')])
      this.#server.depends.set(id, Object.fromEntries(texts))
      this.#server.releases.set(name, { name, artifacts: [...artifacts, artifact] })
    }
    return { artifactId: id, release: name, contentDigest, sha256, url: `${url}/${id}`, isNew: !other }
  }

  async deploy(order: Order | GroupOrder): Promise<Deployment> {
    const { name, release } = order
    const devices = 'group' in order ? this.#inGroup(order.group) : [...new Set(order.devices)].sort()
    if (devices.length === 0) throw new Failure('no-device-matched', `the order ${name} has no device`)
    if (devices.length > 20_000) throw new Failure('bad-input', `the order ${name} has too many devices`)
    const existing = await this.findDeployment(name)
    if (existing) return requireSame(existing, release, devices)
    if (!(await this.release(release))) throw new Failure('release-missing', `there is no release ${release}`)
    await this.#asked({ what: 'deploy', order: { name, release, devices } })
    this.#server.create(name, release, devices)
    const created = await this.findDeployment(name)
    if (!created) throw new Failure('unexpected-reply', `${name} is not listed`)
    return requireSame(created, release, devices)
  }

  async findDeployment(name: string) {
    await this.#asked({ what: 'read' })
    const found = this.#server.deployments.findLast((one) => one.name === name)
    return found && published(found)
  }

  async findDeployments(names: readonly string[], believed?: Believed) {
    await this.#asked({ what: 'read' })
    const found = this.#server.deployments.filter(({ name }) => names.includes(name))
    return new Map(found.map((one) => [one.name, asBelieved(published(one), believed?.get(one.name))]))
  }

  async deployment(id: string) {
    await this.#asked({ what: 'deployment', deployment: id })
    const found = this.#server.deployments.find((one) => one.id === id)
    if (found) return published(found)
    throw new Failure('server-refused', `there is no deployment ${id}`)
  }

  async lastTaken(devices: readonly string[]) {
    await this.#asked({ what: 'read' })
    return new Map(
      devices.flatMap((device): [string, string][] => {
        const found = this.#server.deployments.findLast(({ targets }) => targets.get(device)?.isTaken)
        return found ? [[device, found.name]] : []
      }),
    )
  }

  async openDeployments() {
    await this.#asked({ what: 'open' })
    return this.#server.deployments.map(published).filter(({ isFinished }) => !isFinished)
  }

  async withdraw(
    id: string,
    ended: readonly string[] = [],
    from?: readonly string[],
  ): Promise<readonly string[]> {
    const before = await this.deployment(id)
    const open = openIn(before)
    const asked = from && new Set(from)
    const free = open.filter(
      (device) =>
        (asked?.has(device) ?? true) && (before.devices.get(device) === 'pending' || ended.includes(device)),
    )
    if (free.length === 0) return open
    if (free.length === open.length) {
      await this.#asked({ what: 'abort', deployment: id })
      this.#server.abort(id)
    } else {
      const others = (await this.openDeployments()).filter((one) => one.id !== id)
      for (const device of free.filter(
        (one) => !others.some(({ devices }) => isOpenState(devices.get(one) ?? 'aborted')),
      )) {
        if ((await this.deployment(id)).devices.get(device) !== before.devices.get(device)) continue
        await this.#asked({ what: 'abort', deployment: id, device })
        this.#server.abortAllOf(device)
      }
    }
    return openIn(await this.deployment(id))
  }

  async preauthorise({ identity, key }: Newcomer): Promise<string> {
    await this.#asked({ what: 'write' })
    const id = `device-${identity['serial']}`
    if (!this.#server.preauthorise(id, { identity }, key))
      throw new Failure('device-not-accepted', `${id} is known with another key`)
    return id
  }

  async accept(id: string): Promise<void> {
    await this.#asked({ what: 'accept', device: id })
    const device = this.#deviceOf(id)
    device.facts = { ...device.facts, status: 'accepted' }
  }

  async retire(id: string): Promise<void> {
    await this.#asked({ what: 'retire', device: id })
    this.#server.abortAllOf(id, 'decommissioned')
    this.#server.devices.delete(id)
  }

  async leaseOf(id: string) {
    await this.#asked({ what: 'read' })
    return this.#leaseOf(id)
  }

  async takeLease(id: string, wish: LeaseWish): Promise<Lease> {
    await this.#asked({ what: 'write' })
    const device = this.#deviceOf(id)
    const current = this.#leaseOf(id)
    if (current && current.id !== wish.id) return current
    const lease = { ...wish, number: current?.number ?? (device.lease?.number ?? 0) + 1 }
    device.lease = lease
    return lease
  }

  async returnLease(id: string, lease: string): Promise<void> {
    await this.#asked({ what: 'write' })
    const device = this.#deviceOf(id)
    if (device.lease?.id === lease) device.lease = { ...device.lease, until: new Date(0).toISOString() }
  }

  async log(deployment: string, device: string) {
    await this.#asked({ what: 'read' })
    return this.#server.logs.get(`${deployment} ${device}`)
  }

  #inGroup(group: string): string[] {
    const all = [...this.#server.devices.values()].map(({ facts }) => facts)
    return all
      .flatMap((facts) => (facts.group === group && facts.status === 'accepted' ? [facts.id] : []))
      .sort()
  }

  #deviceOf(id: string) {
    const device = this.#server.devices.get(id)
    if (device) return device
    throw new Failure('device-missing', `there is no device ${id}`)
  }

  #leaseOf(id: string): Lease | undefined {
    const { lease } = this.#deviceOf(id)
    return lease && Date.parse(lease.until) > this.#now().getTime() ? lease : undefined
  }

  #factsOf(id: string): DeviceFacts {
    const { facts } = this.#deviceOf(id)
    const lease = this.#leaseOf(id)
    if (!lease) return facts
    const { holder, until, number } = lease
    return { ...facts, lease: { holder, until, number } }
  }
}

const openIn = ({ devices }: Deployment) =>
  [...devices].filter(([, state]) => isOpenState(state)).map(([id]) => id)

function published({ id, name, release, createdAt, targets }: StoredDeployment): Deployment {
  const devices = new Map<string, Deployment['devices'] extends ReadonlyMap<string, infer S> ? S : never>()
  const finishedAt = new Map<string, string>()
  let isFinished = true
  for (const [device, target] of targets) {
    devices.set(device, target.state)
    if (target.finishedAt !== undefined) finishedAt.set(device, target.finishedAt)
    if (isOpenState(target.state)) isFinished = false
  }
  return { id, name, release, createdAt, isFinished, devices, finishedAt }
}

/** What the Mender adapter takes for granted without asking for devices. */
function asBelieved(found: Deployment, believed: readonly string[] = []): Deployment {
  const times = [...(found.finishedAt?.values() ?? [])].sort()
  const isWell = [...found.devices.values()].every((state) => state === 'success')
  const at = times.at(-1)
  if (!isWell || found.devices.size !== believed.length || at === undefined) return found
  return {
    ...found,
    devices: new Map(believed.map((id) => [id, 'success'])),
    finishedAt: new Map(believed.map((id) => [id, at])),
  }
}

/** What was ordered is what was asked: nothing less and nothing more may pass as done. */
function requireSame(found: Deployment, release: string, devices: readonly string[]): Deployment {
  const missing = devices.filter((id) => !found.devices.has(id))
  const isWider = found.devices.size > devices.length - missing.length
  if (found.release === release && missing.length === 0 && !isWider) return found
  const reason =
    found.release === release && missing.length > 0 && !isWider ? 'device-missing' : 'server-refused'
  throw new Failure(reason, `the deployment ${found.id} (${found.name}) is not what was asked`)
}
