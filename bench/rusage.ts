import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Measured } from './measured.ts'

// what the system counted itself: short runs end between two looks from outside
const program = `
import json, resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"seconds": seconds, "cpuSeconds": used.ru_utime + used.ru_stime, "peakMiB": used.ru_maxrss / 1024}))
sys.exit(done.returncode)
`

/** Runs a program to its end without its output and measures it to the millisecond; throws where it fails. */
export async function measuredExactly(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', program, ...command], {
    env: { ...process.env, ...env },
  })
  const { seconds, cpuSeconds, peakMiB }: Measured = JSON.parse(stdout)
  return { seconds, cpuSeconds, peakMiB }
}
