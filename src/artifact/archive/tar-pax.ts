// Extended headers of a tar archive, as POSIX pax has them: records of the form `<length> <key>=<value>\n`.

/** What an extended header says of the member that follows. */
export interface Extended {
  name?: string
  sizeBytes?: number
  /** Seconds since 1970. */
  modifiedAt?: number
}

/**
 * Reads an extended header, undefined where it is malformed or says of a name, a size or a date what readers take in more
 * than one way: empty, twice, or with something behind its end.
 */
export function readPax(content: Buffer): Extended | undefined {
  const values = new Map<string, string>()
  for (let at = 0; at < content.length;) {
    const length = /^(\d{1,6}) /.exec(content.toString('latin1', at, at + 7))?.[1]
    const end = at + Number(length ?? 0)
    if (length === undefined || end > content.length || content[end - 1] !== 0x0a) return undefined
    const record = textOf(content.subarray(at + length.length + 1, end - 1)) ?? ''
    const equals = record.indexOf('=')
    const key = record.slice(0, equals)
    if (equals < 1 || values.has(key) || key.startsWith('GNU.sparse')) return undefined
    values.set(key, record.slice(equals + 1))
    at = end
  }
  return understood(values)
}

function understood(values: ReadonlyMap<string, string>): Extended | undefined {
  const [name, size, date] = [values.get('path'), values.get('size'), values.get('mtime')]
  if (name !== undefined && (name === '' || name.includes('\0'))) return undefined
  if (size !== undefined && !/^\d{1,15}$/.test(size)) return undefined
  if (date !== undefined && !/^-?\d{1,12}(\.\d+)?$/.test(date)) return undefined
  return {
    ...(name === undefined ? {} : { name }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
    ...(date === undefined ? {} : { modifiedAt: Math.floor(Number(date)) }),
  }
}

/** The text that these bytes are, undefined where they aren't UTF-8. A mark at the start is part of it. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
