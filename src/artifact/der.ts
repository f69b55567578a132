// The little of ASN.1's DER (X.690) that a CMS signature takes: values of a tag, a length and content.

/** One value: its tag and its content, and all its bytes. */
export interface DerValue {
  tag: number
  content: Buffer
  whole: Buffer
}

/** A value of `tag`, made of `parts` one after the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 + bytes.length), bytes, content])
}

/** A SET OF `values`, which DER has sorted by their bytes. */
export function derSet(tag: number, values: readonly Buffer[]): Buffer {
  return der(tag, ...[...values].sort((a, b) => Buffer.compare(a, b)))
}

/** An object identifier in its usual form, `1.2.840.113549`. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left % 128) + 128)
    }
    return groups
  })
  return der(0x06, Buffer.from(bytes))
}

/** The values that stand one after the other in `bytes`; undefined where they aren't whole. */
export function derValues(bytes: Buffer): DerValue[] | undefined {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.subarray(at)
    const head = headOf(rest)
    if (head === undefined || head.end > rest.length) return undefined
    values.push({
      tag: head.tag,
      content: rest.subarray(head.start, head.end),
      whole: rest.subarray(0, head.end),
    })
    at += head.end
  }
  return values
}

function headOf(bytes: Buffer): { tag: number; start: number; end: number } | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, start: 2, end: 2 + first }
  const count = first - 0x80 // bytes of the length; 0 would be a length that only the end tells
  if (count < 1 || count > 4 || bytes.length < 2 + count) return undefined
  return { tag, start: 2 + count, end: 2 + count + bytes.readUIntBE(2, count) }
}
