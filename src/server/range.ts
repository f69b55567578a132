import type { Exchange, Reply } from './exchange.ts'
import { Refusal } from './refusal.ts'

export interface Served {
  path: string
  size: number
  /** A strong entity tag, quoted: the same tag means the same bytes. */
  tag: string
  modified: Date
  type: string
}

/**
 * Answers with a file, or with the one range of it that was asked for (206). A range that lies behind its end is a 416;
 * several ranges, an unreadable one, or one for another version (`If-Range`) get the whole file.
 */
export function rangeReply(exchange: Exchange, { path, size, tag, modified, type }: Served): Reply {
  const headers = { ETag: tag, 'Last-Modified': modified.toUTCString(), 'Accept-Ranges': 'bytes' }
  const range = isSameVersion(exchange, tag, modified) ? rangeIn(exchange.header('range'), size) : undefined
  if (!range) return { status: 200, headers, file: { path, start: 0, length: size, type } }
  const { start, end } = range
  if (start >= size || end < start) {
    throw new Refusal(416, 'requested range not satisfiable', {
      headers: { 'Content-Range': `bytes */${size}` },
    })
  }
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${start}-${end}/${size}` },
    file: { path, start, length: end - start + 1, type },
  }
}

/** First and last byte; undefined where there is no range that we serve. */
function rangeIn(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(' ', '') ?? '')
  const [from = '', to = ''] = match?.slice(1) ?? []
  if (from === '' && to === '') return undefined
  if (from === '')
    return Number(to) === 0
      ? { start: size, end: size }
      : { start: Math.max(0, size - Number(to)), end: size - 1 }
  const start = Number(from)
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  // `bytes=5-2` says nothing and is ignored; a start behind the file's end is refused
  if (to !== '' && Number(to) < start) return undefined
  return { start, end }
}

function isSameVersion(exchange: Exchange, tag: string, modified: Date): boolean {
  const wanted = exchange.header('if-range')
  if (wanted === undefined) return true
  if (wanted.startsWith('"')) return wanted === tag
  return Date.parse(wanted) === Math.floor(modified.getTime() / 1000) * 1000
}
