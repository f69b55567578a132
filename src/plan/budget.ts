import type { Stage } from '../fleet/fleet.ts'
import { counted } from '../platform/platform.ts'
import { allowed } from './limits.ts'
import type { Plan } from './model.ts'

/** What of a plan is over the stage's budget, one sentence for each; empty where it is within. */
export function overBudget(plan: Plan, stage: Stage): string[] {
  const { budget } = stage
  const updates = plan.changes.filter((change) => change.kind === 'update' || change.kind === 'configure')
  const types = new Set(updates.map(({ deviceType }) => deviceType))
  const missing = plan.changes.filter(
    (change) => change.kind === 'blocked' && change.by === 'not-on-server',
  ).length
  const over: string[] = []
  if (budget.devices !== undefined && updates.length > budget.devices)
    over.push(`${counted(updates.length, 'device')} would change; budget.devices allows ${budget.devices}`)
  if (budget.deviceTypes !== undefined && types.size > budget.deviceTypes)
    over.push(
      `${counted(types.size, 'device type')} would change; budget.device-types allows ${budget.deviceTypes}`,
    )
  if (budget.missing !== undefined && missing > allowed(budget.missing, plan.counts.inGit))
    over.push(
      `${missing} of ${plan.counts.inGit} devices are not on the server; budget.missing allows ${allowed(budget.missing, plan.counts.inGit)}`,
    )
  const { retires } = plan.counts
  if (retires > budget.retire)
    over.push(`${counted(retires, 'device')} would be retired; budget.retire allows ${budget.retire}`)
  return over
}
