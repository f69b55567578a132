// Which environment variables templates may read: a checkout says what is looked up, the workflow what may be.
import { type Spot, TemplateProblem } from './template-tree.ts'

/** Where a workflow names more of them, separated by commas. */
export const allowVariable = 'DROVER_ALLOW_ENV'

/** The value of an environment variable, undefined where it is not set. Throws `TemplateProblem` where it may not be read. */
export function readEnvironment(name: string, spot: Spot): string | undefined {
  const allowed = (process.env[allowVariable] ?? '').split(',').map((entry) => entry.trim())
  if (!/^FLEET_[A-Z0-9_]+$/.test(name) && !allowed.includes(name))
    throw new TemplateProblem(
      `templates read environment variables of names with FLEET_ alone: rename ${name}, or let the workflow allow it in ${allowVariable}`,
      spot,
    )
  return process.env[name]
}
