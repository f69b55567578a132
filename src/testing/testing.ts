// Runs a test suite on a device and says what came out: pass, fail, or that nothing can be said.
export { type AboutDevice, aboutDevice } from './device-facts.ts'
export { type TestOptions, runTests } from './run-tests.ts'
export { type TestDeviceOptions, requirePass, tally, testDevice } from './test-device.ts'
export type { TestCase, TestRun, Verdict } from './test-run.ts'
export { testSummary } from './test-summary.ts'
export { readJunit } from './junit.ts'
