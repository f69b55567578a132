import { isIPv4 } from 'node:net'

/** Whether a URL's host is this machine itself. A name such as `127.example.com` is not: it could resolve to anything. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}
