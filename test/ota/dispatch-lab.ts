// What tests of a dispatch share: a lab with a device, and a dispatch to it that keeps what it told.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type DispatchRequest, type Dispatched, type OtaServer, dispatch } from '../../src/ota/ota.ts'
import { Failure, type Log, plainContext, silentLog } from '../../src/platform/platform.ts'
import type { Behaviour } from '../support/mender-device.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'

/** A lab with release os-2 and one device in the lab group, and a dispatch to it that keeps what it told. */
export async function labWith(t: TestContext, behaviour: Behaviour, options: { release?: string } = {}) {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour, ...options })
  await toLab(lab, device.key)
  await lab.server.upload(await lab.artifact('os-2'))
  return { lab, device, ...dispatcher(lab, device.key) }
}

export function dispatcher(lab: Lab, device: string) {
  const told: Partial<Dispatched> = {}
  const lines: string[] = []
  const log: Log = { ...silentLog, info: (line) => lines.push(line), warn: (line) => lines.push(line) }
  const tell = async (known: Partial<Dispatched>) => void Object.assign(told, known)
  const go = (
    { server = lab.server, ...request }: Partial<DispatchRequest> & { server?: OtaServer } = {},
    signal = new AbortController().signal,
  ) =>
    dispatch(
      server,
      { release: 'os-2', device, timeoutMs: 60_000, runId: 'run 1', logFolder: lab.folder, tell, ...request },
      plainContext({ log, signal }),
    )
  return { go, told, lines }
}

export async function toLab(lab: Lab, device: string): Promise<void> {
  assert.equal(
    (await lab.operate('PUT', `/v1/inventory/devices/${device}/group`, { group: 'lab' })).status,
    204,
  )
}

export function fails(reason: Failure['reason'], message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure, String(error))
    assert.match(error.message, message)
    assert.equal(error.reason, reason, error.message)
    return true
  }
}
