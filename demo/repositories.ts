// Git repositories of the demonstration, made from examples/ with a history of their own.
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../src/platform/platform.ts'

const example = join(import.meta.dirname, '..', 'examples')

/** Makes a Git repository from a folder of examples/, with one commit at the time given. */
export async function repositoryFrom(name: 'os' | 'fleet', path: string, at: string): Promise<void> {
  await cp(join(example, name), path, { recursive: true, verbatimSymlinks: true })
  await git(path, ['init', '--quiet', '--initial-branch=main'])
  await commit(path, `Start from examples/${name}`, at)
}

/** Commits everything in a repository; releases are named by this time, so the demonstration sets it. */
export async function commit(path: string, message: string, at: string): Promise<void> {
  await git(path, ['add', '--all'])
  await git(path, ['commit', '--quiet', `--message=${message}`], {
    GIT_AUTHOR_DATE: at,
    GIT_COMMITTER_DATE: at,
  })
}

/** The change of the next release: what the machine says of itself when someone logs in. */
export async function changeOs(path: string): Promise<void> {
  const file = join(path, 'files', 'etc', 'motd')
  await writeFile(
    file,
    `${await readFile(file, 'utf8').catch(() => '')}A newer release than the one before.\n`,
  )
  await commit(path, 'Say more on login', '2026-01-12T09:30:00Z')
}

/** A change that builds and starts, but after which nobody could log in any more: its health check has to catch it. */
export async function breakOs(path: string): Promise<void> {
  await writeFile(join(path, 'files', 'etc', 'ssh', 'sshd_config.d', '50-typo.conf'), 'PermitRotLogin yes\n')
  await commit(path, 'Tidy the ssh settings', '2026-01-13T16:45:00Z')
}

/** Runs git in a repository with an identity of the demonstration's own. */
export async function git(
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const identity = {
    GIT_AUTHOR_NAME: 'Drover demonstration',
    GIT_AUTHOR_EMAIL: 'demo@example.invalid',
    GIT_COMMITTER_NAME: 'Drover demonstration',
    GIT_COMMITTER_EMAIL: 'demo@example.invalid',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
  }
  return await runOk('git', args, { cwd: path, env: { ...identity, ...env }, what: `git ${args[0]}` })
}
