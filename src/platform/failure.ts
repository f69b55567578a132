/** Every reason an action can fail for: the closed list behind the output `failure-reason`. docs/failure-reasons.md explains each. */
export const failureReasons = [
  // what was given is wrong
  'bad-input',
  'invalid-file',
  'file-missing',
  'unsupported-template',
  'bad-key',
  // the machine lacks something
  'missing-tool',
  'missing-rights',
  'disk-full',
  // image and artifact
  'build-failed',
  'signing-failed',
  'artifact-damaged',
  'artifact-conflict',
  'artifact-unsigned',
  'artifact-checksum',
  'artifact-members',
  'artifact-path',
  'artifact-too-large',
  'artifact-signature',
  'artifact-wrong-key',
  'wrong-device-type',
  'wrong-variant',
  'known-bad',
  'too-old',
  'not-comparable',
  'receipt-invalid',
  'receipt-wrong-key',
  'not-as-tested',
  // the OTA server
  'unreachable',
  'bad-credentials',
  'unexpected-reply',
  'server-refused',
  'upload-incomplete',
  'release-missing',
  // devices
  'device-missing',
  'device-not-accepted',
  'device-silent',
  'device-busy',
  'device-unreachable',
  'host-key-mismatch',
  'update-failed',
  'update-timeout',
  'rolled-back',
  'no-release-fact',
  'no-device-matched',
  // tests
  'tests-failed',
  'tests-not-run',
  'wrong-release',
  // fleet and plan
  'not-a-stage',
  'shallow-clone',
  'plan-changed',
  'not-reviewed',
  'over-budget',
  'halted',
  // GitHub
  'github-refused',
  // runners on devices
  'fork-refused',
  'device-unsuitable',
  'runner-failed',
  'runner-missing',
  // the run itself
  'cancelled',
  'internal',
] as const

export type FailureReason = (typeof failureReasons)[number]

/** One thing wrong in a file that a person wrote. Lines and columns count from 1. */
export interface Problem {
  file: string
  line?: number
  column?: number
  message: string
}

/**
 * The one foreseen kind of error. `reason` becomes the output `failure-reason`; the message says what is wrong, where,
 * and what to do next, and never contains a secret. Anything else that is thrown counts as a bug of ours.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly reason: FailureReason
  /** All problems found, in file order; each becomes an annotation. */
  readonly problems: readonly Problem[]
  /** A narrower reason, where one is known: a checksum, say, of all that can be wrong with an artifact that is damaged. */
  readonly detail: FailureReason

  constructor(
    reason: FailureReason,
    message: string,
    options: { cause?: unknown; problems?: readonly Problem[]; detail?: FailureReason | undefined } = {},
  ) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.problems = options.problems ?? []
    this.detail = options.detail ?? reason
  }
}

/** The message of anything that was thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return error instanceof Error ? error.message || error.name : String(error)
}

/** Whether `error` is a system error with this code (`ENOENT`, `ENOSPC`, …), also where it is wrapped as a cause. */
export function hasCode(error: unknown, code: string): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && at.code === code) return true
  }
  return false
}
