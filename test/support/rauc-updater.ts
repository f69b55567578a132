// A stand-in for rauc-hawkbit-updater, which Debian 12 doesn't have. It speaks hawkBit's device API over a real socket in the
// order, the words and with the strictness of version 1.4: every answer has to be 200, an order has one chunk with one
// artifact, and success is said as soon as the bundle is written. What installs is whatever it is given, best the real RAUC.
import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'

export interface RaucUpdaterOptions {
  /** With the tenant: `http://127.0.0.1:1234/T1`. */
  url: string
  id: string
  token: string
  /** What it reports, read anew each time: the section `device` of its configuration. */
  attributes: () => Record<string, string> | Promise<Record<string, string>>
  /** Where the bundle goes (`bundle_download_location`). */
  bundle: string
  install: (bundle: string) => Promise<{ isInstalled: boolean; said: string }>
  /** Restarts the device (`post_update_reboot`); it polls on afterwards. */
  restart?: () => Promise<void>
}

export interface RaucUpdater {
  /** Everything that it said with its feedback. */
  readonly said: readonly string[]
  stop(): Promise<void>
}

const pollMs = 150

const link = v.optional(v.object({ href: v.string() }))
const poll = v.object({
  _links: v.optional(v.object({ configData: link, deploymentBase: link, cancelAction: link }), {}),
})
const artifact = v.object({
  filename: v.string(),
  size: v.number(),
  hashes: v.object({ sha1: v.string() }),
  _links: v.object({ download: link, 'download-http': link }),
})
const order = v.object({
  id: v.string(),
  deployment: v.object({
    update: v.string(),
    chunks: v.array(v.object({ name: v.string(), artifacts: v.array(artifact) })),
  }),
})
const cancel = v.object({ cancelAction: v.object({ stopId: v.string() }) })

/** Starts it; it polls until it is stopped. */
export function startRaucUpdater(options: RaucUpdaterOptions): RaucUpdater {
  const said: string[] = []
  const stop = new AbortController()
  const { signal } = stop
  const request = async (url: string, method: string, json?: unknown): Promise<Response> => {
    const headers = {
      authorization: `TargetToken ${options.token}`,
      accept: 'application/json;charset=UTF-8',
      'content-type': 'application/json;charset=UTF-8',
    }
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const reply = await fetch(url, { method, headers, signal, ...body })
    if (reply.status !== 200) throw new Error(`${method} ${url}: ${reply.status}`)
    return reply
  }
  const read = async <S extends v.GenericSchema>(url: string, schema: S): Promise<v.InferOutput<S>> =>
    v.parse(schema, await (await request(url, 'GET')).json())
  const feedback = async (
    url: string,
    id: string,
    [execution, finished]: readonly [string, string],
    detail: string,
  ) => {
    said.push(detail)
    const time = new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')
    const status = { execution, result: { finished }, details: [detail] }
    await (await request(`${url.replace(/\?.*$/, '')}/feedback`, 'POST', { id, time, status })).text()
  }

  const update = async (url: string) => {
    const { id, deployment } = await read(url, order)
    const say = (execution: string, finished: string, detail: string) =>
      feedback(url, id, [execution, finished], detail)
    const [chunk, ...moreChunks] = deployment.chunks
    const [file, ...moreFiles] = chunk?.artifacts ?? []
    if (!chunk || moreChunks.length > 0)
      return say('closed', 'failure', `Deployment ${id} unsupported: cannot handle multiple chunks.`)
    if (!file || moreFiles.length > 0)
      return say('closed', 'failure', `Deployment ${id} unsupported: cannot handle multiple artifacts.`)
    if (deployment.update === 'skip') return
    await say('proceeding', 'none', `New software ready for download. ${chunk.name}`)
    const from = file._links.download ?? file._links['download-http']
    const bytes = await (await request(from?.href ?? '', 'GET')).bytes()
    await say('proceeding', 'none', 'Download complete.')
    if (bytes.length !== file.size || createHash('sha1').update(bytes).digest('hex') !== file.hashes.sha1)
      return say('closed', 'failure', 'Software: checksum does not match.')
    await say('proceeding', 'none', 'File checksum OK.')
    await writeFile(options.bundle, bytes)
    const { isInstalled, said: words } = await options.install(options.bundle)
    await rm(options.bundle)
    for (const line of words.trim().split('\n').slice(-5)) await say('proceeding', 'none', line)
    if (!isInstalled) return say('closed', 'failure', 'Failed to install software bundle.')
    await say('closed', 'success', 'Software bundle installed successfully.')
    await options.restart?.()
  }

  const round = async () => {
    const { _links } = await read(`${options.url}/controller/v1/${encodeURIComponent(options.id)}`, poll)
    if (_links.configData) {
      const status = { result: { finished: 'success' }, execution: 'closed' }
      await (
        await request(_links.configData.href, 'PUT', { status, data: await options.attributes() })
      ).text()
    }
    if (_links.deploymentBase) await update(_links.deploymentBase.href)
    else if (_links.cancelAction) {
      const { cancelAction } = await read(_links.cancelAction.href, cancel)
      await feedback(_links.cancelAction.href, cancelAction.stopId, ['closed', 'success'], 'Canceled.')
    }
  }

  const running = (async () => {
    while (!signal.aborted) {
      try {
        await round()
      } catch (error) {
        if (!signal.aborted) said.push(`error: ${String(error)}`)
      }
      await sleep(pollMs, undefined, { signal }).catch(() => {})
    }
  })()
  return {
    said,
    stop: async () => {
      stop.abort()
      await running
    },
  }
}
