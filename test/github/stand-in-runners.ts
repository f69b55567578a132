// The part of the stand-in that keeps self-hosted runners. What is sent, and what it answers, is checked by GitHub's own
// description: what deviates is answered with 400 and remembered.
import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { answerDeviations, requestDeviations } from './described.ts'

export interface RunnersState {
  registered: {
    id: number
    name: string
    os: string
    status: 'online' | 'offline'
    busy: boolean
    labels: string[]
    group: number
    workFolder: string
  }[]
  /** Secrets that were given out. */
  configurations: string[]
  /** Tells of a runner whether it has come online, which the stand-in can't know. */
  isOnline: (name: string) => Promise<boolean>
  /** Labels that every runner gets, and labels that none gets. */
  added: string[]
  refused: string[]
  /** What registering is answered with, in place of what it would be. */
  registerStatus: 404 | 422 | undefined
  /** Registers, but loses the answer. */
  isAnswerLost: boolean
  /** What went to and fro and is not in GitHub's description. */
  deviations: string[]
  /** Ids of the registrations that were removed. */
  removed: number[]
}

type Answer = [number, unknown]

const newRunner = v.object({
  name: v.string(),
  runner_group_id: v.number(),
  labels: v.array(v.string()),
  work_folder: v.optional(v.string(), '_work'),
})
const documentation = 'https://docs.github.com/rest'

/** A state without runners. */
export function noRunners(): RunnersState {
  return {
    registered: [],
    configurations: [],
    isOnline: async () => false,
    added: [],
    refused: [],
    registerStatus: undefined,
    isAnswerLost: false,
    deviations: [],
    removed: [],
  }
}

/** Answers what is asked about runners. */
export async function respondOfRunners(
  state: RunnersState,
  request: { method: string; url: string; body: string },
): Promise<Answer> {
  const wrong = requestDeviations(request)
  state.deviations.push(...wrong.map((one) => `${request.method} ${request.url}: ${one}`))
  if (wrong.length > 0) return [400, { message: 'Problems parsing JSON' }]
  for (const runner of state.registered)
    if (runner.status === 'offline' && (await state.isOnline(runner.name))) runner.status = 'online'
  const [status, answer] = answerTo(state, request)
  const own = answerDeviations(request, status, answer)
  state.deviations.push(...own.map((one) => `answer to ${request.method} ${request.url}: ${one}`))
  return state.isAnswerLost && request.method === 'POST'
    ? [502, { message: 'Bad Gateway' }]
    : [status, answer]
}

function answerTo(
  state: RunnersState,
  { method, url, body }: { method: string; url: string; body: string },
): Answer {
  const { pathname, searchParams } = new URL(url, 'http://x')
  if (method === 'POST') return register(state, v.parse(newRunner, JSON.parse(body)))
  const id = /\/runners\/(\d+)$/.exec(pathname)?.[1]
  if (id === undefined) {
    const [size, page] = [Number(searchParams.get('per_page') ?? 30), Number(searchParams.get('page') ?? 1)]
    const shown = state.registered.slice((page - 1) * size, page * size).map(asRunner)
    return [200, { total_count: state.registered.length, runners: shown }]
  }
  const runner = state.registered.find((one) => String(one.id) === id)
  if (!runner) return [404, { message: 'Not Found' }]
  if (method === 'GET') return [200, asRunner(runner)]
  if (runner.busy)
    return [
      422,
      {
        message: 'Runner is currently running a job and cannot be deleted.',
        documentation_url: documentation,
      },
    ]
  state.registered.splice(state.registered.indexOf(runner), 1)
  state.removed.push(runner.id)
  return [204, undefined]
}

function register(state: RunnersState, sent: v.InferOutput<typeof newRunner>): Answer {
  if (state.registerStatus === 404) return [404, { message: 'Not Found' }]
  if (state.registerStatus === 422)
    return [422, { message: 'Validation Failed', documentation_url: documentation }]
  if (state.registered.some(({ name }) => name === sent.name))
    return [409, { message: `Already exists - A runner with the name ${sent.name} already exists.` }]
  if (sent.name.length > 64 || ![1, 7].includes(sent.runner_group_id))
    return [422, { message: 'Validation Failed', documentation_url: documentation }]
  const labels = [...sent.labels.filter((one) => !state.refused.includes(one)), ...state.added]
  const { name, runner_group_id: group, work_folder: workFolder } = sent
  const id = 100 + state.registered.length + state.removed.length
  const runner = {
    id,
    name,
    os: 'unknown',
    status: 'offline' as const,
    busy: false,
    labels,
    group,
    workFolder,
  }
  state.registered.push(runner)
  const file = () => Buffer.from(`{"secret":"${randomBytes(300).toString('hex')}"}`).toString('base64')
  const files = { '.runner': file(), '.credentials': file(), '.credentials_rsaparams': file() }
  const configuration = Buffer.from(JSON.stringify(files)).toString('base64')
  state.configurations.push(configuration)
  return [201, { runner: asRunner(runner), encoded_jit_config: configuration }]
}

function asRunner({ id, name, os, status, busy, labels }: RunnersState['registered'][number]): object {
  const shown = labels.map((label, index) => ({ id: index + 1, name: label, type: 'custom' }))
  return { id, name, os, status, busy, labels: shown, runner_group_id: 1, ephemeral: true }
}
