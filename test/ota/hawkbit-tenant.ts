// One real hawkBit server for all tests of hawkbit.test.ts: it takes a while to start. Each test gets a tenant of its own.
import { type TestContext, after } from 'node:test'
import type { Context } from '../../src/platform/platform.ts'
import { type HawkbitLab, openHawkbitLab } from '../support/hawkbit-lab.ts'
import { lacksHawkbit, startHawkbit } from '../support/hawkbit-server.ts'

/** False, or why there is no such server here. */
export const skip = await lacksHawkbit()
const server = skip === false ? await startHawkbit(100) : undefined
after(() => server?.stop())

/** An empty tenant of the server. */
export async function openTenant(t: TestContext, context?: Context): Promise<HawkbitLab> {
  if (!server) throw new Error('no server: the test should have been skipped')
  return openHawkbitLab(t, server, context)
}
