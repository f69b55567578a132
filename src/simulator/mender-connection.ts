// Mender's device API, as a device speaks it: with its own key, bodies in chunks and without a length. Hides requests and
// replies; knows nothing of updates.
import { type KeyObject, createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { type DeviceApi, type LogLine, type Offer, type Sockets, openDownload, send } from './device-api.ts'

const offerSchema = v.object({
  id: v.string(),
  artifact: v.object({ artifact_name: v.string(), source: v.object({ uri: v.pipe(v.string(), v.url()) }) }),
})

export interface MenderConnectionOptions extends Sockets {
  /** The server's address, without a slash at its end. */
  url: string
  /** What identifies the device to the server. */
  identity: Readonly<Record<string, string>>
  /** 32 bytes from which its key is made. */
  keySeed: Buffer
}

/** One device's connection to a Mender server. */
export class MenderConnection implements DeviceApi {
  readonly #options: MenderConnectionOptions
  readonly #key: KeyObject
  #token = ''

  constructor(options: MenderConnectionOptions) {
    this.#options = options
    this.#key = ed25519Of(options.keySeed)
  }

  get isAuthorized(): boolean {
    return this.#token !== ''
  }

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

  async report(attributes: Readonly<Record<string, string>>): Promise<boolean> {
    const all = { ...attributes, mender_client_version: '3.4.0' }
    const list = Object.entries(all).map(([name, value]) => ({ name, value }))
    await this.#call('PUT', '/inventory/device/attributes', list, [200])
    return true
  }

  async next(provides: Readonly<Record<string, string>>): Promise<Offer | undefined> {
    const { status, text } = await this.#call(
      'POST',
      '/deployments/device/deployments/next',
      provides,
      [200, 204],
    )
    if (status === 204) return undefined
    const { id, artifact } = v.parse(v.pipe(v.string(), v.parseJson(), offerSchema), text)
    const { uri } = artifact.source
    const { origin, pathname } = new URL(uri)
    return { id, release: artifact.artifact_name, uri, content: `${origin}${pathname}` }
  }

  async status(id: string, status: string): Promise<boolean> {
    return (await this.#call('PUT', pathOf(id, 'status'), { status }, [204, 409])).status === 204
  }

  async fail(id: string, messages: readonly LogLine[]): Promise<void> {
    await this.status(id, 'failure')
    await this.#call('PUT', pathOf(id, 'log'), { messages }, [204])
  }

  /** The address is the secret, no token goes there. */
  async download(uri: string, offset: number): Promise<IncomingMessage> {
    return openDownload(this.#options, new URL(uri), offset)
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
    const sent = { method, url, body, headers: { 'content-type': 'application/json', ...headers } }
    return send(this.#options, sent)
  }
}

function pathOf(deployment: string, what: string): string {
  return `/deployments/device/deployments/${encodeURIComponent(deployment)}/${what}`
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
