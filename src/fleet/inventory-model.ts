import type { Problem } from '../platform/platform.ts'
import type { Path, Place, Source } from './source.ts'

/** A variable's value and where it stands. */
export interface Variable {
  value: unknown
  file: string
  path: Path
  /** The place of the variable, or of what is at `inner` in it. */
  at(inner?: Path): Place
}

export type Variables = ReadonlyMap<string, Variable>

export interface Group {
  name: string
  /** Steps from `all`, along the longest way. */
  depth: number
  priority: number
  parents: readonly Group[]
  children: readonly Group[]
  /** The hosts that are its own, and no group's within it. */
  hosts: readonly Host[]
  variables: Map<string, Variable>
}

export interface Host {
  name: string
  /** The groups that name it. */
  groups: readonly Group[]
  variables: Map<string, Variable>
  at(): Place
}

/** All hosts and groups, in the order in which the files have them. */
export interface Inventory {
  groups: ReadonlyMap<string, Group>
  hosts: ReadonlyMap<string, Host>
  problems: readonly Problem[]
  warnings: readonly Problem[]
}

/** The variables of one mapping, which stands at `path` in its file. */
export function variablesOf(
  values: Readonly<Record<string, unknown>>,
  source: Source,
  file: string,
  path: Path,
): Variables {
  return new Map(
    Object.entries(values).map(([key, value]) => {
      const own = [...path, key]
      return [key, { value, file, path: own, at: (inner = []) => source.at([...own, ...inner]) }]
    }),
  )
}
