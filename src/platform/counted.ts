/**
 * `1 device`, `2 devices`; with a verb in both its forms, the one for one first, also `1 device has` and `2 devices have`.
 * The noun's plural has an `s`.
 */
export function counted(count: number, noun: string, verb?: readonly [one: string, many: string]): string {
  const isOne = count === 1
  return `${count} ${noun}${isOne ? '' : 's'}${verb === undefined ? '' : ` ${verb[isOne ? 0 : 1]}`}`
}
