import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Digest, Failure } from '../../src/platform/platform.ts'
import {
  type Receipt,
  makeReceipt,
  maxReceiptBytes,
  readReceipt,
  receiptKeys,
  verifyReceipt,
} from '../../src/receipt/receipt.ts'
import { ec, other, rsa } from '../artifact/keys.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const contentDigest: Digest = `sha256:${'ab'.repeat(32)}`
const receipt: Receipt = {
  contentDigest,
  release: 'os-20260112T0930-0123456789ab',
  deviceType: 'raspberrypi4',
  result: 'pass',
  tests: { passed: 12, failed: 0, skipped: 1 },
  facts: { kernel: '6.1.0 "x" ü\n' },
  testedAt: new Date('2026-01-12T10:00:00.000Z'),
}

interface Envelope {
  payloadType: string
  payload: string
  signatures: { keyid?: string; sig: string }[]
}
const opened = (text: string) => JSON.parse(text) as Envelope
const changed = (change: (envelope: Envelope) => unknown, key = ec.pkcs8) => {
  const envelope = opened(makeReceipt(receipt, key))
  return JSON.stringify(change(envelope))
}
const base64 = (data: string | Uint8Array) => Buffer.from(data).toString('base64')
const verified = (text: string, pem = ec.public) => verifyReceipt(text, receiptKeys(pem))

/** An envelope around any statement, rightly signed. */
function envelopeOf(statement: unknown, payloadType = 'application/vnd.in-toto+json'): string {
  const payload = typeof statement === 'string' ? statement : JSON.stringify(statement)
  const encoded = `DSSEv1 ${payloadType.length} ${payloadType} ${Buffer.byteLength(payload)} ${payload}`
  const sig = base64(sign('sha256', Buffer.from(encoded), ec.pkcs8))
  return JSON.stringify({ payloadType, payload: base64(payload), signatures: [{ sig }] })
}

function refused(text: string, reason: string, pem = ec.public) {
  assert.throws(
    () => verified(text, pem),
    (error: unknown) => error instanceof Failure && error.reason === reason,
    `not ${reason}: ${text.slice(0, 200)}`,
  )
}

test('a receipt says what was put into it, with keys of both kinds', () => {
  for (const [key, pem] of [
    [ec.pkcs8, ec.public],
    [ec.sec1, ec.public],
    [rsa.pkcs8, rsa.public],
    [rsa.pkcs1, rsa.public],
    [rsa.pkcs8, other.public + rsa.public],
  ] as const) {
    assert.deepEqual(verified(makeReceipt(receipt, key), pem), receipt)
  }
  const failed = { ...receipt, result: 'fail', tests: { passed: 0, failed: 1, skipped: 0 } } as const
  assert.deepEqual(verified(makeReceipt(failed, ec.pkcs8)), failed)
})

test('an encrypted key signs with its passphrase, and asks for it by name without', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const encrypted = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  for (const type of ['pkcs8', 'sec1'] as const) {
    const key = privateKey.export({ type, ...encrypted }).toString()
    assert.deepEqual(verified(makeReceipt(receipt, key, 'open sesame'), pem), receipt)
    assert.throws(() => makeReceipt(receipt, key), { message: /DROVER_SIGNING_KEY_PASSPHRASE/ })
    assert.throws(() => makeReceipt(receipt, key, 'wrong'), { reason: 'bad-key' })
    assert.throws(() => receiptKeys(key), { reason: 'bad-key' })
  }
})

test('it is an in-toto statement in a DSSE envelope, of which the content digest is the subject', () => {
  const envelope = opened(makeReceipt(receipt, ec.pkcs8))
  assert.equal(envelope.payloadType, 'application/vnd.in-toto+json')
  assert.deepEqual(JSON.parse(Buffer.from(envelope.payload, 'base64').toString()), {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: receipt.release, digest: { drover_content_sha256: 'ab'.repeat(32) } }],
    predicateType: 'https://github.com/drover-fleet/drover/receipt/v1',
    predicate: {
      deviceType: 'raspberrypi4',
      result: 'pass',
      tests: receipt.tests,
      facts: receipt.facts,
      testedAt: '2026-01-12T10:00:00.000Z',
    },
  })
})

