// The manifest of a Mender artifact: what every other member's checksum must be, in the form that sha256sum writes.
import { damaged, wrongMember } from '../archive/byte-reader.ts'

/** Checksums (64 hex digits) by member. */
export interface Manifest {
  version: string
  header: { name: string; checksum: string }
  /** By payload, then by file name. */
  payloads: readonly ReadonlyMap<string, string>[]
}

const line = /^([0-9a-f]{64}) {2}(\S(?:.*\S)?)$/
const dataName = /^data\/(\d{4})\/([^/]+)$/
const headerName = /^header\.tar(?:\.(?:gz|xz|zst))?$/
/** What no name of a payload file has: more than one component, or what a shell, a log or a manifest takes otherwise. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const unsafe = /[\u0000-\u001f\u007f-\u009f/\\]|^\.{1,2}$| {2}|^\s|\s$/

/** Whether `name` may be a payload file's: it names a file in its folder and nothing else. */
function isSafeFileName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 255 && !unsafe.test(name)
}

/** Reads a manifest; throws `artifact-damaged` at the first line that is malformed, unknown or there twice. */
export function parseManifest(content: Buffer, place: string): Manifest {
  const seen = new Map<string, string>()
  let offset = 0
  for (const text of content.toString('utf8').replace(/\n$/, '').split('\n')) {
    const [, checksum, name] = line.exec(text) ?? []
    if (checksum === undefined || name === undefined) throw damaged(place, offset, 'a line is malformed')
    if (seen.has(name)) throw wrongMember(place, offset, `it names ${JSON.stringify(name)} twice`)
    if (!isKnown(name))
      throw wrongMember(place, offset, `it names ${JSON.stringify(name)}, which may not be there`, name)
    seen.set(name, checksum)
    offset += Buffer.byteLength(text) + 1
  }
  const headers = [...seen].filter(([name]) => headerName.test(name))
  const version = seen.get('version')
  const [header] = headers
  if (version === undefined || header === undefined || headers.length > 1) {
    throw wrongMember(place, offset, 'it has to name version and one header')
  }
  return { version, header: { name: header[0], checksum: header[1] }, payloads: payloadsOf(seen) }
}

/** A manifest's text: payload files, then header, then version, as every writer does. */
export function formatManifest(entries: readonly { name: string; checksum: string }[]): string {
  return entries.map(({ name, checksum }) => `${checksum}  ${name}\n`).join('')
}

function isKnown(name: string): boolean {
  const file = dataName.exec(name)?.[2]
  return name === 'version' || headerName.test(name) || (file !== undefined && isSafeFileName(file))
}

function payloadsOf(entries: ReadonlyMap<string, string>): Map<string, string>[] {
  const payloads: Map<string, string>[] = []
  for (const [name, checksum] of entries) {
    const [, index, file] = dataName.exec(name) ?? []
    if (index === undefined || file === undefined) continue
    const at = Number(index)
    while (payloads.length <= at) payloads.push(new Map())
    payloads[at]?.set(file, checksum)
  }
  return payloads
}
