import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestContext, test } from 'node:test'

const module = join(import.meta.dirname, '../../src/platform/ending.ts')

/** A process that says `ready`, and whose clean-up takes `cleanUpMs` after the first signal. */
async function program(t: TestContext, cleanUpMs: number) {
  const script = `
    import { endingSignal } from ${JSON.stringify(module)}
    const signal = endingSignal((line) => console.log(line))
    setInterval(() => {}, 1000)
    signal.addEventListener('abort', () => setTimeout(() => {
      console.log('clean: ' + signal.reason.message)
      process.exit(0)
    }, ${cleanUpMs}))
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => said.push(line))
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  await once(lines, 'line')
  return { child, said, ended }
}

test('signals in quick succession are one wish, and the clean-up comes to its end', async (t) => {
  const { child, said, ended } = await program(t, 400)
  for (let i = 0; i < 4; i++) {
    child.kill('SIGINT')
    await sleep(50)
  }
  assert.deepEqual(await ended, [0, null])
  assert.deepEqual(said, ['ready', 'SIGINT: cleaning up', 'clean: ended by SIGINT'])
})

test('a second wish says that the clean-up goes on', async (t) => {
  const { child, said, ended } = await program(t, 1200)
  child.kill('SIGTERM')
  await sleep(700)
  child.kill('SIGINT')
  assert.deepEqual(await ended, [0, null])
  assert.match(said.join('\n'), /still cleaning up.*\nclean: ended by SIGTERM$/)
})

test('a third wish ends a clean-up that hangs', async (t) => {
  const { child, ended } = await program(t, 60_000)
  for (let i = 0; i < 3; i++) {
    child.kill('SIGINT')
    await sleep(600)
  }
  assert.deepEqual(await ended, [null, 'SIGINT'])
})
