// ECDSA signatures on P-256 between their two forms: r and s as 64 bytes, and the DER that OpenSSL and most services write.

/** r and s, 32 bytes each, of a signature in DER; undefined where `der` is not exactly one. */
export function rawEcdsa(der: Buffer): Buffer | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return undefined
  const r = integerAt(der, 2)
  const s = r && integerAt(der, r.end)
  if (r === undefined || s === undefined || s.end !== der.length) return undefined
  return Buffer.concat([r.bytes, s.bytes])
}

/** The DER of a signature of 64 bytes. */
export function derEcdsa(raw: Buffer): Buffer {
  const body = Buffer.concat([raw.subarray(0, 32), raw.subarray(32)].map(integer))
  return Buffer.concat([Buffer.of(0x30, body.length), body])
}

function integerAt(der: Buffer, at: number): { bytes: Buffer; end: number } | undefined {
  const [tag, length = 0] = der.subarray(at, at + 2)
  const end = at + 2 + length
  const content = der.subarray(at + 2, end)
  if (tag !== 2 || length === 0 || content.length !== length) return undefined
  const isPadded = content[0] === 0 && length > 1
  // a negative number, and zeros that only lengthen it, are not DER
  if ((content[0] ?? 0) >= 0x80 || (isPadded && (content[1] ?? 0) < 0x80)) return undefined
  const digits = isPadded ? content.subarray(1) : content
  if (digits.length > 32) return undefined
  return { bytes: Buffer.concat([Buffer.alloc(32 - digits.length), digits]), end }
}

function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  const content = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits
  return Buffer.concat([Buffer.of(2, content.length), content])
}
