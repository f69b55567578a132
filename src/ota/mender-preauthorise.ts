// Lets devices in before they come: the server accepts the key by itself that a device of this identity will bring.
import { createPublicKey } from 'node:crypto'
import * as v from 'valibot'
import { Failure, type HttpReply } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { authPath } from './mender-devices.ts'
import { authDevice } from './mender-schemas.ts'
import type { Newcomer } from './ota-server.ts'

const knownDevice = v.object({
  ...authDevice.entries,
  auth_sets: v.nullish(
    v.array(v.object({ id: v.string(), status: v.string(), pubkey: v.nullish(v.string()) })),
  ),
})
type KnownDevice = v.InferOutput<typeof knownDevice>

/** Preauthorises a device and returns its id; see `OtaServer.preauthorise`. */
export async function preauthorise(client: MenderClient, { identity, key }: Newcomer): Promise<string> {
  const pubkey = publicPem(key)
  if (pubkey === undefined) {
    throw new Failure(
      'bad-key',
      'the key of a device that is to be let in is no public key in PEM: give the public half, the other stays on the device',
    )
  }
  const reply = await client.http.send({
    method: 'POST',
    path: authPath,
    json: { identity_data: identity, pubkey, force: false },
    // the same again is answered with what is there
    repeatable: true,
    accept: [201, 409],
  })
  const path = reply.status === 201 ? madeAt(reply) : undefined
  const made = path === undefined ? undefined : await client.find(`${authPath}/${path}`, knownDevice)
  const device = made ?? known(client, reply)
  const set = device.auth_sets?.find(({ pubkey: other }) => publicPem(other ?? '') === pubkey)
  if (set?.status === 'preauthorized' || set?.status === 'accepted') return device.id
  if (set?.status !== 'pending') throw notSame(client, device, set?.status)
  await client.http.send({
    method: 'PUT',
    path: `${authPath}/${encodeURIComponent(device.id)}/auth/${encodeURIComponent(set.id)}/status`,
    json: { status: 'accepted' },
    accept: [200, 204],
  })
  const now = await client.find(`${authPath}/${encodeURIComponent(device.id)}`, knownDevice)
  if (now?.auth_sets?.some(({ id, status }) => id === set.id && status === 'accepted')) return device.id
  throw new Failure(
    'server-refused',
    `${client.url} did not accept the key that device ${device.id} waits with`,
  )
}

/** A public key in the one form that can be compared; undefined for anything else, a private key too. */
function publicPem(text: string): string | undefined {
  if (text.includes('PRIVATE KEY')) return undefined
  try {
    return createPublicKey(text).export({ type: 'spki', format: 'pem' }).toString()
  } catch {
    return undefined
  }
}

function madeAt({ headers }: HttpReply): string | undefined {
  const [location = ''] = [headers['location'] ?? []].flat()
  return /\/([^/?]+)$/.exec(location)?.[1]
}

/** A conflict is answered with the device that there is. */
function known(client: MenderClient, { status, text }: HttpReply): KnownDevice {
  try {
    return v.parse(knownDevice, JSON.parse(text))
  } catch (error) {
    throw new Failure(
      'unexpected-reply',
      `${client.url} answered ${status} to a device that was to be let in, and does not say which one that is`,
      { cause: error },
    )
  }
}

function notSame(client: MenderClient, { id, status }: KnownDevice, ofKey: string | undefined): Failure {
  return new Failure(
    'device-not-accepted',
    ofKey === undefined
      ? `${client.url} knows the device with another key (${id}, ${status}): where it is the same device with a new key, retire it there first`
      : `the key of device ${id} is ${ofKey} on ${client.url}: accept it there, where that was a mistake`,
  )
}
