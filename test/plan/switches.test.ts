import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSwitches } from '../../src/plan/plan.ts'
import { plainContext, silentLog } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { makeRepository, runGit } from './fleet-repository.ts'

const bad = (...names: string[]) => `known-bad: [${names.join(', ')}]\n`

/** The known-bad list that is found, where it is from, and what was warned of. */
async function found(folder: string) {
  const warnings: string[] = []
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) }
  const { switches, from } = await readSwitches(folder, plainContext({ log }))
  return { knownBad: [...switches.knownBad], from, warnings }
}

test("switches are those of the remote's default branch, whatever is checked out and however old the clone", async (t) => {
  const repository = await makeRepository(t, { 'fleet.yml': bad('one') })
  const { folder, git, remote } = repository
  await git('checkout', '--quiet', '-b', 'production')
  await repository.commit({ 'fleet.yml': bad('stage') })
  assert.deepEqual(await found(folder), { knownBad: ['one'], from: 'main:fleet.yml', warnings: [] })
  // somebody else pushes to main
  const other = join(await temporaryFolder(t), 'clone')
  await runGit('/', ['clone', '--quiet', remote, other])
  await writeFile(join(other, 'fleet.yml'), bad('two'))
  await runGit(other, ['commit', '--quiet', '--all', '--message=Two'])
  await runGit(other, ['push', '--quiet'])
  assert.deepEqual((await found(folder)).knownBad, ['two'])
})

test('without a remote the local default branch counts, also for a fleet in a folder of its repository', async (t) => {
  const repository = await makeRepository(t, { 'fleets/a/fleet.yml': bad('a'), 'fleet.yml': bad('root') })
  await repository.git('remote', 'remove', 'origin')
  await repository.git('checkout', '--quiet', '-b', 'production')
  await repository.commit({ 'fleets/a/fleet.yml': bad('stage') })
  assert.deepEqual((await found(join(repository.folder, 'fleets/a'))).knownBad, ['a'])
})

test('what is not committed to the default branch does not count', async (t) => {
  const { folder } = await makeRepository(t, { 'fleet.yml': bad('one') })
  await writeFile(join(folder, 'fleet.yml'), 'known-bad: []\n')
  assert.deepEqual((await found(folder)).knownBad, ['one'])
})

test('in no repository the file that is there counts, with a warning', async (t) => {
  const folder = join(await temporaryFolder(t), 'fleet')
  await assert.rejects(readSwitches(folder, plainContext()), { reason: 'file-missing' })
  await mkdir(folder)
  await assert.rejects(readSwitches(folder, plainContext()), {
    reason: 'file-missing',
    message: /give the folder of the fleet repository/,
  })
  await writeFile(join(folder, 'fleet.yml'), bad('one'))
  const { knownBad, from, warnings } = await found(folder)
  assert.deepEqual([knownBad, from], [['one'], join(folder, 'fleet.yml')])
  assert.match(warnings[0] ?? '', /in no Git repository/)
})

test('a default branch without a file is said, and one with mistakes is a failure', async (t) => {
  const { folder, commit, push } = await makeRepository(t, { 'README.md': 'x' })
  assert.match((await found(folder)).warnings[0] ?? '', /there is no main:fleet\.yml/)
  await commit({ 'fleet.yml': 'known-bad: one\n' })
  await push()
  await assert.rejects(readSwitches(folder, plainContext()), {
    reason: 'invalid-file',
    message: /main:fleet\.yml/,
  })
})
