// What the input `tests` stands for: suites to run, and how. Everything is read and checked before a device is spoken to.
import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure, type Problem, failOn, parseDuration, readYaml } from '../platform/platform.ts'
import { type Checks, readChecks } from './checks.ts'
import { type MeasureRules, rulesOf } from './measure-rules.ts'
import { type TestsFile, testsSchema } from './tests-schema.ts'
import { fileInReports } from './workspace.ts'

/** A program that leaves JUnit XML. */
export interface CommandSuite {
  kind: 'command'
  words: readonly string[]
  /** Where it runs, and where `reports` are looked for. */
  folder: string
  /** Paths or patterns; where there are none the program writes to $JUNIT_OUTPUT. */
  reports: readonly string[]
}

/** One suite; `limitMs` is how long its program may take. */
export type Suite = { limitMs: number } & (
  { kind: 'pytest'; path: string } | CommandSuite | { kind: 'checks'; checks: Checks }
)

/** All that a run does. */
export interface TestPlan {
  suites: readonly Suite[]
  retries: number
  rules: MeasureRules | undefined
}

const defaultLimitMs = 3_600_000

/**
 * Reads what `path` stands for: a `tests.yml`, a `checks.yml`, a program, a file of pytest, or a folder with any of the
 * first two or with tests of pytest. Throws `file-missing`, and `invalid-file` with all problems of a file.
 */
export async function readTestPlan(path: string): Promise<TestPlan> {
  const tests = resolve(path)
  const found = await stat(tests).catch((error: unknown) => {
    throw new Failure('file-missing', `tests: there is nothing at ${tests}`, { cause: error })
  })
  if (found.isDirectory()) return await planOfFolder(tests)
  if (isChecksFile(tests)) return await planOfChecks(await readChecks(tests))
  if (/\.ya?ml$/.test(tests)) return await planOfFile(tests)
  if (tests.endsWith('.py')) return plain({ kind: 'pytest', path: tests, limitMs: defaultLimitMs })
  await access(tests, constants.X_OK).catch((error: unknown) => {
    const forms = 'a folder, a .py or .yml file, or a program that may be executed (chmod +x)'
    throw new Failure('bad-input', `tests: ${tests} is none of these: ${forms}`, { cause: error })
  })
  const command = { words: [tests], folder: dirname(tests), reports: [] }
  return plain({ kind: 'command', ...command, limitMs: defaultLimitMs })
}

const isChecksFile = (path: string) => /(^|[.-])checks\.ya?ml$/.test(basename(path))

const plain = (...suites: Suite[]): TestPlan => ({ suites, retries: 0, rules: undefined })

async function planOfFolder(folder: string): Promise<TestPlan> {
  const names = await readdir(folder)
  const file = names.find((name) => /^tests\.ya?ml$/.test(name))
  if (file !== undefined) return await planOfFile(join(folder, file))
  const pytest: Suite = { kind: 'pytest', path: folder, limitMs: defaultLimitMs }
  const checks = names.find((name) => /^checks\.ya?ml$/.test(name))
  if (checks === undefined) return plain(pytest)
  const plan = await planOfChecks(await readChecks(join(folder, checks)))
  const all = await readdir(folder, { recursive: true })
  const hasPytest = all.some((name) => /^(test_.*|.*_test)\.py$/.test(basename(name)))
  return hasPytest ? { ...plan, suites: [...plan.suites, pytest] } : plan
}

async function planOfChecks(checks: Checks): Promise<TestPlan> {
  const { retries = 0, measurements } = checks.file
  const rules = await rulesOf(measurements, checks)
  return { suites: [{ kind: 'checks', checks, limitMs: defaultLimitMs }], retries, rules }
}

async function planOfFile(path: string): Promise<TestPlan> {
  const yaml = await readYaml(path, testsSchema, fileInReports(path))
  const file = yaml.value
  const problems: Problem[] = []
  const suites: Suite[] = []
  for (const [index, given] of file.suites.entries()) {
    try {
      suites.push(await suiteOf(given, dirname(path)))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { line } = yaml.locate(['suites', index])
      const own = { file: fileInReports(path), line, message: `suites.${index}: ${error.message}` }
      problems.push(...(error.problems.length > 0 ? error.problems : [own]))
    }
  }
  failOn(problems)
  return {
    suites,
    retries: file.retries ?? 0,
    rules: await rulesOf(file.measurements, { path, locate: (place) => yaml.locate(place) }),
  }
}

async function suiteOf(given: TestsFile['suites'][number], folder: string): Promise<Suite> {
  const { pytest, checks, command, junit, timeout } = given
  const limitMs = (timeout === undefined ? undefined : parseDuration(timeout)) ?? defaultLimitMs
  const wrong = (message: string) => new Failure('bad-input', message)
  if ([pytest, checks, command].filter((one) => one !== undefined).length !== 1)
    throw wrong('a suite is one of pytest, checks and command')
  if (junit !== undefined && command === undefined)
    throw wrong('junit says where a command leaves its reports')
  if (timeout !== undefined && checks !== undefined)
    throw wrong('checks have no timeout: each command in them has its own')
  if (pytest !== undefined) {
    const path = resolve(folder, pytest)
    await stat(path).catch((error: unknown) => {
      throw new Failure('file-missing', `there is nothing at ${path}`, { cause: error })
    })
    return { kind: 'pytest', path, limitMs }
  }
  if (checks !== undefined) {
    const found = await readChecks(resolve(folder, checks))
    if (found.file.retries !== undefined || found.file.measurements !== undefined)
      throw wrong(`retries and measurements of ${checks} belong into this file: it is what runs`)
    return { kind: 'checks', checks: found, limitMs }
  }
  const reports = junit === undefined ? [] : typeof junit === 'string' ? [junit] : junit
  return { kind: 'command', words: command ?? [], folder, reports, limitMs }
}
