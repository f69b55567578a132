// The words of a line as Python's `shlex.split(line, comments=True)` takes them, which Ansible splits lines of hosts with.

/** The words of `line`, without quotes and, unless told otherwise, comments; or why there are none. */
export function iniWords(
  line: string,
  { hasComments = true }: { hasComments?: boolean } = {},
): { words: string[] } | { why: string } {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? ''
    if (quote !== '') {
      if (char === quote) quote = ''
      else if (char === '\\' && quote === '"') {
        const next = line[++at]
        if (next === undefined) return { why: 'it ends within quotes' }
        word += next === '"' || next === '\\' ? next : `\\${next}`
      } else word += char
    } else if (char === '#' && hasComments) {
      break
    } else if (' \t\r\n'.includes(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (char === '\\') {
      const next = line[++at]
      if (next === undefined) return { why: 'it ends with a backslash' }
      word = (word ?? '') + next
    } else word = (word ?? '') + char
  }
  if (quote !== '') return { why: 'it ends within quotes' }
  if (word !== undefined) words.push(word)
  return { words }
}
