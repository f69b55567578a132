// The demonstration's folder and what lives in it. Every process it starts carries the folder in its environment, so
// that whatever an earlier run left behind, however it ended, is found by that and by nothing else.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../src/platform/platform.ts'

const marker = 'DROVER_DEMO_RUN'

/** Where everything of the demonstration is. */
export interface RunFolder {
  path: string
  /** Environment for every process that is started. */
  environment: Record<string, string>
}

/** Ends what an earlier run left, and makes an empty folder. Throws where another demonstration is running now. */
export async function freshRunFolder(say: (line: string) => void): Promise<RunFolder> {
  const path = runPath()
  const owner = ownerOf(path)
  if (owner !== undefined) {
    throw new Failure(
      'bad-input',
      `another demonstration is running (process ${owner}): wait for it, or end it with: kill ${owner}`,
    )
  }
  const ended = await endProcesses(path)
  if (ended > 0) say(`ended ${ended} processes that an earlier run had left`)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true, mode: 0o700 })
  writeFileSync(join(path, 'owner'), `${process.pid} ${startTime(process.pid)}`)
  return { path, environment: { [marker]: path } }
}

/** Ends every process that the demonstration in its folder has started; returns how many there were. May be repeated. */
export async function endProcesses(path: string = runPath()): Promise<number> {
  const found = processesOf(path)
  // the supervisors power their devices off on SIGTERM; what is deaf to it is killed
  for (const [name, patienceMs] of [
    ['SIGTERM', 8000],
    ['SIGKILL', 3000],
  ] as const) {
    for (const pid of processesOf(path)) signal(pid, name)
    const until = Date.now() + patienceMs
    while (processesOf(path).length > 0 && Date.now() < until) await new Promise((r) => setTimeout(r, 50))
  }
  return found.length
}

function runPath(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(cache, 'drover', 'demo', 'run')
}

/** The process that runs a demonstration in `path` right now, if there is one. */
function ownerOf(path: string): number | undefined {
  const file = join(path, 'owner')
  if (!existsSync(file)) return undefined
  const [pid = '', time] = readFileSync(file, 'utf8').split(' ')
  return startTime(Number(pid)) === time && time !== '' ? Number(pid) : undefined
}

function processesOf(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environmentOf(pid).includes(`${marker}=${path}`))
    .map(Number)
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return [] // it ended meanwhile, or is not ours to look into
  }
}

/** When a process started, in clock ticks since boot: together with its id this names one process for ever. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // it ended by itself
  }
}
