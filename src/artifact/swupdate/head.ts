import { type Digest, hexOf } from '../../platform/platform.ts'
import { cpioEntry } from '../archive/cpio-header.ts'
import type { CmsSigner } from '../cms-sign.ts'
import { releaseNameOf, unknownDigest } from '../release-facts.ts'
import type { WriteRequest } from '../write-request.ts'
import { type ToDescribe, describe } from './describe.ts'
import { parseDescription } from './description.ts'
import type { Part } from './parts.ts'
import { contentOf } from './swupdate-content.ts'
import type { SwupdateOptions } from './swupdate-options.ts'

/** sw-description and its signature: their usual size from the start, their content at the end. */
export class Head {
  readonly usualBytes: number
  readonly #request: WriteRequest & SwupdateOptions
  readonly #toDescribe: ToDescribe
  readonly #parts: ReadonlyMap<string, Part>
  readonly #signer: CmsSigner | undefined

  constructor(
    request: WriteRequest & SwupdateOptions,
    parts: readonly Part[],
    signer: CmsSigner | undefined,
  ) {
    this.#request = request
    this.#parts = new Map(parts.map((part) => [part.fileName, part]))
    const order = parts.flatMap(({ fileName, compression, items }) =>
      items.map((item) => ({ fileName, compression, ...item })),
    )
    const files = order.toSorted((a, b) => a.position - b.position)
    this.#toDescribe = { ...request, files }
    this.#signer = signer
    const planned = this.#describe(releaseNameOf(request.name, unknownDigest), () => hexOf(unknownDigest))
    this.usualBytes = headOf(planned, signer && Buffer.alloc(signer.usualBytes)).length
  }

  /** What stands before the parts, once they are written. */
  async finish(signal: AbortSignal): Promise<{ bytes: Buffer; name: string; contentDigest: Digest }> {
    const { name: given } = this.#request
    // no part of the digest
    const { contentDigest } = this.#contentOf(releaseNameOf(given, unknownDigest))
    const name = releaseNameOf(given, contentDigest)
    const description = this.#describe(name, (file) => this.#partOf(file).stored.sha256)
    const signature = await this.#signer?.sign(description, signal)
    return { bytes: headOf(description, signature), name, contentDigest }
  }

  /** Read from what is written, as a reader will. */
  #contentOf(name: string) {
    const description = this.#describe(name, (file) => this.#partOf(file).stored.sha256)
    return contentOf(parseDescription(description), this.#parts)
  }

  #describe(name: string, sha256Of: (fileName: string) => string): Buffer {
    return describe(this.#toDescribe, name, sha256Of)
  }

  #partOf(fileName: string): Part {
    const part = this.#parts.get(fileName)
    if (part === undefined) throw new Error(`${fileName} is described and not there`)
    return part
  }
}

/** The two members that a `.swu` file begins with, or the first of them. */
export function headOf(description: Buffer, signature: Buffer | undefined): Buffer {
  return Buffer.concat([
    cpioEntry('sw-description', 1, description),
    ...(signature === undefined ? [] : [cpioEntry('sw-description.sig', 2, signature)]),
  ])
}
