import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { compress } from '../../src/artifact/archive/compress.ts'
import { deflateCode } from '../../src/artifact/archive/deflate-code.ts'
import { deflater } from '../../src/artifact/archive/deflater.ts'
import { chunks, image, sha256 } from './craft.ts'

/** Numbers below a limit, always the same ones. */
function numbers(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Bytes with repetitions near and far, of few or many different ones, some of them in runs of zeros. */
function material(random: (limit: number) => number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  const letters = [1, 2, 4, 16, 256][random(5)] ?? 1
  const [reach, isRandom] = [random(2) === 0 ? 300 : 33_000, random(4) === 0]
  for (let at = 0; at < sizeBytes;) {
    const copied = !isRandom && at > 10 && random(6) === 0
    const length = copied ? 3 + random(random(20) === 0 ? 600 : 20) : 1 + random(30)
    const distance = 1 + random(Math.min(at, reach))
    for (let i = 0; i < length && at < sizeBytes; i++, at++) {
      bytes[at] = copied ? (bytes[at - distance] ?? 0) : random(letters)
    }
    if (random(200) === 0) at += random(100_000)
  }
  return bytes
}

test('whatever is deflated is inflated to the same, and never grows by more than a thousandth', () => {
  const random = numbers(7)
  const deflate = deflater(deflateCode())
  for (let i = 0; i < 300; i++) {
    const historyBytes = [0, random(5), random(32_769), 32_768][random(4)] ?? 0
    const sizeBytes = 1 + random([1, 10, 600, 70_000, i % 20 === 0 ? 1 << 20 : 5000][random(5)] ?? 1)
    const bytes = material(random, historyBytes + sizeBytes)
    const [history, block] = [bytes.subarray(0, historyBytes), bytes.subarray(historyBytes)]
    const piece = deflate(block, history)
    assert.ok(piece.length <= sizeBytes * 1.001 + 16, `${piece.length} for ${sizeBytes}`)
    const whole = Buffer.concat([piece, Buffer.from([3, 0])]) // an empty block that is the last one
    assert.ok(inflateRawSync(whole, historyBytes === 0 ? {} : { dictionary: history }).equals(block))
  }
})

test('what was deflated before changes nothing', () => {
  const random = numbers(11)
  const used = deflater(deflateCode())
  for (let i = 0; i < 20; i++) {
    const bytes = material(random, 100_000)
    const [history, block] = [bytes.subarray(0, 20_000), bytes.subarray(20_000)]
    assert.deepEqual(Buffer.from(used(block, history)), Buffer.from(deflater(deflateCode())(block, history)))
  }
})

test('the same input gives the bytes that it gave on every machine so far', async () => {
  const pieces: Buffer[] = []
  for await (const piece of compress(chunks(image(5_300_000), 1 << 20), 'gzip'))
    pieces.push(Buffer.from(piece))
  const expected = '91a62296fdff404d6bf4252375d2a69089afc24c15897379b609e3451d6c0093'
  assert.equal(sha256(Buffer.concat(pieces)), expected)
})

test('the code is what its source gives', () => {
  const script = join(import.meta.dirname, '../../scripts/assemble.ts')
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})