test(
  'openssl verifies its signature over the pre-authentication encoding',
  { skip: needs('openssl') },
  async (t) => {
    const folder = await temporaryFolder(t)
    const at = (name: string) => join(folder, name)
    for (const { pkcs8, public: pem } of [ec, rsa]) {
      const { payloadType, payload, signatures } = opened(makeReceipt(receipt, pkcs8))
      const bytes = Buffer.from(payload, 'base64')
      const encoded = `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `
      await writeFile(at('signed'), Buffer.concat([Buffer.from(encoded), bytes]))
      await writeFile(at('sig'), Buffer.from(signatures[0]?.sig ?? '', 'base64'))
      await writeFile(at('key.pem'), pem)
      const { stdout } = spawnSync(
        'openssl',
        ['dgst', '-sha256', '-verify', at('key.pem'), '-signature', at('sig'), at('signed')],
        { encoding: 'utf8' },
      )
      assert.match(stdout, /Verified OK/)
    }
  },
)

test('a changed byte anywhere in the payload or the signature is refused', () => {
  const { payload } = opened(makeReceipt(receipt, ec.pkcs8))
  const bytes = Buffer.from(payload, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const other = Buffer.from(bytes)
    other[at] = (other[at] ?? 0) ^ 1
    refused(
      changed((envelope) => ({ ...envelope, payload: base64(other) })),
      'receipt-wrong-key',
    )
  }
  for (const key of [ec, rsa]) {
    const flip = changed(({ signatures, ...rest }) => {
      const sig = Buffer.from(signatures[0]?.sig ?? '', 'base64')
      sig[sig.length - 1] = (sig[sig.length - 1] ?? 0) ^ 1
      return { ...rest, signatures: [{ sig: base64(sig) }] }
    }, key.pkcs8)
    refused(flip, 'receipt-wrong-key', key.public)
  }
})

test('another key, a borrowed key id and a signature of the bare payload are refused', () => {
  refused(makeReceipt(receipt, other.pkcs8), 'receipt-wrong-key')
  refused(makeReceipt(receipt, rsa.pkcs8), 'receipt-wrong-key')
  const keyid = opened(makeReceipt(receipt, ec.pkcs8)).signatures[0]?.keyid ?? ''
  const borrowed = changed(
    (e) => ({ ...e, signatures: e.signatures.map((s) => ({ ...s, keyid })) }),
    other.pkcs8,
  )
  refused(borrowed, 'receipt-wrong-key')
  const bare = changed((e) => ({
    ...e,
    signatures: [{ sig: base64(sign('sha256', Buffer.from(e.payload, 'base64'), ec.pkcs8)) }],
  }))
  refused(bare, 'receipt-wrong-key')
  // a wrong key id is only a hint: it neither opens nor closes anything
  verified(changed((e) => ({ ...e, signatures: e.signatures.map((s) => ({ ...s, keyid: 'x' })) })))
})

test('one of several signatures is enough, for rotation', () => {
  const two = changed((e) => ({ ...e, signatures: [{ sig: base64('no') }, ...e.signatures] }))
  assert.deepEqual(verified(two), receipt)
  assert.deepEqual(verified(makeReceipt(receipt, ec.pkcs8), other.public + ec.public), receipt)
})

test('the envelope can choose no weaker algorithm: not none, not a public key as a secret, not another padding', () => {
  const hmac = changed((e) => {
    const mac = createHmac('sha256', rsa.public).update(Buffer.from(e.payload, 'base64')).digest()
    return { ...e, signatures: [{ sig: base64(mac) }] }
  }, rsa.pkcs8)
  refused(hmac, 'receipt-wrong-key', rsa.public)
  refused(
    changed((e) => ({ ...e, signatures: [] })),
    'receipt-invalid',
  )
  refused(
    changed((e) => ({ ...e, signatures: [{ sig: '' }] })),
    'receipt-invalid',
  )
  refused(
    changed((e) => ({ ...e, alg: 'none' })),
    'receipt-invalid',
  )
  const sha1 = changed((e) => {
    const payload = Buffer.from(e.payload, 'base64')
    const encoded = Buffer.from(`DSSEv1 28 ${e.payloadType} ${payload.length} ${payload.toString()}`)
    return { ...e, signatures: [{ sig: base64(sign('sha1', encoded, rsa.pkcs8)) }] }
  })
  refused(sha1, 'receipt-wrong-key', rsa.public)
})

