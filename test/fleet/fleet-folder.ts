// Fleet repositories of a few files, and what is wrong with them.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { type Fleet, loadFleet } from '../../src/fleet/fleet.ts'
import { Failure } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

export type Files = Record<string, string>

/** A temporary folder with these files. */
export async function folderWith(t: TestContext, files: Files): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

export const fleetOf = async (t: TestContext, files: Files): Promise<Fleet> =>
  loadFleet(await folderWith(t, files))

/** Every problem as `file:line:column message`, with the files named from the fleet's folder. */
export async function problemsOf(t: TestContext, files: Files): Promise<string[]> {
  const folder = await folderWith(t, files)
  try {
    await loadFleet(folder)
    return []
  } catch (error) {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.reason, 'invalid-file')
    return error.problems.map(
      ({ file, line, column, message }) => `${relative(folder, file)}:${line}:${column} ${message}`,
    )
  }
}

export const inventory = 'all:\n  hosts:\n    a:\n    b:\n'
export const base: Files = {
  'inventory.yml': inventory,
  'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\n',
}
