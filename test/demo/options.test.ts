// What `npm run demo` says to options that it doesn't know, before it installs or does anything.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const program = join(import.meta.dirname, '../../scripts/demo.mjs')

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  })
}

test('an architecture or option that is none is named, and nothing is done', () => {
  const cases: [args: string[], said: RegExp][] = [
    [['--arch', 'riscv64'], /^unknown: --arch riscv64; it can be amd64 or arm64\n\nnpm run demo/],
    [['--arch='], /^unknown: --arch ; it can be/],
    [['--arch'], /--arch/],
    [['--archs', 'arm64'], /'--archs'/],
    [['arm64'], /'arm64'/],
  ]
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = start(args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
  }
})

test('an option that npm took for itself is named', () => {
  const { status, stderr } = start([], { npm_config_arch: 'arm64' })
  assert.equal(status, 2)
  assert.match(stderr, /npm took --arch for itself: put -- before it/)
})
