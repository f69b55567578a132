// What a run started is known by its home folder: every process has it in its environment, also those that drover itself
// starts with fewer variables.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The home folder of everything that runs in a place. */
export const homeOf = (folder: string) => join(folder, 'home')

/** Ends every process that was started in a place: first kindly, since supervisors power their devices off, then not. */
export async function endProcesses(folder: string): Promise<void> {
  for (const [name, patienceMs] of [
    ['SIGTERM', 10_000],
    ['SIGKILL', 3000],
  ] as const) {
    for (const pid of processesOf(folder)) signal(pid, name)
    const end = Date.now() + patienceMs
    while (processesOf(folder).length > 0 && Date.now() < end) await sleep(50)
  }
}

function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environmentOf(pid).includes(`HOME=${homeOf(folder)}`))
    .map(Number)
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return [] // it ended meanwhile, or is not ours to look into
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // it ended by itself
  }
}
