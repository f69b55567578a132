// Runs pytest with testinfra over a connection. Hides their options and what their exit status means.
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, Failure, type RunResult, isInstalled, lastWords } from '../platform/platform.ts'
import { readReport } from './report-files.ts'
import { type SuiteResult, judged } from './suite-result.ts'
import { runTestProgram } from './test-program.ts'

/** What pytest is to run, and how. */
export interface PytestOptions {
  /** Folder or file with tests, absolute. */
  tests: string
  /** Added to the tests' environment. */
  env: Record<string, string>
  limitMs: number
  /** A folder for the report and pytest's cache, the same for each try. */
  scratch: string
  /** Whether only what failed last is run. */
  isRetry: boolean
}

/**
 * Runs the tests and reads their report. A device that is lost meanwhile ends the run. Throws `missing-tool` where pytest or
 * testinfra is missing, with the package that has it.
 */
export async function runPytest(
  connection: Connection,
  { tests, env, limitMs, scratch, isRetry }: PytestOptions,
  context: Context,
): Promise<SuiteResult> {
  const folder = await folderOf(tests)
  const report = join(scratch, isRetry ? 'again.xml' : 'junit.xml')
  const again = isRetry ? ['--last-failed', '--last-failed-no-failures=none'] : []
  const args = [...commonOptions(folder, scratch, report), ...again, ...targetOptions(connection), tests]
  // no compiled files beside somebody's tests
  const environment = { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...env }
  const programs = ['pytest-3', 'pytest'].filter(isInstalled)
  for (const program of programs.length > 0 ? programs : ['pytest-3']) {
    const words = [program, ...args]
    const ended = await runTestProgram(connection, { words, cwd: folder, env: environment, limitMs }, context)
    if (ended instanceof Failure) return { cases: [], problem: ended }
    if (!lacksTestinfra(ended)) return await resultOf(ended, report, tests)
    context.log.info(`${program} has no testinfra`)
  }
  throw new Failure(
    'missing-tool',
    "pytest has no plugin testinfra: apt-get install python3-testinfra, or pip install pytest-testinfra where pytest is not the system's",
  )
}

const lacksTestinfra = ({ code, stderr }: RunResult) =>
  code === 4 && /unrecognized arguments: .*--hosts=/.test(stderr)

async function resultOf(ended: RunResult, report: string, tests: string): Promise<SuiteResult> {
  let cases
  try {
    cases = existsSync(report) ? await readReport(report) : []
  } catch (error) {
    if (error instanceof Failure) return { cases: [], problem: error }
    throw error
  }
  const notRun = (message: string) => new Failure('tests-not-run', message)
  if (ended.code === 5 || (ended.code <= 1 && cases.length === 0)) {
    const what = 'pytest runs functions test_* in files test_*.py'
    return { cases, problem: notRun(`there is no test in ${tests}: ${what}`) }
  }
  if (ended.code > 1) {
    const message = `pytest could not run the tests (exit status ${ended.code}): ${complaintOf(ended)}`
    return { cases: [], problem: notRun(message) }
  }
  return judged(cases, ended, 'pytest', complaintOf(ended))
}

// pytest marks the lines that matter, in the midst of many
function complaintOf({ code, stdout, stderr }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n')
  const marked = lines.filter((line) => /^(E  |ERROR|INTERNALERROR)/.test(line))
  return lastWords(marked.join('\n') || stderr || stdout, 'pytest', code)
}

/** The folder of tests that a path names. Throws `file-missing` where nothing is there. */
export async function folderOf(tests: string): Promise<string> {
  try {
    return (await stat(tests)).isDirectory() ? tests : dirname(tests)
  } catch (error) {
    throw new Failure('file-missing', `tests: there is nothing at ${tests}`, { cause: error })
  }
}

function commonOptions(folder: string, scratch: string, report: string): string[] {
  return [
    '-o',
    `cache_dir=${join(scratch, 'cache')}`,
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
