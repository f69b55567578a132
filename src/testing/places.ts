// Where a test stands, from what the many test programs say: each guess counts only where there is such a file.
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { TestCase } from './test-run.ts'
import { workspace } from './workspace.ts'

interface Place {
  file: string
  line?: number | undefined
}

/** `cases` with the absolute paths of their files, seen from `folder` on, and the line that failed where it is told. */
export function withPlaces(cases: readonly TestCase[], folder: string): TestCase[] {
  return cases.map((one) => {
    for (const guess of guessesOf(one)) {
      const file = findFile(guess.file, folder)
      if (file !== undefined) return { ...one, file, line: guess.line }
    }
    return one
  })
}

function* guessesOf({ suite, result, message, details, file, line }: TestCase): Generator<Place> {
  if (result === 'failed') {
    const told = [...placesIn(`${message}\n${details}`)]
    // the last place in the test's own file is what failed; those before it led there
    const own = file === undefined ? undefined : told.findLast((place) => isSameFile(place.file, file))
    if (file !== undefined && own?.line !== undefined) yield { file, line: own.line }
    if (file === undefined) for (const place of told) yield* withPackage(place, suite)
  }
  if (file !== undefined) yield { file, line }
  // a class of Java or Kotlin
  if (/^[\w$]+(\.[\w$]+)+$/.test(suite)) yield* classFiles(suite).map((path) => ({ file: path }))
  if (/\.(bats|[cm]?[jt]sx?)$/.test(suite)) yield { file: suite }
}

const isSameFile = (told: string, file: string) =>
  told === file || file.endsWith(`/${told}`) || told.endsWith(`/${file}`)

function* placesIn(details: string): Generator<Required<Place>> {
  // pytest, Go: `file:line: …`; GoogleTest: `file:line`; bats: `in test file file, line 5`; Jest: `at f (file:line:column)`; Java: `(C.java:12)`
  const forms =
    /^[ \t]{0,40}([\w./@+-]{1,500}\.\w{1,5}):(\d{1,7})(?::|$)|(?:in test file|in file) ([^\s,]{1,500}), line (\d{1,7})|\bat [^(\n]{0,300}\(([^():\s]{1,500}\.\w{1,5}):(\d{1,7})(?::\d{1,7})?\)/gm
  let found = 0
  for (const match of details.matchAll(forms)) {
    if (++found > 1000) return
    const [, a, aLine, b, bLine, c, cLine] = match
    const file = a ?? b ?? c
    const line = Number(aLine ?? bLine ?? cLine)
    if (file !== undefined && Number.isInteger(line) && line > 0) yield { file, line }
  }
}

// Go names a file without its package, Java without its folders
function* withPackage(place: Place, suite: string): Generator<Place> {
  if (/\.(java|kt)$/.test(place.file)) {
    const folder = suite.replace(/\.[^.]*$/, '').replaceAll('.', '/')
    for (const root of sourceRoots) yield { ...place, file: join(root, folder, place.file) }
    return
  }
  if (place.file.endsWith('.go') && !place.file.includes('/')) {
    const parts = suite.split('/')
    for (let start = 0; start <= parts.length; start++)
      yield { ...place, file: join(...parts.slice(start), place.file) }
    return
  }
  if (!place.file.includes('node_modules/')) yield place
}

const sourceRoots = ['src/test/java', 'src/test/kotlin', 'app/src/test/java']

function classFiles(suite: string): string[] {
  const path = suite.replace(/\$.*$/, '').replaceAll('.', '/')
  return sourceRoots.flatMap((root) => ['java', 'kt'].map((ending) => join(root, `${path}.${ending}`)))
}

/** A file as seen from the folder or one of those above it, up to the workspace. */
function findFile(file: string, folder: string): string | undefined {
  if (isAbsolute(file)) return existsSync(file) ? file : undefined
  const top = workspace()
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, file)
    if (existsSync(path)) return path
    if (at === top || at === dirname(at) || !at.startsWith(`${top}/`)) return undefined
  }
}
