// What U-Boot does between power-on and the kernel: reads its variables, counts attempts, picks a slot.
import { join } from 'node:path'
import { Failure, writeAtomically } from '../platform/platform.ts'
import { holdInner } from './inner-folder.ts'

/** A root slot is known by the number of its partition. */
export type Slot = 2 | 3

/** The boot loader's variables. Those that are not ours are kept as they are. */
export type BootVariables = Readonly<Record<string, string>>

export interface Boot {
  slot: Slot
  /** The variables as they are from now on. */
  variables: BootVariables
  /** Whether this start is an attempt that the system has yet to confirm. */
  isTrial: boolean
  /** Whether the slot that was asked for is given up. */
  isFallback: boolean
}

/** Starts in an unconfirmed slot until it is given up (U-Boot: `bootlimit`). */
const bootLimit = 1

/** What a device has that was never updated. */
export const firstVariables: BootVariables = {
  mender_boot_part: '2',
  mender_boot_part_hex: '2',
  upgrade_available: '0',
  bootcount: '0',
  mender_uboot_separator: '1',
}

/**
 * The next start. With `upgrade_available=1` every start counts; over the limit the other slot is started and the update
 * is off. Otherwise the named slot is started and nothing changes. Throws `invalid-file` where no slot is named.
 */
export function nextBoot(variables: BootVariables): Boot {
  const slot = slotOf(variables)
  if (variables['upgrade_available'] !== '1') return { slot, variables, isTrial: false, isFallback: false }
  const count = (Number(variables['bootcount']) || 0) + 1
  if (count <= bootLimit) {
    const counted = { ...variables, bootcount: String(count) }
    return { slot, variables: counted, isTrial: true, isFallback: false }
  }
  const other: Slot = slot === 2 ? 3 : 2
  const back = {
    ...variables,
    mender_boot_part: String(other),
    mender_boot_part_hex: other.toString(16),
    upgrade_available: '0',
    bootcount: '0',
  }
  return { slot: other, variables: back, isTrial: false, isFallback: true }
}

/**
 * Whether a started update is still unconfirmed. The client sets `upgrade_available` before it reboots, in the old slot:
 * only a count above 0 says that the new slot was started.
 */
export function isUnconfirmed(variables: BootVariables): boolean {
  return variables['upgrade_available'] === '1' && (Number(variables['bootcount']) || 0) > 0
}

/** Reads the variables on the data partition at `data`; undefined where there are none yet. Throws `invalid-file`. */
export async function readBootVariables(data: string): Promise<BootVariables | undefined> {
  await using folder = await holdInner(data, folderName)
  const text = await folder.read(fileName)
  return text === undefined ? undefined : bootVariablesOf(text)
}

/** Writes all variables so that a power cut leaves the old or the new ones. Throws `invalid-file`. */
export async function writeBootVariables(data: string, variables: BootVariables): Promise<void> {
  await using folder = await holdInner(data, folderName)
  await writeAtomically(join(folder.path, fileName), textOfBootVariables(variables))
}

/** Reads `name=value` lines. */
export function bootVariablesOf(text: string): BootVariables {
  const variables: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) variables[line.slice(0, at)] = line.slice(at + 1)
  }
  return variables
}

/** The variables as `name=value` lines. */
export function textOfBootVariables(variables: BootVariables): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

const [folderName, fileName] = ['boot', 'env'] as const

function slotOf(variables: BootVariables): Slot {
  const named = variables['mender_boot_part']
  if (named === '2') return 2
  if (named === '3') return 3
  throw new Failure(
    'invalid-file',
    `the boot variable mender_boot_part is ${named ?? 'not set'}: it can be 2 or 3`,
  )
}
