import { runAction } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'

await runAction('gather-facts', async () => {
  throw new Failure('internal', 'not there yet')
})
