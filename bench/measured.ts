import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** One run of a program. */
export interface Measured {
  seconds: number
  /** Processor time of all its threads, user and system. */
  cpuSeconds: number
  /** The most memory that it had at a time (VmHWM). */
  peakMiB: number
}

/** Runs a program to its end and measures it; throws with its last words where it fails. */
export async function measured(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const startedAt = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
  let [peakMiB, cpuSeconds] = [0, 0]
  // both only grow, so the last look before the end is near enough
  const watching = setInterval(() => {
    peakMiB = peakOf(child.pid) ?? peakMiB
    cpuSeconds = cpuOf(child.pid) ?? cpuSeconds
  }, 20)
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(watching)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}: ${said}`)
  return { seconds, cpuSeconds, peakMiB }
}

function peakOf(pid: number | undefined): number | undefined {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1]
  return found === undefined ? undefined : Number(found) / 1024
}

function cpuOf(pid: number | undefined): number | undefined {
  const stat = textOf(`/proc/${pid}/stat`)
  // proc(5): fields 14 and 15, in ticks of a hundredth of a second; the name before them may hold anything
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return Number.isFinite(ticks) ? ticks / 100 : undefined
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
