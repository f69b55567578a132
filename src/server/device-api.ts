// The device API: how a device gets its token, says what it is, and gets and reports its updates.
import { type KeyObject, createPublicKey, verify } from 'node:crypto'
import { stat } from 'node:fs/promises'
import * as v from 'valibot'
import { findArtifact } from './artifacts.ts'
import { attributeSchema, putAttributes, replaceAttributes } from './attributes.ts'
import { type Core, timestamp } from './core.ts'
import {
  type AuthSet,
  type Identity,
  addAuthSet,
  findAuthSet,
  identitySchema,
  identityText,
  setAuthStatus,
} from './devices.ts'
import { type Exchange, type Reply, checked } from './exchange.ts'
import { checkLink, signLink } from './links.ts'
import {
  logSchema,
  nextOffer,
  type Provides,
  providesSchema,
  report,
  reportSchema,
  storeLog,
} from './offers.ts'
import { rangeReply } from './range.ts'
import { Refusal } from './refusal.ts'
import { type Route, device, open } from './router.ts'
import { issueToken } from './tokens.ts'

const base = '/api/devices/v1'
const deployments = `${base}/deployments/device/deployments`
const downloads = `${base}/deployments/download/artifacts`

const authRequest = v.object({
  id_data: v.pipe(v.string(), v.maxLength(64 << 10)),
  pubkey: v.pipe(v.string(), v.maxLength(16 << 10)),
})
const inventory = v.pipe(v.array(attributeSchema), v.maxLength(1000))

/** All routes of the device API. */
export function deviceApi(core: Core): Route[] {
  return [
    open('POST', `${base}/authentication/auth_requests`, (exchange) => authenticate(core, exchange)),
    device('PUT', `${base}/inventory/device/attributes`, (exchange, id) =>
      storeInventory(core, exchange, id, replaceAttributes),
    ),
    device('PATCH', `${base}/inventory/device/attributes`, (exchange, id) =>
      storeInventory(core, exchange, id, putAttributes),
    ),
    device('GET', `${deployments}/next`, (exchange, id) =>
      offer(core, exchange, id, queryProvides(exchange)),
    ),
    device('POST', `${deployments}/next`, async (exchange, id) =>
      offer(core, exchange, id, await exchange.json(providesSchema)),
    ),
    device('PUT', `${deployments}/:id/status`, async (exchange, id) => {
      report(core, id, exchange.param('id'), await exchange.json(reportSchema))
      return { status: 204 }
    }),
    device('PUT', `${deployments}/:id/log`, async (exchange, id) => {
      storeLog(core, id, exchange.param('id'), await exchange.json(logSchema))
      return { status: 204 }
    }),
    // no token: the link itself is the secret
    open('GET', `${downloads}/:id`, (exchange) => {
      checkLink(core.secrets.linkKey, exchange, new Date())
      return download(core, exchange)
    }),
  ]
}

/** Where an artifact can be downloaded for the next 24 hours, as the caller of `exchange` reaches this server. */
export function downloadLink(core: Core, exchange: Exchange, artifact: string) {
  return signLink(core.secrets.linkKey, exchange.origin(), `${downloads}/${artifact}`, new Date())
}

/**
 * Gives a device its token, or 401 while it isn't accepted. The signature is over the bytes as they came: it is checked
 * before anything in them is believed.
 */
async function authenticate(core: Core, exchange: Exchange): Promise<Reply> {
  const body = await exchange.body()
  const signature = exchange.header('x-men-signature')
  if (!signature) throw new Refusal(400, 'missing request signature header')
  const { id_data, pubkey } = checked(authRequest, body)
  const identity = checked(identitySchema, id_data)
  const key = publicKeyIn(pubkey)
  if (!isSigned(body, key, signature)) throw new Refusal(401, 'signature verification failed')
  const pem = key.export({ type: 'spki', format: 'pem' }).toString()
  const authSet = core.store.transaction(() => admit(core, identity, pem))
  if (authSet.status !== 'accepted') throw new Refusal(401, 'dev auth: unauthorized')
  const bearer = { kind: 'device', device: authSet.device, authSet: authSet.id } as const
  return {
    status: 200,
    headers: { 'Content-Type': 'application/jwt' },
    text: issueToken(core.secrets.signingKey, bearer, authSet.id, new Date()),
  }
}

/** The auth set of who asks, made where it is new, with what this contact makes of it. */
function admit(core: Core, identity: Identity, pem: string): AuthSet {
  const known = findAuthSet(core, identity, pem)
  const authSet = known ?? addAuthSet(core, identity, pem, 'pending')
  if (!known) core.log.info(`device ${authSet.device} (${identityText(identity)}) asked to be accepted`)
  core.store.run(`UPDATE device SET checked_in = ? WHERE id = ?`, timestamp(), authSet.device)
  const isWelcome =
    authSet.status === 'preauthorized' || (authSet.status === 'pending' && core.accept === 'all')
  if (!isWelcome) return authSet
  setAuthStatus(core, authSet.device, authSet.id, 'accepted')
  core.log.info(`device ${authSet.device} (${identityText(identity)}) accepted`)
  return { ...authSet, status: 'accepted' }
}

/** A public key of a kind that devices sign with; throws a 400 for anything else. */
export function publicKeyIn(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem)
    if (['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '') && !pem.includes('PRIVATE KEY'))
      return key
  } catch {
    // said below
  }
  throw new Refusal(400, 'pubkey is no RSA, ECDSA or Ed25519 public key in PEM')
}

function isSigned(body: Buffer, key: KeyObject, signature: string): boolean {
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return verify(algorithm, body, key, Buffer.from(signature, 'base64'))
}

async function storeInventory(
  core: Core,
  exchange: Exchange,
  id: string,
  store: typeof putAttributes,
): Promise<Reply> {
  const attributes = await exchange.json(inventory)
  core.store.transaction(() => {
    store(core, id, 'inventory', attributes)
    const now = timestamp()
    core.store.run(`UPDATE device SET facts_updated = ?, checked_in = ? WHERE id = ?`, now, now, id)
    putAttributes(core, id, 'system', [{ name: 'updated_ts', value: now }])
  })
  return { status: 200 }
}

function queryProvides(exchange: Exchange): Provides {
  return checked(providesSchema, JSON.stringify(Object.fromEntries(exchange.url.searchParams)))
}

function offer(core: Core, exchange: Exchange, id: string, provides: Provides): Reply {
  const found = nextOffer(core, id, provides)
  if (!found) return { status: 204 }
  const { deployment, artifact } = found
  return {
    status: 200,
    json: {
      id: deployment.id,
      artifact: {
        id: artifact.id,
        artifact_name: artifact.name,
        device_types_compatible: artifact.device_types,
        source: downloadLink(core, exchange, artifact.id),
      },
    },
  }
}

async function download(core: Core, exchange: Exchange): Promise<Reply> {
  const { sha256, size, modified } = findArtifact(core, exchange.param('id'))
  const path = core.files.path(sha256)
  const file = await stat(path)
  if (file.size !== size) throw new Error(`the stored artifact ${sha256} has ${file.size} bytes, not ${size}`)
  return rangeReply(exchange, {
    path,
    size,
    tag: `"${sha256}"`,
    modified: new Date(modified),
    type: 'application/vnd.mender-artifact',
  })
}
