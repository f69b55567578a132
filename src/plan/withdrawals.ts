// Which of our open orders are to be taken back, from which devices: where Git wants something else by now, the window has
// closed, or the rollout was stopped. Only devices that have not begun are ever among them.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type Facts, withoutSigner } from '../ota/ota.ts'
import { wantedOnServer } from './configuring.ts'
import { type Blocker, type Change, type Plan, isMoving } from './model.ts'
import { isOrderOf } from './rollout.ts'
import { isWindowOpen, zonesOf } from './window.ts'

export interface Withdrawal {
  /** Id of the deployment. */
  id: string
  name: string
  devices: readonly string[]
}

/** What nobody may have, also who has an order of it. */
const refused: readonly Blocker[] = ['known-bad', 'lab-artifact']

/** What is to be taken back now; `halted` are the names of `wantedOnServer` that may not go on. */
export function withdrawalsOf(
  fleet: Fleet,
  stage: Stage,
  plan: Plan,
  facts: Facts,
  halted: ReadonlySet<string>,
  now: Date,
): Withdrawal[] {
  const wanted = new Map(
    plan.changes.map((change) => {
      const isRefused = change.kind === 'blocked' && refused.includes(change.by)
      return [change.device, isRefused ? [] : namesWanted(change)]
    }),
  )
  const zones = zonesOf(fleet)
  const isClosed = (device: string) => stage.window && !isWindowOpen(stage.window, zones.get(device), now)
  return facts.openDeployments.flatMap(({ id, name, release: signed, devices: all }): Withdrawal[] => {
    if (!isOrderOf(stage.name, name)) return []
    const release = withoutSigner(signed)
    const devices = [...all].flatMap(([device, state]) => {
      if (state !== 'pending') return []
      return !(wanted.get(device) ?? []).includes(release) || halted.has(release) || isClosed(device)
        ? [device]
        : []
    })
    return devices.length > 0 ? [{ id, name, devices }] : []
  })
}

/** The names of what a device may have an order of. */
function namesWanted(change: Change): readonly string[] {
  if (isMoving(change)) return wantedOnServer(change)
  return 'to' in change && change.to !== undefined ? [change.to] : []
}
