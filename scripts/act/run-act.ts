// Runs one workflow under act and tells what its steps came to.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { thirdParty } from '../../test/workflows/third-party.ts'

/** act knows no timeout-minutes. The first run on a machine builds a base image, which may take some minutes. */
const workflowLimitMs = 8 * 60_000

/** Where everything of a run is, and what its parts share. */
export interface Place {
  /** Temporary folder: repositories, act's workspaces, logs. */
  folder: string
  /** The act program. */
  act: string
  /** A copy of what a user's runner downloads of this project. */
  drover: string
  /** Folder of an action that keeps what `actions/upload-artifact` would have uploaded in `keptArtifact`. */
  uploader: string
  /** Environment for every process: PATH with node 24 first, a home of its own, and a mark to find leftovers by. */
  environment: Record<string, string>
  say: (line: string) => void
  signal: AbortSignal
}

export interface Workflow {
  repository: string
  /** Path of the workflow in the repository. */
  file: string
  event: 'push' | 'pull_request' | 'schedule' | 'workflow_dispatch'
  payload?: object
  secrets?: Record<string, string>
  variables?: Record<string, string>
  /** Where GitHub's API is, and the job's token for it; nowhere and none unless given. */
  github?: { url: string; token: string }
  /** Folders of actions that take the place of others' at the commits that the workflows pin, by their names. */
  actions?: Record<string, string>
  /** Names the log file. */
  name: string
}

export interface StepResult {
  /** The `id` of the step, or its number in the job. */
  id: string
  title: string
  stage: string
  result: 'success' | 'failure' | 'skipped'
  seconds: number
}

export interface WorkflowResult {
  isGreen: boolean
  steps: StepResult[]
  /** The outputs of each step by the step's id. */
  outputs: Record<string, Record<string, string>>
  /** What the steps printed. */
  log: string
  logFile: string
}

const lineSchema = v.object({
  msg: v.optional(v.string(), ''),
  raw_output: v.optional(v.boolean(), false),
  step: v.optional(v.string(), ''),
  stepID: v.optional(v.array(v.string()), []),
  stage: v.optional(v.string(), ''),
  stepResult: v.optional(v.picklist(['success', 'failure', 'skipped'])),
  executionTime: v.optional(v.number(), 0),
  command: v.optional(v.string()),
  name: v.optional(v.string(), ''),
  arg: v.optional(v.string(), ''),
})

/** Runs a workflow to its end, telling each step's result as it comes. A red workflow is a result, not an error. */
export async function runAct(place: Place, workflow: Workflow): Promise<WorkflowResult> {
  const logFile = join(place.folder, `${workflow.name}.log`)
  const args = await argumentsFor(place, workflow)
  const child = spawn(place.act, args, {
    cwd: place.folder,
    env: place.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const limit = AbortSignal.timeout(workflowLimitMs)
  const ending = AbortSignal.any([place.signal, limit])
  const stop = () => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 30_000).unref()
  }
  ending.addEventListener('abort', stop, { once: true })
  const result: WorkflowResult = { isGreen: false, steps: [], outputs: {}, log: '', logFile }
  const file = createWriteStream(logFile)
  const take = (text: string) => {
    const line = parseLine(text)
    const said = line ? line.msg.trimEnd() : text
    file.write(`${said}\n`)
    result.log += `${said}\n`
    if (line) takeLine(result, line, place.say)
  }
  const streams = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface(stream)) take(line)
  })
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 1))
  })
  await Promise.all(streams)
  file.end()
  ending.removeEventListener('abort', stop)
  place.signal.throwIfAborted()
  if (limit.aborted)
    result.log += `act was ended: the workflow ran for more than ${workflowLimitMs / 60_000} minutes\n`
  return { ...result, isGreen: code === 0 }
}

function takeLine(
  result: WorkflowResult,
  line: v.InferOutput<typeof lineSchema>,
  say: (line: string) => void,
): void {
  const id = line.stepID[0] ?? ''
  if (line.command === 'set-output') {
    result.outputs[id] = { ...result.outputs[id], [line.name]: line.arg }
  }
  if (!line.stepResult || id === '') return
  const seconds = line.executionTime / 1e9
  result.steps.push({ id, title: line.step, stage: line.stage, result: line.stepResult, seconds })
  const mark = { success: '✔', failure: '✖', skipped: '-' }[line.stepResult]
  const title = line.step.split('\n')[0] ?? ''
  say(`    ${mark} ${line.stage === 'Post' ? 'Post ' : ''}${title} ${seconds.toFixed(1)} s`)
}

async function argumentsFor(place: Place, workflow: Workflow): Promise<string[]> {
  const own = join(place.folder, `${workflow.name}.act`)
  await mkdir(own, { recursive: true })
  const [event, secrets, variables] = [join(own, 'event.json'), join(own, 'secrets'), join(own, 'variables')]
  await writeFile(event, JSON.stringify(workflow.payload ?? {}))
  await writeFile(secrets, dotenv({ GITHUB_TOKEN: workflow.github?.token ?? '', ...workflow.secrets }), {
    mode: 0o600,
  })
  await writeFile(variables, dotenv(workflow.variables ?? {}))
  const options: [string, string][] = [
    ['--directory', workflow.repository],
    ['--workflows', join(workflow.repository, workflow.file)],
    ['--platform', 'ubuntu-latest=-self-hosted'],
    ['--eventpath', event],
    ['--secret-file', secrets],
    ['--var-file', variables],
    ['--defaultbranch', 'main'],
    ['--env', 'GITHUB_REPOSITORY=acme/devices'],
    // no run reaches the real GitHub: nothing listens on port 9
    ['--env', `GITHUB_API_URL=${workflow.github?.url ?? 'http://127.0.0.1:9'}`],
    ['--action-cache-path', join(own, 'work')],
    // actions, and workflows that can be called, are looked up under two spellings
    ['--local-repository', `drover-fleet/drover@v1=${place.drover}`],
    ['--local-repository', `drover-fleet/drover.git@v1=${place.drover}`],
    ...standIns({ 'actions/upload-artifact': place.uploader, ...workflow.actions }).map(
      (standIn): [string, string] => ['--local-repository', standIn],
    ),
  ]
  return [workflow.event, '--json', '--no-cache-server', ...options.flat()]
}

/** Where a step that uploads an artifact of this name puts its files. */
export function keptArtifact(place: Place, name: string): string {
  return join(place.uploader, 'kept', name)
}

/** No run reaches GitHub, so its own actions are replaced at the commit that the workflows pin. */
function standIns(actions: Record<string, string>): string[] {
  return Object.entries(actions).flatMap(([name, folder]) => {
    const commit = thirdParty[name]?.commit ?? ''
    return [`${name}@${commit}=${folder}`, `${name}.git@${commit}=${folder}`]
  })
}

function dotenv(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
    .join('')
}

function parseLine(text: string): v.InferOutput<typeof lineSchema> | undefined {
  try {
    const result = v.safeParse(lineSchema, JSON.parse(text))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}
