import { runAction } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'

await runAction('dispatch-artifact', async () => {
  throw new Failure('internal', 'not there yet')
})
