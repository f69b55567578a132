import * as v from 'valibot'

/** What all texts of an options file have in common. */
export const optionText = v.pipe(
  v.string('write it as text, in quotes where it looks like a number'),
  v.nonEmpty('it is empty'),
  v.maxLength(1024),
)
