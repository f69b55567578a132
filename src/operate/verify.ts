import { type Tested, type Verdict, verifyArtifact } from '../artifact/artifact.ts'
import { readSwitches } from '../plan/plan.ts'
import { type Context, Failure } from '../platform/platform.ts'
import { readReceipt, receiptKeys } from '../receipt/receipt.ts'

export interface UpdateToVerify {
  /** Path of the update file. */
  artifact: string
  /** Public keys (PEM, one or more in each text), of which one must have signed it. */
  verifyKeys: readonly string[]
  /** Device types that it must be for. */
  deviceTypes: readonly string[]
  /** The variant that it must be of; `field` for any that isn't the lab's. */
  variant?: string | undefined
  /** Name or time of the oldest release that is accepted. */
  minVersion?: string | undefined
  /** Paths of receipts of its tests. */
  receipts: readonly string[]
  /** Public keys (PEM) of which one must have signed each receipt. With keys a receipt is required. */
  receiptKeys: readonly string[]
  /** Whether a file may pass that no key was given for: whoever made it. */
  allowUnsigned?: boolean | undefined
  /** Folder of the fleet repository, for its known-bad list. */
  fleet?: string | undefined
}

/**
 * Verifies an update file by everything that was given: its signature, the fleet's known-bad list, its receipts, its
 * device types and its age. What is given wrongly is thrown: `bad-input`, also where there is no key and that isn't allowed,
 * `bad-key`, `file-missing`, and what Git throws.
 */
export async function verifyUpdate(update: UpdateToVerify, context: Context): Promise<Verdict> {
  requireKey(update)
  const receipts = await testedBy(update, context)
  const knownBad = update.fleet === undefined ? undefined : await knownBadOf(update.fleet, context)
  const { artifact, verifyKeys: keys, deviceTypes, variant, minVersion } = update
  const policy = {
    keys,
    deviceTypes,
    variant,
    minVersion,
    receipts,
    knownBad,
  }
  const verdict = await context.log.group(`Verifying ${artifact}`, () =>
    verifyArtifact(artifact, policy, context),
  )
  for (const { what, result, detail } of verdict.checks) {
    const line = `${what}: ${detail}`
    if (result === 'ok') context.log.info(line)
    else if (result === 'not-checked' && what !== 'signature') context.log.info(`${line} (not checked)`)
    else context.log.warn(result === 'refused' ? line : `${line}: anybody may have made this file`)
  }
  return verdict
}

/** A key from a variable that nobody has set is empty, and would let everything pass. */
function requireKey({
  artifact,
  verifyKeys,
  receipts,
  receiptKeys: pems,
  allowUnsigned,
}: UpdateToVerify): void {
  if (verifyKeys.length + pems.length > 0 || allowUnsigned === true) return
  const orReceipt = receipts.length > 0 ? 'receipt-key, for the receipt,' : 'receipt-key with a receipt'
  throw new Failure(
    'bad-input',
    `there is no key to check ${artifact} with: give verify-key, or ${orReceipt} (is a variable that it comes from not set?). ` +
      'With allow-unsigned: true it is accepted whoever made it',
  )
}

async function knownBadOf(fleet: string, context: Context): Promise<ReadonlySet<string>> {
  const { switches, from } = await readSwitches(fleet, context)
  context.log.info(`known-bad of ${from}: ${switches.knownBad.size} entries`)
  return switches.knownBad
}

async function testedBy({ receipts, receiptKeys: pems }: UpdateToVerify, context: Context) {
  if (pems.length === 0) {
    if (receipts.length === 0) return undefined
    throw new Failure(
      'bad-input',
      'receipt needs receipt-key: a receipt that nobody is known to have signed proves nothing',
    )
  }
  const keys = pems.flatMap(receiptKeys)
  const tested: Tested[] = []
  for (const file of receipts) {
    context.signal.throwIfAborted()
    tested.push(await testedOf(file, keys))
  }
  return tested
}

async function testedOf(file: string, keys: ReturnType<typeof receiptKeys>): Promise<Tested> {
  try {
    return { file, ...(await readReceipt(file, keys)) }
  } catch (error) {
    if (!(error instanceof Failure) || !error.reason.startsWith('receipt-')) throw error
    return { file, failure: error }
  }
}
