// What tests of a device take over ssh: 21 of testinfra, beside pytest without a shared connection, and 21 checks.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, connect } from '../src/device/device.ts'
import { isInstalled, plainContext } from '../src/platform/platform.ts'
import { runTests } from '../src/testing/testing.ts'
import { baseImage, cannotBoot } from '../test/support/base-image.ts'
import type { Row } from './main.ts'
import { measured } from './measured.ts'

const group = 'Tests of a device'
const count = 21
const rounds = 3

/** Rows of 21 tests on a virtual device: the median of three. Empty where this machine can't boot one. */
export async function deviceTestRows(): Promise<Row[]> {
  if (cannotBoot !== false || !isInstalled('pytest-3')) return []
  const context = plainContext()
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  const connection = await connect(`namespace:${await baseImage()}`, { context })
  try {
    const paths = Array.from(
      { length: count },
      (_, index) => `/etc/${['hostname', 'passwd', 'group'][index % 3]}`,
    )
    const python = paths.map(
      (path, index) => `def test_${index}(host):\n    assert host.file("${path}").mode == 0o644\n`,
    )
    const tests = join(folder, 'test_files.py')
    await writeFile(tests, python.join('\n'))
    const checks = join(folder, 'checks.yml')
    const commands = paths.map((path, index) => `  - { name: "${index}", run: [test, -s, ${path}] }`)
    await writeFile(checks, `commands:\n${commands.join('\n')}\n`)
    const run = async (path: string) => {
      const startedAt = performance.now()
      const { result, passed } = await runTests(
        connection,
        { tests: path, output: join(folder, 'out') },
        context,
      )
      if (result !== 'pass' || passed !== count)
        throw new Error(`the tests of the benchmark: ${result}, ${passed} passed`)
      return (performance.now() - startedAt) / 1000
    }
    const alone = await aloneCommand(connection, folder, tests)
    const times: { testinfra: number[]; alone: number[]; checks: number[] } = {
      testinfra: [],
      alone: [],
      checks: [],
    }
    for (let round = 0; round < rounds; round++) {
      times.testinfra.push(await run(tests))
      times.alone.push((await measured(alone)).seconds)
      times.checks.push(await run(checks))
    }
    const peer = { name: 'a connection for each test', value: median(times.alone) }
    return [
      { group, name: '21 testinfra tests over ssh', value: median(times.testinfra), unit: 's', peer },
      { group, name: '21 checks over ssh', value: median(times.checks), unit: 's' },
    ]
  } finally {
    await connection.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** pytest as one would call it by hand, without a connection that its tests share. */
async function aloneCommand({ testinfra }: Connection, folder: string, tests: string): Promise<string[]> {
  const config = await readFile(testinfra.sshConfig ?? '', 'utf8')
  const path = join(folder, 'ssh-config')
  await writeFile(path, config.replace(/^\s*Control\w+ .*$/gm, ''))
  execFileSync('chmod', ['600', path])
  const args = ['-q', '-p', 'no:cacheprovider', `--hosts=${testinfra.url}`, `--ssh-config=${path}`]
  // testinfra would share one by itself
  return ['pytest-3', ...args, '--ssh-extra-args=-o ControlMaster=no -o ControlPath=none', tests]
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
