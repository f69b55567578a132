// An authority and certificates of signers for tests, made by openssl once for each test file.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A private key (PEM, PKCS#8) with its certificate, and those between it and the authority. */
export interface TestIdentity {
  key: string
  certificate: string
  intermediates: string
  /** PEM, SPKI. */
  publicKey: string
  /** The key and all certificates in one text, as an input has them. */
  all: string
}

export interface LeafOptions {
  /** `ec` (P-256) where not given. */
  type?: 'ec' | 'rsa'
  /** Extensions of the certificate in the words of openssl, such as `extendedKeyUsage=codeSigning`. */
  extensions?: string
  /** The first and the last second of its validity, `YYYYMMDDHHMMSSZ`; a month from now where not given. */
  from?: string
  to?: string
  /** Issued by an intermediate certificate instead of the authority itself. */
  isIndirect?: boolean
}

export interface Authority {
  /** PEM. */
  certificate: string
  issue(name: string, options?: LeafOptions): TestIdentity
}

/** A new authority. */
export function authority(name: string): Authority {
  const key = newKey('ec')
  const ca = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign'
  const certificate = certify({ name, key, extensions: ca })
  return {
    certificate,
    issue: (leafName, { type = 'ec', isIndirect = false, ...options } = {}) => {
      const leafKey = newKey(type)
      let issuer = { key, certificate }
      if (isIndirect) {
        const between = newKey('ec')
        const signed = certify({ name: `${leafName}'s issuer`, key: between, issuer, extensions: ca })
        issuer = { key: between, certificate: signed }
      }
      const own = certify({ name: leafName, key: leafKey, issuer, ...options })
      const intermediates = isIndirect ? issuer.certificate : ''
      return {
        key: leafKey,
        certificate: own,
        intermediates,
        publicKey: openssl(['pkey', '-pubout'], leafKey),
        all: leafKey + own + intermediates,
      }
    },
  }
}

function newKey(type: 'ec' | 'rsa'): string {
  const options =
    type === 'ec'
      ? ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
      : ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
  return openssl(['genpkey', ...options], '')
}

interface Wanted {
  name: string
  key: string
  issuer?: { key: string; certificate: string }
  extensions?: string
  from?: string
  to?: string
}

function certify({ name, key, issuer, extensions = '', from, to }: Wanted): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-test-'))
  const path = (file: string) => join(folder, file)
  try {
    writeFileSync(path('key'), key)
    writeFileSync(path('issuer.key'), issuer?.key ?? key)
    writeFileSync(path('issuer.pem'), issuer?.certificate ?? '')
    writeFileSync(path('index'), '')
    writeFileSync(path('ca.conf'), configuration(folder, extensions))
    openssl(['req', '-new', '-key', path('key'), '-subj', `/CN=${name}`, '-out', path('request')], '')
    const dates =
      from === undefined || to === undefined ? ['-days', '30'] : ['-startdate', from, '-enddate', to]
    const by = issuer === undefined ? ['-selfsign'] : ['-cert', path('issuer.pem')]
    const files = ['-keyfile', path('issuer.key'), '-in', path('request'), '-out', path('certificate')]
    openssl(['ca', '-batch', '-notext', '-config', path('ca.conf'), ...files, ...by, ...dates], '')
    return readFileSync(path('certificate'), 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const configuration = (folder: string, extensions: string) => `[ca]
default_ca = own
[own]
database = ${folder}/index
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
x509_extensions = wanted
[any]
commonName = supplied
[wanted]
subjectKeyIdentifier = hash
${extensions}
`

function openssl(args: string[], input: string): string {
  return execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}
