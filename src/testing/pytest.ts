// Runs pytest with testinfra over a connection. Hides their options and what their exit status means.
import { existsSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Connection } from '../device/device.ts'
import {
  type Context,
  Failure,
  type RunResult,
  lastWords,
  messageOf,
  readText,
  start,
  temporaryFolder,
} from '../platform/platform.ts'
import { readJunit } from './junit.ts'
import type { TestCase } from './test-run.ts'

export interface PytestOptions {
  /** Folder or file with tests. */
  tests: string
  /** Added to the tests' environment. */
  env: Record<string, string>
}

export interface PytestResult {
  cases: TestCase[]
  /** Why no verdict can be made of the cases; undefined where it can. */
  problem: Failure | undefined
}

const maxReportBytes = 64 << 20

/**
 * Runs the tests and reads their report. A device that is lost meanwhile ends the run. Throws `file-missing` where there
 * are no tests at the path, and `missing-tool`.
 */
export async function runPytest(
  connection: Connection,
  options: PytestOptions,
  context: Context,
): Promise<PytestResult> {
  const tests = resolve(options.tests)
  const folder = await folderOf(tests)
  const temporary = await temporaryFolder('tests', context)
  const report = join(temporary, 'junit.xml')
  try {
    const pytest = start(
      'pytest-3',
      [...commonOptions(folder, report), ...targetOptions(connection), tests],
      {
        cwd: folder,
        // no compiled files beside somebody's tests
        env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...options.env },
        signal: context.signal,
        onLine: (line) => context.log.info(quotedLine(line)),
      },
    )
    const ended = await Promise.race([pytest.done, connection.lost.then(() => undefined)])
    if (ended === undefined) {
      await pytest.stop()
      context.signal.throwIfAborted()
      const message = `the connection to ${connection.name} broke while the tests ran`
      return { cases: [], problem: new Failure('device-unreachable', message) }
    }
    return await resultOf(ended, report, tests)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function resultOf(ended: RunResult, report: string, tests: string): Promise<PytestResult> {
  const cases = await casesIn(report)
  if (cases instanceof Failure) return { cases: [], problem: cases }
  const notRun = (message: string) => new Failure('tests-not-run', message)
  if (ended.code === 5 || (ended.code <= 1 && cases.length === 0)) {
    const what = 'pytest runs functions test_* in files test_*.py'
    return { cases, problem: notRun(`there is no test in ${tests}: ${what}`) }
  }
  if (ended.code > 1) {
    const message = `pytest could not run the tests (exit status ${ended.code}): ${complaintOf(ended)}`
    return { cases: [], problem: notRun(message) }
  }
  // a plugin, such as one for coverage, may turn a run red without any test
  if (ended.code === 1 && !cases.some((one) => one.result === 'failed')) {
    const message = `pytest says that the run failed, and no test did: ${complaintOf(ended)}`
    return { cases, problem: notRun(message) }
  }
  if (cases.every((one) => one.result === 'skipped'))
    return { cases, problem: notRun(`all ${cases.length} tests were skipped`) }
  return { cases, problem: undefined }
}

// pytest marks the lines that matter, in the midst of many
function complaintOf({ code, stdout, stderr }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n')
  const marked = lines.filter((line) => /^(E  |ERROR|INTERNALERROR)/.test(line))
  return lastWords(marked.join('\n') || stderr || stdout, 'pytest-3', code)
}

async function casesIn(report: string): Promise<TestCase[] | Failure> {
  if (!existsSync(report)) return []
  try {
    return readJunit(await readText(report, maxReportBytes, "pytest's report"))
  } catch (error) {
    const message = `pytest's report can't be read: ${messageOf(error)}`
    return new Failure('tests-not-run', message, { cause: error })
  }
}

/** The folder of tests that a path names. Throws `file-missing` where nothing is there. */
export async function folderOf(tests: string): Promise<string> {
  try {
    return (await stat(tests)).isDirectory() ? tests : dirname(tests)
  } catch (error) {
    throw new Failure('file-missing', `tests: there is nothing at ${tests}`, { cause: error })
  }
}

function commonOptions(folder: string, report: string): string[] {
  return [
    '-p',
    'no:cacheprovider',
    '--color=no',
    '-v',
    `--rootdir=${folder}`,
    `--junitxml=${report}`,
    // the only one of pytest's two forms that tells where a test stands
    '-o',
    'junit_family=xunit1',
  ]
}

function targetOptions({ testinfra }: Connection): string[] {
  const hosts = `--hosts=${testinfra.url}`
  if (testinfra.sshConfig === undefined) return [hosts]
  // our master is there already; testinfra would leave one of its own behind
  return [hosts, `--ssh-config=${testinfra.sshConfig}`, '--ssh-extra-args=-o ControlMaster=no']
}

// what a test prints must not become a command to the runner
const quotedLine = (line: string) => `| ${line.replaceAll('##[', '## [')}`
