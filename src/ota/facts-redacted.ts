import { basename, dirname, join } from 'node:path'
import { publicConfiguration } from './configuration-fact.ts'
import type { Facts } from './facts.ts'
import { claimOf, providedNames, providesOf } from './known-facts.ts'

/**
 * The facts without what tells who or where a device is: no identity but its id, no address, no name in the inventory, and of
 * all else that it reports only its software, the fingerprint of its configuration and the stage that it claims. A plan made
 * with them is the same.
 */
export function redact(facts: Facts): Facts {
  const names = providedNames(facts)
  const provided = new Set(
    facts.releases.flatMap(({ artifacts }) =>
      artifacts.flatMap(({ provides = {} }) => Object.values(provides)),
    ),
  )
  return {
    ...facts,
    isRedacted: true,
    devices: facts.devices.map((device) => ({
      ...device,
      identity: {},
      attributes: {
        ...providesOf(device, names),
        ...claimOf(device),
        ...publicConfiguration(device, provided),
      },
    })),
    ...(facts.inGit ? { inGit: facts.inGit.map((device) => ({ ...device, host: undefined })) } : {}),
  }
}

/** Where the redacted copy of a facts file goes: beside it. */
export function redactedPath(path: string): string {
  return join(dirname(path), `${basename(path).replace(/\.json$/, '')}.redacted.json`)
}
