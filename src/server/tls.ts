// The certificate that a server shows, where its data dir has one.
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Failure, hasCode, messageOf } from '../platform/platform.ts'

/**
 * Reads `tls.crt` (the certificate, then intermediate ones) and `tls.key` of a data dir (PEM); undefined where it has none of
 * them. Throws `bad-key` where they don't belong together or can't be read, and `bad-input` where they are missing but
 * `host` is an address that others reach: tokens would travel in the clear.
 */
export async function readTls(
  dataDir: string,
  host: string,
): Promise<{ cert: string; key: string } | undefined> {
  const [certFile, keyFile] = [join(dataDir, 'tls.crt'), join(dataDir, 'tls.key')]
  const [cert, key] = [await textOf(certFile), await textOf(keyFile)]
  if (cert === undefined && key === undefined) {
    if (isLoopback(host)) return undefined
    const what = `${host} can be reached from other machines, so tokens need TLS there`
    throw new Failure('bad-input', `${what}: put a certificate into ${certFile} and its key into ${keyFile}`)
  }
  if (cert === undefined || key === undefined) {
    throw new Failure(
      'bad-key',
      `${cert === undefined ? certFile : keyFile} is missing: the other one is there`,
    )
  }
  if (!isPair(cert, key, certFile, keyFile)) {
    throw new Failure('bad-key', `${keyFile} is not the key of the certificate in ${certFile}`)
  }
  return { cert, key }
}

/** Where a server answers. One that listens on all addresses is known by the machine's name. */
export function urlOf(host: string, port: number, isSecure: boolean): string {
  const name = ['0.0.0.0', '::'].includes(host) ? hostname() : host.includes(':') ? `[${host}]` : host
  return `${isSecure ? 'https' : 'http'}://${name}:${port}`
}

function isLoopback(host: string): boolean {
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) || ['::1', 'localhost'].includes(host)
}

function isPair(cert: string, key: string, certFile: string, keyFile: string): boolean {
  const read = <T>(file: string, what: string, work: () => T): T => {
    try {
      return work()
    } catch {
      // what OpenSSL says might quote the key
      throw new Failure('bad-key', `${file} holds no ${what} that can be read (PEM, without a passphrase)`)
    }
  }
  const certificate = read(certFile, 'certificate', () => new X509Certificate(cert))
  return certificate.checkPrivateKey(read(keyFile, 'key', () => createPrivateKey(key)))
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw new Failure('bad-key', `can't read ${path}: ${messageOf(error)}`, { cause: error })
  }
}
