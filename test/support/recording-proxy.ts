// A proxy on loopback that shows every exchange that passes through it.
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { serve } from './hostile-server.ts'
import type { Exchanged } from './mender-api.ts'

/** Starts a proxy before `target`; returns its URL. `see` is told of each exchange before the caller has the answer. */
export async function recordingProxy(
  t: TestContext,
  target: string,
  see: (exchanged: Exchanged) => void,
): Promise<string> {
  return serve(t, (incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const sent: Buffer[] = []
    const onward = request(`${target}${path}`, { method, headers })
    incoming.on('data', (chunk: Buffer) => {
      sent.push(chunk)
      onward.write(chunk)
    })
    incoming.on('end', () => onward.end())
    incoming.on('error', () => onward.destroy())
    onward.on('error', () => outgoing.destroy())
    onward.on('response', (reply) => {
      const received: Buffer[] = []
      reply.on('data', (chunk: Buffer) => received.push(chunk))
      reply.on('end', () => {
        const said = new Headers()
        for (const [name, values] of Object.entries(reply.headersDistinct))
          for (const value of values ?? []) said.append(name, value)
        const [body, status] = [Buffer.concat(received), reply.statusCode ?? 502]
        const requestBody = Buffer.concat(sent).toString('utf8')
        see({ method, path, requestBody, status, headers: said, body: body.toString('utf8') })
        outgoing.writeHead(status, reply.headers).end(body)
      })
    })
  })
}
