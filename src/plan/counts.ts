import type { Change, Counts } from './model.ts'

/** In how many ways the devices of a stage stand; each is in exactly one. */
export function countsOf(changes: readonly Change[]): Counts {
  const counts: Counts = {
    inGit: changes.length,
    updates: 0,
    configures: 0,
    enrolls: 0,
    retires: 0,
    alreadyPending: 0,
    alreadyThere: 0,
    alreadyRetired: 0,
    blocked: 0,
  }
  for (const change of changes) counts[standing(change)] += 1
  return counts
}

/** How many devices anything would be done to. */
export function changesIn({ updates, configures, enrolls, retires }: Counts): number {
  return updates + configures + enrolls + retires
}

const noOps = {
  'already-pending': 'alreadyPending',
  'already-there': 'alreadyThere',
  'already-retired': 'alreadyRetired',
} as const

function standing(change: Change): Exclude<keyof Counts, 'inGit'> {
  switch (change.kind) {
    case 'update':
      return 'updates'
    case 'configure':
      return 'configures'
    case 'enroll':
      return 'enrolls'
    case 'retire':
      return 'retires'
    case 'no-op':
      return noOps[change.why]
    case 'blocked':
      return 'blocked'
  }
}
