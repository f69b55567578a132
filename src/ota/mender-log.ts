import { Failure } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { deploymentsPath as path } from './mender-deployment-devices.ts'

const maxLogCharacters = 1 << 20

/** The log of a device that failed; undefined where there is none (yet). */
export async function readLog(client: MenderClient, id: string, device: string): Promise<string | undefined> {
  const reply = await client.http.send({
    method: 'GET',
    path: `${path}/${encodeURIComponent(id)}/devices/${encodeURIComponent(device)}/log`,
    headers: { accept: 'text/plain, application/json' },
    accept: [200, 404],
  })
  if (/^\s*<!doctype html|^\s*<html/i.test(reply.text)) {
    throw new Failure('unexpected-reply', `${client.url} answered with a web page instead of a log`)
  }
  // the end of a log tells why
  return reply.status === 404 || reply.text === '' ? undefined : reply.text.slice(-maxLogCharacters)
}
