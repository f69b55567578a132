// The device's side of a runner: asks, prepares, hands over, looks and ends. Hides the scripts and what they say.
import type { CommandOptions, Connection } from '../device/device.ts'
import { is32Bit } from '../fleet/fleet.ts'
import { Failure, oneLine, shorten } from '../platform/platform.ts'
import { noRoot, unsuitable } from './runner-device.ts'
import {
  handOverScript,
  installedRunner,
  launcher,
  lookScript,
  prepareArguments,
  prepareScript,
  probeScript,
  stopScript,
} from './runner-scripts.ts'

/** Copying some hundred megabytes onto an SD card takes its time. */
const prepareLimitMs = 10 * 60_000
const handOverLimitMs = 30_000
/** What a job needs beside the runner itself, in KiB: less would fail before it has checked anything out. */
const workKiB = 50 * 1024

export type Prepared = { kind: 'ready' } | { kind: 'busy'; name: string | undefined }

export interface Sight {
  /** `ended`: it ended without a job; `gone`: nothing of it is there any more. */
  state: 'preparing' | 'running' | 'ended' | 'gone'
  /** The last lines of its log, in one line. */
  tail: string
}

/** One device over one connection; `host` is what messages call it. */
export interface RunnerHost {
  /** Checks that the device can host a runner; returns the device type that it says it is. */
  check(): Promise<string | undefined>
  /** Makes the runner's folder and the process that owns it. Throws `disk-full`, `runner-failed`. */
  prepare(name: string, idleSeconds: number | undefined): Promise<Prepared>
  /** Starts the prepared runner with its configuration, a secret. */
  handOver(name: string, configuration: string): Promise<void>
  look(name: string): Promise<Sight>
  /** Ends it and removes all of it; nothing happens where another one runs. */
  stop(name: string, options: CommandOptions): Promise<void>
}

/** The device at the other end of `connection`. `signal` ends what is being waited for, but for `stop`. */
export function runnerHost(connection: Connection, host: string, signal: AbortSignal): RunnerHost {
  const ask = async (script: string, args: readonly string[], options: CommandOptions = {}) => {
    const words = ['-c', launcher, 'sh', script, 'drover', ...args]
    const { stdout, stderr } = await connection.run('sh', words, { signal, ...options })
    const lines = stdout.split('\n').flatMap((line) => /^drover:(.*)$/.exec(line)?.[1] ?? [])
    return { lines, said: `${stdout}\n${stderr}` }
  }
  return {
    check: async () => checked(host, (await ask(probeScript, [installedRunner])).lines),
    prepare: async (name, idleSeconds) => {
      const options = { timeoutMs: prepareLimitMs }
      const { lines, said } = await ask(
        prepareScript,
        prepareArguments(name, installedRunner, idleSeconds),
        options,
      )
      return preparedOf(host, lines[0] ?? `failed ${lastLine(said)}`)
    },
    handOver: async (name, configuration) => {
      const options = { input: `${configuration}\n`, timeoutMs: handOverLimitMs }
      const answer = (await ask(handOverScript, [name], options)).lines[0] ?? 'gone'
      if (answer !== 'taken') throw failedOn(host, answer.replace(/^failed /, ''))
    },
    look: async (name) => sightOf((await ask(lookScript, [name, installedRunner])).lines),
    stop: async (name, options) => {
      const { lines, said } = await ask(stopScript, [name, installedRunner], options)
      if (lines[0] !== 'gone') throw failedOn(host, lines[0]?.replace(/^failed /, '') ?? lastLine(said))
    },
  }
}

function checked(host: string, lines: readonly string[]): string | undefined {
  const values = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1).trim())
  const one = (name: string) => values(name)[0] ?? ''
  if (one('user') === '0') throw noRoot()
  const [machine, bits] = [oneLine(one('machine')), one('class')]
  if (is32Bit(machine) || bits === '1')
    throw unsuitable(
      host,
      `has a system of 32 bits (${machine}${is32Bit(machine) ? '' : ' kernel, 32-bit programs'}), and actions need Node 24, which there is for 64 bits alone. Give it a 64-bit image, or test it over ssh from another machine`,
    )
  if (one('runner') !== 'yes')
    throw new Failure(
      'missing-tool',
      `${host} has no runner: ${installedRunner}/run.sh is not there, or may not be executed. Put GitHub's runner into its image`,
    )
  const missing = values('missing')
  if (missing.length > 0)
    throw new Failure('missing-tool', `${host} lacks ${missing.join(' and ')}: apt-get install util-linux`)
  checkRoom(host, Number(one('size')), one('free'))
  return values('type').find((type) => type !== '')
}

function checkRoom(host: string, sizeKiB: number, free: string): void {
  const neededKiB = sizeKiB + workKiB
  if (!/^\d+$/.test(free) || Number(free) >= neededKiB) return
  const mebi = (kibi: number) => `${Math.ceil(kibi / 1024)} MiB`
  throw new Failure(
    'disk-full',
    `${host} has ${mebi(Number(free))} left in its runner's home, and a job needs ${mebi(neededKiB)}: make room`,
  )
}

function preparedOf(host: string, answer: string): Prepared {
  if (answer === 'ready') return { kind: 'ready' }
  const [, busy] = /^busy ?(.*)$/.exec(answer) ?? []
  if (busy !== undefined) return { kind: 'busy', name: busy.trim() || undefined }
  throw failedOn(host, answer.replace(/^failed /, ''))
}

function sightOf(lines: readonly string[]): Sight {
  const state = lines.find((line) => line.startsWith('state='))?.slice('state='.length) ?? ''
  const tail = lines.filter((line) => line.startsWith('log=')).map((line) => line.slice('log='.length))
  const kind = (['preparing', 'running', 'ended'] as const).find((one) => state.startsWith(one)) ?? 'gone'
  return { state: kind, tail: shorten(oneLine(withoutSecrets(tail.join(' / '))), 1500) }
}

/** What looks like a key or a runner's configuration: a program that fails may well show what it was given. */
const withoutSecrets = (said: string) => said.replace(/[A-Za-z0-9+/]{60,}=*/g, '***')

function failedOn(host: string, why: string): Failure {
  const said = shorten(oneLine(withoutSecrets(why)), 500)
  return /No space left|Disk quota/i.test(why)
    ? new Failure('disk-full', `${host} has no room for a runner: ${said}`)
    : new Failure('runner-failed', `no runner could be started on ${host}: ${said}`)
}

const lastLine = (said: string) => said.trim().split('\n').at(-1) || 'it said nothing'
