// A signer that is a program: a KMS's client, a PKCS#11 tool, a vault. Hides how it is run, in which form it answers, and
// that nobody has to trust the answer: whatever it is, it is verified with the public key before anything uses it.
import { type KeyObject, constants, verify } from 'node:crypto'
import { once } from 'node:events'
import { open, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  Failure,
  lastWords,
  oneLine,
  plainContext,
  seconds,
  shorten,
  start,
  temporaryFolder,
} from '../platform/platform.ts'
import { rawEcdsa } from './ecdsa-der.ts'
import { type Signer, isValid, publicKeysOf, signatureBytesOf, spki } from './keys.ts'

/** A program that signs. */
export interface SigningCommand {
  /** The program and its arguments. One with a `/` is found from `folder`, any other on PATH. */
  command: readonly string[]
  /** Where it runs. */
  folder: string
  /** Public key or certificate (PEM): its first key is the one that the command signs with. */
  publicKey: string
  /** How long one signature may take; a minute where not given. */
  timeoutMs?: number | undefined
}

const defaultTimeoutMs = 60_000
/** How long a command that is ended has to be gone. */
const graceMs = 6000
/** A signature of RSA with 16384 bits in base64 is less than 3 kB. */
const maxAnswerBytes = 64 << 10

/**
 * The signer that runs `command` for each signature: it gets the data on standard input and answers on standard output with
 * the signature as bytes or in base64, ECDSA as r and s or in DER. `sign` throws `missing-tool`, `signing-failed` where the
 * command fails, takes too long or answers with anything but a signature by the public key, and the signal's reason.
 * Throws `bad-key`.
 */
export function externalSigner(options: SigningCommand): Signer {
  const [key] = publicKeysOf(options.publicKey, 'the public key of the external signer')
  if (key === undefined) throw new Error('no key and no failure')
  return {
    publicKey: spki(key),
    signatureBytes: signatureBytesOf(key),
    sign: async (data, signal) => signatureIn(await ask(options, data, signal), data, key, nameOf(options)),
  }
}

async function ask(options: SigningCommand, data: Uint8Array, signal: AbortSignal): Promise<Buffer> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    return await inFile(data, signal, (input) => answerTo(input, options, AbortSignal.any([signal, limit])))
  } catch (error) {
    if (signal.aborted || error !== limit.reason) throw error
    throw failed(options, `it gave no answer within ${seconds(timeoutMs)} and was ended`)
  }
}

/** Runs the command with the open file `input` as its standard input. Throws the signal's reason. */
async function answerTo(input: number, options: SigningCommand, signal: AbortSignal): Promise<Buffer> {
  const [program = '', ...args] = options.command
  const answer: Buffer[] = []
  let answerBytes = 0
  const started = start(program.includes('/') ? resolve(options.folder, program) : program, args, {
    cwd: options.folder,
    input,
    onData: (chunk) => {
      answerBytes += chunk.length
      if (answerBytes <= maxAnswerBytes) return void answer.push(chunk)
      void started.stop()
    },
    signal,
  })
  const { code, stderr } = await Promise.race([started.done, givenUp(signal)])
  if (answerBytes > maxAnswerBytes)
    throw failed(options, `it answered with more than ${maxAnswerBytes} bytes`)
  if (code !== 0) throw failed(options, shorten(oneLine(lastWords(stderr, 'it', code)), 500))
  return Buffer.concat(answer)
}

/** `data` as an open file for as long as `use` takes. */
async function inFile<T>(
  data: Uint8Array,
  signal: AbortSignal,
  use: (file: number) => Promise<T>,
): Promise<T> {
  const folder = await temporaryFolder('sign', plainContext({ signal }))
  try {
    await writeFile(join(folder, 'data'), data)
    await using file = await open(join(folder, 'data'))
    return await use(file.fd)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// what the command leaves running may hold its output open for ever, out of reach
async function givenUp(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  await new Promise((done) => setTimeout(done, graceMs).unref())
  throw signal.reason
}

/** The signature that `answer` is, in whatever form, as the one of `data` by `key`. */
function signatureIn(answer: Buffer, data: Uint8Array, key: KeyObject, name: string): Buffer {
  const forms = [answer, ...fromBase64(answer)].flatMap((bytes) => formsOf(bytes, key))
  const signature = forms.find((form) => isValid(key, data, form))
  if (signature !== undefined) return signature
  const why =
    forms.length === 0
      ? `answered with ${answer.length} bytes that are no ${kindOf(key)} signature: it has to write the bare signature to its standard output, as bytes or in base64`
      : forms.some((form) => isPss(key, data, form))
        ? 'signed with RSA-PSS, which devices do not verify: use PKCS#1 v1.5 with SHA-256'
        : 'answered with a signature that the public key does not verify: give the public key of the key it signs with, and have it sign the SHA-256 of all that it reads'
  throw new Failure('signing-failed', `the external signer ${name} ${why}`)
}

function formsOf(bytes: Buffer, key: KeyObject): Buffer[] {
  const bare = bytes.length === signatureBytesOf(key) ? [bytes] : []
  if (key.asymmetricKeyType !== 'ec') return bare
  const unpacked = rawEcdsa(bytes)
  return unpacked === undefined ? bare : [...bare, unpacked]
}

function fromBase64(answer: Buffer): Buffer[] {
  const text = answer.toString('latin1').replace(/\s+/g, '')
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? [Buffer.from(text, 'base64')] : []
}

function isPss(key: KeyObject, data: Uint8Array, signature: Buffer): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false
  return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature)
}

function kindOf(key: KeyObject): string {
  return key.asymmetricKeyType === 'ec' ? 'ECDSA P-256' : `RSA ${key.asymmetricKeyDetails?.modulusLength}`
}

function failed(options: SigningCommand, why: string): Failure {
  return new Failure('signing-failed', `the external signer ${nameOf(options)} failed: ${why}`)
}

// not its arguments: a careless one has a secret there
function nameOf({ command: [program = ''] }: SigningCommand): string {
  return shorten(oneLine(program), 100)
}
