// The header of a Mender artifact: header-info first, then the state scripts, then each payload's type-info and meta-data.
import { createHash } from 'node:crypto'
import type { Depends, PayloadInfo } from '../artifact-info.ts'
import { augmentedPayloads } from './augment.ts'
import { type ByteReader, damaged, wrongChecksum, wrongMember } from '../archive/byte-reader.ts'
import { scriptsDigestOf, scriptsProvide } from '../content-digest.ts'
import {
  headerAugmentSchema,
  headerInfoSchema,
  metaDataSchema,
  parseJson,
  typeInfoSchema,
} from './mender-schema.ts'
import { isScriptName } from './state-scripts.ts'
import { type TarMember, TarReader } from '../archive/tar-reader.ts'

export interface Header {
  name: string
  group?: string
  deviceTypes: readonly string[]
  /** As header-info has them: without those of the payloads. */
  provides: Readonly<Record<string, string>>
  depends: Depends
  scripts: readonly string[]
  payloads: readonly Omit<PayloadInfo, 'files'>[]
}

/** Reads and checks a whole header; `bytes` are its own, uncompressed, and bounded by the caller. */
export async function readHeader(bytes: ByteReader): Promise<Header> {
  const members = await allMembers(bytes)
  const info = parseJson(members.take('header-info'), headerInfoSchema, `${bytes.place}, header-info`)
  const scripts = takeScripts(members)
  const payloads = info.payloads.map(({ type }, i) => takePayload(members, i, type))
  members.finish()
  checkScriptsProvide(scripts, payloads, bytes.place)
  const { artifact_name, artifact_group } = info.artifact_provides
  // Go's writers leave an empty group out, and its readers make an empty one of one that isn't there
  const group = artifact_group ? { artifact_group } : {}
  const own = { provides: { artifact_name, ...group }, depends: withoutNulls(info.artifact_depends) }
  checkConflicts(own, payloads, bytes.place)
  return {
    name: artifact_name,
    ...(artifact_group ? { group: artifact_group } : {}),
    deviceTypes: info.artifact_depends.device_type,
    ...own,
    scripts: scripts.map(({ name }) => name),
    payloads,
  }
}

/**
 * Reads and checks a header-augment, which has for each payload what is added to or put in the place of what `header` says,
 * and nothing else. Gives that, and the payloads that come of it.
 */
export async function readHeaderAugment(
  bytes: ByteReader,
  header: Header,
): Promise<{ added: Header['payloads']; augmented: Header['payloads'] }> {
  const members = await allMembers(bytes)
  const place = `${bytes.place}, header-info`
  const info = parseJson(members.take('header-info'), headerAugmentSchema, place)
  if (info.payloads.length !== header.payloads.length) {
    throw damaged(place, 0, `it has ${info.payloads.length} payloads, the header ${header.payloads.length}`)
  }
  const payloads = info.payloads.map(({ type }, i) => takePayload(members, i, type))
  members.finish()
  const augmented = augmentedPayloads(header.payloads, payloads)
  checkConflicts(header, augmented, bytes.place)
  return { added: payloads, augmented }
}

interface Members {
  place: string
  peek(): string | undefined
  /** The content of the next member, which must have this name. */
  take(name: string): Buffer
  finish(): void
}

async function allMembers(bytes: ByteReader): Promise<Members> {
  const tar = new TarReader(bytes)
  const all: { member: TarMember; content: Buffer }[] = []
  for (;;) {
    const member = await tar.next()
    if (member === undefined) break
    all.push({ member, content: await tar.content(member, Infinity) })
  }
  let at = 0
  return {
    place: bytes.place,
    peek: () => all[at]?.member.name,
    take: (name) => {
      const next = all[at++]
      if (next?.member.name === name) return next.content
      const found = next === undefined ? 'its end' : JSON.stringify(next.member.name)
      throw wrongMember(
        bytes.place,
        next?.member.offset ?? bytes.offset,
        `${found} stands where ${name} should be`,
        next?.member.name,
      )
    },
    finish: () => {
      const next = all[at]?.member
      if (next === undefined) return
      throw wrongMember(
        bytes.place,
        next.offset,
        `${JSON.stringify(next.name)} stands where its end should be`,
        next.name,
      )
    },
  }
}

function takeScripts(members: Members): { name: string; checksum: string }[] {
  const scripts = new Map<string, string>()
  for (let next = members.peek(); next?.startsWith('scripts/') === true; next = members.peek()) {
    const name = next.slice('scripts/'.length)
    if (!isScriptName(name))
      throw wrongMember(members.place, 0, `${JSON.stringify(next)} is no state script's name`, next)
    if (scripts.has(name)) {
      throw wrongMember(members.place, 0, `${next} is there twice`)
    }
    scripts.set(name, createHash('sha256').update(members.take(next)).digest('hex'))
  }
  return [...scripts].map(([name, checksum]) => ({ name, checksum }))
}

function takePayload(members: Members, index: number, type: string | null): Omit<PayloadInfo, 'files'> {
  const folder = `headers/${String(index).padStart(4, '0')}`
  const place = `${members.place}, ${folder}`
  const info = parseJson(members.take(`${folder}/type-info`), typeInfoSchema, `${place}/type-info`)
  // mender-artifact leaves the type of a rootfs-image empty here
  if (info.type != null && info.type !== '' && info.type !== type) {
    throw damaged(`${place}/type-info`, 0, 'its type is not the one in header-info')
  }
  const content = members.peek() === `${folder}/meta-data` ? members.take(`${folder}/meta-data`) : undefined
  if (type === null && content !== undefined && content.length > 0) {
    throw damaged(`${place}/meta-data`, 0, 'an empty payload has none')
  }
  return {
    type: type ?? '',
    metaData: content?.length ? parseJson(content, metaDataSchema, `${place}/meta-data`) : {},
    provides: info.artifact_provides ?? {},
    depends: info.artifact_depends ?? {},
    clearsProvides: info.clears_artifact_provides ?? [],
  }
}

/**
 * Throws `artifact-damaged` where two of the header and its payloads provide, or depend on, the same: a device refuses it, and
 * what took either for the truth would be fooled by the other.
 */
function checkConflicts(header: Claims, payloads: readonly Claims[], place: string): void {
  for (const kind of ['provides', 'depends'] as const) {
    const seen = new Set<string>()
    for (const key of [header, ...payloads].flatMap((one) => Object.keys(one[kind]))) {
      if (seen.has(key)) throw damaged(place, 0, `its ${kind} have ${JSON.stringify(key)} twice`)
      seen.add(key)
    }
  }
}

type Claims = Pick<PayloadInfo, 'provides' | 'depends'>

// A server shows the provide, not the scripts: were it wrong, two files that do different things would count as the same.
function checkScriptsProvide(
  scripts: readonly { name: string; checksum: string }[],
  payloads: readonly Pick<PayloadInfo, 'provides'>[],
  place: string,
): void {
  const actual = scriptsDigestOf(scripts)
  for (const { provides } of payloads) {
    const claimed = provides[scriptsProvide]
    if (claimed !== undefined && claimed !== actual) {
      throw wrongChecksum(place, 0, `the provide ${scriptsProvide} is not the digest of its state scripts`)
    }
  }
}

function withoutNulls(values: Record<string, string | readonly string[] | null | undefined>): Depends {
  const entries = Object.entries(values).flatMap(([key, value]) =>
    value == null ? [] : [[key, value] as const],
  )
  return Object.fromEntries(entries)
}
