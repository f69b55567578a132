import { join, resolve } from 'node:path'
import { type Context, type Digest, digestOfFile, isDigest, writeAtomically } from '../platform/platform.ts'
import { checkReceiptKey, makeReceipt } from '../receipt/receipt.ts'
import type { TestRun } from './test-run.ts'

/** What a receipt is made of besides a run. */
export interface ReceiptOptions {
  /** Folder for `receipt.json`. */
  output: string
  /** Release that the device must run; a receipt needs its content digest: `name@sha256:…`. */
  expectRelease?: string | undefined
  /** Private key (PEM); no receipt without. */
  signingKey?: string | undefined
  /** Opens an encrypted key. */
  passphrase?: string | undefined
}

/** Writes the receipt of a run, and gives its path where there is one. */
export type ReceiptDraft = (run: TestRun) => Promise<string | undefined>

const noReceipt: ReceiptDraft = async () => undefined

/**
 * Prepares the receipt that `options` ask for. Where they ask for one that can't be written, that is said and none is. Throws
 * `bad-key` before anything is tested.
 */
export function draftReceipt(options: ReceiptOptions, context: Context): ReceiptDraft {
  const { signingKey, passphrase, expectRelease = '' } = options
  if (signingKey === undefined) return noReceipt
  checkReceiptKey(signingKey, passphrase)
  const digest = expectRelease.slice(expectRelease.indexOf('@') + 1)
  if (!isDigest(digest)) {
    context.log.warn(
      'no receipt will be written: it names the content that was tested, so expect-release has to be name@sha256:…, with the content digest that upload-artifact gives',
    )
    return noReceipt
  }
  return (run) => writeReceipt(run, digest, { ...options, signingKey }, context)
}

/** Writes receipt.json where the run is a pass, and gives its path. */
async function writeReceipt(
  run: TestRun,
  contentDigest: Digest,
  { output, signingKey, passphrase }: ReceiptOptions & { signingKey: string },
  context: Context,
): Promise<string | undefined> {
  const { result, release, passed, failed, skipped, flaky, about, junit } = run
  if (result !== 'pass' || release === undefined || junit === undefined) return undefined
  const { deviceType, facts = {}, provides = {} } = about ?? {}
  if (deviceType === undefined) {
    context.log.warn(
      `no receipt was written: ${run.device} doesn't say its device type, in /var/lib/mender/device_type, /etc/rauc/system.conf or /etc/hwrevision`,
    )
    return undefined
  }
  const report = await digestOfFile(junit)
  const statement = {
    contentDigest,
    release,
    deviceType,
    result,
    facts,
    report,
    reported: { release, provides },
    tests: { passed, failed, skipped, flaky },
    testedAt: context.clock.now(),
  }
  const path = join(resolve(output), 'receipt.json')
  await writeAtomically(path, makeReceipt(statement, signingKey, passphrase))
  context.log.info(`receipt: ${contentDigest} passed on ${deviceType}: ${path}`)
  return path
}
