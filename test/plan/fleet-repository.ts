// A fleet repository with a bare remote, in a temporary folder, with real Git.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { runOk } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

export interface FleetRepository {
  folder: string
  remote: string
  git: (...args: string[]) => Promise<string>
  /** Writes files (undefined removes one) and commits them on the branch that is checked out. Returns the commit. */
  commit: (files: Record<string, string | undefined>, message?: string) => Promise<string>
  push: () => Promise<void>
  /** Merges a branch into another as a pull request does, pushes, and leaves that one checked out. Returns the commit. */
  merge: (from: string, into: string) => Promise<string>
}

/** A repository on `main` with a first commit of `files`, pushed to its remote. */
export async function makeRepository(
  t: TestContext,
  files: Record<string, string>,
): Promise<FleetRepository> {
  const base = await temporaryFolder(t)
  const [folder, remote] = [join(base, 'fleet'), join(base, 'fleet.git')]
  await mkdir(folder)
  await runGit(base, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  await runGit(base, ['init', '--quiet', '--initial-branch=main', folder])
  const git = (...args: string[]) => runGit(folder, args)
  await git('remote', 'add', 'origin', remote)
  const repository: FleetRepository = {
    folder,
    remote,
    git,
    commit: async (changed, message = 'Change') => {
      for (const [name, text] of Object.entries(changed)) {
        const path = join(folder, name)
        await mkdir(dirname(path), { recursive: true })
        if (text === undefined) await rm(path)
        else await writeFile(path, text)
      }
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', `--message=${message}`)
      return (await git('rev-parse', 'HEAD')).trim()
    },
    push: async () => void (await git('push', '--quiet', '--force', 'origin', '--all')),
    merge: async (from, into) => {
      await git('checkout', '--quiet', into)
      await git('merge', '--quiet', '--no-ff', `--message=Merge ${from}`, from)
      await repository.push()
      return (await git('rev-parse', 'HEAD')).trim()
    },
  }
  await repository.commit(files, 'Begin')
  await repository.push()
  return repository
}

export async function runGit(folder: string, args: readonly string[]): Promise<string> {
  const env = {
    GIT_AUTHOR_NAME: 'Test',
    GIT_AUTHOR_EMAIL: 'test@example.invalid',
    GIT_COMMITTER_NAME: 'Test',
    GIT_COMMITTER_EMAIL: 'test@example.invalid',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
  }
  return await runOk('git', args, { cwd: folder, env, what: `git ${args[0]}` })
}
