// Which device is to host a runner, by what Git says of it, and where it is.
import { type Fleet, type FleetDevice, is32Bit } from '../fleet/fleet.ts'
import { type DeviceFacts, type OtaServer, addressOf, hostKeysOf } from '../ota/ota.ts'
import { Failure, oneLine } from '../platform/platform.ts'

export interface RunnerDevice {
  /** Its name in the inventory. */
  host: string
  /** Its id on the OTA server. */
  id: string
  /** As Git declares it, else as its facts have it; undefined where neither does. */
  deviceType: string | undefined
  /** `ssh://user@host:port`. */
  address: string
}

/** The account of runners on a device, where only the device's own facts say where it is. */
const account = 'runner'
/** Inventory attributes in which devices tell their architecture. */
const architectures = ['arch', 'architecture', 'machine', 'cpu_architecture'] as const

/**
 * Finds a device of the fleet by its name or its id, which must have the role `runner` in Git. With a server its facts say
 * what type it is and, where no `address` is given, where it is. Throws `device-missing`, `device-unsuitable`,
 * `device-not-accepted`, `bad-input`.
 */
export async function runnerDevice(
  fleet: Fleet,
  given: { device: string; address: string | undefined; hostKey: string | undefined },
  server: OtaServer | undefined,
): Promise<{ device: RunnerDevice; hostKey: string }> {
  const device = deviceOf(fleet, given.device)
  const { host, id } = device
  if (given.address !== undefined) checkAddress(given.address)
  const facts = await server?.device(id)
  if (facts) checkFacts(host, facts)
  const address = given.address ?? addressIn(host, facts)
  const hostKey = given.hostKey ?? hostKeyIn(host, facts)
  return { device: { host, id, deviceType: device.deviceType ?? facts?.deviceType, address }, hostKey }
}

function deviceOf(fleet: Fleet, name: string): FleetDevice {
  const device =
    fleet.devices.find(({ host }) => host === name) ?? fleet.devices.find(({ id }) => id === name)
  if (!device) {
    const message = `device: ${fleet.folder} has no device ${oneLine(name)}: give its name in the inventory, or its id on the OTA server`
    throw new Failure('device-missing', message)
  }
  const { host, isRetired, isRunner } = device
  if (isRetired) throw unsuitable(host, 'is retired')
  if (!isRunner)
    throw unsuitable(
      host,
      'has no role `runner` in Git: put `roles: [runner]` into its variables, in a reviewed change',
    )
  return device
}

function checkFacts(host: string, { status, attributes }: DeviceFacts): void {
  if (status !== 'accepted')
    throw new Failure('device-not-accepted', `${host} is ${status} on the OTA server: accept it first`)
  const told = architectures
    .map((name) => attributes[name])
    .find((text) => text !== undefined && is32Bit(text))
  if (told !== undefined)
    throw unsuitable(
      host,
      `reports a 32-bit system (${oneLine(told)}), and GitHub's runner needs a 64-bit one. Test it over ssh from another machine`,
    )
}

function addressIn(host: string, facts: DeviceFacts | undefined): string {
  const found = facts && addressOf(facts)
  if (found !== undefined) return `ssh://${account}@${found.includes(':') ? `[${found}]` : found}`
  const why = facts ? `${host} reports none` : 'without a token nobody can be asked'
  throw new Failure('bad-input', `address: ${why}: give ssh://user@host:port`)
}

/** Whoever answers in the device's place would get what lets it be the runner, and the job's secrets with it. */
function hostKeyIn(host: string, facts: DeviceFacts | undefined): string {
  const keys = facts ? hostKeysOf(facts) : []
  if (keys.length > 0) return keys.join('\n')
  const why = facts ? `${host} reports none to the OTA server` : 'without a token nobody can be asked'
  throw new Failure('bad-input', `host-key: ${why}: give the device's ssh host key, ssh-ed25519 AAAA…`)
}

/** Without a user ssh takes root's account, which no runner gets. */
function checkAddress(address: string): void {
  const url = URL.parse(address)
  if (url?.protocol !== 'ssh:')
    throw new Failure(
      'bad-input',
      `address: "${oneLine(address)}": a runner is started over ssh: give ssh://user@host:port`,
    )
  if (url.username === '' || url.username === 'root') throw noRoot()
}

/** Why a runner isn't started in root's account. */
export function noRoot(): Failure {
  return new Failure(
    'bad-input',
    'address: a runner is not started as root: whatever the job runs would have all rights on the device. Name an account of its own: ssh://runner@host',
  )
}

/** A device that may not or can't host a runner. */
export function unsuitable(host: string, why: string): Failure {
  return new Failure('device-unsuitable', `${host} ${why}`)
}
