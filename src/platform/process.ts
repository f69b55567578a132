import { readFileSync } from 'node:fs'

/** A process, told apart from a later one with the same number by when it started. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks from the machine's start, as /proc/<pid>/stat has it. */
  startTime: string
}

/** When a process started; undefined where there is none (one that ended and waits to be collected counts as none). */
export function startTimeOf(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // proc(5): the name in parentheses may hold anything; after it come the state (field 3) and, as field 22, the start time
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Whether this very process still runs. */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  return startTimeOf(pid) === startTime
}
