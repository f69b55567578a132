import type { Problem } from '../platform/platform.ts'
import type { Odd } from './odd-values.ts'
import type { Path, Place, Source } from './source.ts'

/** A variable's value and where it stands. */
export interface Variable {
  value: unknown
  file: string
  readonly path: Path
  /** The place of the variable, or of what is at `inner` in it. */
  at(inner?: Path): Place
  /** What it, or what is at `inner` in it, is besides its data. */
  oddAt?(inner?: Path): Odd | undefined
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
  const variables = new Map<string, Variable>()
  for (const key of Object.keys(values))
    variables.set(key, new VariableOfFile(values[key], source, file, path, key))
  return variables
}

/** There are as many as a fleet has lines: each is no more than it has to be. */
class VariableOfFile implements Variable {
  readonly value: unknown
  readonly file: string
  readonly #source: Source
  readonly #parent: Path
  readonly #key: string

  constructor(value: unknown, source: Source, file: string, parent: Path, key: string) {
    this.value = value
    this.file = file
    this.#source = source
    this.#parent = parent
    this.#key = key
  }

  get path(): Path {
    return [...this.#parent, this.#key]
  }

  at(inner: Path = []): Place {
    return this.#source.at([...this.path, ...inner])
  }

  oddAt(inner: Path = []): Odd | undefined {
    return this.#source.oddAt([...this.path, ...inner])
  }
}
