import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { type Context, Failure, start } from '../platform/platform.ts'
import { collectFrom } from './collect.ts'
import { type CommandOptions, type Connection, imageVersionOf } from './connection.ts'

/** The machine that this runs on, as a device: for a runner on the device itself. It can't reboot under its own job. */
export function connectLocal(context: Context): Connection {
  const { promise: lost, resolve: tellLost } = Promise.withResolvers<void>()
  const name = hostname()
  const run: Connection['run'] = async (program, args = [], options: CommandOptions = {}) => {
    const { timeoutMs = 60_000 } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const signals = [context.signal, deadline, ...(options.signal ? [options.signal] : [])]
    try {
      const input = options.input === undefined ? {} : { input: options.input }
      return await start(program, args, { signal: AbortSignal.any(signals), ...input }).done
    } catch (error) {
      if (error !== deadline.reason) throw error
      const message = `${program} on ${name} did not end within ${timeoutMs / 1000} s`
      throw new Failure('device-unreachable', message, { cause: error })
    }
  }
  return {
    name,
    testinfra: { url: 'local://', sshConfig: undefined },
    lost,
    run,
    collect: (options = {}) => collectFrom(run, options),
    bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    release: async () => imageVersionOf(await readFile('/etc/os-release', 'utf8').catch(() => '')),
    reboot: async () => {
      throw new Failure(
        'bad-input',
        "device: local: is the machine that this job runs on; it can't reboot it",
      )
    },
    close: async () => tellLost(),
  }
}
