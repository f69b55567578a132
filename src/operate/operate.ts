// What happens to a fleet over time, composed of what the folders below know.
export { type UpdateToVerify, verifyUpdate } from './verify.ts'
export { type EnrolledRunner, type RunnerRequest, enrollRunner } from './enroll-runner.ts'
export { requireRunner } from './require-runner.ts'
export { type RunnerDevice, runnerDevice } from './runner-device.ts'
export type { RegisteredRunner, RunnerRegistry } from './runner-registry.ts'
