import {
  type KeyObject,
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, hasCode, messageOf, writeAtomically } from '../platform/platform.ts'

/** What only this server knows. Each is a file of its own in the data dir, readable by its owner alone. */
export interface Secrets {
  /** The management API's token, which is also user `admin`'s password. */
  token: string
  /** Signs the tokens of devices and logins (Ed25519). */
  signingKey: KeyObject
  /** Signs download links. */
  linkKey: Buffer
}

/** Reads the secrets of a data dir, making them at the first start. Throws `bad-key` where a file is damaged. */
export async function openSecrets(dataDir: string): Promise<Secrets> {
  const token = await readOrMake(tokenFile(dataDir), () => randomBytes(32).toString('base64url'))
  if (!/^[\w-]{32,128}$/.test(token)) {
    throw new Failure('bad-key', `${tokenFile(dataDir)} holds no token: remove it, and a new one is made`)
  }
  const pem = await readOrMake(join(dataDir, 'signing.key'), () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const link = await readOrMake(join(dataDir, 'link.key'), () => randomBytes(32).toString('hex'))
  return { token, signingKey: parseKey(pem, dataDir), linkKey: Buffer.from(link, 'hex') }
}

/** Where the management token of a data dir is. */
export function tokenFile(dataDir: string): string {
  return join(dataDir, 'token')
}

/** Whether two texts are the same, in a time that tells nothing about where they differ. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

async function readOrMake(path: string, make: () => string): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600) // a copied data dir may have lost it
    if (text) return text
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  const made = make().trim()
  await writeAtomically(path, `${made}\n`, 0o600)
  return made
}

function parseKey(pem: string, dataDir: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const message = `${join(dataDir, 'signing.key')} holds no key (${messageOf(error)}): remove it, and devices ask for new tokens`
    throw new Failure('bad-key', message, { cause: error })
  }
}
