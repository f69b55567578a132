import type { Context } from '../platform/platform.ts'
import { type AptSource, withoutCredentials } from './apt-sources.ts'

/** What a base system is made of: packages and nothing of ours. */
export interface BaseRequest {
  suite: string
  /** Debian's word for it: `amd64`, `arm64`. */
  arch: string
  /** Sorted, each once. */
  packages: readonly string[]
  /** Empty where the builder knows a mirror by itself. */
  sources: readonly AptSource[]
  /** Programs with their arguments, run in the new system as root when everything is installed. */
  hooks: readonly (readonly string[])[]
}

/** A program that makes base systems. */
export interface Builder {
  /** Its name with everything about it that shows in the result: another name, another base system. */
  readonly name: string
  /** Free space in bytes that it needs in the temporary folder, beside the result. */
  readonly scratchBytes: number
  /**
   * Writes the root file system with the packages installed as a tar file to `into`, which is new. Works in `scratch`
   * alone; the caller removes it. `time` (seconds since 1970) is given to every file that is newer. Throws
   * `build-failed`, `missing-tool`, `missing-rights` or `disk-full`; after an abort no process of it is left.
   */
  build(request: BaseRequest, to: BuildPlace, context: Context): Promise<void>
}

export interface BuildPlace {
  into: string
  scratch: string
  time: number
}

/** The mirrors of a request for a message, without credentials. */
export function mirrorsOf({ sources }: BaseRequest): string {
  const urls = [...new Set(sources.map(({ url }) => withoutCredentials(url)))]
  return urls.length > 0 ? urls.join(', ') : 'the default mirror'
}
