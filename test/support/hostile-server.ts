// Servers on loopback that answer as no OTA server should, and a proxy that breaks what passes through it.
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { undo } from './undo.ts'

export type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** Starts a server that answers every request by `handler`; returns its URL. It goes when the test ends. */
export async function serve(t: TestContext, handler: Handler): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Passes a request on to `target` as it is. `onReply` may answer in the server's place once it has answered. */
export function pass(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onReply?: (status: number) => boolean,
): void {
  const onward = request(`${target}${incoming.url}`, { method: incoming.method, headers: incoming.headers })
  onward.on('response', (reply) => {
    if (onReply?.(reply.statusCode ?? 0)) {
      reply.resume()
      return
    }
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
    reply.pipe(outgoing)
  })
  onward.on('error', () => outgoing.destroy())
  incoming.pipe(onward)
}
