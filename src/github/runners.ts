// Self-hosted runners of one repository, as GitHub knows them. A just-in-time runner takes one job and is forgotten after it.
import * as v from 'valibot'
import { type Context, Failure } from '../platform/platform.ts'
import { type GitHub, type GitHubOptions, openGitHub } from './client.ts'

export interface Runner {
  id: number
  name: string
  isOnline: boolean
  /** Whether it has a job. */
  isBusy: boolean
  labels: readonly string[]
}

export interface NewRunner {
  /** At most 64 characters. */
  name: string
  /** Number of the runner group; 1 is the default one. */
  group: number
  labels: readonly string[]
}

/**
 * The runners that a repository has of its own; those of its organisation are not among them. All calls throw
 * `github-refused`, which names the permission where that may be why, and `unreachable`.
 */
export interface Runners {
  /** `owner/repository`, for messages. */
  readonly where: string
  /** The same for calls in another context: what has to be undone after an abort needs one that goes on. */
  within(context: Context): Runners
  list(): Promise<Runner[]>
  /** Undefined where GitHub has none with this number. */
  find(id: number): Promise<Runner | undefined>
  /**
   * Registers a just-in-time runner; `configuration` is a secret that lets whoever has it be this runner. Not repeatable: a
   * name that exists is refused, and an answer that was lost leaves a runner that `list` shows.
   */
  register(runner: NewRunner): Promise<{ runner: Runner; configuration: string }>
  /** Removes a registration; one that is gone already is no failure. Refused while the runner has a job. */
  remove(id: number): Promise<void>
}

/** The folder of a job's files, in the runner's own. */
const workFolder = '_work'

const runnerSchema = v.pipe(
  v.object({
    id: v.number(),
    name: v.string(),
    status: v.string(),
    busy: v.boolean(),
    labels: v.array(v.object({ name: v.string() })),
  }),
  v.transform(({ id, name, status, busy, labels }): Runner => ({
    id,
    name,
    isOnline: status === 'online',
    isBusy: busy,
    labels: labels.map((label) => label.name),
  })),
)
const listSchema = v.object({ runners: v.array(runnerSchema) })
// what is wrong with a secret is told without it
const madeSchema = v.object({
  runner: runnerSchema,
  encoded_jit_config: v.pipe(
    v.string('encoded_jit_config is no text'),
    v.regex(/^[\w+/=-]+$/, 'encoded_jit_config is no base64'),
  ),
})

/** Opens a repository's runners; nothing is sent yet. */
export function openRunners(options: GitHubOptions, context: Context): Runners {
  const github = openGitHub(options, context)
  const { owner, repo } = options.repository
  return {
    where: `${owner}/${repo}`,
    within: (other) => openRunners(options, other),
    list: () =>
      explained(github.list({ route: '/repos/{owner}/{repo}/actions/runners' }, listSchema, runnersOf)),
    find: (id) => orMissing(explained(find(github, id))),
    register: (runner) => explained(register(github, runner)),
    remove: (id) => orMissing(explained(remove(github, id))),
  }
}

const runnersOf = ({ runners }: v.InferOutput<typeof listSchema>) => runners

async function find(github: GitHub, id: number): Promise<Runner> {
  const route = '/repos/{owner}/{repo}/actions/runners/{runner_id}'
  return await github.send({ method: 'GET', route, parameters: { runner_id: id } }, runnerSchema)
}

async function register(github: GitHub, { name, group, labels }: NewRunner) {
  const route = '/repos/{owner}/{repo}/actions/runners/generate-jitconfig'
  const parameters = { name, runner_group_id: group, labels: [...labels], work_folder: workFolder }
  const made = await github.send({ method: 'POST', route, parameters }, madeSchema)
  return { runner: made.runner, configuration: made.encoded_jit_config }
}

async function remove(github: GitHub, id: number): Promise<void> {
  const route = '/repos/{owner}/{repo}/actions/runners/{runner_id}'
  await github.send({ method: 'DELETE', route, parameters: { runner_id: id } }, v.unknown())
}

/** GitHub says 404 both of what isn't there and of what a token may not see: only a runner's own number tells them apart. */
async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Failure && /\{runner_id\} \(404\)/.test(error.message)) return undefined
    throw error
  }
}

async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'github-refused') throw error
    const hint = hintOf(error.message)
    throw hint === '' ? error : new Failure(error.reason, `${error.message}. ${hint}`, { cause: error.cause })
  }
}

function hintOf(message: string): string {
  if (/\((?:401|403|404)\)/.test(message))
    return "github-token needs the permission administration: write, which a job's own token can't have: give an App's token"
  if (message.includes('(409)')) return 'A runner of this name is registered already: remove it, or run again'
  return message.includes('generate-jitconfig (422)')
    ? 'Is there a runner group of this number, and may this repository use it?'
    : ''
}
