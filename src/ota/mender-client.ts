// Mender's management API as calls: paths, paging and tokens. Hides how a server pages and how much of that is believed.
import * as v from 'valibot'
import { type Context, Failure, type HttpClient, type HttpRequest, openHttp } from '../platform/platform.ts'

/** The most that the server gives in one page; above it answers 400. */
export const pageSize = 500
/** A million devices. A server that pages on for ever must not keep us. */
export const maxPages = 2000

/** What narrows a list; several values of one name are alternatives. */
export type MenderQuery = Readonly<Record<string, string | readonly string[]>>

export interface MenderClient {
  readonly url: string
  readonly http: HttpClient
  readonly context: Context
  /** Pages of a list that is asked for with `page` and `per_page` in its query. */
  pages<S extends v.GenericSchema>(
    path: string,
    query: MenderQuery,
    item: S,
  ): AsyncGenerator<v.InferOutput<S>[]>
  /** Pages of a search that is sent as JSON, with `page` and `per_page` in its query. */
  search<S extends v.GenericSchema>(
    path: string,
    wanted: unknown,
    item: S,
  ): AsyncGenerator<v.InferOutput<S>[]>
  /** All items of such a list. */
  list<S extends v.GenericSchema>(path: string, query: MenderQuery, item: S): Promise<v.InferOutput<S>[]>
  /** One thing, or undefined where the server has none (404). */
  find<S extends v.GenericSchema>(path: string, schema: S): Promise<v.InferOutput<S> | undefined>
}

/** Opens a client; `url` is checked, `token` goes into the requests and nowhere else. */
export function openMenderClient(url: string, token: string, context: Context): MenderClient {
  const http = openHttp({ baseUrl: url, authorization: `Bearer ${token}` }, context)
  const all = async function* <S extends v.GenericSchema>(
    path: string,
    requestOf: (page: string) => HttpRequest,
    item: S,
  ): AsyncGenerator<v.InferOutput<S>[]> {
    for (let page = 1; ; page++) {
      if (page > maxPages) throw endless(url, path)
      const request = requestOf(`page=${page}&per_page=${pageSize}`)
      const { value, headers } = await http.read(request, v.array(item))
      yield value
      if (!hasNext(value.length, headers['link'])) return
    }
  }
  const pages: MenderClient['pages'] = (path, query, item) => {
    const entries = Object.entries(query).flatMap(([name, values]) =>
      [values].flat().map((one): [string, string] => [name, one]),
    )
    const filter = new URLSearchParams(entries).toString()
    const prefix = filter === '' ? '' : `${filter}&`
    return all(path, (page) => ({ method: 'GET', path: `${path}?${prefix}${page}` }), item)
  }
  return {
    url,
    http,
    context,
    pages,
    search: (path, wanted, item) =>
      all(
        path,
        (page) => ({ method: 'POST', path: `${path}?${page}`, json: wanted, repeatable: true }),
        item,
      ),
    list: async (path, query, item) => {
      const items = []
      for await (const page of pages(path, query, item)) items.push(...page)
      return items
    },
    find: async (path, schema) => (await http.find({ method: 'GET', path }, schema))?.value,
  }
}

/**
 * Whether a list goes on after a page of so many, with this `Link` header. A full page without word of a next one may still
 * have one; a page with such a word has, however few are on it.
 */
export function hasNext(length: number, link: string | string[] | undefined): boolean {
  if (length === 0) return false
  return length >= pageSize || [link ?? []].flat().some((line) => /rel="?next"?/.test(line))
}

/** The failure of a list that pages on beyond `maxPages`. */
export function endless(url: string, path: string): Failure {
  return new Failure(
    'unexpected-reply',
    `${url}${path} has more than ${maxPages} pages: something is wrong with it`,
  )
}
