// hawkBit's device API, as a device speaks it that has the gateway token: the server takes up every device that comes with it.
// Hides links, actions and feedback; knows nothing of updates.
import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { type DeviceApi, type LogLine, type Offer, type Sockets, openDownload, send } from './device-api.ts'

const link = v.nullish(v.object({ href: v.pipe(v.string(), v.url()) }))
const poll = v.object({
  _links: v.nullish(v.object({ configData: link, deploymentBase: link, cancelAction: link }), {}),
})
const order = v.object({
  id: v.string(),
  deployment: v.object({
    chunks: v.pipe(
      v.array(
        v.object({
          name: v.string(),
          artifacts: v.pipe(
            v.array(
              v.object({
                filename: v.string(),
                hashes: v.object({ sha256: v.pipe(v.string(), v.toLowerCase()) }),
                _links: v.object({ download: link, 'download-http': link }),
              }),
            ),
            v.length(1, 'an update has one file'),
          ),
        }),
      ),
      v.length(1, 'an update has one module'),
    ),
  }),
})
const cancel = v.object({ cancelAction: v.object({ stopId: v.string() }) })

/** Statuses in hawkBit's words: how far an update is, and how it ended. */
const executions: Readonly<Record<string, readonly [execution: string, finished: string]>> = {
  downloading: ['download', 'none'],
  installing: ['proceeding', 'none'],
  rebooting: ['proceeding', 'none'],
  success: ['closed', 'success'],
  'already-installed': ['closed', 'success'],
  failure: ['closed', 'failure'],
}
/** What the server takes of one message, and of one feedback. */
const [maxMessage, maxMessages] = [500, 50]

export interface HawkbitConnectionOptions extends Sockets {
  /** The server's address with the tenant, without a slash at its end. */
  url: string
  /** The device's controller id. */
  id: string
  gatewayToken: string
}

type Links = v.InferOutput<typeof poll>['_links']

/** One device's connection to a hawkBit server. */
export class HawkbitConnection implements DeviceApi {
  readonly #options: HawkbitConnectionOptions
  readonly #base: string
  #links: Links = {}
  isAuthorized = false

  constructor(options: HawkbitConnectionOptions) {
    this.#options = options
    this.#base = `${options.url}/controller/v1/${encodeURIComponent(options.id)}`
  }

  async authorize(): Promise<string | undefined> {
    const { status } = await this.#send('GET', this.#base)
    this.isAuthorized = status === 200
    return this.isAuthorized ? this.#options.id : undefined
  }

  /** Nothing: the token stays the same. */
  forget(): void {}

  async report(attributes: Readonly<Record<string, string>>): Promise<boolean> {
    const { _links } = await this.#read(this.#base, poll)
    this.#links = _links
    if (!_links?.configData) return false
    await this.#call('PUT', _links.configData.href, { mode: 'replace', data: attributes })
    return true
  }

  /** What the report's poll has offered; an order that is taken back is let go of. */
  async next(): Promise<Offer | undefined> {
    const { cancelAction, deploymentBase } = this.#links ?? {}
    this.#links = {}
    if (cancelAction) {
      const { cancelAction: stopped } = await this.#read(cancelAction.href, cancel)
      await this.#feedback(cancelAction.href, stopped.stopId, ['closed', 'success'], ['cancelled'])
      return undefined
    }
    if (!deploymentBase) return undefined
    const { id, deployment } = await this.#read(deploymentBase.href, order)
    const [chunk] = deployment.chunks
    const [file] = chunk?.artifacts ?? []
    const uri = (file?._links.download ?? file?._links['download-http'])?.href
    if (!chunk || !file || uri === undefined) throw new Error('the order has no file')
    const { sha256 } = file.hashes
    // a bundle is described at its end
    const isBundle = file.filename.endsWith('.raucb')
    return { id, release: chunk.name, uri, content: sha256, ...(isBundle ? { sha256 } : {}) }
  }

  async status(id: string, status: string): Promise<boolean> {
    return this.#feedback(this.#order(id), id, executions[status] ?? ['proceeding', 'none'], [status])
  }

  async fail(id: string, log: readonly LogLine[]): Promise<void> {
    // once it is closed nothing more can be said
    const lines = log.slice(-maxMessages).map(({ message }) => message.slice(0, maxMessage))
    await this.#feedback(this.#order(id), id, ['closed', 'failure'], lines)
  }

  async download(uri: string, offset: number): Promise<IncomingMessage> {
    return openDownload(this.#options, new URL(uri), offset, this.#headers())
  }

  #order(id: string): string {
    return `${this.#base}/deploymentBase/${encodeURIComponent(id)}`
  }

  /** False where the server has closed the order meanwhile. */
  async #feedback(
    href: string,
    id: string,
    [execution, finished]: readonly [string, string],
    details: readonly string[],
  ): Promise<boolean> {
    const status = { execution, result: { finished }, details }
    const url = `${href.replace(/\?.*$/, '')}/feedback`
    return (await this.#call('POST', url, { id, status }, [404, 410])) < 300
  }

  async #read<S extends v.GenericSchema>(url: string, schema: S): Promise<v.InferOutput<S>> {
    const { status, text } = await this.#send('GET', url)
    if (status === 200) return v.parse(v.pipe(v.string(), v.parseJson(), schema), text)
    throw this.#refused('GET', url, status)
  }

  async #call(
    method: string,
    url: string,
    json: unknown,
    alsoTaken: readonly number[] = [],
  ): Promise<number> {
    const { status } = await this.#send(method, url, JSON.stringify(json))
    if ((status >= 200 && status < 300) || alsoTaken.includes(status)) return status
    throw this.#refused(method, url, status)
  }

  #refused(method: string, url: string, status: number): Error {
    if (status === 401) this.isAuthorized = false
    return new Error(`${method} ${new URL(url).pathname} answers ${status}`)
  }

  async #send(method: string, url: string, body?: string) {
    const headers = { ...this.#headers(), 'content-type': 'application/json' }
    return send(this.#options, { method, url: new URL(url), headers, body })
  }

  #headers(): Record<string, string> {
    return {
      authorization: `GatewayToken ${this.#options.gatewayToken}`,
      accept: 'application/json, application/octet-stream',
    }
  }
}
