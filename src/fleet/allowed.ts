// What whoever runs us allows a fleet repository: nothing in a checkout can name any of it.
import { Failure } from '../platform/platform.ts'
import { type InventorySource, namedSource } from './inventory-source.ts'

/** What a fleet repository may have besides its own files. */
export interface Allowed {
  /** The inventory that takes the place of its own. */
  inventory?: InventorySource | undefined
  /** Environment variables that its templates may read, besides those of names with FLEET_. */
  environment?: readonly string[]
  /** Whether the run has no secrets: what is made of one that is missing is unknown then, and no mistake. */
  hasNoSecrets?: boolean
}

/** What a workflow or a command line names: `inventory` is a URL or a command. Throws `bad-input`. */
export function allowedBy(
  inventory: string | undefined,
  environment: readonly string[],
  hasNoSecrets = false,
): Allowed {
  const source = namedSource(inventory)
  return { inventory: source, environment: environmentNames(environment), hasNoSecrets }
}

/** Checked names of environment variables: no pattern, since each is one secret that templates may then read. */
export function environmentNames(names: readonly string[]): readonly string[] {
  const wrong = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (wrong === undefined) return names
  throw new Failure(
    'bad-input',
    `allow-env names ${JSON.stringify(wrong)}, which no environment variable is called: give whole names, separated by commas`,
  )
}
