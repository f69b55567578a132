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

/** The certificates in a PEM text, each as one of its own; none where a block of it is cut off. */
export function certificatesOf(text: string): string[] {
  return (pemBlocks(text) ?? []).filter(isCertificate).map((block) => block.text)
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

/** What a text without a PEM key is instead, as the rest of a sentence that says how to make PEM of it; undefined where nothing is known. */
export function otherFormOf(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty: is there a secret or a file of this name?'
  if (text.includes('-----BEGIN OPENSSH PRIVATE KEY-----')) {
    return 'it is in the form of OpenSSH: write an RSA or ECDSA key as PEM with `ssh-keygen -p -m PEM -f COPY`, which changes the file'
  }
  if (/^(ssh-|ecdsa-sha2-)\S+ AAAA/m.test(text)) {
    return 'it is a public key in the form of OpenSSH: write it as PEM with `ssh-keygen -e -m PKCS8 -f FILE`'
  }
  if (text.includes('-----BEGIN CERTIFICATE REQUEST-----')) return 'it is a request for a certificate'
  // DER begins with a sequence, ASN.1's 0x30, and is full of what no text has
  // oxlint-disable-next-line no-control-regex -- control characters are what tells it from text
  if (text.startsWith('0') && /[\u0000-\u0008\ufffd]/.test(text)) {
    return 'it is DER: write it as PEM with `openssl pkey -inform DER -in FILE -out key.pem`, a public key with -pubin, a certificate with `openssl x509`'
  }
  return undefined
}
