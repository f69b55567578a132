// The part of the stand-in that keeps branches with files, and pull requests that were opened.
import * as v from 'valibot'

export interface RepositoryState {
  defaultBranch: string
  /** The files of each branch, by path. */
  branches: Map<string, Map<string, string>>
  /** Branches with a rule of their own, and branches that a ruleset is about. */
  guarded: Set<string>
  inRuleset: Set<string>
  /** Pull requests that were opened, also those that somebody closed. */
  opened: { number: number; head: string; base: string; title: string; body: string }[]
}

type Answer = [number, unknown]

const newBranch = v.object({ ref: v.pipe(v.string(), v.startsWith('refs/heads/')), sha: v.string() })
const newFile = v.object({
  branch: v.string(),
  message: v.string(),
  content: v.pipe(v.string(), v.base64()),
  sha: v.optional(v.string()),
})
const newPull = v.object({
  title: v.pipe(v.string(), v.maxLength(256)),
  head: v.string(),
  base: v.string(),
  body: v.pipe(v.string(), v.maxLength(65_536)),
})
const missing: Answer = [404, { message: 'Not Found' }]
const refused: Answer = [422, { message: 'Reference already exists' }]
const shaOf = (text: string) => `sha-of-${text.length}-${text.slice(-20)}`

/** Answers what is asked about files, branches and pull requests; undefined for everything else. */
export function respondOfRepository(
  state: RepositoryState,
  asked: string,
  query: URLSearchParams,
  body: string,
): Answer | undefined {
  const sent: unknown = body === '' ? undefined : JSON.parse(body)
  if (asked === 'GET ') return [200, { default_branch: state.defaultBranch }]
  if (asked === 'GET /pulls') {
    const found = state.opened.filter(({ head }) => query.get('head') === `octo:${head}`)
    return [200, query.get('state') === 'all' ? found : []]
  }
  if (asked === 'POST /pulls') {
    const pull = v.parse(newPull, sent)
    if (!state.branches.has(pull.head)) return [422, { message: 'Validation Failed' }]
    const opened = { number: state.opened.length + 1, ...pull }
    state.opened.push(opened)
    return [201, opened]
  }
  const guarded = /^GET \/branches\/(.+)$/.exec(asked)?.[1]
  if (guarded && state.branches.has(guarded))
    return [200, { name: guarded, protected: state.guarded.has(guarded) }]
  const ruled = /^GET \/rules\/branches\/(.+)$/.exec(asked)?.[1]
  if (ruled) return [200, state.inRuleset.has(ruled) ? [{ type: 'pull_request' }] : []]
  const branch = /^GET \/git\/ref\/heads\/(.+)$/.exec(asked)?.[1]
  if (branch) return state.branches.has(branch) ? [200, { object: { sha: `tip ${branch}` } }] : missing
  if (asked === 'POST /git/refs') {
    const { ref, sha } = v.parse(newBranch, sent)
    const name = ref.slice('refs/heads/'.length)
    if (state.branches.has(name)) return refused
    state.branches.set(name, new Map(state.branches.get(sha.slice('tip '.length))))
    return [201, { ref }]
  }
  const path = /^(?:GET|PUT) \/contents\/(.+)$/.exec(asked)?.[1]
  if (path === undefined) return undefined
  if (asked.startsWith('PUT')) return putFile(state, path, v.parse(newFile, sent))
  const text = state.branches.get(query.get('ref') ?? '')?.get(path)
  if (text === undefined) return missing
  return [200, { sha: shaOf(text), encoding: 'base64', content: Buffer.from(text).toString('base64') }]
}

function putFile(
  state: RepositoryState,
  path: string,
  { branch, content, sha }: v.InferOutput<typeof newFile>,
): Answer {
  const files = state.branches.get(branch)
  if (!files) return missing
  const old = files.get(path)
  if (sha !== (old === undefined ? undefined : shaOf(old)))
    return [409, { message: `${path} does not match ${sha}` }]
  files.set(path, Buffer.from(content, 'base64').toString('utf8'))
  return [200, { commit: { sha: 'new' } }]
}
