// A dispatch to devices with every fault that the crowd knows, over real sockets, in a time of theirs that runs faster.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { dispatch } from '../../src/ota/ota.ts'
import { Failure, type FailureReason, plainContext, silentLog } from '../../src/platform/platform.ts'
import { type Fault, faults, startCrowd } from '../../src/simulator/simulator.ts'
import { type Lab, allDevices, openLab, until } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'

/** What becomes of a dispatch, by the device's fault: success, or the reason of the failure. */
const ends: readonly (readonly [Fault, FailureReason | 'success'])[] = [
  ['asleep', 'success'],
  ['download-cut', 'success'],
  ['install-fails', 'update-failed'],
  ['rolls-back', 'rolled-back'],
  ['rolls-back-silently', 'rolled-back'],
  ['power-lost@downloading', 'success'],
  ['power-lost@installing', 'update-failed'],
  ['power-lost@rebooting', 'success'],
  ['old-facts', 'rolled-back'],
  ['gone-a-week', 'device-silent'],
]

/** A device with one fault; returns its id. */
async function deviceWith(t: TestContext, lab: Lab, fault: Fault): Promise<string> {
  const crowd = startCrowd(
    {
      url: lab.url,
      deviceTypes: { virtual: 1 },
      release: 'os-1',
      attributes: {},
      faults: [{ fault, share: 1 }],
      seed: fault,
      pollMs: 10 * 60_000,
      speed: 6000,
    },
    plainContext({ log: silentLog }),
  )
  undo(t, () => crowd.stop())
  let id: string | undefined
  await until(async () => {
    id = (await allDevices(lab.server)).find(({ reportedAt }) => reportedAt)?.id
    return id !== undefined
  })
  return id ?? ''
}

test('every fault of the crowd has an end', () => {
  assert.deepEqual(ends.map(([fault]) => fault).sort(), Object.keys(faults).sort())
})

for (const [fault, expected] of ends) {
  test(`${expected}: a device that ${faults[fault]}`, async (t) => {
    const lab = await openLab(t)
    const device = await deviceWith(t, lab, fault)
    await lab.server.upload(await lab.artifact('os-2'))
    const timeoutMs = expected === 'device-silent' ? 3000 : 60_000
    const request = { release: 'os-2', device, timeoutMs, runId: 'run 1', logFolder: lab.folder }
    const end = await dispatch(lab.server, request, plainContext({ log: silentLog })).catch(
      (error: unknown) => {
        assert.ok(error instanceof Failure, String(error))
        return error
      },
    )
    const [outcome, why] = end instanceof Failure ? [end.reason, end.message] : [end.result, '']
    assert.equal(outcome, expected, why)
    assert.equal(await lab.server.leaseOf(device), undefined)
    assert.deepEqual(await lab.server.openDeployments(), [])
    const { release } = await lab.server.device(device)
    assert.equal(release, expected === 'success' ? 'os-2' : 'os-1')
  })
}
