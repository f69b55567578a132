// `drover lease-device` in a terminal, where no job ends: a lease that is given is returned at once.
import { runAction } from '../../src/action/action.ts'
import { leaseDevice, openServer } from '../../src/ota/ota.ts'
import { requestOf, serverOf } from './inputs.ts'

await runAction('lease-device', async (action) => {
  const server = openServer(serverOf(action.input), action)
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action)
  if (!isNew) {
    await server.returnLease(device, lease)
    action.log.info(`the lease of ${device} is returned`)
  }
  return { device, lease, expires, changed: true }
})
