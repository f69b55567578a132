// What every update file says of its release in the same words: the name, and the device types that it is for.
import { type Digest, Failure, hexOf } from '../platform/platform.ts'
import type { Findings } from './findings.ts'
import type { WriteRequest } from './write-request.ts'

/** It becomes part of a file's name, a URL and a line of a log. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const releaseName = /^(?!\.{1,2}$)[^\s/\\\u0000-\u001f\u007f-\u009f]{1,256}$/u
const deviceType = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/

/** Finds what no release can be called, or what a name can't begin with: `bad-input`. */
export function checkReleaseName(name: WriteRequest['name'], findings: Findings): void {
  const given = typeof name === 'string' ? name : name.prefix
  if (releaseName.test(given)) return
  const rule = 'at most 256 characters, without white space and slashes, and not . or ..'
  const what =
    typeof name === 'string'
      ? `${JSON.stringify(given)} can't be a release's name: ${rule}`
      : `no release's name can be made of the source's, ${JSON.stringify(given)} (${rule}): give a name`
  findings.add(new Failure('bad-input', what))
}

/** Finds every device type that a device can't have, and that there is none: `bad-input` each. */
export function checkDeviceTypes(deviceTypes: readonly string[], findings: Findings): void {
  const bad = (message: string) => findings.add(new Failure('bad-input', message))
  if (deviceTypes.length === 0) {
    bad('no device type was given: name at least one that may install it (device-types)')
  }
  for (const type of deviceTypes) {
    if (deviceType.test(type)) continue
    const rule = 'letters, digits and ._+- only, at most 128, the first a letter or digit'
    bad(`${JSON.stringify(type)} can't be a device type: ${rule}`)
  }
}

/** The name that a release was given, or the one that is made of what it brings; all of the latter are of one length. */
export function releaseNameOf(name: WriteRequest['name'], contentDigest: Digest): string {
  return typeof name === 'string' ? name : `${name.prefix}-${hexOf(contentDigest).slice(0, 12)}`
}

/** For planning sizes before any content is known. */
export const unknownDigest: Digest = `sha256:${'0'.repeat(64)}`
