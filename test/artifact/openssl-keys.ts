// Keys in every form that openssl writes, made once for each test file, and certificates for them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const passphrase = 'correct horse battery staple'

function openssl(input: string | Buffer, ...args: string[]): string {
  const env = { ...process.env, PASSPHRASE: passphrase }
  return execFileSync('openssl', args, { input, env, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

/** A key by its forms; all of them are the same key. */
export interface KeyForms {
  public: string
  plain: Record<string, string>
  encrypted: Record<string, string>
}

export function rsaForms(): KeyForms {
  const pkcs8 = openssl('', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')
  const traditional = (cipher: string) =>
    openssl(pkcs8, 'rsa', '-traditional', cipher, '-passout', 'env:PASSPHRASE')
  return {
    public: openssl(pkcs8, 'pkey', '-pubout'),
    plain: {
      'PKCS#8': pkcs8,
      'PKCS#1': openssl(pkcs8, 'rsa', '-traditional'),
      'PKCS#1 with CRLF': openssl(pkcs8, 'rsa', '-traditional').replaceAll('\n', '\r\n'),
      'PKCS#8 between certificates': `${certificate(pkcs8)}Bag Attributes\n    friendlyName: a\n${pkcs8}${certificate(pkcs8)}`,
    },
    encrypted: {
      'PKCS#1, AES': traditional('-aes256'),
      'PKCS#1, 3DES': traditional('-des3'),
      ...encryptedPkcs8(pkcs8),
    },
  }
}

export function ecForms(): KeyForms {
  const withParameters = openssl('', 'ecparam', '-name', 'prime256v1', '-genkey')
  const pkcs8 = openssl(withParameters, 'pkcs8', '-topk8', '-nocrypt')
  const encrypted = openssl(pkcs8, 'ec', '-aes256', '-passout', 'env:PASSPHRASE')
  return {
    public: openssl(pkcs8, 'pkey', '-pubout'),
    plain: {
      'PKCS#8': pkcs8,
      SEC1: openssl(pkcs8, 'ec'),
      'SEC1 after its parameters': withParameters,
      'SEC1 before a certificate': `${openssl(pkcs8, 'ec')}${certificate(pkcs8)}`,
    },
    encrypted: {
      'SEC1, AES': encrypted,
      'SEC1, AES, before a certificate': `${encrypted}${certificate(pkcs8)}`,
      ...encryptedPkcs8(pkcs8),
    },
  }
}

/** A self-signed certificate for a private key. */
export function certificate(privateKey: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-test-'))
  try {
    writeFileSync(join(folder, 'key'), privateKey)
    return openssl('', 'req', '-x509', '-key', join(folder, 'key'), '-subj', '/CN=signer', '-days', '2')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function encryptedPkcs8(pkcs8: string): Record<string, string> {
  const encrypt = (...how: string[]) =>
    openssl(pkcs8, 'pkcs8', '-topk8', ...how, '-passout', 'env:PASSPHRASE')
  return {
    'PKCS#8, AES': encrypt('-v2', 'aes-256-cbc'),
    'PKCS#8, scrypt': encrypt('-scrypt'),
    'PKCS#8, 3DES': encrypt('-v2', 'des3'),
  }
}
