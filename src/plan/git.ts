// What the tick asks of Git. Hides its command line; nothing here changes the work tree or a branch.
import { type Context, Failure, lastWords, run, start } from '../platform/platform.ts'

/** How long a remote may take to answer. */
const remoteDeadlineMs = 120_000

export interface Repository {
  /** The fleet's folder in it; paths are given from there. */
  folder: string
  /** The commit that is checked out. */
  head: string
  /** The branch that is checked out; undefined where HEAD is detached. */
  branch: string | undefined
  /** The remote that is the truth about branches; undefined where there is none. */
  remote: string | undefined
}

/** Looks at the repository that `folder` is in. Throws `bad-input` where it is in none or has no commit. */
export async function openCheckout(folder: string): Promise<Repository> {
  const head = await git(folder, ['rev-parse', '--verify', 'HEAD^{commit}'])
  if (head.code !== 0) {
    const why = lastWords(head.stderr, 'git', head.code)
    throw new Failure('bad-input', `${folder} is in no Git repository with a commit: ${why}`)
  }
  const branch = await git(folder, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
  const remotes = (await text(folder, ['remote'])).split('\n').filter(Boolean)
  return {
    folder,
    head: head.stdout.trim(),
    branch: branch.code === 0 ? branch.stdout.trim() : undefined,
    remote: remotes.includes('origin') ? 'origin' : remotes[0],
  }
}

/** `openCheckout` with the whole history; throws `shallow-clone` without. */
export async function openRepository(folder: string): Promise<Repository> {
  const repository = await openCheckout(folder)
  if ((await text(folder, ['rev-parse', '--is-shallow-repository'])).trim() === 'true')
    throw new Failure(
      'shallow-clone',
      'the checkout has no history, which tells when a release was introduced: check out with fetch-depth: 0',
    )
  return repository
}

export interface Tips {
  /** The commit each branch is at, now. */
  byBranch: ReadonlyMap<string, string>
  defaultBranch: string | undefined
}

/** The tips of all branches, read from the remote at this moment; local ones where there is no remote. Throws `unreachable`. */
export async function readTips(repository: Repository, context: Context): Promise<Tips> {
  const { folder, remote } = repository
  if (remote === undefined) {
    const refs = await text(folder, ['for-each-ref', '--format=%(objectname)\t%(refname)', 'refs/heads'])
    const byBranch = branchesIn(refs)
    const defaultBranch = ['main', 'master'].find((name) => byBranch.has(name)) ?? repository.branch
    return { byBranch, defaultBranch }
  }
  const listed = await overNetwork(folder, ['ls-remote', '--symref', remote, 'HEAD', 'refs/heads/*'], context)
  const head = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed)
  return { byBranch: branchesIn(listed), defaultBranch: head?.[1] }
}

/** A file of a branch's tip, fetched where it isn't here yet; undefined where the branch or the file isn't there. */
export async function readAtTip(
  repository: Repository,
  tips: Tips,
  branch: string,
  file: string,
  context: Context,
): Promise<string | undefined> {
  const { folder, remote } = repository
  const commit = tips.byBranch.get(branch)
  if (commit === undefined) return undefined
  if (remote !== undefined && !(await hasCommit(repository, commit)))
    await overNetwork(
      folder,
      ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', remote, commit],
      context,
    )
  return await readAt(repository, commit, file)
}

// what Git ignores may be an editor's: then it has a name that Ansible passes over
const isPassedOver = /(^|\/)\.[^/]*"?$|(~|\.(bak|orig|retry|swp|rpm|md|txt|rst|cfg|py[co]))"?$/

/** Files of the fleet that differ from the commit that is checked out. */
export async function uncommitted(repository: Repository, paths: readonly string[]): Promise<string[]> {
  const status = await text(repository.folder, [
    'status',
    '--porcelain',
    '--untracked-files=all',
    '--ignored=matching',
    '--',
    ...paths,
  ])
  return status
    .split('\n')
    .filter((line) => line !== '' && !(line.startsWith('!!') && isPassedOver.test(line.slice(3))))
    .map((line) => line.slice(3))
}

export interface Commit {
  id: string
  at: Date
}

/** For each file under `paths`: the commits of the first-parent history that changed it, newest first. One pass over the history. */
export async function historyOf(
  repository: Repository,
  paths: readonly string[],
): Promise<ReadonlyMap<string, readonly Commit[]>> {
  const log = await text(repository.folder, [
    'log',
    '--first-parent',
    '--diff-merges=first-parent',
    '--no-renames',
    '--relative',
    '--name-only',
    '-z',
    '--format=%x01%H %ct',
    'HEAD',
    '--',
    ...paths,
  ])
  const history = new Map<string, Commit[]>()
  for (const entry of log.split('\u0001').slice(1)) {
    const [head = '', ...files] = entry.split('\0')
    const [id = '', seconds = '0'] = head.trim().split(' ')
    const commit = { id, at: new Date(Number(seconds) * 1000) }
    for (const file of files.map((name) => name.replace(/^\n+/, '')).filter(Boolean)) {
      const commits = history.get(file)
      if (commits) commits.push(commit)
      else history.set(file, [commit])
    }
  }
  return history
}

/** Whether a commit is in this clone. */
export async function hasCommit({ folder }: Repository, commit: string): Promise<boolean> {
  return (await git(folder, ['cat-file', '-e', `${commit}^{commit}`])).code === 0
}

/** A file as it was at a commit; undefined where it wasn't there. */
export async function readAt(
  repository: Repository,
  commit: string,
  file: string,
): Promise<string | undefined> {
  const shown = await git(repository.folder, ['show', `${commit}:./${file}`])
  if (shown.code === 0) return shown.stdout
  // only a file that isn't there may count as none: a freeze that can't be read is not no freeze
  const listed = await text(repository.folder, ['ls-tree', '--name-only', commit, '--', file])
  if (listed.trim() === '') return undefined
  throw new Failure(
    'bad-input',
    `can't read ${file} at ${commit}: ${lastWords(shown.stderr, 'git', shown.code)}`,
  )
}

function branchesIn(listing: string): Map<string, string> {
  return new Map(
    [...listing.matchAll(/^([0-9a-f]{40,64})\trefs\/heads\/(.+)$/gm)].map((match) => [
      match[2] ?? '',
      match[1] ?? '',
    ]),
  )
}

// no question may wait for a person, and no paging or locale may change what is printed
const environment = { GIT_TERMINAL_PROMPT: '0', GIT_PAGER: 'cat', GIT_OPTIONAL_LOCKS: '0' }

const git = (folder: string, args: readonly string[]) =>
  run('git', ['-C', folder, ...args], { env: environment })

async function text(folder: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await git(folder, args)
  if (code === 0) return stdout
  throw new Failure('bad-input', `git ${args[0]} failed in ${folder}: ${lastWords(stderr, 'git', code)}`)
}

async function overNetwork(folder: string, args: readonly string[], context: Context): Promise<string> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(remoteDeadlineMs)])
  try {
    const { code, stdout, stderr } = await start('git', ['-C', folder, ...args], { env: environment, signal })
      .done
    if (code === 0) return stdout
    throw new Failure(
      'unreachable',
      `can't read the branches of the remote: git ${args[0]} failed: ${lastWords(stderr, 'git', code)}`,
    )
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof Failure) throw error
    throw new Failure('unreachable', `the Git remote did not answer within ${remoteDeadlineMs / 1000} s`, {
      cause: error,
    })
  }
}
