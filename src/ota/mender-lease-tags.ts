// A lease among a device's tags: its number stays when it was returned, so that numbers only grow.
import type { Lease } from './ota-server.ts'

const names = {
  id: 'drover-lease',
  holder: 'drover-lease-holder',
  until: 'drover-lease-until',
  number: 'drover-lease-number',
} as const
const ours: ReadonlySet<string> = new Set(Object.values(names))

export interface Tag {
  name: string
  value: unknown
  description?: string
}

/** Whether a tag is part of a lease. */
export function isLeaseTag({ name }: Pick<Tag, 'name'>): boolean {
  return ours.has(name)
}

/** A lease as tags. */
export function tagsOf({ id, holder, until, number }: Lease): Tag[] {
  return [
    { name: names.id, value: id },
    { name: names.holder, value: holder },
    { name: names.until, value: until },
    numberTag(number),
  ]
}

/** What stays of a lease that was returned. */
export function numberTag(number: number): Tag {
  return { name: names.number, value: String(number) }
}

/** The number of the last lease of the device; 0 where it had none. */
export function lastNumber(tags: readonly { name: string; value?: unknown }[]): number {
  const text = textOf(tags, names.number)
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** The lease that still runs at `now`; an end that can't be read is no end, or a broken tag would hold the device for ever. */
export function leaseAmong(tags: readonly { name: string; value?: unknown }[], now: Date): Lease | undefined {
  const [id, holder, until] = [names.id, names.holder, names.until].map((name) => textOf(tags, name))
  if (!id || !until || !(Date.parse(until) > now.getTime())) return undefined
  return { id, holder: holder ?? '', until, number: lastNumber(tags) }
}

function textOf(tags: readonly { name: string; value?: unknown }[], wanted: string): string {
  const value = tags.find(({ name }) => name === wanted)?.value
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
