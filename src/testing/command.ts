// Any program that leaves JUnit XML, with what it needs to reach the device in its environment.
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, Failure, run, temporaryFolder } from '../platform/platform.ts'
import { newReports, seenReports } from './report-files.ts'
import { type SuiteResult, judged, wordsOf } from './suite-result.ts'
import type { CommandSuite } from './test-plan.ts'
import { runTestProgram } from './test-program.ts'

/**
 * Runs the command and reads its reports: those that are new after it. Throws `missing-tool`, and `tests-not-run` where it
 * leaves none.
 */
export async function runCommand(
  connection: Connection,
  suite: CommandSuite & { limitMs: number },
  env: Record<string, string>,
  context: Context,
): Promise<SuiteResult> {
  const { words, folder } = suite
  const temporary = await temporaryFolder('tests', context)
  const own = join(temporary, 'junit.xml')
  try {
    const reports = suite.reports.length > 0 ? suite.reports : [own]
    const before = await seenReports(reports, folder)
    // a program with a path is meant from the folder on, one without is looked for as always
    const program = words[0]?.includes('/') ? [resolve(folder, words[0]), ...words.slice(1)] : words
    const device = await deviceEnvironment(connection)
    const ended = await runTestProgram(
      connection,
      { words: program, cwd: folder, env: { ...device, JUNIT_OUTPUT: own, ...env }, limitMs: suite.limitMs },
      context,
    )
    if (ended instanceof Failure) return { cases: [], problem: ended }
    try {
      return judged(await newReports(reports, folder, before), ended, words.join(' '))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const why = `${words.join(' ')} ended with ${ended.code}, and ${error.message}; its last words: ${wordsOf(ended)}`
      return { cases: [], problem: new Failure('tests-not-run', why, { cause: error }) }
    }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/**
 * How a program reaches the device. `ssh -F "$DEVICE_SSH_CONFIG" device` always works for one that is reached over ssh: it
 * goes by the connection that is open; the rest is for programs that connect by themselves.
 */
async function deviceEnvironment({ name, testinfra }: Connection): Promise<Record<string, string>> {
  const { url, sshConfig } = testinfra
  if (sshConfig === undefined) return { DEVICE: name, DEVICE_ADDRESS: 'localhost' }
  const { stdout } = await run('ssh', ['-G', '-F', sshConfig, url.replace(/^ssh:\/\//, '')])
  const value = (key: string) => new RegExp(`^${key} (.*)$`, 'm').exec(stdout)?.[1] ?? ''
  const key = /^identitiesonly yes$/m.test(stdout) ? value('identityfile') : ''
  return {
    DEVICE: name,
    DEVICE_ADDRESS: value('hostname'),
    DEVICE_PORT: value('port'),
    DEVICE_USER: value('user'),
    DEVICE_SSH_CONFIG: sshConfig,
    ...(key === '' ? {} : { DEVICE_SSH_KEY: key }),
  }
}
