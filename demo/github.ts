// What the demonstration has in the place of GitHub, on loopback: the few calls that a schedule makes. Branches, files and
// commits are those of the fleet's own remote, so that what is offered there can be looked at, and merged, with Git.
import { writeFile } from 'node:fs/promises'
import { type IncomingMessage, createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import { run } from '../src/platform/platform.ts'
import { git } from './repositories.ts'

export interface PullRequest {
  number: number
  title: string
  head: string
  base: string
  body: string
  /** The lines that it changes. */
  change: string
}

export interface GitHub {
  /** What a program needs in its environment to take this for GitHub. */
  environment: Record<string, string>
  /** What was last said of each stage, by the context of its commit status. */
  statuses: ReadonlyMap<string, { state: string; description: string }>
  close: () => void
}

const [owner, name] = ['demo', 'fleet']
const pullSchema = v.object({ title: v.string(), head: v.string(), base: v.string(), body: v.string() })
const refSchema = v.object({ ref: v.pipe(v.string(), v.startsWith('refs/heads/')), sha: v.string() })
const fileSchema = v.object({ branch: v.string(), message: v.string(), content: v.string() })
const statusSchema = v.object({ context: v.string(), state: v.string(), description: v.string() })

type Answer = readonly [status: number, body: unknown]
type Call = { asked: string; query: URLSearchParams; body: unknown }
const nothing: Answer = [404, { message: 'Not Found' }]

/** Starts it for a bare repository; pull requests that are opened are added to `pullRequests`. */
export async function startGitHub(remote: string, pullRequests: PullRequest[]): Promise<GitHub> {
  const statuses = new Map<string, { state: string; description: string }>()
  const answer = async (call: Call): Promise<Answer> =>
    (await ofPullRequests(call, pullRequests, remote)) ??
    ofStages(call, statuses) ??
    (await ofFiles(call, remote)) ??
    nothing
  const server = createServer((request, response) => {
    void readCall(request)
      .then(answer)
      .catch((error: unknown) => [500, { message: String(error) }] as const)
      .then(([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const environment = {
    GITHUB_API_URL: `http://127.0.0.1:${port}`,
    GITHUB_REPOSITORY: `${owner}/${name}`,
    GITHUB_TOKEN: 'a token of the demonstration',
  }
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { environment, statuses, close }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
  const sent = await text(request)
  const path = decodeURIComponent(pathname).replace(`/repos/${owner}/${name}`, '')
  const body: unknown = sent === '' ? undefined : JSON.parse(sent)
  return { asked: `${request.method} ${path}`, query: searchParams, body }
}

async function ofPullRequests(
  { asked, query, body }: Call,
  opened: PullRequest[],
  remote: string,
): Promise<Answer | undefined> {
  if (asked === 'GET /pulls')
    return [200, opened.filter(({ head }) => `${owner}:${head}` === query.get('head'))]
  // merges are made by Git here, so no pull request is known for a commit
  if (/^GET \/commits\/\w+\/pulls$/.test(asked)) return [200, []]
  if (asked !== 'POST /pulls') return undefined
  const sent = v.parse(pullSchema, body)
  const change = await git(remote, ['diff', '--unified=0', `${sent.base}...${sent.head}`])
  const lines = change.split('\n').filter((line) => /^([-+](?![-+]{2} )|[-+]{3} )/.test(line))
  const made = { number: opened.length + 1, ...sent, change: lines.join('\n') }
  opened.push(made)
  return [201, made]
}

function ofStages(
  { asked, body }: Call,
  statuses: Map<string, { state: string; description: string }>,
): Answer | undefined {
  if (/^GET \/commits\/\w+\/status$/.test(asked)) return [200, { statuses: [] }]
  if (/^POST \/statuses\/\w+$/.test(asked)) {
    const status = v.parse(statusSchema, body)
    statuses.set(status.context, status)
    return [201, status]
  }
  // the same is said in a deployment, which nobody looks at here
  if (asked === 'GET /deployments') return [200, []]
  if (asked === 'POST /deployments') return [201, { id: 1 }]
  if (asked === 'POST /deployments/1/statuses') return [201, { state: 'pending' }]
  return undefined
}

async function ofFiles({ asked, query, body }: Call, remote: string): Promise<Answer | undefined> {
  if (asked === 'GET ') return [200, { default_branch: 'main' }]
  const branch = /^GET \/git\/ref\/heads\/(.+)$/.exec(asked)?.[1]
  if (branch) return [200, { object: { sha: (await git(remote, ['rev-parse', branch])).trim() } }]
  if (asked === 'POST /git/refs') {
    const { ref, sha } = v.parse(refSchema, body)
    await git(remote, ['update-ref', ref, sha, ''])
    return [201, { ref }]
  }
  const path = /^(?:GET|PUT) \/contents\/(.+)$/.exec(asked)?.[1]
  if (path === undefined) return undefined
  if (asked.startsWith('PUT'))
    return [200, { commit: { sha: await put(remote, path, v.parse(fileSchema, body)) } }]
  const object = `${query.get('ref') ?? 'main'}:${path}`
  const { code, stdout } = await run('git', ['show', object], { cwd: remote })
  if (code !== 0) return nothing
  const sha = (await git(remote, ['rev-parse', object])).trim()
  return [200, { sha, encoding: 'base64', content: Buffer.from(stdout).toString('base64') }]
}

/** Commits one changed file to a branch of a repository that has no work tree; returns the commit. */
async function put(
  remote: string,
  path: string,
  { branch, message, content }: v.InferOutput<typeof fileSchema>,
): Promise<string> {
  const tree = `${remote}-offer`
  await git(remote, ['worktree', 'add', '--quiet', '--force', tree, branch])
  try {
    await writeFile(join(tree, path), Buffer.from(content, 'base64'))
    await git(tree, ['commit', '--quiet', '--all', `--message=${message}`])
    return (await git(tree, ['rev-parse', 'HEAD'])).trim()
  } finally {
    await git(remote, ['worktree', 'remove', '--force', tree])
  }
}
