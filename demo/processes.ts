// Processes that are known by one variable of their environment, which all that they start inherit.
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Ends every process that has `variable` (`NAME=value`) in its environment, except this one: first kindly, since supervisors
 * power their devices off on SIGTERM, then not. Returns how many there were. May be repeated.
 */
export async function endProcessesWith(variable: string, patienceMs: number): Promise<number> {
  const found = processesWith(variable)
  for (const [name, withinMs] of [
    ['SIGTERM', patienceMs],
    ['SIGKILL', 3000],
  ] as const) {
    for (const pid of processesWith(variable)) signal(pid, name)
    const end = Date.now() + withinMs
    while (processesWith(variable).length > 0 && Date.now() < end) await sleep(50)
  }
  return found.length
}

function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environmentOf(pid).includes(variable))
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
