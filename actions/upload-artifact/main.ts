import { runAction } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'

await runAction('upload-artifact', async () => {
  throw new Failure('internal', 'not there yet')
})
