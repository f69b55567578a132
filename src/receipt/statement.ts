// The form of a receipt: a DSSE envelope (github.com/secure-systems-lab/dsse, version 1.0) around an in-toto statement
// (github.com/in-toto/attestation, statement version 1) with a predicate of our own.
import * as v from 'valibot'
import type { Digest } from '../platform/platform.ts'

/** A receipt has a few kilobytes; anything larger is a mistake or an attack. */
export const maxReceiptBytes = 1 << 20

export const payloadType = 'application/vnd.in-toto+json'
export const statementType = 'https://in-toto.io/Statement/v1'
/** Names the predicate below; another version of it gets another number. */
export const predicateType = 'https://github.com/drover-fleet/drover/receipt/v1'

export interface TestCounts {
  passed: number
  failed: number
  skipped: number
  /** How many of those that passed failed at first; undefined in receipts of before. */
  flaky?: number | undefined
}

/** What a receipt states. */
export interface Receipt {
  /** What was tested. */
  contentDigest: Digest
  /** Name of the release that the device said it runs. */
  release: string
  deviceType: string
  result: 'pass' | 'fail'
  tests: TestCounts
  /** What the device said about itself. */
  facts: Readonly<Record<string, string>>
  /** What the device said that it runs: its release, and what its update client says that it installed. */
  reported?: { release: string; provides: Readonly<Record<string, string>> } | undefined
  /** Digest of the JUnit report. */
  report?: Digest | undefined
  /** When the tests ended. */
  testedAt: Date
}

const text = (limit: number) => v.pipe(v.string(), v.nonEmpty(), v.maxLength(limit))
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))
const base64 = (limit: number) =>
  v.pipe(
    text(limit),
    v.regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be base64'),
  )

/** The form of receipt.json: schemas/receipt.json is it, published. */
export const receiptFile = v.strictObject({
  payloadType: v.pipe(v.literal(payloadType), v.description('The payload is an in-toto statement.')),
  payload: v.pipe(
    base64(maxReceiptBytes),
    v.description('The statement as JSON, base64: see receipt-statement.json.'),
  ),
  signatures: v.pipe(
    v.array(
      v.strictObject({
        keyid: v.pipe(
          v.optional(v.pipe(v.string(), v.maxLength(256))),
          v.description('SHA-256 of the public key (SPKI, DER), a hint that nothing depends on.'),
        ),
        sig: v.pipe(
          base64(4096),
          v.description(
            'Signature of the pre-authentication encoding: ECDSA (DER) or RSA (PKCS#1 v1.5), SHA-256.',
          ),
        ),
      }),
    ),
    v.minLength(1),
    v.maxLength(16),
  ),
})

/** The form of the statement in a receipt: schemas/receipt-statement.json is it, published. */
export const statementFile = v.strictObject({
  _type: v.literal(statementType),
  subject: v.pipe(
    v.strictTuple([
      v.strictObject({
        name: v.pipe(text(256), v.description('The release.')),
        digest: v.strictObject({
          drover_content_sha256: v.pipe(
            v.string(),
            v.regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
            v.description('The content digest: what the artifact brings, whatever it is signed with.'),
          ),
        }),
      }),
    ]),
    v.description('The one content that was tested.'),
  ),
  predicateType: v.literal(predicateType),
  predicate: v.strictObject({
    deviceType: v.pipe(text(256), v.description('The type of the device that it was tested on.')),
    result: v.picklist(['pass', 'fail']),
    tests: v.strictObject({
      passed: count,
      failed: count,
      skipped: count,
      flaky: v.pipe(
        v.optional(count),
        v.description('How many of those that passed failed at first, and passed on another try.'),
      ),
    }),
    facts: v.pipe(
      v.record(text(256), v.pipe(v.string(), v.maxLength(4096))),
      v.description('What the device said about itself.'),
    ),
    reported: v.pipe(
      v.optional(
        v.strictObject({
          release: v.pipe(text(256), v.description('The release that it said it runs.')),
          provides: v.pipe(
            v.record(text(256), v.pipe(v.string(), v.maxLength(4096))),
            v.description('What its update client says that it installed, such as rootfs-image.checksum.'),
          ),
        }),
      ),
      v.description("The device's own report of what was tested."),
    ),
    report: v.pipe(
      v.optional(v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits'))),
      v.description('Digest of the JUnit report.'),
    ),
    testedAt: v.pipe(v.string(), v.isoTimestamp(), v.description('When the tests ended.')),
  }),
})
