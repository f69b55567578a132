import { runAction } from '../../src/action/action.ts'
import { allowedBy } from '../../src/fleet/fleet.ts'
import {
  gatherFacts,
  openServer,
  redact,
  redactedPath,
  requireDevices,
  requireFresh,
  serverAddress,
  silentDevices,
  writeFacts,
} from '../../src/ota/ota.ts'
import { fleetIn } from './fleet.ts'
import { factsSummary } from './summary.ts'

const dayMs = 24 * 3_600_000

await runAction('gather-facts', async (action) => {
  const { input } = action
  const given = { url: input.optional('server'), type: input.optional('server-type') }
  const allowed = allowedBy(input.optional('inventory'), input.list('allow-env'))
  const { address, inGit } = await fleetIn(input.path('fleet'), allowed, given.url, action)
  const token = input.secret('token') ?? input.required('token')
  const server = openServer({ ...serverAddress(given, address), token }, action)
  const facts = await action.log.group(`Reading facts from ${server.url}`, async () => ({
    ...requireDevices(await gatherFacts(server, action)),
    ...inGit,
  }))
  const output = input.path('output') ?? input.required('output')
  await writeFacts(output, facts)
  await writeFacts(redactedPath(output), redact(facts))
  const silent = silentDevices(facts, input.durationMs('max-age') ?? dayMs, action.clock.now())
  await action.output({ facts: output, devices: facts.devices.length, silent: silent.length })
  await action.summary(factsSummary(facts, silent))
  requireFresh(silent, input.optional('max-age'))
  return {}
})
