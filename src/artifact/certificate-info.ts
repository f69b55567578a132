import { X509Certificate } from 'node:crypto'
import type { CertificateInfo } from './artifact-info.ts'

/** What each certificate (PEM) says of itself. */
export function certificateInfoOf(certificates: readonly string[]): CertificateInfo[] {
  return certificates.map((pem) => {
    const { subject, issuer, validFrom, validTo } = new X509Certificate(pem)
    return { subject: inLine(subject), issuer: inLine(issuer), from: time(validFrom), until: time(validTo) }
  })
}

/** Node puts each part of a distinguished name on a line of its own; one without any part is undefined. */
const inLine = (name: string | undefined) => (name ?? '').replaceAll('\n', ', ')

function time(text: string): string {
  const at = new Date(text)
  // whoever made the certificate may have written anything
  return Number.isNaN(at.getTime()) ? text : at.toISOString()
}
