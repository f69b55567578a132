// What holds for every artifact, whatever is in it: it can be written again from what was read, and nothing in it can change
// unnoticed.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { type Artifact, changed, factsOf, positionsOf, slackOf, smallArtifact } from './fuzz/changed.ts'
import { Random } from './fuzz/random.ts'
import { againFrom, randomOptions } from './fuzz/random-options.ts'
import { objection } from './fuzz/second-opinion.ts'
import { ec } from './keys.ts'

test('an artifact that is written again from what was read is the same file', async (t) => {
  const folder = await temporaryFolder(t)
  let written = 0
  for (let seed = 1; seed <= 60; seed++) {
    const options = await randomOptions(new Random(seed), folder, ec.pkcs8)
    try {
      const { path } = await writeMender({ ...options, output: `${folder}/first.mender` }, plainContext())
      const first = await readFile(path)
      const again = await againFrom(await openArtifact(path), first, folder, options.signing)
      const second = await writeMender({ ...again, output: `${folder}/second.mender` }, plainContext())
      assert.ok(first.equals(await readFile(second.path)), `seed ${seed}`)
      written++
    } catch (error) {
      // what can't be written is said before anything is
      if (!(error instanceof Failure) || error.reason !== 'bad-input') {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  }
  assert.ok(written > 50, `only ${written} could be written`)
})

test('a changed byte anywhere is refused, or changes nothing at all', async (t) => {
  const folder = await temporaryFolder(t)
  for (const [compression, key, every] of [
    ['gzip', 'rsa', 1],
    ['none', undefined, 1],
    ['zstd', undefined, 5],
    ['none', 'ec', 13],
    ['gzip', undefined, 13],
    ['zstd', 'ec', 13],
  ] as const) {
    const artifact = await smallArtifact(folder, compression, key)
    const random = new Random(every)
    const accepted: number[] = []
    const first = random.below(every)
    await inBatches(Math.floor((artifact.bytes.length - first) / every), async (i) => {
      const at = first + i * every
      if (await isAccepted(artifact, at, 1 + random.below(255))) accepted.push(at)
    })
    const slack = slackOf(artifact.bytes)
    const unchecked = accepted.filter((at) => !slack.has(at))
    assert.deepEqual(unchecked, [], `${compression}, ${key}: bytes that nothing checks`)
    t.diagnostic(
      `${compression}, key ${key}: ${accepted.length} of ${artifact.bytes.length} bytes can change`,
    )
  }
})

test('with a key, no bit of manifest or signature can change', async (t) => {
  const folder = await temporaryFolder(t)
  for (const key of ['rsa', 'ec'] as const) {
    const { bytes, publicKey } = await smallArtifact(folder, 'none', key)
    for (const at of [...positionsOf(bytes, 'manifest'), ...positionsOf(bytes, 'manifest.sig')]) {
      for (const bit of [1, 8, 64]) {
        assert.equal(await factsOf(changed(bytes, at, bit), publicKey), undefined, `byte ${at}, bit ${bit}`)
      }
    }
  }
})

test('a file that ends anywhere else is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const { bytes, publicKey } = await smallArtifact(folder, 'gzip', 'ec')
  const random = new Random(7)
  const refused = async (mutant: Buffer, what: string) =>
    assert.equal(await factsOf(mutant, publicKey), undefined, what)
  await inBatches(bytes.length, (end) => refused(bytes.subarray(0, end), `cut to ${end}`))
  for (let length = 1; length < 1100; length += 1 + random.below(9)) {
    await refused(Buffer.concat([bytes, random.bytes(length)]), `${length} bytes more`)
    if (length % 512 > 0) await refused(Buffer.concat([bytes, Buffer.alloc(length)]), `${length} zeros more`)
  }
  await refused(Buffer.concat([bytes, bytes]), 'twice')
  await refused(Buffer.concat([bytes, Buffer.alloc(1 << 20)]), 'very many zeros')
})

test('a changed byte of a large artifact is refused', async (t) => {
  const folder = await temporaryFolder(t)
  for (const compression of ['gzip', 'none', 'zstd'] as const) {
    const artifact = await smallArtifact(folder, compression, 'rsa', image(2 << 20))
    const random = new Random(11)
    for (let i = 0; i < 60; i++) {
      const at = random.below(artifact.bytes.length)
      if (!(await isAccepted(artifact, at, 1 + random.below(255)))) continue
      assert.ok(slackOf(artifact.bytes).has(at), `${compression}, byte ${at}`)
    }
  }
})

test(
  'mender-artifact takes what has changed and is accepted here',
  { skip: needs('mender-artifact') },
  async (t) => {
    const folder = await temporaryFolder(t)
    const artifact = await smallArtifact(folder, 'gzip', undefined)
    let accepted = 0
    for (const at of slackOf(artifact.bytes)) {
      if (!(await isAccepted(artifact, at, 0x55))) continue
      assert.equal(await objection(changed(artifact.bytes, at, 0x55), folder), undefined, `byte ${at}`)
      accepted++
    }
    assert.ok(accepted > 0)
  },
)

/** Does it for 0 to `count` − 1, some at the same time: unpacking has threads of its own. */
async function inBatches(count: number, work: (i: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i += 16) {
    await Promise.all(Array.from({ length: Math.min(16, count - i) }, (_, j) => work(i + j)))
  }
}

/** Whether the artifact is accepted with this change; then it says and brings the same. */
async function isAccepted({ bytes, publicKey, facts }: Artifact, at: number, xor: number): Promise<boolean> {
  const found = await factsOf(changed(bytes, at, xor), publicKey)
  if (found !== undefined) assert.equal(found, facts, `byte ${at} changed it, and nobody saw`)
  return found !== undefined
}
