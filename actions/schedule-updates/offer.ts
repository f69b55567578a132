import { join } from 'node:path/posix'
import { policyFileName, withKnownBad } from '../../src/fleet/fleet.ts'
import { branchFor, offerChange, openGitHub, tryToPublish } from '../../src/github/github.ts'
import type { Tick } from '../../src/plan/plan.ts'
import { type Context, digestOf, messageOf, runOk, shorten } from '../../src/platform/platform.ts'
import { haltMarkdown } from '../../src/report/report.ts'
import type { Place } from './publish.ts'

const dayMs = 86_400_000

/**
 * Where a stage is halted, offers a pull request to the default branch that adds what failed to `known-bad`, once for each
 * content. What GitHub refuses is a warning. A dry run offers nothing.
 */
export async function offerKnownBad(
  tick: Tick,
  { folder, repository, token }: Place,
  context: Context,
): Promise<void> {
  const contents = [...new Set(tick.failures.flatMap(({ content }) => content ?? []))].sort()
  const releases = [...new Set(tick.failures.flatMap(({ release }) => release ?? []))].map(inTitle).sort()
  if (tick.state !== 'halted' || tick.isDryRun || contents.length === 0) return
  if (!repository || token === undefined) return
  const github = openGitHub({ token, repository }, context)
  const now = context.clock.now().getTime()
  const work = async () =>
    await offerChange(github, {
      branch: branchFor('known-bad', digestOf(contents.join(' '))),
      path: join(await folderInRepository(folder), policyFileName),
      edit: (text, file) => edited(text, contents, file, context),
      title: `Mark ${releases.join(', ')} as known to be bad`,
      body: haltMarkdown(tick, new Date(now + dayMs)).text,
    })
  const permissions = 'contents: write, pull-requests: write (and the right of Actions to open pull requests)'
  const result = await tryToPublish('The pull request that marks what failed', work, permissions)
  if (!result.isDone) context.log.warn(result.why)
  else if (result.hasChanged)
    context.log.info(`a pull request offers to mark ${releases.join(', ')} as known to be bad`)
}

/** GitHub reads issues to close and people to call in a commit's message: a name has neither spaces nor their signs there. */
const inTitle = (release: string) => shorten(release.replace(/[^\w.+:-]+/g, '_'), 80)

/** A file that nothing can be added to is a person's to change: the pull request isn't worth the tick's own result. */
function edited(
  text: string,
  contents: readonly string[],
  file: string,
  { log }: Context,
): string | undefined {
  try {
    return withKnownBad(text, contents, file)
  } catch (error) {
    log.warn(`${file} could not be changed: add ${contents.join(', ')} to known-bad (${messageOf(error)})`)
    return undefined
  }
}

/** Where a folder is in its repository; '' for the top. */
async function folderInRepository(folder: string): Promise<string> {
  return (await runOk('git', ['rev-parse', '--show-prefix'], { cwd: folder, what: 'git rev-parse' })).trim()
}
