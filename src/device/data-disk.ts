// A virtual machine's data partition as a file: read and written from out here without mounting it and without being root.
import { existsSync } from 'node:fs'
import { readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, lastWords, markedName, start } from '../platform/platform.ts'
import type { BootVariables } from './boot-loader.ts'
import { bootVariablesOf, textOfBootVariables } from './boot-loader.ts'
import { copySparsely } from './sparse-copy.ts'

const sizeBytes = 256 << 20
const environment = '/boot/env'

/** Makes the data partition `path` of what is in `folder`, where there is none yet. May be repeated. */
export async function makeDataDisk(path: string, folder: string): Promise<void> {
  if (existsSync(path)) return
  const building = markedName(path)
  try {
    await writeFile(building, '')
    await truncate(building, sizeBytes)
    await succeed('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', folder, building])
    // who runs this owns the files in the folder; on the device they are root's
    const names = (await readdir(folder, { recursive: true })).filter((name) => !/["\n]/.test(name))
    const requests = names.flatMap((name) => [`sif "/${name}" uid 0`, `sif "/${name}" gid 0`])
    await debugfs(building, requests, true)
    await rename(building, path)
  } finally {
    await rm(building, { force: true })
  }
}

/** Replaces small files of the data partition by those of the same names in `folder`. Only while the machine is off. */
export async function updateDataDisk(path: string, folder: string, names: readonly string[]): Promise<void> {
  const requests: string[] = []
  for (const name of names) {
    const file = join(folder, name)
    const { mode } = await stat(file)
    requests.push(`rm "/${name}"`, `write "${file}" "/${name}"`)
    requests.push(`sif "/${name}" uid 0`, `sif "/${name}" gid 0`, `sif "/${name}" mode 0${mode.toString(8)}`)
  }
  await replayJournal(path)
  await debugfs(path, requests, true)
}

/**
 * The boot loader's variables, also while the machine runs: of a copy, since what the machine has made safe may so far
 * stand in the file system's journal alone. Undefined where there are none.
 */
export async function readVariables(path: string): Promise<BootVariables | undefined> {
  const copy = markedName(path)
  try {
    await copySparsely(path, copy)
    await replayJournal(copy)
    const text = await debugfs(copy, [`cat ${environment}`])
    return text === '' ? undefined : bootVariablesOf(text)
  } finally {
    await rm(copy, { force: true })
  }
}

/** Writes all variables. Only while the machine is off. */
export async function writeVariables(path: string, folder: string, variables: BootVariables): Promise<void> {
  await writeFile(join(folder, environment), textOfBootVariables(variables))
  await updateDataDisk(path, folder, [environment.slice(1)])
}

// e2fsck says 1 for a journal that it replayed
async function replayJournal(path: string): Promise<void> {
  const { code, stdout, stderr } = await start('e2fsck', ['-y', '-E', 'journal_only', path]).done
  if (code > 1) throw damaged(path, lastWords(stderr || stdout, 'e2fsck', code))
}

async function debugfs(path: string, requests: readonly string[], isWriting = false): Promise<string> {
  const input = `${requests.join('\n')}\n`
  const words = [...(isWriting ? ['-w'] : []), '-f', '-', path]
  const { stdout, stderr } = await start('debugfs', words, { input }).done
  if (/Filesystem not open|while (?:opening|trying to open)/.test(stderr)) throw damaged(path, stderr.trim())
  // each request is repeated on standard output before its answer
  return stdout.replace(/^debugfs: .*\n/gm, '')
}

async function succeed(program: string, words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await start(program, words).done
  if (code === 0) return
  const said = lastWords(stderr || stdout, program, code)
  throw new Failure(
    /No space left/.test(said) ? 'disk-full' : 'internal',
    `making the data partition failed: ${said}`,
  )
}

function damaged(path: string, why: string): Failure {
  return new Failure('invalid-file', `the data partition ${path} can't be read: ${why}`)
}
