// The demonstration as a user runs it, in its unhappy ways; the happy way is `npm run demo` itself.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const program = join(import.meta.dirname, '../../demo/main.ts')
const skip = needs('root', 'mmdebstrap', 'mender-artifact', 'pytest-3', 'ssh')

function demonstrate(cache: string, args: string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = { text: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.text += text))
  return { child, said, ended: once(child, 'exit') as Promise<[number | null]> }
}

test(
  'after a run that was killed the next one works, and a broken image ends it with 1 and leaves the canary device alone',
  { skip },
  async (t) => {
    const cache = await temporaryFolder(t)
    const images = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drover', 'images')
    await mkdir(images, { recursive: true })
    await mkdir(join(cache, 'drover'))
    await symlink(images, join(cache, 'drover', 'images'))

    const killed = demonstrate(cache, [])
    await new Promise<void>((resolve, reject) => {
      killed.child.stdout.on('data', () => killed.said.text.includes('[5/10]') && resolve())
      void killed.ended.then(([code]) => reject(new Error(`it ended with ${code}: ${killed.said.text}`)))
    })
    killed.child.kill('SIGKILL')
    await killed.ended
    assert.ok(processesOf(cache) > 0, 'the server and the devices outlive a killed run')

    const { said, ended } = demonstrate(cache, ['--break'])
    const [code] = await ended
    assert.equal(code, 1, said.text)
    assert.match(said.text, /ended \d+ processes that an earlier run had left/)
    assert.match(said.text, /failure-reason: rolled-back/)
    assert.match(said.text, /canary-01 still runs example-os-20260105T0800-/)
    assert.equal(processesOf(cache), 0)
    assert.match(await readFile(join(cache, 'drover', 'demo', 'summary.html'), 'utf8'), /rolled-back/)
  },
)

test(
  'Ctrl-C, which reaches a terminal program twice, ends the server and the devices too',
  { skip },
  async (t) => {
    const cache = await temporaryFolder(t)
    const { child, said, ended } = demonstrate(cache, [])
    await new Promise<void>((resolve) => {
      child.stdout.on('data', () => said.text.includes('[2/10]') && resolve())
    })
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGINT'), 50)
    const [code] = await ended
    assert.equal(code, 1)
    assert.match(said.text, /failure-reason: cancelled/)
    assert.equal(processesOf(cache), 0)
  },
)

test('a terminal that is closed ends the server and the devices too', { skip }, async (t) => {
  const cache = await temporaryFolder(t)
  const { child, said, ended } = demonstrate(cache, [])
  await new Promise<void>((resolve) => {
    child.stdout.on('data', () => said.text.includes('[2/10]') && resolve())
  })
  child.stdout.destroy()
  const [code] = await ended
  assert.equal(code, 1)
  assert.equal(processesOf(cache), 0)
})

/** How many processes carry the mark of a demonstration in this folder. */
function processesOf(cache: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DROVER_DEMO_RUN=${cache}`)
    } catch {
      return false
    }
  }).length
}
