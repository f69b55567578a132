// What a simulated device does over its server's device API, whichever server it is, and the sockets for it. Every call makes
// one attempt and throws where it breaks; a device tries again when it polls.
import { type Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

const deadlineMs = 60_000
const maxReplyBytes = 1 << 20

/** What a device is asked to install. */
export interface Offer {
  id: string
  release: string
  /** Where it is downloaded from. */
  uri: string
  /** Equal for equal content, so that a crowd reads it once. */
  content: string
  /** Of what can't be read as a stream: the SHA-256 (hex) that it has to have. */
  sha256?: string | undefined
}

/** A line of a device's log. */
export interface LogLine {
  level: string
  message: string
  timestamp: string
}

export interface DeviceApi {
  readonly isAuthorized: boolean
  /** Asks to be let in. Returns the server's id of the device, undefined where it has to wait. */
  authorize(): Promise<string | undefined>
  /** What a client forgets between installing and committing. */
  forget(): void
  /** Reports facts; false where the server doesn't want any now. */
  report(attributes: Readonly<Record<string, string>>): Promise<boolean>
  /** Asks for an update, naming all that the device has. */
  next(provides: Readonly<Record<string, string>>): Promise<Offer | undefined>
  /** Says how far an update is; false where the server has aborted it. */
  status(id: string, status: string): Promise<boolean>
  /** Says that an update failed, and why. */
  fail(id: string, log: readonly LogLine[]): Promise<void>
  /** Opens a download from `offset` on; the caller reads the body or destroys it. */
  download(uri: string, offset: number): Promise<IncomingMessage>
}

/** What the devices of a crowd share. */
export interface Sockets {
  agent: Agent
  signal: AbortSignal
}

export interface Sent {
  method: string
  url: URL
  headers: Readonly<Record<string, string>>
  body?: string | undefined
}

/** Sends a request and gives the reply as it comes. */
export async function request(
  { agent, signal }: Sockets,
  { method, url, headers, body }: Sent,
): Promise<IncomingMessage> {
  const make = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = make(url, { method, headers, agent, signal, timeout: deadlineMs }, resolve)
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', reject)
    // written before the end, so that without a length it goes in chunks, as the clients send it
    if (body !== undefined) request.write(body)
    request.end()
  })
}

/** Sends a request and reads the whole reply. */
export async function send(sockets: Sockets, sent: Sent): Promise<{ status: number; text: string }> {
  const reply = await request(sockets, sent)
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of reply as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxReplyBytes) throw new Error(`${sent.method} ${sent.url.pathname} answers without end`)
    pieces.push(piece)
  }
  return { status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') }
}

/** Opens a download from `offset` on. */
export async function openDownload(
  sockets: Sockets,
  url: URL,
  offset: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {}
  const reply = await request(sockets, { method: 'GET', url, headers: { ...headers, ...range } })
  if (reply.statusCode === (offset > 0 ? 206 : 200)) return reply
  reply.destroy()
  throw new Error(`the download answers ${reply.statusCode}`)
}
