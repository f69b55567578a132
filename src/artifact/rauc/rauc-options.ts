import * as v from 'valibot'

/** The section `rauc` of an options file. */
export const raucOptionsSchema = v.strictObject({})

/** What only a .raucb file has. */
export interface RaucOptions {}
