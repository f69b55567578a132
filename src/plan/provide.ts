// What orders of configurations need on the server before they are placed.
import type { Fleet } from '../fleet/fleet.ts'
import {
  type ConfigurationSigning,
  type Facts,
  type OtaServer,
  configurationName,
  fingerprintIn,
  isKey,
  provideConfiguration,
  signingKeyOf,
} from '../ota/ota.ts'
import { type Context, Failure, counted } from '../platform/platform.ts'
import { artifactsFor } from './releases.ts'
import type { TickOrder } from './tick.ts'

/**
 * Throws `artifact-unsigned` where a configuration is due on a release that is signed, and there is nothing to sign with: its
 * devices check signatures, most likely, and would refuse it.
 */
export function requireSigning(
  orders: readonly TickOrder[],
  facts: Facts,
  signing: ConfigurationSigning | undefined,
): void {
  if (isKey(signing)) return
  const releases = new Map(facts.releases.map((release) => [release.name, release]))
  for (const { configuration, devices } of orders) {
    if (!configuration) continue
    const { on, deviceType } = configuration
    if (!artifactsFor(releases, on, deviceType).some(({ isSigned }) => isSigned)) continue
    throw new Failure(
      'artifact-unsigned',
      `${counted(devices.length, 'device', ['is', 'are'])} to be configured, and ${on} for ${deviceType} is signed: give the key that signs configurations in DROVER_SIGNING_KEY, or its devices refuse them`,
    )
  }
}

/**
 * Orders with configurations under the names that they have on the server: with the key that signs them now, since devices may
 * trust that one alone. Throws `bad-key`, where one is due.
 */
export function signedOrders(
  orders: readonly TickOrder[],
  fleet: Fleet,
  signing: ConfigurationSigning | undefined,
): TickOrder[] {
  if (!orders.some(({ configuration }) => configuration)) return [...orders]
  const signer = signingKeyOf(signing)
  const byId = new Map(fleet.devices.map((device) => [device.id, device]))
  return orders.map((order) => {
    const planned = byId.get(order.devices[0] ?? '')?.configuration
    if (!order.configuration || !planned) return order
    const { on } = order.configuration
    return { ...order, release: configurationName(planned.template, fingerprintIn(planned), on, signer) }
  })
}

/**
 * Sees to it that the server has the artifact of a configuration that is to be ordered, read back. Returns whether it was
 * uploaded. Throws what `provideConfiguration` does.
 */
export async function provideFor(
  { configuration, release: name, devices }: TickOrder,
  { fleet, facts, server }: { fleet: Fleet; facts: Facts; server: OtaServer },
  signing: ConfigurationSigning | undefined,
  context: Context,
): Promise<boolean> {
  if (!configuration) return false
  const device = fleet.devices.find(({ id }) => id === devices[0])
  if (!device?.configuration)
    throw new Failure('internal', `${name} is ordered for a device without configuration`)
  const { on, deviceType } = configuration
  const byName = new Map(facts.releases.map((release) => [release.name, release]))
  const [os] = artifactsFor(byName, on, deviceType)
  const target = { configuration: device.configuration, release: on, deviceType, name, format: os?.format }
  const known = byName.get(name)
  return await provideConfiguration(server, target, known, signing, context)
}

/** Whether the server, as the facts have it, lacks what an order is of. */
export function isMissing({ configuration, release }: TickOrder, facts: Facts): boolean {
  if (!configuration) return false
  const releases = new Map(
    facts.releases.filter(({ name }) => name === release).map((one) => [one.name, one]),
  )
  return artifactsFor(releases, release, configuration.deviceType).length === 0
}
