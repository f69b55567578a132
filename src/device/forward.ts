import { type Socket, connect, createServer } from 'node:net'
import { hasCode } from '../platform/platform.ts'

export interface Endpoint {
  host: string
  port: number
}

/** A way from one address to another, byte for byte. */
export interface Forward {
  /** The port that it listens on. */
  port: number
  close(): Promise<void>
}

/**
 * Passes every TCP connection to `at` on to `to`, with backpressure, half-closed where one side is. Where the port is
 * taken another one is used. A target that is away closes the connection, as a dead server would.
 */
export async function forward(at: Endpoint, to: Endpoint): Promise<Forward> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true })
    join(near, far)
    join(far, near)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: at.host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  try {
    await listen(at.port)
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE')) throw error
    await listen(0)
  }
  const address = server.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : at.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

// what comes from one side goes to the other, also its end; what breaks on one side breaks on the other
function join(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => to.destroy())
  from.on('close', (hadError) => (hadError ? to.destroy() : to.end()))
}
