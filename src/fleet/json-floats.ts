// Which numbers of a JSON text are floats in Python, though JavaScript keeps them as whole ones: 2.0 prints so there.
import type { Path } from './source.ts'

/**
 * Says of the paths of a JSON text whether a float stands there: a number that is written with a point or an exponent. The text
 * is read once more when it is first asked.
 */
export function floatsIn(text: string): (path: Path) => boolean {
  let found: ((path: Path) => boolean) | undefined
  return (path) => {
    found ??= /[-\s[:,][0-9]+[.eE]/.test(text) ? readFloats(text) : () => false
    return found(path)
  }
}

function readFloats(text: string): (path: Path) => boolean {
  const floats = new WeakMap<object, Set<string>>()
  const note = function (this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
    if (typeof value !== 'number' || !/[.eE]/.test(context?.source ?? '')) return value
    if (typeof this !== 'object' || this === null) return value
    const keys = floats.get(this)
    if (keys) keys.add(key)
    else floats.set(this, new Set([key]))
    return value
  }
  const root: unknown = JSON.parse(text, note)
  return (path) => {
    let holder = root
    for (const key of path.slice(0, -1)) holder = inside(holder, key)
    const last = path.at(-1)
    if (typeof holder !== 'object' || holder === null || last === undefined) return false
    return floats.get(holder)?.has(String(last)) ?? false
  }
}

function inside(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const own: { value?: unknown } = Object.getOwnPropertyDescriptor(value, String(key)) ?? {}
  return own.value
}
