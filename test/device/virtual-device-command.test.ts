import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { cableOf, remainsOf, until } from '../support/devices.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = cannotBoot
const command = join(import.meta.dirname, '../../src/cli/main.ts')

test('kill -9 of the supervisor leaves nothing, and the device starts again at once', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const first = await superviseInProcess(t, folder)
  assert.ok(remainsOf(folder, first.link).length >= 4, 'a running device shows')
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  await until('everything is gone', () => remainsOf(folder, first.link).length === 0, 2000)

  const second = await superviseInProcess(t, folder)
  second.child.kill('SIGKILL')
  await once(second.child, 'exit')
  // not a moment's pause: the old one may still be dying
  const third = await superviseInProcess(t, folder)
  assert.equal(third.hostKey, first.hostKey)
  third.child.kill('SIGTERM')
  const [code] = await once(third.child, 'exit')
  assert.equal(code, 0)
  assert.deepEqual(remainsOf(folder, third.link), [])
})

test('kill -9 at any moment of a start leaves a folder that starts', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const image = await baseImage()
  for (let waitMs = 20; waitMs <= 740; waitMs += 80) {
    const child = spawnSupervisor(folder, image)
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const { child, link } = await superviseInProcess(t, folder)
  child.kill('SIGTERM')
  await once(child, 'exit')
  assert.deepEqual(remainsOf(folder, link), [])
})

test('a supervisor that may not run says why and ends with 1', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const { child } = await superviseInProcess(t, folder)
  const second = spawnSupervisor(folder, await baseImage())
  let said = ''
  second.stderr?.on('data', (text: Buffer) => (said += text.toString()))
  const [code] = await once(second, 'close')
  assert.equal(code, 1)
  assert.match(said, /device-busy: .*stop it first/)
  child.kill('SIGTERM')
  await once(child, 'exit')
})

test('a file named powercut in the folder cuts the power for a moment', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const { child } = await superviseInProcess(t, folder)
  writeFileSync(join(folder, 'powercut'), '')
  const events = () => readFileSync(join(folder, 'events'), 'utf8')
  await until('it boots again', () => /"power-cut".*\n.*"kind":"boot"/.test(events()))
  child.kill('SIGINT')
  assert.equal((await once(child, 'exit'))[0], 0)
  assert.match(events(), /"power-off".*\n$/)
})

test('a terminal that signals it twice powers it off once', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const { child, link } = await superviseInProcess(t, folder)
  for (const waitMs of [50, 0]) {
    process.kill(-(child.pid ?? 0), 'SIGINT')
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.deepEqual(remainsOf(folder, link), [])
  assert.match(readFileSync(join(folder, 'events'), 'utf8'), /"power-off".*\n$/)
})

test('a terminal that is closed powers it off', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const { child, link } = await superviseInProcess(t, folder)
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.kill('SIGHUP')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.deepEqual(remainsOf(folder, link), [])
})

test('wrong usage ends with 2 and says what is missing', async () => {
  const child = spawn(process.execPath, [command, 'virtual-device', '--folder', 'x'], { stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  assert.equal((await once(child, 'close'))[0], 2)
  assert.match(said, /--image is missing/)
})

function spawnSupervisor(folder: string, image: string): ChildProcess {
  const words = [
    '--image',
    image,
    '--folder',
    folder,
    '--device-type',
    'virtual',
    '--serial',
    'SN-1',
    '--json',
  ]
  return spawn(process.execPath, [command, 'virtual-device', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as a shell would give it
  })
}

async function superviseInProcess(t: TestContext, folder: string) {
  const child = spawnSupervisor(folder, await baseImage())
  undo(t, async () => {
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (!isOver && child.kill('SIGKILL')) await once(child, 'exit')
  })
  let said = ''
  child.stderr?.on('data', (text: Buffer) => (said += text.toString()))
  assert.ok(child.stdout)
  const first = once(createInterface({ input: child.stdout }), 'line')
  const ended = once(child, 'exit').then(() => assert.fail(`it ended: ${said}`))
  ended.catch(() => {})
  const [line] = (await Promise.race([first, ended])) as [string]
  const { address, hostKey, pid, serial, ssh } = JSON.parse(line) as Record<string, string>
  assert.equal(ssh, `ssh://root@${address}:22`)
  assert.equal(Number(pid), child.pid)
  assert.equal(serial, 'SN-1')
  return { child, hostKey, link: cableOf(address ?? '') }
}
