// Names of hosts as inventories write them: with ranges (`pi[01:20]`, `[a:f]`, `[0:10:2]`) and a port.

export type HostNames = { names: string[]; port: number | undefined } | { why: string }

/** One pattern may stand for so many hosts: more is a slip. */
const maxHosts = 1_000_000
const asciiLetters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const numeric = String.raw`\[[0-9]+:[0-9]+(?::[0-9]+)?\]`
const hexadecimal = String.raw`\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]`
const alphanumeric = String.raw`\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`
const v4 = String.raw`(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${numeric})`
const v6 = String.raw`(?:[0-9a-f]{1,4}|${hexadecimal})`
const label = String.raw`(?:[\p{L}\p{N}_]|${alphanumeric})(?:[\p{L}\p{N}_\-]|${alphanumeric})*(?<![_\-])`
const v6Forms = [
  `(?:${v6}:){7}${v6}`,
  `(?:${v6}:){1,6}:`,
  ...[6, 5, 4, 3, 2].map((count, index) => `(?:${v6}:){${index + 1}}(?::${v6}){1,${count}}`),
  `(?:${v6}:){6}(?::${v6})`,
  `:(?::${v6}){1,6}`,
  `${v6}?::`,
]
const addresses = [`(?:${v4}\\.){3}${v4}`, `(?:${v6Forms.join('|')})`, `${label}(?:\\.${label})*`].map(
  (form) => new RegExp(`^${form}$`, 'iu'),
)

/** The hosts that `pattern` names, in order, and the port that it gives them; or why it names none. */
export function hostNames(pattern: string): HostNames {
  if (!/[:[]/.test(pattern)) return { names: [pattern], port: undefined }
  const { name, port } = withoutPort(pattern)
  try {
    return { names: expand(name, maxHosts), port }
  } catch (error) {
    if (error instanceof WrongRange) return { why: error.message }
    throw error
  }
}

function withoutPort(pattern: string): { name: string; port: number | undefined } {
  let name = pattern
  let port: number | undefined
  for (const form of [/^\[(.+)\]:([0-9]+)$/, /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/]) {
    const [, host, digits] = form.exec(name) ?? []
    if (host !== undefined) [name, port] = [host, Number(digits)]
  }
  return addresses.some((address) => address.test(name)) ? { name, port } : { name: pattern, port: undefined }
}

class WrongRange extends Error {}

function expand(name: string, limit: number): string[] {
  if (!name.includes('[')) return [name]
  const parts = name.replace('[', '|').replace(']', '|').split('|')
  const [head = '', range = '', tail = ''] = parts
  if (parts.length !== 3) throw new WrongRange(`${name}: a range is [begin:end] or [begin:end:step]`)
  const names: string[] = []
  for (const item of sequence(name, range)) {
    names.push(...expand(`${head}${item}${tail}`, limit - names.length))
    if (names.length > limit) throw new WrongRange(`${name}: more than ${maxHosts} hosts`)
  }
  return names
}

function* sequence(name: string, range: string): Generator<string> {
  const bounds = range.split(':')
  const [first, end = '', step = '1'] = bounds
  const begin = first || '0'
  if (bounds.length < 2 || bounds.length > 3 || end === '')
    throw new WrongRange(`${name}: a range is [begin:end] or [begin:end:step]`)
  const isPadded = begin.startsWith('0') && begin.length > 1
  if (isPadded && begin.length !== end.length)
    throw new WrongRange(`${name}: with leading zeros, begin and end have the same length`)
  const every = whole(step)
  const [from, to] = [asciiLetters.indexOf(begin), asciiLetters.indexOf(end)]
  if (from >= 0 && to >= 0) {
    if (from > to) throw new WrongRange(`${name}: a range begins before its end`)
    if (every === undefined || every <= 0) throw new WrongRange(`${name}: a step is 1 or more`)
    for (let at = from; at <= to; at += every) yield asciiLetters[at] ?? ''
    return
  }
  const [low, high] = [whole(begin), whole(end)]
  if (low === undefined || high === undefined || every === undefined)
    throw new WrongRange(`${name}: a range has numbers or single letters`)
  if (every <= 0) throw new WrongRange(`${name}: a step is 1 or more`)
  for (let at = low; at <= high; at += every)
    yield isPadded ? String(at).padStart(begin.length, '0') : String(at)
}

function whole(text: string): number | undefined {
  const value = /^\s*[-+]?\d+\s*$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? value : undefined
}
