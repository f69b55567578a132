// PEM texts as people hand them over: several blocks in one text, with anything between them.

/** One block of a PEM text. */
export interface PemBlock {
  /** What stands after BEGIN, such as `EC PRIVATE KEY`. */
  label: string
  /** The whole block, from its first to its last line. */
  text: string
}

/** The blocks of a PEM text in their order; undefined where one begins and doesn't end. */
export function pemBlocks(text: string): PemBlock[] | undefined {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)]
  const begun = text.split('-----BEGIN ').length - 1
  const isWhole = blocks.every(([block]) => block.lastIndexOf('-----BEGIN ') === 0)
  if (!isWhole || blocks.length !== begun) return undefined
  return blocks.map(([block, label = '']) => ({ label, text: `${block}\n` }))
}

export function isPrivateKey({ label }: PemBlock): boolean {
  return label === 'PRIVATE KEY' || label.endsWith(' PRIVATE KEY')
}

export function isCertificate({ label }: PemBlock): boolean {
  return label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE' || label === 'X509 CERTIFICATE'
}

export function isPublicKey({ label }: PemBlock): boolean {
  return label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY'
}

/** Whether a private key's block can only be read with a passphrase. */
export function isEncrypted({ label, text }: PemBlock): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*ENCRYPTED/m.test(text)
}
