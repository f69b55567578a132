// Mender's device API, as a device speaks it: over sockets of its own, with its own key, bodies in chunks and without a
// length. Hides requests and replies; knows nothing of updates.
import { type KeyObject, createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { type Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import * as v from 'valibot'

const deadlineMs = 60_000
const maxReplyBytes = 1 << 20

/** What a device is asked to install. */
export interface Offer {
  id: string
  release: string
  /** Where it is downloaded from; the address is the secret, no token goes there. */
  uri: string
}

const offerSchema = v.object({
  id: v.string(),
  artifact: v.object({ artifact_name: v.string(), source: v.object({ uri: v.pipe(v.string(), v.url()) }) }),
})

export interface ConnectionOptions {
  /** The server's address, without a slash at its end. */
  url: string
  /** Shared by all devices of a crowd. */
  agent: Agent
  /** What identifies the device to the server. */
  identity: Readonly<Record<string, string>>
  /** 32 bytes from which its key is made. */
  keySeed: Buffer
  signal: AbortSignal
}

/** One device's connection. Every call makes one attempt and throws where it breaks; a device tries again when it polls. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #key: KeyObject
  #token = ''

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#key = ed25519Of(options.keySeed)
  }

  get isAuthorized(): boolean {
    return this.#token !== ''
  }

  /** Asks to be let in. Returns the server's id of the device, undefined where it has to wait. */
  async authorize(): Promise<string | undefined> {
    // the signature is over these very bytes, with the line end that the client's encoder adds
    const body = `${JSON.stringify({
      id_data: JSON.stringify(this.#options.identity),
      tenant_token: '',
      pubkey: createPublicKey(this.#key).export({ type: 'spki', format: 'pem' }),
    })}\n`
    const { status, text } = await this.#send('POST', '/authentication/auth_requests', body, {
      'content-length': String(Buffer.byteLength(body)),
      'x-men-signature': sign(null, Buffer.from(body), this.#key).toString('base64'),
      authorization: 'Bearer',
    })
    this.#token = status === 200 ? text.trim() : ''
    return this.#token === '' ? undefined : subjectOf(this.#token)
  }

  /** The client drops its token between installing and committing, and asks for another. */
  forget(): void {
    this.#token = ''
  }

  async report(attributes: Readonly<Record<string, string | readonly string[]>>): Promise<void> {
    const list = Object.entries(attributes).map(([name, value]) => ({ name, value }))
    await this.#call('PUT', '/inventory/device/attributes', list, [200])
  }

  /** Asks for an update, naming all that the device has. */
  async next(provides: Readonly<Record<string, string>>): Promise<Offer | undefined> {
    const { status, text } = await this.#call(
      'POST',
      '/deployments/device/deployments/next',
      provides,
      [200, 204],
    )
    if (status === 204) return undefined
    const { id, artifact } = v.parse(v.pipe(v.string(), v.parseJson(), offerSchema), text)
    return { id, release: artifact.artifact_name, uri: artifact.source.uri }
  }

  /** Says how far an update is; false where the server has aborted it. */
  async status(id: string, status: string): Promise<boolean> {
    const path = `/deployments/device/deployments/${encodeURIComponent(id)}/status`
    return (await this.#call('PUT', path, { status }, [204, 409])).status === 204
  }

  async log(
    id: string,
    messages: readonly { level: string; message: string; timestamp: string }[],
  ): Promise<void> {
    await this.#call(
      'PUT',
      `/deployments/device/deployments/${encodeURIComponent(id)}/log`,
      { messages },
      [204],
    )
  }

  /** Opens a download from `offset` on; the caller reads the body or destroys it. */
  async download(uri: string, offset: number): Promise<IncomingMessage> {
    const reply = await this.#request(
      'GET',
      new URL(uri),
      undefined,
      offset > 0 ? { range: `bytes=${offset}-` } : {},
    )
    if (reply.statusCode === (offset > 0 ? 206 : 200)) return reply
    reply.destroy()
    throw new Error(`the download answers ${reply.statusCode}`)
  }

  async #call(method: string, path: string, json: unknown, accepted: readonly number[]) {
    const reply = await this.#send(method, path, JSON.stringify(json), {
      authorization: `Bearer ${this.#token}`,
    })
    if (accepted.includes(reply.status)) return reply
    if (reply.status === 401) this.#token = ''
    throw new Error(`${method} ${path} answers ${reply.status}`)
  }

  async #send(method: string, path: string, body: string, headers: Record<string, string>) {
    const url = new URL(`${this.#options.url}/api/devices/v1${path}`)
    const reply = await this.#request(method, url, body, { 'content-type': 'application/json', ...headers })
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of reply as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > maxReplyBytes) throw new Error(`${method} ${path} answers without end`)
      pieces.push(piece)
    }
    return { status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') }
  }

  async #request(method: string, url: URL, body: string | undefined, headers: Record<string, string>) {
    const { agent, signal } = this.#options
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = make(url, { method, headers, agent, signal, timeout: deadlineMs }, resolve)
      request.on('timeout', () => request.destroy(new Error('no answer in time')))
      request.on('error', reject)
      // written before the end, so that without a length it goes in chunks, as the client sends it
      if (body !== undefined) request.write(body)
      request.end()
    })
  }
}

/** RFC 8410: the private key is 32 bytes behind a fixed head. */
function ed25519Of(seed: Buffer): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const key = createHash('sha256').update(seed).digest()
  return createPrivateKey({ key: Buffer.concat([head, key]), format: 'der', type: 'pkcs8' })
}

function subjectOf(token: string): string {
  const schema = v.pipe(v.string(), v.parseJson(), v.object({ sub: v.string() }))
  const claims = v.safeParse(schema, Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return claims.success ? claims.output.sub : ''
}
