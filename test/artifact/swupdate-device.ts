// Debian's own swupdate as a device: its sockets and temporary files are in a folder of the test, and what it writes to are
// plain files.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type RunResult, start } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

export interface Device {
  /** PEM that its updates have to be signed by. */
  trust: string
  /** `board:revision`. */
  board?: string
  /** `stable,copy1` */
  selection?: string
  purpose?: 'codeSigning' | 'emailProtection'
  /** Further arguments. */
  args?: readonly string[]
}

export interface Outcome {
  isDone: boolean
  said: string
}

/** Checks an update as far as that goes without installing it. */
export async function check(t: TestContext, path: string, device: Device): Promise<Outcome> {
  return swupdate(t, device, ['-c', '-i', path])
}

/** Installs an update. */
export async function install(t: TestContext, path: string, device: Device): Promise<Outcome> {
  return swupdate(t, device, ['-v', '-i', path])
}

async function swupdate(t: TestContext, device: Device, what: readonly string[]): Promise<Outcome> {
  const folder = await mkdtemp(join(await temporaryFolder(t), 'device-'))
  await writeFile(join(folder, 'trust.pem'), device.trust)
  const trust = ['-k', join(folder, 'trust.pem'), '--cert-purpose', device.purpose ?? 'codeSigning']
  const selection = device.selection === undefined ? [] : ['-e', device.selection]
  const args = [...trust, '-H', device.board ?? 'board:1.0', ...selection, ...(device.args ?? []), ...what]
  const { stdout, stderr } = await ended(args, folder, t.signal)
  // its exit status is not to be believed: after a success it is 0 or 1, as it happens
  return { isDone: stdout.includes('SWUPDATE successful'), said: stdout + stderr }
}

/** Runs it to its end. On a busy machine it waits for itself for ever now and then, and is started again. */
async function ended(
  args: readonly string[],
  folder: string,
  signal: AbortSignal,
  tries = 3,
): Promise<RunResult> {
  const limit = AbortSignal.timeout(60_000)
  const options = {
    cwd: folder,
    env: { TMPDIR: folder },
    signal: AbortSignal.any([signal, limit]),
    graceMs: 1000,
  }
  try {
    return await start('swupdate', args, options).done
  } catch (error) {
    if (!limit.aborted || signal.aborted || tries === 1) throw error
    return await ended(args, folder, signal, tries - 1)
  }
}
