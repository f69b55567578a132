import { runAction } from '../../src/action/action.ts'
import {
  gatherFacts,
  openServer,
  requireDevices,
  serverAddress,
  silentDevices,
  writeFacts,
} from '../../src/ota/ota.ts'
import { serverIn } from './server.ts'
import { factsSummary } from './summary.ts'

await runAction('gather-facts', async (action) => {
  const { input } = action
  const fleet = input.path('fleet')
  const given = { url: input.optional('server'), type: input.optional('server-type') }
  const address = serverAddress(given, fleet === undefined ? undefined : await serverIn(fleet, given.url))
  const token = input.secret('token') ?? input.required('token')
  const server = openServer({ ...address, token }, action)
  const facts = await action.log.group(`Reading facts from ${server.url}`, async () =>
    requireDevices(await gatherFacts(server, action)),
  )
  const output = input.path('output') ?? input.required('output')
  await writeFacts(output, facts)
  const maxAgeMs = input.durationMs('max-age') ?? Infinity
  const silent = silentDevices(facts, maxAgeMs, action.clock.now())
  await action.summary(factsSummary(facts, silent))
  return { facts: output, devices: facts.devices.length, silent: silent.length }
})
