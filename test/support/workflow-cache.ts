// A stand-in for GitHub's cache service as its own client library speaks to it (version 2: Twirp in JSON, and blobs behind
// addresses that it gives out). The real one can't be had outside of GitHub. It keeps entries in memory, each for good.
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { buffer } from 'node:stream/consumers'
import * as v from 'valibot'
import { undo } from './undo.ts'

const token = 'a-runtime-token'
const asked = v.object({ key: v.string(), version: v.string() })

/** Starts it on loopback; `env` is what a job's environment has of it. */
export async function workflowCacheServer(t: TestContext) {
  const entries = new Map<string, { id: string; isWhole: boolean }>()
  const blobs = new Map<string, Buffer>()
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<unknown> => {
    const body = await buffer(incoming)
    const { pathname: path } = new URL(incoming.url ?? '/', 'http://127.0.0.1')
    const json = (value: unknown, status = 200) =>
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    const blob = /^\/account\/caches\/(\d+)$/.exec(path)?.[1]
    if (blob !== undefined && incoming.method === 'PUT') {
      blobs.set(blob, body)
      return outgoing.writeHead(201, { etag: '"1"', 'last-modified': new Date().toUTCString() }).end()
    }
    if (blob !== undefined) {
      const bytes = blobs.get(blob) ?? Buffer.of()
      return outgoing.writeHead(200, { 'content-length': bytes.length }).end(bytes)
    }
    const method = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/.exec(path)?.[1] ?? ''
    if (incoming.headers.authorization !== `Bearer ${token}`) return json({ code: 'unauthenticated' }, 401)
    const { key, version } = v.parse(asked, JSON.parse(body.toString()))
    const name = JSON.stringify([key, version])
    const entry = entries.get(name)
    const address = (id: string) => `${url}/account/caches/${id}?sig=secret`
    if (method === 'CreateCacheEntry') {
      if (entry) return json({ code: 'already_exists', msg: 'cache entry with the same key exists' }, 409)
      const id = String(entries.size + 1)
      entries.set(name, { id, isWhole: false })
      return json({ ok: true, signed_upload_url: address(id) })
    }
    if (method === 'FinalizeCacheEntryUpload' && entry) {
      entry.isWhole = true
      return json({ ok: true, entry_id: entry.id })
    }
    if (method === 'GetCacheEntryDownloadURL')
      return json(
        entry?.isWhole
          ? { ok: true, signed_download_url: address(entry.id), matched_key: key }
          : { ok: false, signed_download_url: '', matched_key: '' },
      )
    return json({ code: 'bad_route' }, 404)
  }
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_RESULTS_URL: `${url}/`,
    ACTIONS_CACHE_SERVICE_V2: 'true',
    ACTIONS_RUNTIME_TOKEN: token,
  }
  return { env, entries }
}
