import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Switches, parseFleetPolicy, policyFileName, readFleetPolicy } from '../fleet/fleet.ts'
import { type Context, Failure } from '../platform/platform.ts'
import { type Repository, hasCommit, openCheckout, readAt, readAtTip, readTips } from './git.ts'

/** Safety switches, and the file that they are from, as messages name it. */
export interface FoundSwitches {
  switches: Switches
  /** `main:fleet.yml`, or the path of a file. */
  from: string
}

/**
 * The safety switches of a fleet repository: those of the tip of its default branch, read from the remote, whatever is
 * checked out. Where the folder is in no Git repository or no default branch is known, the file that is there counts, with
 * a warning. Throws `file-missing` without a folder, `unreachable`, and `invalid-file` with every problem.
 */
export async function readSwitches(folder: string, context: Context): Promise<FoundSwitches> {
  const repository = await checkoutOf(folder, context)
  if (repository === undefined) {
    if (!existsSync(join(folder, policyFileName))) {
      const what = `${folder} is in no Git repository and has no ${policyFileName}`
      throw new Failure('file-missing', `${what}: give the folder of the fleet repository`)
    }
    return await switchesHere(folder, context)
  }
  const tips = await readTips(repository, context)
  if (tips.defaultBranch === undefined) {
    context.log.warn(`${folder}: no default branch is known, so its own ${policyFileName} counts`)
    return await switchesHere(folder, context)
  }
  const from = `${tips.defaultBranch}:${policyFileName}`
  const text = await readAtTip(repository, tips, tips.defaultBranch, policyFileName, context)
  if (text === undefined) context.log.warn(`there is no ${from}: nothing is known to be bad`)
  return { switches: parseFleetPolicy(text ?? '', from).switches, from }
}

/**
 * The safety switches of a branch as this clone knows it. The remote isn't asked, since a job for pull requests may have no
 * credentials for it. Undefined where there is no clone, or not that branch. Throws `invalid-file` with every problem.
 */
export async function switchesInClone(
  folder: string,
  branch: string,
  context: Context,
): Promise<Switches | undefined> {
  const repository = await checkoutOf(folder, context)
  if (!repository) return undefined
  const { remote } = repository
  const ref = remote === undefined ? `refs/heads/${branch}` : `refs/remotes/${remote}/${branch}`
  if (!(await hasCommit(repository, ref))) return undefined
  const text = await readAt(repository, ref, policyFileName)
  return parseFleetPolicy(text ?? '', `${branch}:${policyFileName}`).switches
}

async function switchesHere(folder: string, { log }: Context): Promise<FoundSwitches> {
  const from = join(folder, policyFileName)
  const { switches } = await readFleetPolicy(folder)
  if (!existsSync(from)) log.warn(`there is no ${from}: nothing is known to be bad`)
  return { switches, from }
}

async function checkoutOf(folder: string, context: Context): Promise<Repository | undefined> {
  try {
    return await openCheckout(folder)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'bad-input') throw error
    context.log.warn(`${error.message}; its own ${policyFileName} counts`)
    return undefined
  }
}
