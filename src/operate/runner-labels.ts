// What a device's runner is called, and the labels by which a job finds it and no other.
import { createHash, randomBytes } from 'node:crypto'
import { Failure } from '../platform/platform.ts'

/** GitHub takes names of at most so many characters. */
const maxName = 64
const maxLabel = 100

/** The run that a runner is started for. */
export interface RunAttempt {
  /** The run's number, or `shell` outside of one. */
  run: string
  attempt: string
}

/** `drover-<host>-<run>-<attempt>`: the same for every try within one attempt, and no other's. */
export function runnerName(host: string, { run, attempt }: RunAttempt): string {
  const end = `-${run}-${attempt}`
  return `${prefixOf(host, maxName - end.length)}${end}`
}

/** Whether a runner of this name was started for the device, by whatever run. */
export function isRunnerOf(host: string, name: string): boolean {
  const [, start = '', end = ''] = /^(.*?)(-(?:\d+|shell)-\d+)$/.exec(name) ?? []
  return start !== '' && start === prefixOf(host, maxName - end.length)
}

function prefixOf(host: string, room: number): string {
  const whole = `drover-${plain(host)}`
  // a name that lost something gets a mark, so that no two devices share it
  if (whole === `drover-${host}` && whole.length <= room) return whole
  const mark = createHash('sha256').update(host).digest('hex').slice(0, 8)
  return `${whole.slice(0, room - 9)}-${mark}`
}

/**
 * A label that says what the device is, and that nobody can know before: a job that waits with `self-hosted` or the device
 * type as its label, perhaps a stranger's, never gets the runner.
 */
export function labelFor(deviceType: string | undefined): string {
  return `drover-${plain(deviceType ?? 'device').slice(0, 60)}-${randomBytes(8).toString('hex')}`
}

const plain = (text: string) => text.replace(/[^A-Za-z0-9._-]+/g, '-')

/** Labels as people give them, without repeats. Throws `bad-input` for what can't be one. */
export function checkLabels(labels: readonly string[], input: string): string[] {
  const wrong = labels.find((label) => label.length > maxLabel || !/^[\w. :/+-]+$/.test(label))
  if (wrong !== undefined)
    throw new Failure(
      'bad-input',
      `${input}: "${wrong}" can't be a label: use letters, digits, ".", "-", "_"`,
    )
  const seen = new Set<string>()
  return labels.filter((label) => !seen.has(label.toLowerCase()) && seen.add(label.toLowerCase()))
}

/** Those of `wanted` that the runner doesn't have; GitHub doesn't tell capitals from small letters. */
export function missingLabels(wanted: readonly string[], has: readonly string[]): string[] {
  const known = new Set(has.map((label) => label.toLowerCase()))
  return wanted.filter((label) => !known.has(label.toLowerCase()))
}
