// hawkBit's management API as calls: paths, paging, its query language and its two ways to sign in.
import * as v from 'valibot'
import { type Context, Failure, type HttpClient, type HttpReply, openHttp } from '../platform/platform.ts'

/** The most that the server gives in one page; it cuts what is asked above that. */
const pageSize = 500
/** A million entries. A server that pages on for ever must not keep us. */
const maxPages = 2000

export interface HawkbitClient {
  readonly url: string
  readonly http: HttpClient
  readonly context: Context
  /** Pages of a list. */
  pages<S extends v.GenericSchema>(
    path: string,
    list: HawkbitList,
    item: S,
  ): AsyncGenerator<HawkbitPage<v.InferOutput<S>>>
  /** All entries of such a list. */
  list<S extends v.GenericSchema>(path: string, list: HawkbitList, item: S): Promise<v.InferOutput<S>[]>
  /** One thing, or undefined where the server has none (404), or an empty one (204). */
  find<S extends v.GenericSchema>(path: string, schema: S): Promise<v.InferOutput<S> | undefined>
}

export interface HawkbitList {
  /** A field that no two entries have the same, and the direction: without an order, pages overlap. */
  sort: string
  /** Which entries; all where not given. */
  query?: string | undefined
  /** Whether what has the list may be gone by now; the list is empty then. */
  mayBeGone?: boolean
}

export interface HawkbitPage<T> {
  entries: T[]
  /** How many the whole list has. */
  total: number
}

const root = '/rest/v1'

/** Opens a client; `url` is checked, `token` (`user:password`, or a bearer token) goes into the requests and nowhere else. */
export function openHawkbitClient(url: string, token: string, context: Context): HawkbitClient {
  const authorization = token.includes(':')
    ? `Basic ${Buffer.from(token).toString('base64')}`
    : `Bearer ${token}`
  const http = openHttp({ baseUrl: `${url}${root}`, authorization, isFinal: isQuota }, context)
  const pages: HawkbitClient['pages'] = async function* (path, { sort, query, mayBeGone = false }, item) {
    const page = v.object({
      content: v.array(item),
      total: v.pipe(v.number(), v.integer(), v.minValue(0)),
    })
    for (let offset = 0, count = 0; ; count++) {
      if (count >= maxPages) throw endless(url, path)
      const search = new URLSearchParams({ offset: String(offset), limit: String(pageSize), sort })
      if (query !== undefined) search.set('q', query)
      // everything that a list may tell: without it actions don't say whose they are
      search.set('representation', 'full')
      const found = await http.find({ method: 'GET', path: `${path}?${search.toString()}` }, page)
      if (!found && mayBeGone) return
      if (!found) throw noList(url, path)
      const { content, total } = found.value
      yield { entries: content, total }
      offset += content.length
      if (content.length === 0 || offset >= total) return
    }
  }
  return {
    url,
    http,
    context,
    pages,
    list: async (path, list, item) => {
      const all = []
      for await (const { entries } of pages(path, list, item)) all.push(...entries)
      return all
    },
    find: async (path, schema) => (await http.find({ method: 'GET', path }, schema))?.value,
  }
}

/** Where a device is. */
export function targetPath(id: string): string {
  return `/targets/${encodeURIComponent(id)}`
}

/** A text as a value of the query language, taken literally: `*` would stand for anything. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\*]/g, (found) => `\\${found}`)}"`
}

/** Names in one `=in=` of a query, which has to fit into a URL. */
export const queryChunk = 40

const errorReply = v.object({ errorCode: v.string() })

/** What went wrong, in the server's code without its prefix; undefined where it gave none. */
export function errorCodeOf(reply: HttpReply): string | undefined {
  try {
    const result = v.safeParse(errorReply, JSON.parse(reply.text))
    return result.success ? result.output.errorCode.replace(/^hawkbit\.server\.error\./, '') : undefined
  } catch {
    return undefined
  }
}

/** Two kinds of answers share the status 429: too many requests, which passes, and too much of something, which doesn't. */
function isQuota(reply: HttpReply): boolean {
  return reply.status === 429 && errorCodeOf(reply)?.startsWith('quota') === true
}

function noList(url: string, path: string): Failure {
  return new Failure(
    'unexpected-reply',
    `${url}${root} has no ${path}: is that a hawkBit server's URL, and server-type right?`,
  )
}

function endless(url: string, path: string): Failure {
  return new Failure(
    'unexpected-reply',
    `${url}${root}${path} has more than ${maxPages} pages: something is wrong with it`,
  )
}
