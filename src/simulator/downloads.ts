import { type ArtifactInfo, inspectArtifact } from '../artifact/artifact.ts'
import type { Connection } from './connection.ts'

/**
 * What the devices of a crowd download. Every device fetches every byte; what an artifact holds is read and checked by the
 * first of them and known to the others.
 */
export class Downloads {
  bytes = 0
  readonly #known = new Map<string, ArtifactInfo>()

  /**
   * Downloads an artifact to its end, from `offset` on where it was cut before. With `cutAfter` the connection is dropped
   * after so many bytes, and that is where the device stands: a number.
   */
  async fetch(
    connection: Connection,
    uri: string,
    { offset = 0, cutAfter }: { offset?: number; cutAfter?: number } = {},
  ): Promise<ArtifactInfo | number> {
    const reply = await connection.download(uri, offset)
    const { origin, pathname } = new URL(uri)
    const key = `${origin}${pathname}`
    const counted = this.#counted(reply)
    if (cutAfter !== undefined) return await cut(counted, cutAfter)
    const known = this.#known.get(key)
    if (known === undefined && offset === 0) {
      const info = await inspectArtifact(counted)
      this.#known.set(key, info)
      return info
    }
    for await (const _ of counted);
    return known ?? this.fetch(connection, uri) // a part alone says nothing of the whole
  }

  async *#counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.bytes += chunk.length
      yield chunk
    }
  }
}

async function cut(source: AsyncGenerator<Buffer>, after: number): Promise<number> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes >= after) break // leaving the loop closes the connection
  }
  return bytes
}
