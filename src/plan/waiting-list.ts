import type { Waiting } from './tick.ts'

/** Reasons to wait, each once with the number of devices. */
export class WaitingList {
  readonly #reasons = new Map<string, { devices: number; nextDue: Date | undefined; waves: Set<number> }>()

  add(why: string, nextDue: Date | undefined, wave?: number): void {
    const reason = this.#reasons.get(why) ?? { devices: 0, nextDue, waves: new Set() }
    this.#reasons.set(why, reason)
    reason.devices += 1
    if (wave !== undefined) reason.waves.add(wave)
  }

  list(): Waiting[] {
    return [...this.#reasons].map(([why, { devices, nextDue, waves }]) => ({
      why,
      devices,
      nextDue,
      waves: [...waves].sort((a, b) => a - b),
    }))
  }
}
