import { Failure } from '../platform/platform.ts'
import { forward } from './forward.ts'

/** How a device reaches its OTA server. */
export interface ServerLink {
  /** The server's URL as the device has to use it; undefined where there is no server. */
  url: string | undefined
  close(): Promise<void>
}

/**
 * Passes connections from the device to the OTA server at `serverUrl`, which may listen on loopback alone: a device has
 * no other way out. The port stays the same where it can. Throws `bad-input` for a URL that isn't plain http.
 */
export async function openServerLink(
  serverUrl: string | undefined,
  hostAddress: string,
): Promise<ServerLink> {
  if (serverUrl === undefined) return { url: undefined, close: async () => {} }
  const url = URL.parse(serverUrl)
  if (url?.protocol !== 'http:') {
    throw new Failure(
      'bad-input',
      `the server's URL is "${serverUrl}": a virtual device reaches plain http servers only, such as http://127.0.0.1:8080`,
    )
  }
  const to = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) }
  const way = await forward({ host: hostAddress, port: to.port }, to)
  return {
    url: `http://${hostAddress}:${way.port}${url.pathname.replace(/\/+$/, '')}`,
    close: () => way.close(),
  }
}
