// Certificates of a private authority, made with openssl.
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Makes an authority in `folder` (`ca.crt`) and a server's certificate of it for `names` (such as `IP:127.0.0.1`), put into
 * `dataDir` as the embedded server wants it. Returns the path of the authority's certificate.
 */
export async function privateAuthority(folder: string, dataDir: string, names: readonly string[]) {
  await mkdir(dataDir, { recursive: true })
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  // prettier-ignore
  openssl('req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.crt'), '-subj', '/CN=private authority', '-days', '2')
  openssl('req', ...key, '-keyout', join(dataDir, 'tls.key'), '-out', file('tls.csr'), '-subj', '/CN=ota')
  await writeFile(file('names'), `subjectAltName=${names.join(',')}\n`)
  // prettier-ignore
  openssl('x509', '-req', '-in', file('tls.csr'), '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial',
    '-out', join(dataDir, 'tls.crt'), '-days', '2', '-extfile', file('names'))
  return file('ca.crt')
}
