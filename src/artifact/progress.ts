import type { Context } from '../platform/platform.ts'

const tellEveryMs = 5000

/** What is to be called with the size of each block that is packed: it tells every few seconds how far the work is. */
export function packingProgress(wholeBytes: number, { log, clock }: Context): (bytes: number) => void {
  let packed = 0
  let toldAt = clock.now().getTime()
  return (bytes) => {
    packed += bytes
    const now = clock.now().getTime()
    if (now - toldAt < tellEveryMs) return
    toldAt = now
    log.info(`${megabytes(packed)} of ${megabytes(wholeBytes)} packed`)
  }
}

/** A size for people, in bytes where a tenth of a megabyte would say nothing. */
export function megabytes(sizeBytes: number): string {
  return sizeBytes < 1e5 ? `${sizeBytes} bytes` : `${(sizeBytes / 1e6).toFixed(1)} MB`
}
