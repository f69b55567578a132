import { damaged, tooLarge, wrongMember } from '../archive/byte-reader.ts'

const maxBytes = 1 << 18
const maxLines = 10_000

/**
 * Reads a key file of GLib: sections of `key=value`, comments and empty lines. Stricter than GLib, which takes the last of
 * two equal keys and joins equal sections: a person might have read the other one. Throws `artifact-damaged`.
 */
export function parseKeyFile(content: Uint8Array, place: string): Map<string, ReadonlyMap<string, string>> {
  if (content.length > maxBytes) throw tooLarge(place, maxBytes, `it has over ${maxBytes} bytes`)
  const groups = new Map<string, Map<string, string>>()
  let group: Map<string, string> | undefined
  let offset = 0
  const lines = textOf(content, place).split('\n')
  if (lines.length > maxLines) throw tooLarge(place, 0, `it has over ${maxLines} lines`)
  for (const line of lines) {
    const at = offset
    offset += Buffer.byteLength(line) + 1
    // as GLib does it: white space before a line counts for nothing, after a value it belongs to it
    const text = line.trimStart().replace(/\r$/, '')
    if (text.trimEnd() === '' || text.startsWith('#')) continue
    const name = /^\[([^[\]\p{Cc}]+)\]\s*$/u.exec(text)?.[1]
    if (name !== undefined) {
      if (groups.has(name)) throw wrongMember(place, at, `it has the section ${JSON.stringify(name)} twice`)
      groups.set(name, (group = new Map()))
      continue
    }
    const [, key, value] = /^([A-Za-z0-9-]+)\s*=\s*(.*)$/s.exec(text) ?? []
    if (key === undefined || value === undefined || group === undefined)
      throw damaged(place, at, 'a line is malformed')
    if (group.has(key)) throw wrongMember(place, at, `it has the key ${key} twice in a section`)
    group.set(key, unescaped(value, place, at))
  }
  return groups
}

function textOf(content: Uint8Array, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    throw damaged(place, 0, 'it is no text in UTF-8', error)
  }
}

const escapes: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\', ';': ';' }

function unescaped(value: string, place: string, at: number): string {
  return value.replace(/\\(.?)/gs, (_, letter: string) => {
    const meant = escapes[letter]
    if (meant === undefined) throw damaged(place, at, 'a value has an escape that doesn’t exist')
    return meant
  })
}
