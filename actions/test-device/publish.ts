import { type Event, openGitHub, publishCheck, tryToPublish } from '../../src/github/github.ts'
import { type Context, escapeMarkdown, shorten } from '../../src/platform/platform.ts'
import { type TestRun, testCheck, testSummary } from '../../src/testing/testing.ts'

/** GitHub takes 65,535 characters in a check run. */
const maxCharacters = 64_000

/** Publishes the run as a check of the commit that is tested; what GitHub refuses is told in `note`. */
export async function publishRun(
  run: TestRun,
  tests: string,
  { repository, pullRequest }: Event,
  token: string | undefined,
  context: Context,
): Promise<{ note: string; hasChanged: boolean }> {
  const commit = pullRequest?.headCommit ?? process.env['GITHUB_SHA']
  if (!repository || !commit) return { note: '', hasChanged: false }
  if (token === undefined)
    return { note: 'No check run was published: there is no token for GitHub.\n', hasChanged: false }
  const { name, title, conclusion, remarks } = testCheck(run, tests)
  const summary = shorten(testSummary(run), maxCharacters)
  const about = { name, commit, conclusion, title: shorten(title, 250), summary, annotations: remarks }
  const published = await tryToPublish(
    'The check run',
    () =>
      publishCheck(openGitHub({ token, repository }, context), { ...about, externalId: run.release ?? '' }),
    'checks: write',
  )
  if (published.isDone) return { note: '', hasChanged: published.hasChanged }
  context.log.info(published.why)
  return { note: `${escapeMarkdown(published.why)}\n`, hasChanged: false }
}
