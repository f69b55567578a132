import { Failure } from '../platform/platform.ts'
import { type Tick, nextDue, whyFailed } from './tick.ts'

/** A tick as an action's outputs. */
export function tickOutputs(tick: Tick) {
  const ordered = tick.orders.reduce((sum, { devices }) => sum + devices.length, 0)
  const written = ordered + tick.withdrawn.length + tick.enrolled.length + tick.retired.length
  return {
    state: tick.state,
    scheduled: tick.isDryRun ? 0 : ordered,
    wave: tick.wave > 0 ? tick.wave : undefined,
    waves: tick.waves > 0 ? tick.waves : undefined,
    'halted-by': tick.haltedBy ?? '',
    'next-due': nextDue(tick)?.toISOString() ?? '',
    changed: !tick.isDryRun && written > 0,
  }
}

/** Throws `halted` with the rule and the devices where a rule stopped the stage. */
export function requireNotHalted(tick: Tick): void {
  if (tick.state !== 'halted') return
  const devices = tick.failures.slice(0, 5).map((failed) => `${failed.host}: ${whyFailed(failed)}`)
  const retries = new Map(
    tick.failures.flatMap(({ retry }) => (retry ? [[retry.rollout, retry.attempt]] : [])),
  )
  const retry = [...retries].map(([rollout, attempt]) => `${rollout}: ${attempt}`).join(', ')
  const again = retry === '' ? 'raise retry in fleet.yml' : `set retry: { ${retry} } in fleet.yml`
  throw new Failure(
    'halted',
    `stage ${tick.stage} is halted, nothing new starts: ${tick.haltedBy}. ${devices.join('; ')}. Change what failed in Git (os_image, or what a configuration is made of), or ${again}`,
  )
}
