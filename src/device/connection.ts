import type { RunResult } from '../platform/platform.ts'
import type { CollectOptions, Collected } from './collect.ts'

export interface CommandOptions {
  signal?: AbortSignal
  /** What the program reads on its standard input: the place for a secret. It reads nothing unless given. */
  input?: string
  /** The command is given up after so many ms; 60 000 unless given. */
  timeoutMs?: number
}

/** Where testinfra finds the device: the arguments that make it use this connection. */
export interface TestinfraTarget {
  /** `ssh://device` or `local://`. */
  url: string
  /** Path of an ssh configuration with this connection's key, host key and master. */
  sshConfig: string | undefined
}

/** A device that can be spoken to. */
export interface Connection {
  /** What to call the device in reports: its address. */
  readonly name: string
  readonly testinfra: TestinfraTarget
  /**
   * Runs a program on the device to its end with an argument list and returns what it said, whatever its exit status.
   * Throws `device-unreachable` where the connection breaks or the time is up; the program may then go on over there.
   */
  run(program: string, args?: readonly string[], options?: CommandOptions): Promise<RunResult>
  /** Changes with every start of the device. */
  bootId(): Promise<string>
  /** The release that the running system says it is; undefined where it says nothing. */
  release(): Promise<string | undefined>
  /** Starts the device anew and returns when it answers with another boot id. Throws `device-unreachable` after the limit. */
  reboot(options?: { limitMs?: number }): Promise<void>
  /**
   * What the device can tell about how it is: its journal, kernel messages, failed units, logs and, of a virtual device, its
   * console. Also after a test failed or the connection was lost: then it tries once more to reach the device, whose
   * `boot-id` says which start it is. Never rejects but for an abort; what can't be had is named with the reason.
   */
  collect(options?: CollectOptions): Promise<Collected>
  /** Resolves when the connection is lost or closed; never rejects. */
  readonly lost: Promise<void>
  /** Ends the connection and what was made for it. May be repeated. */
  close(): Promise<void>
}

/** `IMAGE_VERSION` of an os-release file's text. */
export function imageVersionOf(osRelease: string): string | undefined {
  const value = /^IMAGE_VERSION=(.*)$/m.exec(osRelease)?.[1]?.trim()
  return value?.replace(/^(["'])(.*)\1$/, '$2') || undefined
}
