import type { Problem } from '../platform/platform.ts'
import type { Configuration } from './configuration.ts'
import type { FleetServer, Stage, Switches } from './policy.ts'
import type { Path, Place } from './source.ts'

/** A release that a device should run; for any device type where none is named. */
export interface Image {
  deviceType: string | undefined
  release: string
}

/** One device as Git wants it. */
export interface FleetDevice {
  /** Its name in the inventory. */
  host: string
  /** Its id on the OTA server. */
  id: string
  /** The name of its stage. */
  stage: string
  /** Empty for a retired device alone. */
  images: readonly Image[]
  /** Where `os_image` comes from: the file, and the path of keys in it. */
  imageSource: { file: string; path: Path }
  /** Declared in Git; where undefined, what the device reports counts. */
  deviceType: string | undefined
  isLab: boolean
  site: string | undefined
  timeZone: string | undefined
  isRetired: boolean
  /** Whether it is to host a runner of GitHub's, by its `roles`. */
  isRunner?: boolean
  /** What it is to be configured with; undefined where Git says nothing of it. */
  configuration?: Configuration | undefined
  /** The line that a change to this device's release comes from. */
  at(): Place
  /** The line that says whether it is in the fleet: its `state`, else where the inventory names it. `at` where missing. */
  memberAt?: () => Place
}

/** A fleet repository, resolved and without contradictions. */
export interface Fleet {
  /** Absolute path of the repository's folder. */
  folder: string
  server: FleetServer | undefined
  stages: ReadonlyMap<string, Stage>
  /** All devices of all stages, in the inventory's order. */
  devices: readonly FleetDevice[]
  switches: Switches
  /** What a run without secrets could not know: such configurations are none, and such files are empty. */
  unknown?: readonly Problem[]
  /** What a person should look at although the fleet is valid. */
  warnings: readonly FleetWarning[]
}

/** A warning that is about one stage alone names it. */
export interface FleetWarning extends Problem {
  stage?: string
}

/** The warnings that matter to someone who works on this stage. */
export function warningsFor(fleet: Fleet, stage: string): FleetWarning[] {
  return fleet.warnings.filter((warning) => warning.stage === undefined || warning.stage === stage)
}

/** The release that Git wants on a device of type `deviceType`; undefined where `os_image` has none for it. */
export function releaseFor(device: FleetDevice, deviceType: string | undefined): string | undefined {
  const image =
    device.images.find((image) => image.deviceType !== undefined && image.deviceType === deviceType) ??
    device.images.find((image) => image.deviceType === undefined)
  return image?.release
}
