import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Event } from '../../src/github/github.ts'
import { type Facts, gatherFacts, openServer, readFacts } from '../../src/ota/ota.ts'
import { requireMergedServer } from '../../src/plan/plan.ts'
import { type Context, Failure } from '../../src/platform/platform.ts'

/**
 * The facts to plan with: of a facts file, else of the server that fleet.yml names. A pull request may name another server
 * than its target branch; the token isn't sent there. Undefined for a fork's pull request, which has no token.
 */
export async function factsFor(
  fleet: Fleet,
  { file, token }: { file: string | undefined; token: string | undefined },
  { pullRequest }: Event,
  context: Context,
): Promise<Facts | undefined> {
  const { server } = fleet
  if (file !== undefined) {
    const facts = await readFacts(file)
    if (server && facts.server.replace(/\/+$/, '') !== server.url)
      context.log.warn(`${file} has the facts of ${facts.server}; fleet.yml names ${server.url}`)
    return facts
  }
  if (token === undefined && pullRequest?.isFromFork) return undefined
  if (token === undefined)
    throw new Failure(
      'bad-input',
      'missing input: token (environment: INPUT_TOKEN or DROVER_TOKEN), or facts with the path of a facts file. A pull request from a fork gets no secrets: plan it with a published facts file',
    )
  if (!server)
    throw new Failure(
      'bad-input',
      'fleet.yml names no server: add `server: { type: mender, url: … }`, or give `facts`',
    )
  if (pullRequest) await requireMergedServer(fleet.folder, server, pullRequest.targetCommit)
  return await gatherFacts(openServer({ ...server, token }, context), context)
}
