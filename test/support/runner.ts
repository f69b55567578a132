// Runs an action as GitHub's runner would: the bundle from dist/ as a process, inputs and file commands in the
// environment, workflow commands on standard output. No stand-in for anything inside the action.
import { spawn } from 'node:child_process'
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The bundles under test: dist/, unless a developer builds elsewhere. */
export const dist = process.env['DROVER_DIST'] ?? join(import.meta.dirname, '../../dist')

export interface RunnerOptions {
  inputs?: Record<string, string>
  env?: Record<string, string>
  /** The job's workspace; a fresh folder where not given. */
  workspace?: string
  /** `main` or `post`. */
  phase?: 'main' | 'post'
  /** State that an earlier phase saved. */
  state?: Record<string, string>
  /** Called with each line of output, and with a way to signal the action. */
  onLine?: (line: string, signal: (name: NodeJS.Signals) => void) => void
}

export interface RunnerResult {
  code: number
  outputs: Record<string, string>
  state: Record<string, string>
  summary: string
  /** Everything that was printed. */
  log: string
  errors: Annotation[]
  warnings: Annotation[]
  masks: string[]
}

export interface Annotation {
  message: string
  properties: Record<string, string>
}

/** Runs one phase of an action to its end. */
export async function runInRunner(action: string, options: RunnerOptions = {}): Promise<RunnerResult> {
  const temporary = await mkdtemp(join(tmpdir(), 'drover-runner-'))
  try {
    const files = { output: '', env: '', path: '', state: '', step_summary: '' }
    for (const name of Object.keys(files)) await writeFile(join(temporary, name), '')
    const workspace = options.workspace ?? temporary
    const suffix = options.phase === 'post' ? '-post' : ''
    const child = spawn(process.execPath, [join(dist, `${action}${suffix}.mjs`)], {
      cwd: workspace,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment(temporary, workspace), ...inputVariables(options), ...options.env },
    })
    const lines: string[] = []
    const watch = (stream: NodeJS.ReadableStream) => {
      let partial = ''
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        const parts = (partial + text).split('\n')
        partial = parts.pop() ?? ''
        for (const line of parts) {
          lines.push(line)
          options.onLine?.(line, (name) => child.kill(name))
        }
      })
      stream.on('end', () => partial && lines.push(partial))
    }
    watch(child.stdout)
    watch(child.stderr)
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve(status ?? (signal ? 128 : 1)))
    })
    const read = (name: string) => readFile(join(temporary, name), 'utf8')
    return {
      code,
      outputs: parseFileCommands(await read('output')),
      state: parseFileCommands(await read('state')),
      summary: await read('step_summary'),
      log: lines.join('\n'),
      errors: commands(lines, 'error'),
      warnings: commands(lines, 'warning'),
      masks: commands(lines, 'add-mask').map(({ message }) => message),
    }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

function environment(temporary: string, workspace: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/root',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTOR: 'octocat',
    GITHUB_API_URL: 'http://127.0.0.1:9', // nothing listens there: no test reaches the real GitHub
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_JOB: 'test',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REPOSITORY: 'octo/fleet',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_NUMBER: '1',
    GITHUB_WORKFLOW: 'test',
    GITHUB_WORKSPACE: workspace,
    GITHUB_OUTPUT: join(temporary, 'output'),
    GITHUB_ENV: join(temporary, 'env'),
    GITHUB_PATH: join(temporary, 'path'),
    GITHUB_STATE: join(temporary, 'state'),
    GITHUB_STEP_SUMMARY: join(temporary, 'step_summary'),
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    RUNNER_TEMP: temporary,
    RUNNER_TOOL_CACHE: temporary,
    RUNNER_NAME: 'test',
    RUNNER_ENVIRONMENT: 'self-hosted',
  }
}

function inputVariables({ inputs = {}, state = {} }: RunnerOptions): Record<string, string> {
  return Object.fromEntries([
    ...Object.entries(inputs).map(([key, value]) => [
      `INPUT_${key.replaceAll(' ', '_').toUpperCase()}`,
      value,
    ]),
    ...Object.entries(state).map(([key, value]) => [`STATE_${key}`, value]),
  ]) as Record<string, string>
}

/** `key=value` lines and heredocs, as the runner reads them. */
function parseFileCommands(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    const heredoc = /^([^=]+?)<<(.+)$/.exec(line)
    if (heredoc?.[1] && heredoc[2]) {
      const end = lines.indexOf(heredoc[2], i + 1)
      values[heredoc[1]] = lines.slice(i + 1, end).join('\n')
      i = end
    } else if (line.includes('=')) {
      values[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
    }
  }
  return values
}

function commands(lines: string[], name: string): Annotation[] {
  return lines.flatMap((line) => {
    const match = /^::([a-z-]+)(?: ([^:]*))?::(.*)$/.exec(line)
    if (match?.[1] !== name) return []
    const properties = (match[2] ?? '')
      .split(',')
      .filter(Boolean)
      .map((pair) => {
        const [key = '', value = ''] = pair.split('=')
        return [key, decode(value)]
      })
    return [
      {
        message: decode(match[3] ?? ''),
        properties: Object.fromEntries(properties) as Record<string, string>,
      },
    ]
  })
}

function decode(text: string): string {
  return text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%')
}
