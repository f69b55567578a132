import type { Fleet, Window } from '../fleet/fleet.ts'

/** The time zone of each device that has one, by its id. */
export function zonesOf({ devices }: Fleet): ReadonlyMap<string, string | undefined> {
  return new Map(devices.map(({ id, timeZone }) => [id, timeZone]))
}

/** Whether a window is open for a device whose own time zone is `own`; never where it has none and needs one. */
export function isWindowOpen(window: Window, own: string | undefined, at: Date): boolean {
  const zone = window.timeZone === 'device' ? own : window.timeZone
  return zone !== undefined && isOpen(window, zone, at)
}

/** Whether a window is open in `timeZone` at `now`, and when it opens next where it isn't. */
export function windowAt(
  window: Window,
  timeZone: string,
  now: Date,
): { isOpen: true } | { isOpen: false; opensAt: Date } {
  if (isOpen(window, timeZone, now)) return { isOpen: true }
  // a window stands in local time, so its next opening is found by walking: days with a clock change come out right
  let at = Math.ceil(now.getTime() / minuteMs) * minuteMs
  if (isOpen(window, timeZone, new Date(at))) return { isOpen: false, opensAt: new Date(at) }
  // two weeks: a clock change can leave out the window of one
  for (const last = at + 15 * 24 * 60 * minuteMs; at < last; at += strideMinutes * minuteMs) {
    if (!mayOpen(window, timeZone, at)) continue
    for (let minute = 1; minute <= strideMinutes; minute++) {
      const opensAt = new Date(at + minute * minuteMs)
      if (isOpen(window, timeZone, opensAt)) return { isOpen: false, opensAt }
    }
  }
  return { isOpen: false, opensAt: new Date(at) }
}

const strideMinutes = 15

/** Whether a window may open within a stride after `at`: its beginning is in there, or a clock change. */
function mayOpen({ fromMinute }: Window, timeZone: string, at: number): boolean {
  const minuteAt = (time: number) => localTime(timeZone, new Date(time)).minute
  const begin = minuteAt(at)
  const passed = (to: number) => (to - begin + dayMinutes) % dayMinutes
  const isClockChange = passed(minuteAt(at + strideMinutes * minuteMs)) !== strideMinutes
  const until = passed(fromMinute)
  return isClockChange || (until > 0 && until <= strideMinutes)
}

/** When a window that is open in `timeZone` at `now` closes; undefined where it isn't open, or always. */
export function windowEnd(window: Window, timeZone: string, now: Date): Date | undefined {
  const isAlways = window.fromMinute === window.toMinute && window.days.length === 7
  if (isAlways || !isOpen(window, timeZone, now)) return undefined
  // minute by minute: a window may be shut for ten of them, and local clocks may change meanwhile
  let at = Math.floor(now.getTime() / minuteMs) * minuteMs
  const last = at + 9 * 24 * 60 * minuteMs
  while (at < last && isOpen(window, timeZone, new Date(at))) at += minuteMs
  return at < last ? new Date(at) : undefined
}

const minuteMs = 60_000
const dayMinutes = 24 * 60

function isOpen({ days, fromMinute, toMinute }: Window, timeZone: string, at: Date): boolean {
  const { day, minute } = localTime(timeZone, at)
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute
  // past midnight: the days are those on which it opens
  if (minute >= fromMinute) return days.includes(day)
  return minute < toMinute && days.includes((day + 6) % 7)
}

const formats = new Map<string, Intl.DateTimeFormat>()
const dayOf: Readonly<Record<string, number>> = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 }

function localTime(timeZone: string, at: Date): { day: number; minute: number } {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(timeZone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return {
    day: dayOf[parts['weekday'] ?? ''] ?? 0,
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
  }
}
