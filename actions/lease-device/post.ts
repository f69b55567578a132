import { runPost } from '../../src/action/action.ts'
import { openServer } from '../../src/ota/ota.ts'
import { serverOf } from './inputs.ts'

await runPost('lease-device', async (post) => {
  const [device, lease] = [post.state('device'), post.state('lease')]
  if (lease === '') return
  await openServer(serverOf(post.input), post).returnLease(device, lease)
  post.log.info(`the lease of ${device} is returned`)
})
