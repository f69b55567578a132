import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { Failure, messageOf } from '../../platform/platform.ts'
import type { Compression } from '../artifact-info.ts'
import { damaged, wrongMember } from './byte-reader.ts'
import { cutAtFrames } from './zstd-frames.ts'
import { unxz } from './xz.ts'

/** Large chunks, and some of them ahead, so that engine and reader wait little for one another. */
const buffers = { chunkSize: 1 << 20, readableHighWaterMark: 4 << 20 }

/** The compression that a member's name stands for: `header.tar.gz` → `gzip`; undefined where it is not `stem` at all. */
export function compressionOf(name: string, stem: string): Compression | undefined {
  if (!name.startsWith(stem)) return undefined
  return ({ '': 'none', '.gz': 'gzip', '.zst': 'zstd', '.xz': 'xz' } as const)[name.slice(stem.length)]
}

/** What `source` holds, uncompressed, as a stream. Throws `artifact-damaged` where it isn't whole or something follows. */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  place: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') return yield* source
  if (compression === 'xz') return yield* unxzWhole(source, place)
  let fed = 0
  let isSourceBroken = false
  const counted = async function* () {
    try {
      for await (const chunk of compression === 'zstd' ? cutAtFrames(source) : source) {
        fed += chunk.length
        yield chunk
      }
    } catch (error) {
      isSourceBroken = true
      throw error
    }
  }
  const engine = engineOf(compression)
  const pumped = pipeline(counted(), engine)
  pumped.catch(() => {}) // thrown below, once what came before it is read
  try {
    for await (const chunk of engine) yield asBytes(chunk)
    await pumped
  } catch (error) {
    if (isSourceBroken || !(error instanceof Error && 'code' in error)) throw error
    const isEnded = error.code === 'ERR_STREAM_PREMATURE_CLOSE' // by the engine, with input left over
    const why = isEnded ? 'something follows its end' : `it can't be uncompressed (${messageOf(error)})`
    // zlib's and zstd's words for a content that is not the one that was compressed
    const isChecksum = /incorrect (data|length) check|checksum/.test(error.message)
    throw damaged(place, engine.bytesWritten, why, error, isChecksum ? 'artifact-checksum' : undefined)
  }
  // zlib passes silently over zeros after the end
  if (engine.bytesWritten !== fed) throw wrongMember(place, engine.bytesWritten, 'something follows its end')
}

function engineOf(compression: 'gzip' | 'zstd') {
  if (compression === 'gzip') return createGunzip(buffers)
  // a frame may ask for a window of 2 GiB; real artifacts stay below 128 MiB
  const params = { [constants.ZSTD_d_windowLogMax]: 27 }
  return createZstdDecompress({ ...buffers, params })
}

async function* unxzWhole(source: AsyncIterable<Uint8Array>, place: string): AsyncGenerator<Uint8Array> {
  let fed = 0
  let end = Buffer.alloc(0)
  let sourceError: unknown
  const counted = async function* () {
    try {
      for await (const chunk of source) {
        fed += chunk.length
        end = Buffer.concat([end, chunk.subarray(-2)]).subarray(-2)
        yield chunk
      }
    } catch (error) {
      sourceError = error
      throw error
    }
  }
  try {
    yield* unxz(counted())
  } catch (error) {
    if (error === sourceError || !(error instanceof Failure) || error.reason !== 'internal') throw error
    throw damaged(place, fed, `it can't be uncompressed (${error.message})`, error)
  }
  // xz passes silently over zeros after the end
  if (end.toString('latin1') !== 'YZ') throw damaged(place, fed, 'something follows its end')
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError('a stream of bytes gave something else')
}
