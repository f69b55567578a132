// What a command leaves when it is ended in its midst: a run of tests on this machine, which takes a moment to clean up.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestContext, test } from 'node:test'
import { sshKey, until } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { dist } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = needs('pytest-3')
const root = join(import.meta.dirname, '../..')

/** A Node that can't run the bundle itself, so that the launcher starts another one. */
const olderNode = '/usr/bin/node'
const isOlder = /^v2[02]\./.test(spawnSync(olderNode, ['--version'], { encoding: 'utf8' }).stdout ?? '')
const noOlderNode = isOlder ? false : `needs Node 20 or 22 as ${olderNode}`

/** A hundred tests, of which each takes a moment; told to end, they take half a second more. */
const tests = `
import os, signal, time, pytest

def end(*_):
    time.sleep(0.5)
    os._exit(1)

signal.signal(signal.SIGTERM, end)

@pytest.mark.parametrize("n", range(100))
def test_slow(n):
    time.sleep(0.1)
`

interface Going {
  child: ChildProcess
  /** Its folder for temporary files. */
  tmp: string
  /** Everything so far, on both outputs. */
  readonly said: () => string
  /** Exit status and signal. */
  ended: Promise<[number | null, NodeJS.Signals | null]>
  /** What is left of its temporary files. */
  readonly left: () => string[]
}

/** Starts the tests with `program`, in a process group of its own, and returns when the first of them has passed. */
async function going(
  t: TestContext,
  program: readonly [string, ...string[]],
  env: Record<string, string> = {},
): Promise<Going> {
  const folder = await temporaryFolder(t)
  const [tmp, work] = [join(folder, 'tmp'), join(folder, 'work')]
  await mkdir(tmp)
  await mkdir(work)
  await writeFile(join(work, 'test_slow.py'), tests)
  const [command, ...words] = program
  const child = spawn(command, words, {
    cwd: work,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: tmp,
      RUNNER_TEMP: tmp,
      XDG_RUNTIME_DIR: tmp,
      ...env,
    },
  })
  const { pid = 0 } = child
  t.after(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL')
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text))
  }
  const ended = once(child, 'exit') as Going['ended']
  await until('the first test has passed', () => said.includes('test_slow[0] PASSED'))
  return { child, tmp, said: () => said, ended, left: () => readdirSync(tmp) }
}

const words = ['test-device', '--device', 'local:', '--tests', 'test_slow.py', '--json']
const command = [process.execPath, join(dist, 'drover.mjs'), ...words] as const

function signalGroup({ child }: Going, name: NodeJS.Signals): void {
  process.kill(-(child.pid ?? 0), name)
}

async function endsCancelled({ ended, said, left }: Going): Promise<void> {
  assert.deepEqual(await ended, [1, null], said())
  assert.match(said(), /"failure-reason":"cancelled"/)
  assert.deepEqual(left(), [])
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${name} twice cleans up once, and ends as cancelled`, { skip }, async (t) => {
    const run = await going(t, command)
    signalGroup(run, name)
    await sleep(50)
    signalGroup(run, name)
    await endsCancelled(run)
    assert.match(run.said(), new RegExp(`${name}: cleaning up`))
  })
}

test('output that nobody reads any more ends it as cancelled, cleaned up', { skip }, async (t) => {
  const run = await going(t, command)
  run.child.stderr?.destroy()
  await endsCancelled(run)
})

test('on a runner too', { skip }, async (t) => {
  const output = join(await temporaryFolder(t), 'output')
  await writeFile(output, '')
  const env = { INPUT_DEVICE: 'local:', INPUT_TESTS: 'test_slow.py', GITHUB_OUTPUT: output }
  const run = await going(t, [process.execPath, join(dist, 'test-device.mjs')], env)
  run.child.stdout?.destroy()
  assert.deepEqual(await run.ended, [1, null])
  assert.match(await readFile(output, 'utf8'), /failure-reason<<.*\ncancelled\n/)
  assert.deepEqual(run.left(), [])
})

test(
  'the launcher waits for the clean-up, whoever was signalled',
  { skip: skip || noOlderNode },
  async (t) => {
    const folder = await temporaryFolder(t)
    await cp(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
    await symlink(dist, join(folder, 'dist'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    const launcher = [olderNode, join(folder, 'bin/drover.mjs'), ...words] as const
    const atTerminal = await going(t, launcher)
    signalGroup(atTerminal, 'SIGINT')
    await endsCancelled(atTerminal)
    const alone = await going(t, launcher)
    alone.child.kill('SIGINT')
    await endsCancelled(alone)
  },
)

test('what kill -9 leaves goes with the next run, and what a running one has stays', { skip }, async (t) => {
  const killed = await going(t, command)
  killed.child.kill('SIGKILL')
  await killed.ended
  const [left = ''] = killed.left()
  assert.match(left, /^tests\.drover-/)
  const env = { TMPDIR: killed.tmp }
  const [first, second] = [await going(t, command, env), await going(t, command, env)]
  assert.equal(killed.left().length, 2)
  assert.ok(!killed.left().includes(left))
  for (const run of [first, second]) {
    signalGroup(run, 'SIGTERM')
    assert.deepEqual(await run.ended, [1, null])
  }
  assert.deepEqual(killed.left(), [])
})

test('no private key stays behind: a folder of ssh goes too', { skip: needs('ssh') }, async (t) => {
  const folder = await temporaryFolder(t)
  const { privateKey } = await sshKey(t)
  const places = {
    RUNNER_TEMP: join(folder, 'a-folder'.repeat(10)),
    XDG_RUNTIME_DIR: folder,
    TMPDIR: '/nowhere',
  }
  await mkdir(places.RUNNER_TEMP)
  const address = ['test-device', '--device', 'ssh://root@127.0.0.1:1', '--tests', folder]
  const start = () => {
    const child = spawn(process.execPath, [join(dist, 'drover.mjs'), ...address], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'] ?? '', DROVER_SSH_KEY: privateKey, ...places },
    })
    undo(t, () => child.kill('SIGKILL'))
    return { child, ended: once(child, 'exit') }
  }
  const folders = () => readdirSync(folder).filter((name) => name.startsWith('ssh.drover-'))
  const first = start()
  await until('it has its folder', () => folders().some((name) => existsSync(join(folder, name, 'config'))))
  const [left = ''] = folders()
  assert.equal(statSync(join(folder, left)).mode & 0o777, 0o700)
  first.child.kill('SIGKILL')
  await first.ended
  const second = start()
  await until('the next has swept', () => folders().length > 0 && !folders().includes(left))
  second.child.kill('SIGTERM')
  await second.ended
  assert.deepEqual(folders(), [])
})
