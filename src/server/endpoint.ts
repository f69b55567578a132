import { isIP } from 'node:net'

/** Where a server listens. */
export interface Endpoint {
  /** 0 takes a free one. */
  port: number
  /** Undefined: the loopback interface. */
  host?: string
}

/** Reads `8090`, `192.168.1.2:8090` or `[::]:8090`; undefined where it is none of these. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-f:.]+)\]:|([0-9.]+):)?(\d{1,5})$/i.exec(text) ?? []
  const port = digits === '' ? Number.NaN : Number(digits)
  if (!(port <= 65_535)) return undefined
  const host = bracketed ?? plain
  if (host === undefined) return { port }
  return isIP(host) === (bracketed === undefined ? 4 : 6) ? { host, port } : undefined
}
