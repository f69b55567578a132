// What goes wrong with devices in the field, and which device of a crowd it happens to.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { Random } from './random.ts'

/** Every fault that a device may have, and what it does then. */
export const faults = {
  asleep: 'sleeps for hours between some of its polls',
  'download-cut': 'loses the connection in the middle of a download and goes on where it was',
  'install-fails': 'says failure while installing, and sends its log',
  'rolls-back': 'comes back from the reboot on its old release, says failure, and sends its log',
  'rolls-back-silently': 'comes back on its old release, and its word of that is lost',
  'power-lost@downloading': 'loses power while downloading, comes back later and starts again',
  'power-lost@installing': 'loses power while installing, and says failure when it is back',
  'power-lost@rebooting': 'loses power while rebooting, and succeeds when it is back',
  'old-facts': 'says success and goes on reporting its old release',
  'gone-a-week': 'reports once, is silent for a week, and comes back',
} as const

export type Fault = keyof typeof faults

/** A fault's name. */
export const faultSchema: v.GenericSchema<Fault> = v.custom<Fault>(
  (value) => typeof value === 'string' && isFault(value),
  'it is no fault',
)

/** How many of the devices have a fault. */
export interface FaultShare {
  fault: Fault
  /** 0 to 1. */
  share: number
}

/**
 * Reads `install-fails=5%, asleep=10%`. Throws one `bad-input` with everything that is wrong: unknown faults, shares that
 * are none, more than 100 % together.
 */
export function parseFaults(text: string): FaultShare[] {
  const problems: string[] = []
  const shares = new Map<Fault, number>()
  for (const item of text
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [name = '', percent] = item.split('=').map((part) => part.trim())
    const share = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(percent ?? '')?.[1]
    if (!isFault(name)) problems.push(`"${name}" is no fault`)
    else if (share === undefined || Number(share) > 100)
      problems.push(`"${item}" needs a share, such as ${name}=5%`)
    else if (shares.has(name)) problems.push(`${name} is there twice`)
    else shares.set(name, Number(share) / 100)
  }
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0)
  if (total > 1 + 1e-9)
    problems.push(`the shares are ${Math.round(total * 100)} % together; a device has one fault at most`)
  if (problems.length > 0) {
    throw new Failure(
      'bad-input',
      `faults: ${problems.join('; ')}. There are ${Object.keys(faults).join(', ')}`,
    )
  }
  return [...shares].map(([fault, share]) => ({ fault, share }))
}

/**
 * The fault of each of `count` devices by its number, one at most. Shares are met as closely as whole devices allow, and
 * a share above 0 is one device at least; the same seed chooses the same devices.
 */
export function assignFaults(
  count: number,
  shares: readonly FaultShare[],
  seed: string,
): (Fault | undefined)[] {
  const assigned: (Fault | undefined)[] = Array.from({ length: count })
  const order = Array.from({ length: count }, (_, index) => ({
    index,
    place: new Random(seed, 'fault', index).next(),
  }))
  order.sort((a, b) => a.place - b.place)
  let at = 0
  for (const { fault, share } of shares) {
    const wanted = share === 0 ? 0 : Math.max(1, Math.round(share * count))
    for (const { index } of order.slice(at, at + wanted)) assigned[index] = fault
    at += wanted
  }
  return assigned
}

function isFault(name: string): name is Fault {
  return Object.hasOwn(faults, name)
}
