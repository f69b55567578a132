import { randomBytes } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { seconds } from './clock.ts'
import type { Context } from './context.ts'
import type { Digest } from './digest.ts'
import { Failure } from './failure.ts'
import { HashedFile, type RunningHash, hashHere, isWorthThread } from './hashed-file.ts'

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
  /** The file's digest; the end of a file that turns out another is never sent, so that nobody takes it for whole. */
  sha256: Digest
}

const progressEveryMs = 5000
const mebibyte = 1 << 20
const chunkBytes = 1 << 18
const chunksKept = 4

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
    body: () => Readable.from(parts(before, form, after, context), { objectMode: false }),
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
  await using file = await opened(form.path, context.signal)
  yield before
  for await (const bytes of file.chunks) {
    sentBytes += bytes.length
    if (sentBytes > form.sizeBytes) throw changed(form)
    if (sentBytes === form.sizeBytes && `sha256:${await file.digest()}` !== form.sha256) throw changed(form)
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

interface OpenedFile extends AsyncDisposable {
  /** When a chunk is asked for, the one before may wait in the stream and the one before that on its way into the socket. */
  chunks: AsyncIterable<Uint8Array>
  /** Of all chunks so far; to be asked once. */
  digest(): Promise<string> | string
}

async function opened(path: string, signal: AbortSignal): Promise<OpenedFile> {
  const handle = await open(path)
  if (isWorthThread((await handle.stat()).size)) {
    const file = HashedFile.over(handle, chunksKept, signal)
    return {
      chunks: file,
      digest: () => file.digest(),
      async [Symbol.asyncDispose]() {
        await file[Symbol.asyncDispose]()
        await handle.close()
      },
    }
  }
  const hash = hashHere()
  return {
    chunks: chunksOf(handle, hash),
    digest: () => hash.digest(),
    [Symbol.asyncDispose]: () => handle.close(),
  }
}

/** The bytes of a file, in a few buffers that are used again: fresh ones would pile up until they are collected. */
async function* chunksOf(file: FileHandle, hash: RunningHash): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: chunksKept + 1 }, () => Buffer.allocUnsafeSlow(chunkBytes))
  for (let i = 0; ; i++) {
    const buffer = buffers[i % buffers.length] ?? Buffer.alloc(chunkBytes)
    const { bytesRead } = await file.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) return
    const chunk = buffer.subarray(0, bytesRead)
    hash.update(chunk)
    yield chunk
  }
}

function changed(form: MultipartForm): Failure {
  return new Failure('artifact-damaged', `${form.path} changed while it was sent: run again`)
}
