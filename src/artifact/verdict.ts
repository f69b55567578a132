// What is decided about an update file: checks over what it holds, each with its reason. Pure; verify.ts does the reading.
import { type Digest, Failure, type FailureReason } from '../platform/platform.ts'
import type { ArtifactInfo } from './artifact-info.ts'
import { scriptsProvide } from './content-digest.ts'
import { ageOf } from './release-age.ts'
import { fieldVariant, isLabVariant, variantsIn } from './variant.ts'

/** What an update file must be. Each part that is not given is not checked. */
export interface VerifyPolicy {
  /** Public keys (PEM), of which one must have signed the file. Without any its signature is not checked. */
  keys: readonly string[]
  /** Device types that it must be for, all of them; it may be for more. */
  deviceTypes: readonly string[]
  /** The variant that it must be of; `field` is any but `lab`, and none. */
  variant?: string | undefined
  /** Name of the oldest release that is accepted, or its time (YYYYMMDDTHHMM, UTC). */
  minVersion?: string | undefined
  /** Release names and content digests that are never accepted. */
  knownBad?: ReadonlySet<string> | undefined
  /** What was tested; where this is given, it must cover each device type. */
  receipts?: readonly Tested[] | undefined
}

/** What a receipt says whose signature was checked, or why there is nothing that it says. */
export type Tested =
  | {
      file: string
      release: string
      contentDigest: Digest
      deviceType: string
      result: 'pass' | 'fail'
      /** What the device said that its update client installed. */
      reported?: { provides: Readonly<Record<string, string>> } | undefined
    }
  | { file: string; failure: Failure }

export interface Check {
  what: 'file' | 'signature' | 'known-bad' | 'receipt' | 'device types' | 'variant' | 'version'
  /** `not-checked`: nothing to check it with was given, or the file can't be read so far. */
  result: 'ok' | 'refused' | 'not-checked'
  /** One reason for each thing that is wrong; empty unless refused. */
  reasons: readonly FailureReason[]
  /** For people, in one line. */
  detail: string
}

export interface Verdict {
  verdict: 'accept' | 'refuse'
  /** Each reason once, the gravest first; empty where it is accepted. */
  reasons: readonly FailureReason[]
  /** In the order of gravity. */
  checks: readonly Check[]
  /** Absent where the file can't be read to its end. Only a signature's check makes any of it true. */
  info?: ArtifactInfo
}

export const checkOk = (what: Check['what'], detail: string): Check => ({
  what,
  result: 'ok',
  reasons: [],
  detail,
})
export const notChecked = (what: Check['what'], detail: string): Check => ({
  what,
  result: 'not-checked',
  reasons: [],
  detail,
})
export const refusal = (what: Check['what'], detail: string, ...reasons: FailureReason[]): Check => ({
  what,
  result: 'refused',
  reasons,
  detail,
})

/** The verdict that follows from `checks`. */
export function verdictOf(checks: readonly Check[], info?: ArtifactInfo): Verdict {
  const reasons = [...new Set(checks.flatMap((check) => check.reasons))]
  return {
    verdict: checks.some(({ result }) => result === 'refused') ? 'refuse' : 'accept',
    reasons,
    checks,
    ...(info === undefined ? {} : { info }),
  }
}

/** Throws the gravest reason of a refusal, with all of them in its message; does nothing where it is accepted. */
export function requireAccepted(verdict: Verdict): void {
  const [first] = verdict.reasons
  if (first === undefined) return
  const refused = verdict.checks.filter(({ result }) => result === 'refused')
  throw new Failure(first, `the artifact is refused: ${refused.map(({ detail }) => detail).join('; ')}`)
}

/** All checks of a sound file but that of its signature. */
export function judge(info: ArtifactInfo, policy: VerifyPolicy): Check[] {
  const names = namesOf(info, policy)
  return [
    checkKnownBad([...names, info.contentDigest], policy.knownBad),
    checkReceipts(info, policy),
    checkDeviceTypes(info, policy.deviceTypes),
    checkVariant(info, policy.variant),
    checkVersion(names, policy.minVersion),
  ]
}

/** What it is called, and was when it was tested: a file that nobody signed can get any name. */
function namesOf({ name, contentDigest }: ArtifactInfo, { receipts = [] }: VerifyPolicy): string[] {
  const tested = receipts.flatMap((receipt) =>
    'failure' in receipt || receipt.contentDigest !== contentDigest ? [] : [receipt.release],
  )
  return [...new Set([name, ...tested])]
}