test('keys of other kinds and keys that are none are refused, and never shown', () => {
  const pem = { type: 'spki', format: 'pem' } as const
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(pem).toString()
  const ed = generateKeyPairSync('ed25519').publicKey.export(pem).toString()
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export(pem).toString()
  const secret = rsa.pkcs8.split('\n')[3] ?? 'none'
  const broken = rsa.pkcs8.replace(secret, `${secret.slice(1)}!`)
  for (const text of ['', 'no key', weak, ed, p384, rsa.public + weak, broken]) {
    assert.throws(
      () => receiptKeys(text),
      (error: unknown) =>
        error instanceof Failure && error.reason === 'bad-key' && !error.message.includes(secret.slice(1)),
    )
  }
  assert.throws(() => makeReceipt(receipt, ec.public), { reason: 'bad-key' })
  assert.throws(() => makeReceipt(receipt, broken), { reason: 'bad-key' })
})

test('a statement of another form is refused, however well it is signed', () => {
  const good = JSON.parse(
    Buffer.from(opened(makeReceipt(receipt, ec.pkcs8)).payload, 'base64').toString(),
  ) as { subject: object[]; predicate: object }
  assert.deepEqual(verified(envelopeOf(good)), receipt)
  const wrong: unknown[] = [
    'no json',
    'null',
    { ...good, _type: 'https://in-toto.io/Statement/v0.1' },
    { ...good, predicateType: 'https://slsa.dev/provenance/v1' },
    { ...good, subject: [] },
    { ...good, subject: [...good.subject, ...good.subject] },
    { ...good, subject: [{ name: 'x', digest: { sha256: 'ab'.repeat(32) } }] },
    { ...good, subject: [{ name: 'x', digest: { drover_content_sha256: 'AB'.repeat(32) } }] },
    { ...good, predicate: { ...good.predicate, result: 'infra' } },
    { ...good, predicate: { ...good.predicate, tests: { passed: 0, failed: 0, skipped: 3 } } },
    { ...good, predicate: { ...good.predicate, tests: { passed: 3, failed: 1, skipped: 0 } } },
    { ...good, predicate: { ...good.predicate, testedAt: 'yesterday' } },
    { ...good, predicate: { ...good.predicate, more: 1 } },
  ]
  for (const statement of wrong) refused(envelopeOf(statement), 'receipt-invalid')
  refused(envelopeOf(good, 'application/json'), 'receipt-invalid')
})

test('inputs without end or sense end in a named failure, at once', async (t) => {
  const startedAt = performance.now()
  for (const text of [
    '',
    '[]',
    '[['.repeat(500_000),
    `{"payloadType":"${'x'.repeat(maxReceiptBytes)}"}`,
    changed((e) => ({ ...e, payload: `${'A'.repeat(maxReceiptBytes - 4096)}!` })),
    makeReceipt(receipt, ec.pkcs8) + ' '.repeat(maxReceiptBytes),
    changed((e) => ({ ...e, payload: 'a' })),
    changed((e) => ({ ...e, signatures: Array.from({ length: 17 }, () => ({ sig: 'AAAA' })) })),
    changed((e) => ({ ...e, signatures: [{ sig: 'A'.repeat(8192) }] })),
  ])
    refused(text, 'receipt-invalid')
  assert.ok(performance.now() - startedAt < 5000)
  const path = join(await temporaryFolder(t), 'receipt.json')
  await writeFile(path, Buffer.alloc(maxReceiptBytes + 1, 'x'))
  await assert.rejects(readReceipt(path, receiptKeys(ec.public)), { reason: 'receipt-invalid' })
  await assert.rejects(readReceipt('/dev/zero', receiptKeys(ec.public)), { reason: 'receipt-invalid' })
  await assert.rejects(readReceipt(`${path}x`, receiptKeys(ec.public)), { reason: 'file-missing' })
})

test('what no receipt can say is refused before it is signed', () => {
  const wrong: Partial<Receipt>[] = [
    { tests: { passed: 0, failed: 0, skipped: 4 } },
    { tests: { passed: 4, failed: 1, skipped: 0 } },
    { release: '' },
    { deviceType: 'x'.repeat(300) },
  ]
  for (const change of wrong)
    assert.throws(() => makeReceipt({ ...receipt, ...change }, ec.pkcs8), { reason: 'bad-input' })
})

test('a receipt fits the published schema', async () => {
  const schema = JSON.parse(
    await readFile(join(import.meta.dirname, '../../schemas/receipt.json'), 'utf8'),
  ) as {
    required: string[]
    properties: Record<string, unknown>
  }
  const envelope = opened(makeReceipt(receipt, ec.pkcs8))
  assert.deepEqual(Object.keys(envelope).sort(), schema.required.toSorted())
})
