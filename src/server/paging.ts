import type { Exchange, Reply } from './exchange.ts'
import { Refusal } from './refusal.ts'

/** A part of a list: `limit` rows after the first `offset`. `page` counts from 1. */
export interface Page {
  page: number
  perPage: number
  offset: number
}

const maxPerPage = 500

/** Reads `page` and `per_page` from the query; throws a 400 where one is out of bounds. */
export function pageOf(exchange: Exchange, defaults = { perPage: 20, max: maxPerPage }): Page {
  const page = whole(exchange, 'page', 1)
  const perPage = whole(exchange, 'per_page', defaults.perPage)
  return checkedPage(page, perPage, defaults.max)
}

/** The same where they stand in a JSON body. */
export function checkedPage(page: number, perPage: number, max = maxPerPage): Page {
  if (!Number.isSafeInteger(page) || page < 1 || page > 1e9) throw outside('page')
  if (!Number.isSafeInteger(perPage) || perPage < 1) throw outside('per_page')
  if (perPage > max) throw new Refusal(400, `parameter "per_page" above limit (max: ${max})`)
  return { page, perPage, offset: (page - 1) * perPage }
}

/** A page of a list, with `X-Total-Count` and one `Link` line per relation, relative to the server. */
export function pagedReply(exchange: Exchange, page: Page, total: number, json: unknown[]): Reply {
  const last = Math.max(1, Math.ceil(total / page.perPage))
  const link = (number: number, relation: string) => {
    const query = new URLSearchParams(exchange.url.searchParams)
    query.set('page', String(number))
    query.set('per_page', String(page.perPage))
    return `<${exchange.url.pathname}?${query.toString()}>; rel="${relation}"`
  }
  const links = [link(1, 'first')]
  if (page.page > 1) links.push(link(page.page - 1, 'prev'))
  if (page.page < last) links.push(link(page.page + 1, 'next'))
  links.push(link(last, 'last'))
  return { status: 200, headers: { 'X-Total-Count': String(total), Link: links }, json }
}

function whole(exchange: Exchange, name: string, fallback: number): number {
  const text = exchange.query(name)
  if (text === undefined) return fallback
  if (!/^\d{1,10}$/.test(text)) throw outside(name)
  return Number(text)
}

function outside(name: string): Refusal {
  return new Refusal(400, `invalid ${name} query: it must be a whole number from 1`)
}
