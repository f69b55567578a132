// What the contract of the port needs of a server with devices and artifacts, whichever server it is.
import type { DeviceFacts, Newcomer, OtaServer } from '../../src/ota/ota.ts'
import { until as untilFound } from './until.ts'

/** What every kind of stand-in device can do with an update; some can do more. */
export type LabBehaviour =
  /** installs it, says so, and reports the release */
  | 'success'
  /** says failure while installing, and why */
  | 'fails'
  /** says success and goes on with what it had */
  | 'lies'
  /** stops in the middle of installing until it is told otherwise */
  | 'hangs'
  /** reports facts, but never asks for an update */
  | 'never asks'

export interface LabDeviceOptions {
  serial?: string
  deviceType?: string
  release?: string
  behaviour?: LabBehaviour
  attributes?: Record<string, string | string[]>
}

export interface LabDevice {
  /** The server's id of it. */
  readonly key: string
  behave(behaviour: LabBehaviour): void
  /** From here on it asks and reports nothing. */
  stop(): Promise<void>
}

export interface LabNewcomer extends Newcomer {
  /** Starts it; it asks to be let in with its key, and does not wait for an answer. */
  start: () => LabDevice
}

export interface ServerLab {
  server: OtaServer
  folder: string
  /** Starts a device and, unless told otherwise, waits until it has reported. */
  device: (options?: LabDeviceOptions, waits?: boolean) => Promise<LabDevice>
  /** Writes a small artifact and returns its path. */
  artifact: (
    name: string,
    options?: { deviceTypes?: string[]; content?: string; signingKey?: string; variant?: string },
  ) => Promise<string>
  /** A device that the server does not know yet, and how to start it. */
  newcomer: (serial: string) => LabNewcomer
  /** Puts devices into a group, as an operator does. */
  group: (name: string, devices: readonly string[]) => Promise<void>
  /** How a device of this serial number identifies itself. */
  identity: (serial: string) => Record<string, string>
  /** An operator's own remarks on a device, which nobody else may touch. */
  setRemark: (device: string, name: string, value: string) => Promise<void>
  remarks: (device: string) => Promise<Record<string, string>>
}

/** Waits for a condition; fails the test where it does not come within half a minute, which is for busy machines, unless given longer. */
export async function until(condition: () => Promise<boolean>, limitMs = 30_000): Promise<void> {
  await untilFound(condition.toString(), condition, limitMs)
}

/** All devices of a server in one list. */
export async function allDevices(server: OtaServer): Promise<DeviceFacts[]> {
  const all = []
  for await (const page of server.devices()) all.push(...page)
  return all
}
