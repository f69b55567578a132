import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  type Context,
  Failure,
  lastWords,
  start,
  storageFailure,
  syncFolder,
  temporaryFolder,
} from '../../platform/platform.ts'
import { checkReplaceable, folderFailure, outputFailure } from '../archive/output-place.ts'

/**
 * Calls `work` with a folder of its own in `folder` (which is made where it is missing), on the file system that the bundle
 * will be on; it goes afterwards, and what killed runs left goes before. Throws `missing-rights`, `disk-full`, `bad-input`.
 */
export async function inBundleFolder<T>(
  folder: string,
  context: Context,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const made = await make(folder, context)
  try {
    return await work(made)
  } catch (error) {
    throw storageFailure(error, folder)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

/** Copies a file, holes and all, and without its bytes where the file system can. Throws `disk-full`, `build-failed`. */
export async function copyFast(from: string, to: string, signal: AbortSignal): Promise<void> {
  const args = ['--sparse=always', '--reflink=auto', '--force', '--', from, to]
  const { code, stderr } = await start('cp', args, { signal }).done
  if (code === 0) return
  if (/no space left|quota/i.test(stderr))
    throw new Failure('disk-full', `no space left to write ${to}: free some and run again`)
  throw new Failure('build-failed', `can't copy ${from} to ${to}: ${lastWords(stderr, 'cp', code)}`)
}

/** Gives a finished bundle its name, when it is on the disk. Throws `bad-input` where the name can't be given. */
export async function keepBundle(bundle: string, path: string, signal: AbortSignal): Promise<void> {
  {
    await using file = await open(bundle, 'r+')
    await file.sync()
  }
  signal.throwIfAborted()
  await checkReplaceable(path)
  await rename(bundle, path).catch((error: unknown) => {
    throw outputFailure(error, path)
  })
  await syncFolder(dirname(path))
}

async function make(folder: string, context: Context): Promise<string> {
  try {
    await mkdir(folder, { recursive: true })
    return await temporaryFolder('.rauc', context, folder)
  } catch (error) {
    throw folderFailure(error, folder)
  }
}
