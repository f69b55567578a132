// Which of two releases is older, by their names: `<recipe>-<commit time, UTC, YYYYMMDDTHHMM>-<12 hex digits>`.

const releaseName = /^(?<recipe>.+)-(?<time>\d{8}T\d{4})-[0-9a-f]{12}$/
const timeAlone = /^\d{8}T\d{4}$/

export type Age =
  | { order: 'older' | 'not-older' }
  /** The names don't tell, and why. */
  | { order: 'unknown'; why: string }

/**
 * Whether the release `name` is older than `least`: another release's name, or just a time. Two releases of one minute are
 * of the same age. Names of other recipes, and names without a time, can't be compared unless they are equal.
 */
export function ageOf(name: string, least: string): Age {
  if (name === least) return { order: 'not-older' }
  const own = partsOf(name)
  if (own === undefined) return { order: 'unknown', why: `${name} has no time in its name` }
  const other = timeAlone.test(least) ? { time: least, recipe: own.recipe } : partsOf(least)
  if (other === undefined || !isTime(other.time))
    return { order: 'unknown', why: `${least} is neither a release name with a time nor a time` }
  if (other.recipe !== own.recipe)
    return { order: 'unknown', why: `${name} and ${least} are of different recipes` }
  // written with the year first and in UTC, times sort as text
  return { order: own.time < other.time ? 'older' : 'not-older' }
}

function partsOf(name: string): { recipe: string; time: string } | undefined {
  const { recipe, time } = releaseName.exec(name)?.groups ?? {}
  return recipe === undefined || time === undefined || !isTime(time) ? undefined : { recipe, time }
}

function isTime(time: string): boolean {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:00.000Z')
  const date = new Date(iso)
  return !Number.isNaN(date.getTime()) && date.toISOString() === iso
}
