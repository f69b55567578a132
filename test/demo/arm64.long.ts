// The whole demonstration with devices of another architecture. An image is built under emulation where none is kept, which takes
// many minutes, and so do four machines on two cores.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { cannotEmulate } from '../support/machines.ts'
import { needs } from '../support/needs.ts'
import { demonstrate, emptyCache, pageOf, processesOf, skip } from './demonstrate.ts'
import { registeredEmulators } from '../support/emulators.ts'

const other = process.arch === 'arm64' ? 'amd64' : 'arm64'
const emulator = `qemu-${process.arch === 'arm64' ? 'x86_64' : 'aarch64'}-static`
const cannot = skip || needs(emulator, 'arch-test')
const timeout = 2 * 3_600_000

test(
  'the whole chain runs with an image and devices of another architecture, and leaves nothing behind',
  { skip: cannot, timeout },
  (t) => wholeChain(t, ['--arch', other], `${other} systems whose programs this .* machine emulates`),
)

test(
  'the whole chain runs on machines of another architecture, and leaves nothing behind',
  { skip: cannot || cannotEmulate(other === 'arm64' ? 'arm64' : 'x64'), timeout },
  (t) => wholeChain(t, ['--arch', other, '--machines'], `${other} machines in QEMU`),
)

async function wholeChain(t: TestContext, args: string[], about: string): Promise<void> {
  const before = registeredEmulators()
  const cache = await emptyCache(t)
  const { said, ended } = demonstrate(cache, args)
  const [code] = await ended
  const { text } = said
  assert.equal(code, 0, text)
  assert.match(text, new RegExp(`^The devices are ${about}.* takes about \\w+ minutes`))
  assert.match(text, /(\d+) tests passed, 0 failed, 0 skipped/)
  assert.match(text, /canary-01 itself reports it; production waited for that/)
  assert.match(text, /shop-zurich-01, shop-lisbon-01 report it, one after the other/)
  assert.match(text, /lab-01 shows https:\/\/workshop\.example\.com\/ now, and reports it/)
  assert.match(text, /12 {2}Plan again +✔ .*no changes in development, canary, production/)
  const page = pageOf(cache)
  for (const shown of [new RegExp(about), /Waves of production/, /Tests on the device/])
    assert.match(page, shown)

  assert.equal(processesOf(cache), 0)
  // what others build meanwhile is theirs
  const left = registeredEmulators().filter((name) => !before.includes(name) && !isOfLiving(name))
  assert.deepEqual(left, [])
}

/** Emulators are registered as `drover-<processor>-<process>-<number>`. */
function isOfLiving(name: string): boolean {
  return readdirSync('/proc').includes(/-(\d+)-\d+$/.exec(name)?.[1] ?? 'none')
}
