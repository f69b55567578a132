import { glob, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure, messageOf, readText } from '../platform/platform.ts'
import { readJunit } from './read-junit.ts'
import type { TestCase } from './test-run.ts'

const maxReportBytes = 64 << 20
const maxReports = 2000

/** What marks a state of each file, by its path. */
export type Seen = ReadonlyMap<string, string>

/** The files that paths or patterns stand for now, so that a report of an earlier run isn't taken for a new one. */
export async function seenReports(patterns: readonly string[], folder: string): Promise<Seen> {
  const seen = new Map<string, string>()
  for (const pattern of patterns) {
    const isPattern = /[*?[{]/.test(pattern)
    const paths: AsyncIterable<string> | string[] = isPattern ? glob(pattern, { cwd: folder }) : [pattern]
    for await (const found of paths) {
      const path = resolve(folder, found)
      const status = await stat(path, { bigint: true }).catch(() => undefined)
      if (status?.isFile()) seen.set(path, `${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`)
    }
  }
  return seen
}

/** The cases of all reports that are new since `before`. Throws `tests-not-run` where there is none, or one can't be read. */
export async function newReports(
  patterns: readonly string[],
  folder: string,
  before: Seen,
): Promise<TestCase[]> {
  const after = await seenReports(patterns, folder)
  const paths = [...after].filter(([path, mark]) => before.get(path) !== mark).map(([path]) => path)
  if (paths.length === 0) {
    const old = after.size > 0 ? `; ${after.size} of an earlier run were there before it` : ''
    throw new Failure(
      'tests-not-run',
      `there is no new report at ${patterns.join(', ')} (seen from ${folder})${old}`,
    )
  }
  if (paths.length > maxReports)
    throw new Failure('tests-not-run', `${paths.length} reports; at most ${maxReports} are read`)
  const cases: TestCase[] = []
  for (const path of paths.sort()) cases.push(...(await readReport(path)))
  return cases
}

/** The cases of one report. Throws `tests-not-run`, with why it can't be read. */
export async function readReport(path: string): Promise<TestCase[]> {
  try {
    return readJunit(await readText(path, maxReportBytes))
  } catch (error) {
    throw new Failure('tests-not-run', `the report ${path} can't be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
