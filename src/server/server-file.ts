import * as v from 'valibot'

/** The file in the data dir with which a running server says that it is ready, and which process it is. */
export const serverFileName = 'server.json'

/** What stands in it. */
export const serverFileSchema = v.object({
  url: v.string(),
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  startTime: v.string(),
})
