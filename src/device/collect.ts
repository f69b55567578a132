// What a device can tell about how it is: for whoever has to find out later why something failed on it.
import { Failure, type RunResult, lastWords, messageOf } from '../platform/platform.ts'

export interface CollectOptions {
  /** The most of each text, in bytes: its end is kept. A megabyte unless given. */
  maxBytes?: number
  signal?: AbortSignal
}

/** The names of what is collected. `console` is there only where this machine holds the device's console. */
export type CollectedName =
  'boot-id' | 'failed-units' | 'journal' | 'journal-before' | 'kernel' | 'logs' | 'console'

export interface Collected {
  /** What the device told, by name. An empty text is an answer: no unit failed, say. */
  texts: Partial<Record<CollectedName, string>>
  /** Why the rest is not there, by name. */
  missing: Partial<Record<CollectedName, string>>
}

type Run = (
  program: string,
  args: readonly string[],
  options: { timeoutMs: number; signal?: AbortSignal },
) => Promise<RunResult>

const oneTextMs = 20_000

// a user who is not root may be allowed to ask by sudo; the first answer counts
const asRoot = 'ask() { "$@" 2>/dev/null || sudo -n "$@"; }'
const has = (program: string) =>
  `command -v ${program} >/dev/null || { echo "the device has no ${program}" >&2; exit 1; }`

/** What to run with a shell for each text; $1 is how many bytes may come back. */
const scripts: Readonly<Record<Exclude<CollectedName, 'console'>, string>> = {
  'boot-id': 'cat /proc/sys/kernel/random/boot_id',
  'failed-units': `${has('systemctl')}
systemctl list-units --failed --full --plain --no-legend --no-pager | tail -c "$1"`,
  journal: `${has('journalctl')}; ${asRoot}
ask journalctl --boot --output short-iso-precise --no-pager | tail -c "$1"`,
  'journal-before': `${has('journalctl')}; ${asRoot}
ask journalctl --boot -1 --output short-iso-precise --no-pager >/dev/null 2>&1 || { echo "the device keeps no journal of its start before this one" >&2; exit 1; }
ask journalctl --boot -1 --output short-iso-precise --no-pager | tail -c "$1"`,
  kernel: `${has('dmesg')}; ${asRoot}
ask dmesg | tail -c "$1"`,
  // of systems without a journal
  logs: `${asRoot}
for log in /var/log/syslog /var/log/messages /var/log/*.log /data/log/*.log; do
  [ -f "$log" ] || continue
  echo "== $log"
  ask tail -c "$(($1 / 8))" "$log"
done | tail -c "$1"`,
}

/**
 * Collects everything that `run` can get of a device, and the console where one is given. Rejects only where it is aborted:
 * a device that is gone is no surprise here.
 */
export async function collectFrom(
  run: Run,
  options: CollectOptions,
  console?: () => Promise<string>,
): Promise<Collected> {
  const { maxBytes = 1 << 20, signal } = options
  const collected: Collected = { texts: {}, missing: {} }
  const { texts, missing } = collected
  for (const name of Object.keys(scripts) as (keyof typeof scripts)[]) {
    signal?.throwIfAborted()
    try {
      const args = ['-c', scripts[name], 'sh', String(maxBytes)]
      const { code, stdout, stderr } = await run('sh', args, {
        timeoutMs: oneTextMs,
        ...(signal && { signal }),
      })
      if (code === 0) texts[name] = endOf(stdout, maxBytes)
      else missing[name] = lastWords(stderr, 'sh', code)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof Failure)) throw error
      missing[name] = error.message
    }
  }
  if (console) {
    try {
      texts.console = endOf(await console(), maxBytes)
    } catch (error) {
      missing.console = messageOf(error)
    }
  }
  return collected
}

/** The last bytes of a text; a character that the cut goes through is left out. */
function endOf(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  return bytes
    .subarray(-maxBytes)
    .toString('utf8')
    .replace(/^\ufffd+/, '')
}
