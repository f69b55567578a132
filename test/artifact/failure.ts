import assert from 'node:assert/strict'
import { Failure } from '../../src/platform/platform.ts'

/**
 * For `assert.rejects`: a failure whose message has this, by its reason or its detail; where both are given and differ,
 * each has to be right.
 */
export function failure(named: string, message: RegExp, detail?: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof Failure, error instanceof Error ? error.stack : String(error))
    const found = `${error.reason}/${error.detail}`
    if (detail === undefined)
      assert.ok(
        [error.reason, error.detail].some((one) => one === named),
        `${found}, not ${named}: ${error.message}`,
      )
    else assert.equal(found, `${named}/${detail}`, error.message)
    assert.match(error.message, message)
    return true
  }
}
