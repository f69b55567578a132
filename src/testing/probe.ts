// Asks a device many things in one round trip, with nothing on it but a POSIX shell. Hides how answers are told apart.
import { randomBytes } from 'node:crypto'
import { type Connection, shellQuote } from '../device/device.ts'
import { Failure, lastWords } from '../platform/platform.ts'

/** Something to ask of a device. */
export interface Probe {
  /** A POSIX shell's commands; every word in it that comes from outside is quoted by `shellQuote`. */
  script: string
  /** How long it may take, in seconds: for what runs somebody's program. */
  limitSeconds?: number
}

/** What a device answered. */
export interface ProbeResult {
  status: number
  /** Standard output and standard error, at most 256 KiB. */
  output: string
  /** Whether there may have been more: what is not in `output` is not known then. */
  isCut: boolean
  seconds: number
}

/** One argument of a program has at most 128 KiB, and the whole script is one. */
const maxScriptBytes = 100_000
const maxProbes = 50
const maxOutputBytes = 256 << 10
const baseLimitMs = 60_000

/**
 * The command line that ends `words` after a number of seconds, for a probe's script: by the device's own `timeout` where it
 * has one, whichever its form.
 */
export function limited(seconds: number, words: readonly string[]): string {
  return `limit_ ${seconds} ${shellQuote(words)}`
}

/**
 * Asks all `probes`, in as few round trips as fit, and gives their results in order; equal scripts are asked once. Throws
 * `device-unreachable`, and `tests-not-run` where the device can't be asked like this.
 */
export async function ask(connection: Connection, probes: readonly Probe[]): Promise<ProbeResult[]> {
  const answers = new Map<string, ProbeResult>()
  const different = new Map(probes.map((probe) => [probe.script, probe]))
  for (const batch of batchesOf([...different.values()])) {
    const results = await askBatch(connection, batch)
    for (const [index, { script }] of batch.entries()) {
      const result = results[index]
      if (result) answers.set(script, result)
    }
  }
  return probes.map(({ script }) => {
    const result = answers.get(script)
    if (!result) throw new Error('a probe without an answer')
    return result
  })
}

function batchesOf(probes: readonly Probe[]): Probe[][] {
  const batches: Probe[][] = []
  let bytes = Infinity
  for (const probe of probes) {
    const size = Buffer.byteLength(shellQuote([asCommand(probe, 0, '')]))
    const last = batches.at(-1)
    if (!last || last.length === maxProbes || bytes + size > maxScriptBytes) {
      batches.push([probe])
      bytes = size
    } else {
      last.push(probe)
      bytes += size
    }
  }
  return batches
}

async function askBatch(connection: Connection, batch: readonly Probe[]): Promise<ProbeResult[]> {
  const mark = `-- ${randomBytes(12).toString('hex')}`
  const script = [prologue, ...batch.map((probe, index) => asCommand(probe, index, mark))].join('\n')
  const ownLimits = batch.reduce((sum, { limitSeconds = 0 }) => sum + limitSeconds + 5, 0)
  const result = await connection.run('sh', ['-c', script], { timeoutMs: baseLimitMs + ownLimits * 1000 })
  const results = answersIn(result.stdout, mark)
  if (results.length === batch.length) return results
  const said = lastWords(result.stderr, 'sh', result.code)
  throw new Failure('tests-not-run', `${connection.name} can't be asked: its shell stopped half-way: ${said}`)
}

// busybox and coreutils have `timeout` in three forms, small systems none; `head -c` is not POSIX, and /proc/uptime is read
// without starting a program
const prologue = `LC_ALL=C; export LC_ALL; PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"; export PATH
if head -c 1 </dev/null >/dev/null 2>&1; then cut_() { head -c ${maxOutputBytes + 1}; cat >/dev/null; }; else cut_() { cat; }; fi
up_() { u_=; read -r u_ x_ </proc/uptime; }
if timeout -k 1 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout -k 2 "$t_" "$@"; }
elif timeout 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout "$t_" "$@"; }
elif timeout -t 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout -t "$t_" "$@"; }
else limit_() { t_=$1; shift; "$@" & p_=$!; ( sleep "$t_"; kill -9 "$p_" ) >/dev/null 2>&1 & w_=$!; wait "$p_"; r_=$?; kill "$w_" 2>/dev/null; return "$r_"; }
fi`

// the status goes past the limit on the output by a descriptor of its own
function asCommand({ script }: Probe, index: number, mark: string): string {
  return `up_; printf '%s %s %s\\n' '${mark}' ${index} "$u_"
{ s_=$( { { (
${script}
) </dev/null 2>&1 3>&- 4>&-; echo $? >&3; } | cut_ >&4; } 3>&1 ); } 4>&1
up_; printf '\\n%s end %s %s\\n' '${mark}' "$s_" "$u_"`
}

function answersIn(output: string, mark: string): ProbeResult[] {
  const results: ProbeResult[] = []
  let begin: { index: number; uptime: number; lines: string[] } | undefined
  for (const line of output.split('\n')) {
    const [, what = '', first = '', second = ''] =
      (line.startsWith(mark) && /^ (end|\d+) (\S*) ?(\S*)$/.exec(line.slice(mark.length))) || []
    if (what === '') begin?.lines.push(line)
    else if (what !== 'end') begin = { index: Number(what), uptime: Number(first), lines: [] }
    else if (begin) {
      // what was said may end without a line feed, so one of ours always follows
      const output = begin.lines.join('\n').replace(/\n$/, '')
      const seconds = Math.max(0, Number(second) - begin.uptime) || 0
      const isCut = Buffer.byteLength(output) >= maxOutputBytes
      results[begin.index] = { status: Number(first), output, isCut, seconds }
      begin = undefined
    }
  }
  return results
}
