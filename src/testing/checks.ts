// The built-in suite: reads checks.yml, asks the device everything at once, and judges what it says. Hides what a device
// without Python is asked by.
import { basename } from 'node:path'
import type { Connection } from '../device/device.ts'
import { Failure, type Problem, failOn, readYaml, shorten } from '../platform/platform.ts'
import { commandChecks } from './check-commands.ts'
import { fileChecks } from './check-files.ts'
import { packageChecks, serviceChecks } from './check-software.ts'
import { bootChecks, diskChecks, memoryChecks, mountChecks, portChecks } from './check-system.ts'
import type { Check, FoundCheck } from './check.ts'
import type { RulesSource } from './measure-rules.ts'
import { type ChecksFile, checksSchema } from './checks-schema.ts'
import { ask } from './probe.ts'
import type { TestCase } from './test-run.ts'
import { fileInReports } from './workspace.ts'

/** A file of checks that was read. */
export interface Checks extends RulesSource {
  file: ChecksFile
  checks: readonly FoundCheck[]
}

/** Reads a file of checks. Throws `file-missing`, and `invalid-file` with all that is wrong, each with its line. */
export async function readChecks(path: string): Promise<Checks> {
  const name = fileInReports(path)
  const yaml = await readYaml(path, checksSchema, name)
  const file = yaml.value
  const problems: Problem[] = []
  const checks = checksOf(file).map((check): FoundCheck => ({
    ...check,
    line: yaml.locate(check.place).line,
  }))
  for (const { contradiction, line } of checks)
    if (contradiction !== undefined) problems.push({ file: name, line, message: contradiction })
  if (checks.length === 0)
    problems.push({ file: name, line: 1, message: 'there is no check in it, and no test is no success' })
  failOn(problems)
  return { path, file, checks, locate: (place) => yaml.locate(place) }
}

function checksOf(file: ChecksFile): Check[] {
  return [
    ...mountChecks(file),
    ...serviceChecks(file),
    ...portChecks(file),
    ...packageChecks(file),
    ...fileChecks(file),
    ...commandChecks(file),
    ...diskChecks(file),
    ...memoryChecks(file),
    ...bootChecks(file),
  ]
}

/**
 * Asks the device all `checks` in a few round trips; each becomes a test. Throws `device-unreachable`, and `tests-not-run`
 * where a device can't be asked.
 */
export async function runChecks(
  connection: Connection,
  path: string,
  checks: readonly FoundCheck[],
): Promise<TestCase[]> {
  const answers = await ask(
    connection,
    checks.map(({ probe }) => probe),
  )
  return checks.map((check, index): TestCase => {
    const answer = answers[index]
    if (!answer) throw new Failure('tests-not-run', `${check.name} got no answer`)
    const { problems, measures = [] } = check.judge(answer)
    const isPassed = problems.length === 0
    return {
      suite: `${basename(path).replace(/\.ya?ml$/, '')}.${check.section}`,
      name: check.name,
      result: isPassed ? 'passed' : 'failed',
      message: problems.join('; '),
      details: isPassed ? '' : shorten(answer.output, 16_384),
      seconds: answer.seconds,
      file: path,
      line: check.line,
      measures,
    }
  })
}
