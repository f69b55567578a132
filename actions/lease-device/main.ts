import { runAction } from '../../src/action/action.ts'
import { leaseDevice, openServer } from '../../src/ota/ota.ts'
import { requestOf, serverOf } from './inputs.ts'

await runAction('lease-device', async (action) => {
  const server = openServer(serverOf(action.input), action)
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action)
  // only a lease that was handed over is returned at the job's end
  action.saveState('device', isNew ? '' : device)
  action.saveState('lease', isNew ? '' : lease)
  return { device, lease, expires, changed: isNew }
})
