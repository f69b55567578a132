import * as v from 'valibot'

/** The section `swupdate` of an options file. */
export const swupdateOptionsSchema = v.strictObject({})

/** What only a .swu file has. */
export interface SwupdateOptions {}
