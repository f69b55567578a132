// Which environment variables templates may read: a checkout says what is looked up, the workflow what may be.
import { type Spot, TemplateProblem } from './template-tree.ts'

/** Where a job names more of them for all its steps, separated by commas. */
const allowVariable = 'DROVER_ALLOW_ENV'

/** Gives the value of an environment variable, undefined where it is not set. Throws `TemplateProblem` where it may not be read. */
export type ReadEnvironment = (name: string, spot: Spot) => string | undefined

/** Reads variables of names with FLEET_, those that are `allowed`, and those that `DROVER_ALLOW_ENV` names. */
export function environmentFor(allowed: readonly string[]): ReadEnvironment {
  const names = new Set([
    ...allowed,
    ...(process.env[allowVariable] ?? '').split(',').map((one) => one.trim()),
  ])
  return (name, spot) => {
    if (/^FLEET_[A-Z0-9_]+$/.test(name) || names.has(name)) return process.env[name]
    throw new TemplateProblem(
      `templates read environment variables of names with FLEET_ alone: rename ${name}, or let the workflow allow it with allow-env`,
      spot,
    )
  }
}
