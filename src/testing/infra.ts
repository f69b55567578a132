import { Failure, type FailureReason } from '../platform/platform.ts'
import { type TestRun, type Verdict, countsOf } from './test-run.ts'

/** The run of a device that could not even be spoken to. Throws `error` again where it is of another kind. */
export function runWithoutDevice(device: string, error: unknown): TestRun {
  return {
    ...infraVerdict(error),
    ...countsOf([]),
    device,
    release: undefined,
    about: undefined,
    cases: [],
    measures: [],
    baselineNote: undefined,
    seconds: 0,
    junit: undefined,
  }
}

/** The reasons that say nothing about what was to be tested. */
const infraReasons: readonly FailureReason[] = [
  'device-unreachable',
  'host-key-mismatch',
  'wrong-release',
  'no-release-fact',
  'tests-not-run',
  'missing-tool',
  'disk-full',
]

/** What keeps a device from being judged, as a verdict. Throws `error` again where it is of another kind. */
export function infraVerdict(error: unknown): Verdict {
  if (!(error instanceof Failure) || !infraReasons.includes(error.reason)) throw error
  return { result: 'infra', reason: error.reason, message: error.message }
}

/** Whether `error` keeps a device from being judged. */
export function isInfra(error: unknown): error is Failure {
  return error instanceof Failure && infraReasons.includes(error.reason)
}
