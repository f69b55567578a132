import { runAction } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'

await runAction('build-image', async () => {
  throw new Failure('internal', 'not there yet')
})
