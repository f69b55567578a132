import type { KeyObject } from 'node:crypto'
import * as v from 'valibot'
import { Failure, type FailureReason, isDigest, readText } from '../platform/platform.ts'
import { isSignedBy } from './envelope.ts'
import { contradictionIn } from './make-receipt.ts'
import { type Receipt, maxReceiptBytes, receiptFile, statementFile } from './statement.ts'

/**
 * Reads a receipt from its file and verifies it: see `verifyReceipt`. Throws also `file-missing`, and `receipt-invalid`
 * where the file is too large for one.
 */
export async function readReceipt(path: string, keys: readonly KeyObject[]): Promise<Receipt> {
  let text
  try {
    text = await readText(path, maxReceiptBytes)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'invalid-file') throw error
    throw invalid(path, error.message, error)
  }
  return verifyReceipt(text, keys, path)
}

/**
 * What a receipt states, once one of `keys` is known to have signed it: nothing of the statement is looked at before.
 * `file` is what messages call it. Throws `receipt-invalid` where it is no receipt of this form, and `receipt-wrong-key`
 * where none of the keys has signed it or it was changed since.
 */
export function verifyReceipt(text: string, keys: readonly KeyObject[], file = 'the receipt'): Receipt {
  if (Buffer.byteLength(text) > maxReceiptBytes) throw invalid(file, `it has over ${maxReceiptBytes} bytes`)
  const envelope = parse(text, receiptFile, file)
  const payload = Buffer.from(envelope.payload, 'base64')
  const signatures = envelope.signatures.map(({ sig }) => Buffer.from(sig, 'base64'))
  if (!keys.some((key) => signatures.some((signature) => isSignedBy(payload, signature, key)))) {
    throw new Failure(
      'receipt-wrong-key',
      `${file}: no accepted key has signed this receipt, or it was changed since: take the one that test-device wrote, and the public half of its signing key`,
    )
  }
  return receiptOf(parse(decode(payload, file), statementFile, file), file)
}

function receiptOf({ subject, predicate }: v.InferOutput<typeof statementFile>, file: string): Receipt {
  const [{ name, digest }] = subject
  const contentDigest = `sha256:${digest.drover_content_sha256}`
  if (!isDigest(contentDigest)) throw invalid(file, 'its digest is none')
  const { report, ...stated } = predicate
  if (report !== undefined && !isDigest(report)) throw invalid(file, 'the digest of its report is none')
  const problem = contradictionIn(predicate)
  if (problem !== undefined) throw invalid(file, problem)
  const known = { ...stated, contentDigest, release: name, testedAt: new Date(stated.testedAt) }
  return report === undefined ? known : { ...known, report }
}

function decode(payload: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(payload)
  } catch (error) {
    throw invalid(file, 'its statement is not UTF-8', error)
  }
}

function parse<S extends v.GenericSchema>(text: string, schema: S, file: string): v.InferOutput<S> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw invalid(file, 'it is not JSON', error)
  }
  const result = v.safeParse(schema, raw)
  if (result.success) return result.output
  const [issue] = result.issues
  throw invalid(file, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`)
}

function invalid(file: string, why: string, cause?: unknown): Failure {
  const reason: FailureReason = 'receipt-invalid'
  return new Failure(
    reason,
    `${file} is no receipt: ${why}. Take the file that test-device wrote, unchanged.`,
    {
      cause,
    },
  )
}
