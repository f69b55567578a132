// What follows from all that a device reports: what it says that it has, how it is configured, which stage it claims.
import type { Facts } from './facts.ts'
import { type Deployment, type DeviceFacts, type DeviceState, isOpenState } from './ota-server.ts'

/** An order that a device has and has not ended. */
export interface PendingOrder {
  /** Id of the deployment. */
  deployment: string
  name: string
  release: string
  state: DeviceState
  /** When the server took it (ISO 8601, UTC). */
  since: string
}

type Texts = Readonly<Record<string, string>>

/**
 * What a device reports of the software that it has: what releases on the server provide, and what is called like it. So a
 * module that was installed by others is among it.
 */
export function providesOf({ attributes }: DeviceFacts, names: ReadonlySet<string>): Texts {
  return pick(
    attributes,
    (name) => names.has(name) || /^(artifact_(name|group)|image_version|.+\.(version|checksum))$/.test(name),
  )
}

/** The names of all that the server's releases provide. */
export function providedNames({ releases }: Pick<Facts, 'releases'>): ReadonlySet<string> {
  return new Set(
    releases.flatMap(({ artifacts }) => artifacts.flatMap(({ provides = {} }) => Object.keys(provides))),
  )
}

/** What a device reports of its configuration: `configuration`, `configuration.…`, and what Mender's own module provides. */
export function configurationOf({ attributes }: DeviceFacts): Texts {
  return pick(attributes, (name) => /^(configuration|data-partition\.mender-configure)(\.|$)/.test(name))
}

const claimNames: readonly string[] = ['subscribed_branch', 'stage']

/** What a device says of its stage. It decides nothing: Git does. */
export function claimOf({ attributes }: DeviceFacts): Texts {
  return pick(attributes, (name) => claimNames.includes(name))
}

/** For each device the oldest order that it has not ended: the one that it gets next. */
export function pendingOrders(open: readonly Deployment[]): ReadonlyMap<string, PendingOrder> {
  const pending = new Map<string, PendingOrder>()
  for (const { id, name, release, createdAt, devices } of open) {
    for (const [device, state] of devices) {
      if (!isOpenState(state) || pending.has(device)) continue
      pending.set(device, { deployment: id, name, release, state, since: createdAt })
    }
  }
  return pending
}

function pick(all: Texts, has: (name: string) => boolean): Texts {
  return Object.fromEntries(Object.entries(all).filter(([name]) => has(name)))
}
