// Only a job that was killed leaves something to undo: a dispatch that ends, however it does, cleans up itself.
import * as v from 'valibot'
import { runPost } from '../../src/action/action.ts'
import { openServer, undoDispatch } from '../../src/ota/ota.ts'
import { serverOf } from './inputs.ts'

const undone = v.object({
  device: v.string(),
  lease: v.string(),
  number: v.number(),
  isLent: v.boolean(),
  order: v.optional(v.string()),
})

await runPost('dispatch-artifact', async (post) => {
  const state = post.state('undone')
  if (state === '') return
  const { order, ...rest } = v.parse(undone, JSON.parse(state))
  await undoDispatch(openServer(serverOf(post.input), post), { ...rest, order }, post)
})
