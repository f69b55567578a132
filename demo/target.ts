// What the demonstration's devices are: of this machine's architecture or of another one.
import { Failure } from '../src/platform/platform.ts'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface Target {
  architecture: Architecture
  deviceType: string
  /** This machine can't run their programs itself: each device is a machine in QEMU, with a kernel of its own. */
  isEmulated: boolean
  /** So many times as long as this machine's own devices may they take. */
  patience: number
  /** How long to wait before the next look at what they do, in ms: every look takes time from them. */
  lookMs: number
  /** How long it will take, for people who wait. */
  estimate: string | undefined
}

/** What devices of an architecture are on this machine, whose own it is unless given. Throws `bad-input`. */
export function targetOf(given: string | undefined): Target {
  const own: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const architecture = architectures.find((name) => name === (given ?? own))
  if (architecture === undefined)
    throw new Failure('bad-input', `--arch ${given}: it can be ${architectures.join(' or ')}`)
  const deviceType = `virtual-${architecture}`
  if (architecture === own)
    return { architecture, deviceType, isEmulated: false, patience: 1, lookMs: 500, estimate: undefined }
  return {
    architecture,
    deviceType,
    isEmulated: true,
    patience: 10,
    lookMs: 2000,
    estimate: `This machine is ${own}: the image of ${architecture} is built, and its devices run, under emulation. On two cores that takes about ten minutes the first time, and five later, with the base system that is kept.`,
  }
}
