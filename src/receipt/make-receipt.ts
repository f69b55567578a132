import { createPublicKey } from 'node:crypto'
import * as v from 'valibot'
import { Failure, canonicalJson, hexOf } from '../platform/platform.ts'
import { keyIdOf, signPayload } from './envelope.ts'
import { receiptSigningKey } from './receipt-keys.ts'
import { type Receipt, payloadType, predicateType, statementFile, statementType } from './statement.ts'

/**
 * The text of receipt.json: what `receipt` states, signed with a private key (PEM: RSA or ECDSA on P-256). Throws `bad-key`,
 * and `bad-input` where a receipt can't say that: a name that is too long, or a pass without a test that passed.
 */
export function makeReceipt(receipt: Receipt, signingKey: string, passphrase?: string): string {
  const key = receiptSigningKey(signingKey, passphrase)
  const { contentDigest, release, testedAt, ...predicate } = receipt
  const statement = v.safeParse(statementFile, {
    _type: statementType,
    subject: [{ name: release, digest: { drover_content_sha256: hexOf(contentDigest) } }],
    predicateType,
    predicate: { ...predicate, testedAt: testedAt.toISOString() },
  })
  if (!statement.success)
    throw new Failure('bad-input', `no receipt can say that: ${v.summarize(statement.issues)}`)
  const problem = contradictionIn(receipt)
  if (problem !== undefined) throw new Failure('bad-input', `no receipt can say that: ${problem}`)
  const payload = Buffer.from(canonicalJson(statement.output))
  const envelope = {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: keyIdOf(createPublicKey(key)), sig: signPayload(payload, key).toString('base64') }],
  }
  return `${JSON.stringify(envelope, undefined, 2)}\n`
}

/** Why a result and its counts can't be true together. */
export function contradictionIn({ result, tests }: Pick<Receipt, 'result' | 'tests'>): string | undefined {
  if (result === 'pass' && tests.failed > 0) return `it is a pass with ${tests.failed} failed tests`
  if (result === 'pass' && tests.passed === 0) return 'it is a pass without a test that passed'
  return undefined
}
