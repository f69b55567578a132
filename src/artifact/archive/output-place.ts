// What can be wrong with the place that somebody chose for a file, told as what it is.
import { stat } from 'node:fs/promises'
import { Failure, hasCode, messageOf, storageFailure } from '../../platform/platform.ts'

/**
 * Throws `bad-input` where there is something at `path` that no file may replace: renaming over a device, as root may, would
 * take `/dev/null` or a disk from the whole machine. A link counts as what it leads to.
 */
export async function checkReplaceable(path: string): Promise<void> {
  const facts = await stat(path).catch(() => undefined) // what can't be looked at is for the one who writes to say
  if (facts === undefined || facts.isFile()) return
  const what = facts.isDirectory() ? 'a folder' : 'a device, a pipe or a socket'
  throw new Failure('bad-input', `the output ${path} is ${what}: give the path of another file to write`)
}

/** What went wrong with giving a finished file the name `path`: `bad-input`, `disk-full`, or what it was. */
export function outputFailure(error: unknown, path: string): unknown {
  if (!hasCode(error, 'ENAMETOOLONG')) return storageFailure(error, path)
  return new Failure(
    'bad-input',
    `the file system takes no name as long as that of ${path}: choose a shorter output or release name`,
    { cause: error },
  )
}

/** What went wrong with making `folder` or a file in it: `missing-rights`, `bad-input`, `disk-full`, or what it was. */
export function folderFailure(error: unknown, folder: string): unknown {
  const options = { cause: error }
  if (['EACCES', 'EPERM', 'EROFS'].some((code) => hasCode(error, code))) {
    const what = `may not write in ${folder} (${messageOf(error)})`
    return new Failure(
      'missing-rights',
      `${what}: choose another output, or give the right to write there`,
      options,
    )
  }
  if (['EEXIST', 'ENOTDIR'].some((code) => hasCode(error, code))) {
    return new Failure(
      'bad-input',
      `${folder} can't be a folder, a file is in the way: choose another output`,
      options,
    )
  }
  // the folder was made, and is none that files can be made in: one of the kernel's, or it was removed meanwhile
  if (hasCode(error, 'ENOENT')) {
    return new Failure('bad-input', `no file can be made in ${folder}: choose another output`, options)
  }
  return outputFailure(error, folder)
}
