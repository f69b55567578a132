// What a tick asks of Git, answered by a checkout. Hides which files make up a fleet, and where a release came from.
import { type Switches, parseFleetPolicy, policyFileName } from '../fleet/fleet.ts'
import { type Context, Failure } from '../platform/platform.ts'
import { type Commit, type Tips, openRepository, readAtTip, readTips, uncommitted } from './git.ts'
import { type Wanted, introducingCommits, textCommits } from './introduced.ts'

/** A fleet's history as far as a tick needs it. */
export interface FleetGit {
  /** The commit that is checked out. */
  readonly head: string
  /** The tips of all branches, read at this moment. Throws `unreachable`. */
  tips(): Promise<Tips>
  /** Throws `bad-input` where a file of the fleet differs from the commit that is checked out. */
  requireCommitted(): Promise<void>
  /** The safety switches of a branch's tip. */
  switchesAt(tips: Tips, branch: string): Promise<Switches>
  /** For each device, the commit that introduced its release. */
  introducingCommits(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Commit>>
  /** For each file, by its path as messages name it, the commit that brought its text. */
  textCommits(files: readonly string[]): Promise<ReadonlyMap<string, Commit>>
}

/** Every name that a fleet's files can have; what is below a folder counts too. */
const fleetPaths = [
  ...['inventory', 'hosts'].flatMap((name) =>
    ['', '.yml', '.yaml', '.ini', '.json'].map((extension) => `${name}${extension}`),
  ),
  'group_vars',
  'host_vars',
  'templates',
  'roles',
  policyFileName,
]

/** The history of the repository that `folder` is in. Throws `bad-input` where there is none, and `shallow-clone`. */
export async function openFleetGit(folder: string, context: Context): Promise<FleetGit> {
  const repository = await openRepository(folder)
  return {
    head: repository.head,
    tips: () => readTips(repository, context),
    requireCommitted: async () => {
      const changed = await uncommitted(repository, fleetPaths)
      if (changed.length > 0)
        throw new Failure(
          'bad-input',
          `the fleet's files have changes that are not committed (${changed.slice(0, 5).join(', ')}): a tick acts on commits alone`,
        )
    },
    switchesAt: async (tips, branch) => {
      const text = await readAtTip(repository, tips, branch, policyFileName, context)
      return parseFleetPolicy(text ?? '', `${branch}:${policyFileName}`).switches
    },
    introducingCommits: (wanted) => introducingCommits(repository, wanted),
    textCommits: (files) => textCommits(repository, files),
  }
}
