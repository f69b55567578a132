import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Failure, run, runOk, start } from '../../src/platform/platform.ts'

test('arguments reach a program as they are, whatever a shell would make of them', async () => {
  const words = ['two words', '$(touch /tmp/never)', '"quoted"', "it's", '', '*', 'ü\\n']
  const { stdout } = await run('printf', ['%s|', ...words])
  assert.equal(stdout, `${words.join('|')}|`)
})

test('a program gets our input and the rest of our environment, but none of our secrets', async () => {
  process.env['DROVER_TOKEN'] = 'secret'
  process.env['INPUT_TOKEN'] = 'secret'
  const { stdout } = await run('env', [], { env: { EXTRA: 'yes' } })
  delete process.env['DROVER_TOKEN']
  delete process.env['INPUT_TOKEN']
  assert.match(stdout, /^EXTRA=yes$/m)
  assert.doesNotMatch(stdout, /secret/)
  assert.equal((await run('cat', [], { input: 'hello' })).stdout, 'hello')
})

test('a program that fails says why; one that is missing names its package', async () => {
  await assert.rejects(runOk('ls', ['/no/such/folder'], { what: 'listing' }), {
    message: /listing failed: .*No such file/,
  })
  await assert.rejects(run('mender-artifact-that-is-not-there', []), { reason: 'missing-tool' })
})

test('an abort ends a program with all its children', async () => {
  const abort = new AbortController()
  const lines: string[] = []
  const started = start('sh', ['-c', 'sleep 987654 & echo ready; wait'], {
    signal: abort.signal,
    onLine: (line) => {
      lines.push(line)
      abort.abort(new Error('enough'))
    },
  })
  await assert.rejects(started.done, /enough/)
  assert.deepEqual(lines, ['ready'])
  assert.equal(
    commands().some((command) => command.includes('987654')),
    false,
  )
})

function commands(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return ''
      }
    })
}

test('an abort ends what a program that is gone left behind', async () => {
  const abort = new AbortController()
  const { done } = start('sh', ['-c', 'sleep 1000 & echo started'], {
    signal: abort.signal,
    onLine: () => setTimeout(() => abort.abort(new Failure('cancelled', 'enough')), 200),
  })
  await assert.rejects(done, { reason: 'cancelled' })
})

test('a program whose child left its group and keeps its output can be stopped', async () => {
  const started = start('sh', ['-c', 'setsid sleep 5 & exit 0'], { graceMs: 100 })
  await started.stop()
  await started.done
})
