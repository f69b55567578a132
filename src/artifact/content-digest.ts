import { type Digest, canonicalJson, digestOf } from '../platform/platform.ts'

/** What an artifact brings, as far as the content digest covers it; an artifact file and a server's listing both give it. */
export interface Content {
  deviceTypes: readonly string[]
  payloads: readonly {
    type: string
    metaData?: Readonly<Record<string, unknown>> | undefined
    files: readonly { name: string; checksum: string }[]
  }[]
  /** The value of the provide `rootfs-image.state-scripts`, where the artifact has it. */
  scriptsDigest?: string | undefined
}

/**
 * The provide that carries the state scripts' digest, so that a server's listing shows it: under this name for every kind of
 * payload, since readers look for no other. On a device it is that of the last update that had scripts; an update of the root
 * file system without any clears it, with `rootfs-image.*`.
 */
export const scriptsProvide = 'rootfs-image.state-scripts'

/**
 * The digest of what an artifact brings: equal for two files exactly where a device would install the same. It covers
 * neither the release's name nor the signature, group, provides, depends, dates or compression.
 *
 * It is the SHA-256 of the UTF-8 text of this JSON value, with object keys sorted at every depth and no white space:
 *
 *     {"deviceTypes": [each once, sorted],
 *      "payloads": [in the artifact's order, {"files": [sorted by name, {"checksum": 64 lower-case hex digits of the
 *                   uncompressed file, "name"}], "metaData": {…}, "type"}],
 *      "scripts": the state scripts' digest, `sha256:…`}
 *
 * `metaData` is `{}` where the artifact has none, `type` is "" for an empty payload. `scripts` is left out where the
 * artifact doesn't provide `rootfs-image.state-scripts`. Strings are sorted by UTF-16 code units.
 */
export function contentDigestOf(content: Content): Digest {
  return digestOf(
    canonicalJson({
      deviceTypes: [...new Set(content.deviceTypes)].sort(compare),
      payloads: content.payloads.map(({ type, metaData, files }) => ({
        type,
        metaData: metaData ?? {},
        files: files
          .map(({ name, checksum }) => ({ name, checksum: checksum.toLowerCase() }))
          .sort((a, b) => compare(a.name, b.name)),
      })),
      scripts: content.scriptsDigest,
    }),
  )
}

/**
 * The digest of an artifact's state scripts, undefined where it has none: the SHA-256 of the canonical JSON list of
 * `[name, checksum]`, sorted by name.
 */
export function scriptsDigestOf(scripts: readonly { name: string; checksum: string }[]): Digest | undefined {
  if (scripts.length === 0) return undefined
  const list = scripts.map(({ name, checksum }) => [name, checksum] as const)
  return digestOf(canonicalJson(list.sort(([a], [b]) => compare(a, b))))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
