import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Event } from '../../src/github/github.ts'
import { stageOf, switchesInClone } from '../../src/plan/plan.ts'
import type { Context } from '../../src/platform/platform.ts'
import { type Note, switchNotes } from '../../src/report/report.ts'
import { unknownNotes } from './secrets.ts'

/**
 * The fleet with the safety switches that ticks would read, those of the default branch, and what a person has to know:
 * what is set there for the stage, and what is unknown for want of secrets.
 * A plan of the default branch itself has those of its own files, and tells of every stage's.
 */
export async function withSwitches(
  fleet: Fleet,
  stage: string,
  { defaultBranch }: Event,
  context: Context,
): Promise<{ fleet: Fleet; notes: Note[] }> {
  const isDefault = stageOf(fleet, stage).branch === defaultBranch
  const now = context.clock.now()
  const unknown = unknownNotes(fleet)
  if (isDefault || defaultBranch === undefined) {
    const notes = switchNotes(fleet.switches, isDefault ? undefined : stage, now)
    return { fleet, notes: [...unknown, ...notes] }
  }
  const switches = await switchesInClone(fleet.folder, defaultBranch, context)
  if (switches)
    return { fleet: { ...fleet, switches }, notes: [...unknown, ...switchNotes(switches, stage, now)] }
  const text = `this checkout has no branch ${defaultBranch}, so what its fleet.yml says of freeze, known-bad, retry and emergency is not in this plan: check out with fetch-depth: 0`
  return { fleet, notes: [...unknown, { title: 'Switches', text }] }
}
