import type { Connection } from '../device/device.ts'
import { Failure, isDigest } from '../platform/platform.ts'

/** The name in `expect-release`. Throws `bad-input`. */
export function expectedName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const [name = '', digest] = text.split('@')
  // a device can't tell its release's content digest: the order has been placed by it, and the name holds a part of it
  if (name !== '' && (digest === undefined || isDigest(digest))) return name
  throw new Failure('bad-input', `expect-release is "${text}": write name or name@sha256:…`)
}

/** Throws `wrong-release` and `no-release-fact`. */
export function checkRelease(
  connection: Connection,
  release: string | undefined,
  expected: string | undefined,
): void {
  if (expected === undefined || release === expected) return
  if (release === undefined) {
    throw new Failure(
      'no-release-fact',
      `${connection.name} doesn't say which release it runs: its /etc/os-release needs an IMAGE_VERSION; ${expected} was expected`,
    )
  }
  throw new Failure(
    'wrong-release',
    `${connection.name} runs ${release}, not ${expected}: nothing was tested. Did the update arrive, or did the device go back?`,
  )
}
