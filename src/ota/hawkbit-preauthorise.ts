// Lets devices in before they come: a target that exists is let in with its own security token.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { type HawkbitClient, targetPath } from './hawkbit-client.ts'
import type { Newcomer } from './ota-server.ts'

const maxToken = 128

/** Only who may see security tokens is told one. */
const secured = v.object({ securityToken: v.nullish(v.string()) })

/** Creates the target of a device and returns its id; see `OtaServer.preauthorise`. */
export async function preauthorise(client: HawkbitClient, { identity, key }: Newcomer): Promise<string> {
  const { controllerId: id, ...others } = identity
  if (!id || Object.keys(others).length > 0) {
    const message = 'on hawkBit a device identifies itself by its controllerId, and by nothing else'
    throw new Failure('bad-input', message)
  }
  if (key === '' || key.length > maxToken || key.includes('-----BEGIN')) {
    const message = `the key of ${id} is no security token of up to ${maxToken} characters, which is what hawkBit takes`
    throw new Failure('bad-key', message)
  }
  const { status } = await client.http.send({
    method: 'POST',
    path: '/targets',
    json: [{ controllerId: id, name: id, securityToken: key }],
    // the same again is refused, and what is there then tells
    repeatable: true,
    accept: [200, 201, 409],
  })
  const found = await client.find(targetPath(id), secured)
  if (found?.securityToken === key) return id
  if (found && !found.securityToken && status !== 409) return id
  throw notSame(client, id, found)
}

function notSame(
  client: HawkbitClient,
  id: string,
  found: v.InferOutput<typeof secured> | undefined,
): Failure {
  if (!found)
    return new Failure('unexpected-reply', `${client.url} took the target ${id}, but does not show it`)
  if (found.securityToken) {
    const message = `${client.url} knows the device ${id} with another security token: where it is the same device with a new one, retire it there first`
    return new Failure('device-not-accepted', message)
  }
  const message = `${client.url} has a target ${id}, and its user may not see with which token: it needs READ_TARGET_SECURITY_TOKEN`
  return new Failure('bad-credentials', message)
}
