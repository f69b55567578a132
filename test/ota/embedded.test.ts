// The contract of the port, kept by the Mender adapter against the embedded server, with every request as Mender's API
// document has it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { conforms } from '../server/conformance.ts'
import { deviations } from '../support/mender-api.ts'
import { openLab } from '../support/mender-lab.ts'
import { recordingProxy } from '../support/recording-proxy.ts'
import { contract } from './contract.ts'

const asked = new Set<string>()
const wrong = new Set<string>()

contract('embedded server', async (t, options) => {
  const lab = await openLab(t, options)
  const url = await recordingProxy(t, lab.url, (exchanged) => {
    const { operation = `${exchanged.method} ${exchanged.path}`, request } = deviations(exchanged)
    asked.add(operation)
    // the document names a few of the things by which devices identify themselves; each fleet has its own
    for (const one of request.filter((text) => !text.startsWith('/identity_data/')))
      wrong.add(`${operation}: ${one}`)
    try {
      conforms(exchanged)
    } catch (error) {
      wrong.add(String(error))
    }
  })
  return { ...lab, server: openServer({ type: 'mender', url, token: lab.token }, plainContext()) }
})

test('the Mender adapter asks for nothing that Mender’s API document does not have', () => {
  assert.deepEqual([...wrong], [])
  assert.ok(asked.size >= 15, [...asked].join('\n'))
})