function checkKnownBad(own: readonly string[], knownBad: ReadonlySet<string> | undefined): Check {
  if (knownBad === undefined) return notChecked('known-bad', 'no fleet was given')
  const found = own.filter((one) => knownBad.has(one))
  if (found.length === 0) return checkOk('known-bad', `none of the ${knownBad.size} entries of known-bad`)
  return refusal('known-bad', `${found.join(' and ')} is listed in known-bad`, 'known-bad')
}

function checkReceipts(info: ArtifactInfo, { receipts, deviceTypes }: VerifyPolicy): Check {
  if (receipts === undefined) return notChecked('receipt', 'no receipt was asked for')
  const problems: string[] = []
  const reasons: FailureReason[] = []
  const tested = new Set<string>()
  const refuse = (reason: FailureReason, why: string) => {
    reasons.push(reason)
    problems.push(why)
  }
  for (const receipt of receipts) {
    if ('failure' in receipt) refuse(receipt.failure.detail, receipt.failure.message)
    else if (receipt.contentDigest !== info.contentDigest) {
      const digests = `${receipt.contentDigest}, not of ${info.contentDigest}`
      refuse('not-as-tested', `${receipt.file} is about the content ${digests}`)
    } else if (receipt.result !== 'pass') {
      refuse('not-as-tested', `${receipt.file} says that tests failed on ${receipt.deviceType}`)
    } else {
      const other = otherImage(info, receipt.reported?.provides)
      if (other === undefined) tested.add(receipt.deviceType)
      else refuse('not-as-tested', `${receipt.file}: ${other}`)
    }
  }
  if (info.format === 'mender' && info.scripts.length > 0 && info.provides[scriptsProvide] === undefined) {
    const how = 'package it with package-artifact, which counts them'
    refuse('not-as-tested', `it has state scripts that its content digest leaves out: ${how}`)
  }
  const wanted = deviceTypes.length > 0 ? deviceTypes : info.deviceTypes
  const untested = wanted.filter((type) => !tested.has(type))
  if (untested.length > 0 && problems.length === 0) {
    const others = tested.size === 0 ? '' : `, only for ${[...tested].join(', ')}`
    refuse('not-as-tested', `there is no receipt for ${untested.join(', ')}${others}`)
  }
  if (problems.length > 0) return refusal('receipt', problems.join('; '), ...reasons)
  return checkOk('receipt', `this content passed its tests on ${wanted.join(', ')}`)
}

/** Mender's client keeps the checksum of the root file system that it wrote: the device's own word on what was tested. */
function otherImage(
  { payloads }: ArtifactInfo,
  provides: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const reported = provides?.['rootfs-image.checksum']
  const images = payloads.filter(({ type }) => type === 'rootfs-image').flatMap(({ files }) => files)
  if (reported === undefined || images.length === 0) return undefined
  if (images.some(({ checksum }) => checksum === reported)) return undefined
  return `the device itself reported the image ${reported}, not ${images[0]?.checksum}: whatever was tested, it was not this`
}

function checkDeviceTypes({ deviceTypes }: ArtifactInfo, wanted: readonly string[]): Check {
  const own = deviceTypes.join(', ')
  if (wanted.length === 0) return notChecked('device types', `it is for ${own}`)
  const missing = wanted.filter((type) => !deviceTypes.includes(type))
  if (missing.length === 0) return checkOk('device types', `it is for ${own}`)
  return refusal('device types', `it is for ${own}, not for ${missing.join(', ')}`, 'wrong-device-type')
}

function checkVariant({ provides }: ArtifactInfo, wanted: string | undefined): Check {
  const own = variantsIn(provides)
  const said = own.length === 0 ? 'it names no variant' : `it is of the variant ${own.join(', ')}`
  if (wanted === undefined) return notChecked('variant', said)
  const isRight = wanted === fieldVariant ? !isLabVariant(provides) : own.includes(wanted)
  return isRight
    ? checkOk('variant', said)
    : refusal('variant', `${said}, and should be for ${wanted}`, 'wrong-variant')
}

function checkVersion(names: readonly string[], least: string | undefined): Check {
  if (least === undefined) return notChecked('version', names.join(', tested as '))
  for (const name of names) {
    const age = ageOf(name, least)
    if (age.order === 'older') return refusal('version', `${name} is older than ${least}`, 'too-old')
    if (age.order === 'unknown') {
      return refusal(
        'version',
        `${age.why}, so nothing says which is older: give a release of the same recipe as min-version, or a time such as 20260112T0930`,
        'not-comparable',
      )
    }
  }
  return checkOk('version', `${names.join(' and ')} is not older than ${least}`)
}
