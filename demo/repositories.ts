// Git repositories of the demonstration, made from examples/ with a history of their own.
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, runOk } from '../src/platform/platform.ts'
import type { Story } from './scene.ts'

/** The folder of the examples. */
export const example = join(import.meta.dirname, '..', 'examples')

/** Makes a Git repository from a folder of examples/, as `adapt` changes it, with one commit at the time given. */
export async function repositoryFrom(
  name: 'os' | 'fleet',
  path: string,
  at: string,
  adapt: (path: string) => Promise<void> = async () => {},
): Promise<void> {
  await cp(join(example, name), path, { recursive: true, verbatimSymlinks: true })
  await adapt(path)
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

/** The devices report every so many seconds only: what they run for that takes an emulated processor seconds itself. */
export async function reportSeldom(path: string, seconds: number): Promise<void> {
  const file = join(path, 'files', 'etc', 'mender', 'mender.conf')
  await replace(file, /"UpdatePollIntervalSeconds": \d+/, '"UpdatePollIntervalSeconds": 5')
  await replace(file, /"InventoryPollIntervalSeconds": \d+/, `"InventoryPollIntervalSeconds": ${seconds}`)
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
async function breakOs(path: string): Promise<void> {
  await writeFile(join(path, 'files', 'etc', 'ssh', 'sshd_config.d', '50-typo.conf'), 'PermitRotLogin yes\n')
  await commit(path, 'Tidy the ssh settings', '2026-01-13T16:45:00Z')
}

/**
 * A change that is right in itself, and passes every test in the lab, where no device has a page to show: the kiosk takes
 * secure pages alone from now on. A device that was configured with another one can't apply its configuration any more.
 */
async function forbidPlainPages(path: string): Promise<void> {
  const file = join(path, 'files', 'usr', 'lib', 'mender-configure', 'apply-device-config.d', '10-kiosk')
  await replace(file, /not in \("http", "https"\)/, '!= "https"')
  await commit(path, 'Take secure pages alone', '2026-01-14T10:20:00Z')
}

/** Commits the next release of the OS, good or bad. */
export async function nextRelease(path: string, story: Story): Promise<void> {
  await { good: changeOs, break: breakOs, 'break-canary': forbidPlainPages }[story](path)
}

/** Replaces what a pattern finds in a file; throws where it finds nothing. */
export async function replace(file: string, pattern: RegExp, text: string): Promise<void> {
  const before = await readFile(file, 'utf8')
  if (!pattern.test(before)) throw new Failure('internal', `${file} has no line like ${pattern.source}`)
  await writeFile(file, before.replace(pattern, text))
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
