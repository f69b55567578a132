import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { withForeign } from '../../src/image/foreign.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { output } from './workshop.ts'

const skip =
  process.arch === 'x64'
    ? needs('root', 'qemu-aarch64-static', 'arch-test', 'unshare', 'mount')
    : 'runs programs of another architecture than x86-64, on x86-64'

/** The names of this process's emulators that the kernel knows. */
async function registered(pid: number): Promise<string[]> {
  const list = 'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && ls /proc/sys/fs/binfmt_misc'
  const names = await output('unshare', '--mount', '--propagation', 'private', 'sh', '-c', list)
  return names.split('\n').filter((name) => name.includes(`-${pid}-`))
}

test('programs of another architecture run during the work and not after it', { skip }, async () => {
  const said = await withForeign('arm64', plainContext(), async () => {
    assert.equal((await registered(process.pid)).length, 1)
    return output('/usr/lib/arch-test/arm64')
  })
  assert.equal(said.trim(), 'ok')
  assert.deepEqual(await registered(process.pid), [])
})

test('work that fails leaves no emulator behind', { skip }, async () => {
  const work = withForeign('arm64', plainContext(), () => Promise.reject(new Error('no')))
  await assert.rejects(work, /no/)
  assert.deepEqual(await registered(process.pid), [])
})

test('a killed build’s emulator goes with it', { skip }, async () => {
  const image = join(import.meta.dirname, '../../src/image/foreign.ts')
  const platform = join(import.meta.dirname, '../../src/platform/platform.ts')
  const script = `
    const { withForeign } = await import(${JSON.stringify(image)})
    const { plainContext } = await import(${JSON.stringify(platform)})
    await withForeign('arm64', plainContext(), async () => { console.log('ready'); await new Promise(() => setInterval(() => {}, 1e6)) })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = child.pid ?? 0
  await once(child.stdout, 'data')
  assert.equal((await registered(pid)).length, 1)
  child.kill('SIGKILL')
  for (let tries = 0; (await registered(pid)).length > 0; tries++) {
    assert.ok(tries < 200, 'the emulator is still registered')
    await sleep(50)
  }
})

test('an architecture without an emulator says on which machine to build', async () => {
  await assert.rejects(
    withForeign('sparc64', plainContext(), () => Promise.resolve()),
    {
      reason: 'missing-tool',
      message: /can't run programs for sparc64: run this on such a machine/,
    },
  )
})
