// Descriptions of .swu files that are made to keep a parser busy, to break it, or to say two things at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectArtifact } from '../../src/artifact/artifact.ts'
import { failure } from './failure.ts'
import { chunks } from './craft.ts'
import { buildCpio, makeCpioNode } from './fuzz/cpio-model.ts'

const swu = (description: string | Buffer) =>
  buildCpio({
    nodes: [
      makeCpioNode('sw-description', Buffer.from(description)),
      makeCpioNode('TRAILER!!!', Buffer.alloc(0)),
    ],
    tail: Buffer.alloc(0),
  })
const config = (more: string) => `software = { version = "1"; ${more} };`

async function refused(description: string, message: RegExp) {
  const started = performance.now()
  await assert.rejects(
    inspectArtifact(chunks(swu(description), 1 << 20)),
    failure('artifact-damaged', message),
  )
  assert.ok(performance.now() - started < 10_000, 'it takes too long')
}

test('no description keeps its parser busy, or breaks it by its length or depth', async () => {
  await refused(`${'#'.repeat(100_000)}\n!`, /can’t be read/)
  await refused(`${'//'.repeat(100_000)}\n!`, /can’t be read/)
  await refused(`${'/**/'.repeat(100_000)}!`, /can’t be read/)
  await refused('/*'.repeat(400_000), /has no value|doesn’t end/)
  await refused(`a = "${'x'.repeat(1_000_000)}`, /doesn’t end/)
  await refused(config(`a = ${'('.repeat(400_000)}`), /nested too deep/)
  await refused(`{"software":${'['.repeat(400_000)}`, /nested/)
  await refused(`a = "${'x'.repeat(2 << 20)}";`, /over 1048576 bytes/)
  const { name } = await inspectArtifact(chunks(swu(config(`a = "${'\\\\'.repeat(400_000)}";`)), 1 << 20))
  assert.equal(name, '1')
})

test('a number that can’t be kept, a mark before the text and a key that is there twice are refused', async () => {
  for (const number of [
    '9007199254740993',
    '0xffffffffffffffffL',
    '1e999',
    '123456789012345678901234567890',
  ]) {
    await refused(config(`a = ${number};`), /a number is too large|has no value|name is missing/)
  }
  await refused(`\ufeff${config('')}`, /can’t be read/)
  await refused(config('version = "2";'), /version stands twice/)
  await refused('{"software":{"version":"1","version":"2"}}', /there twice/)
  await refused('{"software":{"version":"1","a":9007199254740993}}', /can't be kept/)
})

test('the content digest covers which revisions of a board may install it', async () => {
  const digestFor = async (more: string) =>
    (await inspectArtifact(chunks(swu(config(`board = { ${more} bootenv = (); };`)), 1 << 20))).contentDigest
  const revisions = (list: string) => `hardware-compatibility = [${list}];`
  const digests = await Promise.all(
    ['"1.0"', '"1.0", "2.0"', '"#RE:^.*$"', '"#RE:^1"'].map((list) => digestFor(revisions(list))),
  )
  assert.equal(new Set(digests).size, digests.length)
  // for any revision there is nothing to tell
  assert.equal(digests[2], await digestFor(''))
})

test('a zero byte, at which SWUpdate takes a text to end, is refused', async () => {
  const other = '{"version":"1","embedded-script":"os.execute()"}'
  await refused(`{"software":{"version":"1"},"software\\u0000":${other}}`, /zero byte/)
  await refused('{"software":{"version":"1\\u0000"}}', /zero byte/)
  await refused(config('a = "b\\x00c";'), /zero byte/)
  await refused(config('a = "b\0c";'), /zero byte/)
})
