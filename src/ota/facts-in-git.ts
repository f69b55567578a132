import type { Fleet } from '../fleet/fleet.ts'
import type { Facts } from './facts.ts'

/** A device that the fleet repository names. */
export interface GitDevice {
  /** Its id on the OTA server. */
  id: string
  /** Its name in the inventory; unknown where the facts were redacted. */
  host?: string | undefined
  /** The stage that Git puts it in. */
  stage: string
  isRetired: boolean
}

/** All devices of a fleet repository, for facts to be compared with. */
export function devicesInGit({ devices }: Fleet): GitDevice[] {
  return devices.map(({ id, host, stage, isRetired }) => ({ id, host, stage, isRetired }))
}

/** What is in Git or on the server alone; both undefined where the facts were read without a fleet repository. */
export function unmatched({ devices, inGit }: Facts): {
  /** Devices of Git, but for retired ones, that the server doesn't know. */
  missing: readonly GitDevice[] | undefined
  /** Ids of devices on the server that Git doesn't name. */
  strangers: readonly string[] | undefined
} {
  const onServer = new Set(devices.map(({ id }) => id))
  const named = inGit && new Set(inGit.map(({ id }) => id))
  return {
    missing: inGit?.filter(({ id, isRetired }) => !isRetired && !onServer.has(id)),
    strangers: named && [...onServer].filter((id) => !named.has(id)),
  }
}
