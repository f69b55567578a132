// The demonstration's folder and what lives in it. Every process it starts carries the folder in its environment, so
// that whatever an earlier run left behind, however it ended, is found by that and by nothing else.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, cacheFolder, isRunning, startTimeOf } from '../src/platform/platform.ts'
import { endProcessesWith } from './processes.ts'

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
  const owner = runningDemonstration()
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
  writeFileSync(join(path, 'owner'), `${process.pid} ${startTimeOf(process.pid) ?? ''}`)
  const temporary = join(path, 'tmp')
  mkdirSync(temporary)
  return { path, environment: { [marker]: path, TMPDIR: temporary } }
}

/** Removes what takes room, a gigabyte for each run; logs, plans and test results stay. */
export async function forgetLargeFiles({ path }: RunFolder): Promise<void> {
  for (const name of ['devices', 'image', 'image-base', 'ota', 'tmp'])
    await rm(join(path, name), { recursive: true, force: true })
}

/** The process that runs a demonstration right now, if there is one. */
export function runningDemonstration(): number | undefined {
  return ownerOf(runPath())
}

/** Ends every process that the demonstration in its folder has started; returns how many there were. May be repeated. */
export async function endProcesses(path: string = runPath()): Promise<number> {
  return await endProcessesWith(`${marker}=${path}`, 8000)
}

function runPath(): string {
  return cacheFolder('demo/run')
}

function ownerOf(path: string): number | undefined {
  const file = join(path, 'owner')
  if (!existsSync(file)) return undefined
  const [pid = '', startTime = ''] = readFileSync(file, 'utf8').split(' ')
  return isRunning({ pid: Number(pid), startTime }) ? Number(pid) : undefined
}
