// What the demonstration's devices are: of this machine's architecture or another one, with a kernel of their own or without.
import { Failure } from '../src/platform/platform.ts'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface Target {
  architecture: Architecture
  deviceType: string
  /** Whether each device is a machine in QEMU; else it lives in namespaces of this machine. */
  isMachine: boolean
  /** How often they report what they are; as the example has it where undefined. */
  reportSeconds: number | undefined
  /** So many times as long as this machine's own devices may they take. */
  patience: number
  /** How long to wait before the next look at what they do, in ms: every look takes time from them. */
  lookMs: number
  /** What the devices are, and how long it will take; undefined where they are the usual ones. */
  about: { devices: string; estimate: string } | undefined
  /** Tells runs of one kind from those of another in the names of files; empty for the usual one. */
  suffix: string
}

/** What devices are on this machine whose architecture they have unless another is given. Throws `bad-input`. */
export function targetOf(given: { arch?: string | undefined; machines?: boolean | undefined }): Target {
  const own: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const architecture = architectures.find((name) => name === (given.arch ?? own))
  if (architecture === undefined)
    throw new Failure('bad-input', `--arch ${given.arch}: it can be ${architectures.join(' or ')}`)
  const isMachine = given.machines === true
  const isForeign = architecture !== own
  const kind = isMachine
    ? `${architecture} machines in QEMU, each with a kernel of its own`
    : `${architecture} systems whose programs this ${own} machine emulates, on its own kernel`
  return {
    architecture,
    deviceType: `virtual-${architecture}`,
    isMachine,
    reportSeconds: isMachine ? 30 : isForeign ? 10 : undefined,
    patience: isMachine ? 10 : isForeign ? 5 : 1,
    lookMs: isMachine ? 2000 : isForeign ? 1000 : 500,
    about:
      isForeign || isMachine
        ? { devices: `The devices are ${kind}.`, estimate: estimate(isForeign, isMachine) }
        : undefined,
    suffix: `${isForeign ? `-${architecture}` : ''}${isMachine ? '-machines' : ''}`,
  }
}

function estimate(isForeign: boolean, isMachine: boolean): string {
  const later = isMachine ? 'about six minutes' : 'about three minutes'
  const first = isForeign ? ', and ten more where no base system of that architecture is kept yet' : ''
  return `On two cores that takes ${later}${first}.`
}
