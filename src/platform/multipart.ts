import { randomBytes } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { seconds } from './clock.ts'
import type { Context } from './context.ts'
import { Failure } from './failure.ts'
import { type FileMark, markOf } from './file-mark.ts'

/** A form with one file, to be sent as a stream. */
export interface MultipartForm {
  /** Sent before the file, in this order. */
  fields: readonly (readonly [name: string, value: string])[]
  /** The name of the file's field, which is the form's last. */
  field: string
  path: string
  /** What is sent as the file's name. */
  fileName: string
  contentType: string
  /** The file's size; a file that turns out longer or shorter ends the request. */
  sizeBytes: number
  /** Of the file when it was checked; the end of a file that was written to since is never sent, so nobody takes it for whole. */
  mark: FileMark
}

const progressEveryMs = 5000
const mebibyte = 1 << 20
const chunkBytes = 1 << 20
/** One is read ahead; the others are on their way into the socket or in the stream, with one to spare. */
const chunksHeld = 5

/**
 * Turns a form into headers and a body for `HttpRequest`, in constant memory whatever the file's size. Every call of
 * `body` starts from the beginning; while it is read, a line of progress is logged every five seconds.
 */
export function multipart(
  form: MultipartForm,
  context: Context,
): { headers: Record<string, string>; body: () => Readable } {
  const boundary = `drover-${randomBytes(16).toString('hex')}`
  const before = Buffer.from(
    [
      ...form.fields.map(
        ([name, value]) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      ),
      `--${boundary}\r\nContent-Disposition: form-data; name="${form.field}"; filename="${form.fileName}"\r\n`,
      `Content-Type: ${form.contentType}\r\n\r\n`,
    ].join(''),
  )
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(before.length + form.sizeBytes + after.length),
    },
    // the file is read ahead, so the stream need not be
    body: () => Readable.from(parts(before, form, after, context), { objectMode: false, highWaterMark: 1 }),
  }
}

async function* parts(
  before: Buffer,
  form: MultipartForm,
  after: Buffer,
  context: Context,
): AsyncGenerator<Uint8Array> {
  const startedAt = context.clock.now().getTime()
  let toldAt = startedAt
  let sentBytes = 0
  await using file = await open(form.path)
  const isChanged = async () => (await markOf(file)) !== form.mark
  if (await isChanged()) throw changed(form)
  yield before
  for await (const bytes of chunksOf(file)) {
    context.signal.throwIfAborted()
    sentBytes += bytes.length
    if (sentBytes >= form.sizeBytes && (sentBytes > form.sizeBytes || (await isChanged())))
      throw changed(form)
    yield bytes
    const now = context.clock.now().getTime()
    if (now - toldAt < progressEveryMs) continue
    toldAt = now
    const rate = sentBytes / mebibyte / ((now - startedAt) / 1000)
    context.log.info(
      `sent ${Math.round(sentBytes / mebibyte)} of ${Math.round(form.sizeBytes / mebibyte)} MiB in ` +
        `${seconds(now - startedAt)}, ${rate.toFixed(1)} MiB/s`,
    )
  }
  if (sentBytes < form.sizeBytes) throw changed(form)
  yield after
}

/** The bytes of a file, one chunk read ahead, in a few buffers that are used again: fresh ones would pile up. */
async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: chunksHeld }, () => Buffer.allocUnsafeSlow(chunkBytes))
  const read = async (i: number) => {
    const buffer = buffers[i % buffers.length] ?? Buffer.alloc(chunkBytes)
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, i * chunkBytes)
    return buffer.subarray(0, bytesRead)
  }
  let ahead = read(0)
  try {
    for (let i = 1; ; i++) {
      const chunk = await ahead
      if (chunk.length === 0) return
      ahead = read(i)
      yield chunk
    }
  } finally {
    // the file is closed next, and nobody else looks at how this one ends
    await ahead.catch(() => {})
  }
}

function changed(form: MultipartForm): Failure {
  return new Failure('artifact-damaged', `${form.path} changed while it was sent: run again`)
}
