import { createHash } from 'node:crypto'
import { type ArtifactInfo, inspectArtifact } from '../artifact/artifact.ts'
import type { DeviceApi, Offer } from './device-api.ts'

/** What a device knows of an update once it has all of it. */
export type Update = Pick<
  ArtifactInfo,
  'name' | 'deviceTypes' | 'depends' | 'provides' | 'clearsProvides'
> & {
  format: ArtifactInfo['format']
}

/**
 * What the devices of a crowd download. Every device fetches every byte; what an artifact holds is read and checked by the
 * first of them and known to the others.
 */
export class Downloads {
  bytes = 0
  readonly #known = new Map<string, Update>()

  /**
   * Downloads an artifact to its end, from `offset` on where it was cut before. With `cutAfter` the connection is dropped
   * after so many bytes, and that is where the device stands: a number.
   */
  async fetch(
    connection: DeviceApi,
    offer: Offer,
    { offset = 0, cutAfter }: { offset?: number; cutAfter?: number } = {},
  ): Promise<Update | number> {
    const reply = await connection.download(offer.uri, offset)
    const counted = this.#counted(reply)
    if (cutAfter !== undefined) return await cut(counted, cutAfter)
    const known = this.#known.get(offer.content)
    if (known === undefined && offset === 0) {
      const info =
        offer.sha256 === undefined
          ? await inspectArtifact(counted)
          : await bundleOf(counted, { ...offer, sha256: offer.sha256 })
      this.#known.set(offer.content, info)
      return info
    }
    for await (const _ of counted);
    return known ?? this.fetch(connection, offer) // a part alone says nothing of the whole
  }

  async *#counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.bytes += chunk.length
      yield chunk
    }
  }
}

/** A bundle for what the server says that it is, once its checksum is right. */
async function bundleOf(source: AsyncIterable<Buffer>, offer: Offer & { sha256: string }): Promise<Update> {
  const hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk)
  if (hash.digest('hex') !== offer.sha256) throw new Error('the download has another checksum')
  const nothing = { deviceTypes: [], depends: {}, provides: {}, clearsProvides: [] }
  return { format: 'rauc', name: offer.release, ...nothing }
}

async function cut(source: AsyncGenerator<Buffer>, after: number): Promise<number> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes >= after) break // leaving the loop closes the connection
  }
  return bytes
}
