import { type Context, systemClock } from '../platform/platform.ts'

const tellEveryMs = 5000

/** What is to be called with the size of each block that is packed: it tells every few seconds how far the work is. */
export function packingProgress(wholeBytes: number, context: Context): (bytes: number) => void {
  return progress('packed', wholeBytes, context)
}

/** The same bytes, with a line every few seconds of how many were read. */
export async function* readingProgress(
  source: AsyncIterable<Uint8Array>,
  wholeBytes: number,
  log: Context['log'],
): AsyncGenerator<Uint8Array> {
  const tell = progress('read', wholeBytes, { log, clock: systemClock })
  for await (const chunk of source) {
    tell(chunk.length)
    yield chunk
  }
}

function progress(
  done: string,
  wholeBytes: number,
  { log, clock }: Pick<Context, 'log' | 'clock'>,
): (bytes: number) => void {
  let count = 0
  let toldAt = clock.now().getTime()
  return (bytes) => {
    count += bytes
    const now = clock.now().getTime()
    if (now - toldAt < tellEveryMs) return
    toldAt = now
    log.info(`${megabytes(count)} of ${megabytes(wholeBytes)} ${done}`)
  }
}

/** A size for people, in bytes where a tenth of a megabyte would say nothing. */
export function megabytes(sizeBytes: number): string {
  return sizeBytes < 1e5 ? `${sizeBytes} bytes` : `${(sizeBytes / 1e6).toFixed(1)} MB`
}
