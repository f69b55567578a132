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
/** The rule of the devices' client. */
const payloadFileName = /^(?!\.{1,2}$)[A-Za-z0-9._,-]{1,255}$/
const headerName = /^header\.tar(?:\.(?:gz|xz|zst))?$/
const augmentName = /^header-augment\.tar(?:\.(?:gz|xz|zst))?$/
/** Reads a manifest; throws `artifact-damaged` at the first line that is malformed, unknown or there twice. */
export function parseManifest(content: Buffer, place: string): Manifest {
  const seen = linesOf(content, place, (name) => name === 'version' || headerName.test(name))
  const version = seen.get('version')
  const header = onlyHeader(seen, headerName)
  if (version === undefined || header === undefined) {
    throw wrongMember(place, content.length, 'it has to name version and one header')
  }
  return { version, header, payloads: payloadsOf(seen) }
}

/** Reads a `manifest-augment`, which adds files and a header to those of a manifest; throws as `parseManifest` does. */
export function parseManifestAugment(content: Buffer, place: string): Omit<Manifest, 'version'> {
  const seen = linesOf(content, place, (name) => augmentName.test(name))
  const header = onlyHeader(seen, augmentName)
  if (header === undefined) throw wrongMember(place, content.length, 'it has to name one header-augment')
  return { header, payloads: payloadsOf(seen) }
}

/** The checksums by name; beside payload files only what `isOther` knows may be there. */
function linesOf(content: Buffer, place: string, isOther: (name: string) => boolean): Map<string, string> {
  const seen = new Map<string, string>()
  let offset = 0
  const lines = decoded(content, place).split('\n')
  // the device's reader passes over a last line that has no end
  if (lines.pop() !== '') throw damaged(place, content.length, 'its last line has no end')
  for (const text of lines) {
    const [, checksum, name] = line.exec(text) ?? []
    if (checksum === undefined || name === undefined) throw damaged(place, offset, 'a line is malformed')
    if (seen.has(name)) throw wrongMember(place, offset, `it names ${JSON.stringify(name)} twice`)
    if (!isOther(name) && !isPayloadFile(name))
      throw wrongMember(place, offset, `it names ${JSON.stringify(name)}, which may not be there`, name)
    seen.set(name, checksum)
    offset += Buffer.byteLength(text) + 1
  }
  return seen
}

function onlyHeader(
  seen: ReadonlyMap<string, string>,
  pattern: RegExp,
): { name: string; checksum: string } | undefined {
  const [header, second] = [...seen].filter(([name]) => pattern.test(name))
  return header === undefined || second !== undefined ? undefined : { name: header[0], checksum: header[1] }
}

function decoded(content: Buffer, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    throw damaged(place, 0, 'it is not UTF-8', error)
  }
}

/** A manifest's text: payload files, then header, then version, as every writer does. */
export function formatManifest(entries: readonly { name: string; checksum: string }[]): string {
  return entries.map(({ name, checksum }) => `${checksum}  ${name}\n`).join('')
}

function isPayloadFile(name: string): boolean {
  const file = dataName.exec(name)?.[2]
  return file !== undefined && payloadFileName.test(file)
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
