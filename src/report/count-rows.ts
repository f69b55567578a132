import type { Counts } from '../plan/plan.ts'
import type { Rows } from './plan-tables.ts'

/** In how many ways the devices of a stage stand: what nobody does has no column, so all but the first add up to the first. */
export function countRows(counts: Counts): Rows {
  const columns: [string, number, isAlways?: boolean][] = [
    ['in Git', counts.inGit, true],
    ['to update', counts.updates, true],
    ['to configure', counts.configures],
    ['to enroll', counts.enrolls],
    ['to retire', counts.retires],
    ['already pending', counts.alreadyPending, true],
    ['already there', counts.alreadyThere, true],
    ['already retired', counts.alreadyRetired],
    ['blocked', counts.blocked, true],
  ]
  const shown = columns.filter(([, count, isAlways]) => isAlways === true || count > 0)
  return { head: shown.map(([name]) => name), rows: [shown.map(([, count]) => String(count))] }
}
