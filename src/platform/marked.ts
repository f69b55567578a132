// Temporary folders and files whose names tell who they belong to, so that what a killed process left is known for sure and
// goes with the next one.
import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Context } from './context.ts'
import { messageOf } from './failure.ts'
import { startTimeOf } from './process.ts'

const mark = /\.drover-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/
const oneDayMs = 86_400_000

/** `path` with a mark of this process at its end: what is called so may be removed once this process is gone. */
export function markedName(path: string): string {
  return `${path}.drover-${processNamespace()}-${process.pid}-${startTimeOf(process.pid)}-${randomBytes(4).toString('hex')}`
}

/**
 * Removes what processes of this user that are gone have left in `folder`: marked files and folders. Others' stay: while
 * they are removed, their owner could put links into them that lead elsewhere. Never fails.
 */
export async function sweep(folder: string, { log, clock }: Context): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const match = mark.exec(name)
    if (!match || (await mustStay(join(folder, name), match, clock.now().getTime()))) continue
    log.debug(`removing ${join(folder, name)}, which an earlier run left`)
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      log.warn(`${join(folder, name)} was left by an earlier run and can't be removed: ${messageOf(error)}`)
    })
  }
}

/**
 * Makes a folder that only this user may enter, in `parent` (the system's folder for temporary files unless given), after
 * what earlier runs left there is gone. The caller removes it; where it is killed, the next run does.
 */
export async function temporaryFolder(name: string, context: Context, parent = tmpdir()): Promise<string> {
  await sweep(parent, context)
  const folder = markedName(join(parent, name))
  await mkdir(folder, { mode: 0o700 })
  return folder
}

// Another process namespace (a container) that shares the folder has numbers of its own: there only age tells.
async function mustStay(
  path: string,
  [, namespace, pid, start]: RegExpExecArray,
  now: number,
): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined || stats.uid !== process.getuid?.()) return true
  if (namespace === processNamespace()) return startTimeOf(Number(pid)) === start
  return now - stats.mtimeMs < oneDayMs
}

function processNamespace(): string {
  return /\d+/.exec(basename(readlinkSync('/proc/self/ns/pid')))?.[0] ?? '0'
}
