import { connect } from 'node:net'
import { type Context, Failure } from '../platform/platform.ts'

/** Waits until an ssh server introduces itself at the address. Throws `device-unreachable` after `limitMs`. */
export async function untilSshAnswers(
  address: { host: string; port: number },
  context: Context,
  limitMs: number,
): Promise<void> {
  const startedAt = performance.now()
  while (!(await hasBanner(address))) {
    if (performance.now() - startedAt > limitMs)
      throw new Failure(
        'device-unreachable',
        `no ssh server answers at ${address.host}:${address.port} after ${limitMs / 1000} s`,
      )
    await context.clock.sleep(25, context.signal)
  }
}

function hasBanner({ host, port }: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
    socket.once('close', () => end(false))
  })
}
