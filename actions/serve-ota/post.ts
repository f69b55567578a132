import { runPost } from '../../src/action/action.ts'

await runPost(async () => {})
