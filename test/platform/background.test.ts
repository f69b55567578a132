// What a program that outlives its step leaves behind, where somebody else chose what is in the folder before.
import assert from 'node:assert/strict'
import { readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { launch, plainContext } from '../../src/platform/platform.ts'
import { launchCrowd, readCrowd } from '../../src/simulator/simulator.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('a log is never written through a link that a checkout brought', async (t) => {
  const folder = await temporaryFolder(t)
  const victim = join(folder, 'authorized_keys')
  await writeFile(victim, 'mine\n')
  const logFile = join(folder, 'crowd.log')
  await symlink(victim, logFile)
  const script = join(folder, 'program.mjs')
  await writeFile(script, 'console.log("theirs")')
  const launched = launch(
    { what: 'the program', script, args: [], cwd: folder, logFile, ready: async () => undefined },
    plainContext(),
  )
  await assert.rejects(launched, { reason: 'bad-input', message: /crowd\.log is a link/ })
  assert.equal(await readFile(victim, 'utf8'), 'mine\n')
})

test('a crowd keeps nothing in a folder that a checkout’s link leads to', async (t) => {
  const folder = await temporaryFolder(t)
  const elsewhere = await temporaryFolder(t)
  await symlink(elsewhere, join(folder, 'drover-crowd'))
  const options = await readCrowd({ server: 'http://127.0.0.1:1', devices: '1', faults: '', seed: 'a' })
  const place = { script: join(folder, 'none.mjs'), folder: join(folder, 'drover-crowd') }
  await assert.rejects(launchCrowd(options, place, plainContext()), {
    reason: 'bad-input',
    message: /drover-crowd is a link/,
  })
  assert.deepEqual(await readdir(elsewhere), [])
})
