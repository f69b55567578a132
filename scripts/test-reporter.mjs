// Reporter for Node's test runner: a line for each test as it ends, failures in full, skips with their reasons, the
// failures once more (a long log may be kept by its end alone), and as the very last line the counts. The files with a
// failure go to the file that DROVER_FAILED_FILES names, where it does.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { inspect } from 'node:util'

export default async function* reporter(source) {
  const skipped = []
  const failed = []
  let passed = 0
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      if (process.env.DROVER_TEST_OUTPUT) yield data.message
    } else if (type === 'test:fail' && isOwn(data)) {
      failed.push(data)
      yield `✖ ${title(data)}\n${cause(data)}\n`
    } else if (type === 'test:pass' && isOwn(data)) {
      if (data.skip !== undefined || data.todo !== undefined) {
        skipped.push(data)
        yield `- ${title(data)} (skipped)\n`
      } else {
        passed += 1
        yield `✔ ${title(data)} ${Math.round(data.details.duration_ms)} ms\n`
      }
    }
  }
  if (skipped.length > 0) {
    yield `\nSkipped, with the reason:\n`
    for (const data of skipped) yield `- ${title(data)}: ${data.skip || data.todo || 'no reason given'}\n`
  }
  if (failed.length > 0) {
    yield `\nFailed:\n`
    for (const data of failed) yield `✖ ${title(data)} (${place(data)})\n${shortened(cause(data))}\n`
  }
  const { DROVER_FAILED_FILES: list } = process.env
  const files = [...new Set(failed.map(({ file }) => file ?? ''))]
  // a test that another file defines can't be run again by that file
  if (list && files.every((file) => file.endsWith('.test.ts')))
    writeFileSync(list, files.map((file) => `${file}\n`).join(''))
  yield `\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`
}

// a suite, or a file as a whole, counts only where it failed by itself
function isOwn(data) {
  if (data.details?.type === 'suite') return false
  return !(data.details?.error?.failureType === 'subtestsFailed')
}

const shownLines = 25

function shortened(text) {
  const lines = text.split('\n')
  return lines.length > shownLines ? [...lines.slice(0, shownLines), '    …'].join('\n') : text
}

const title = (data) => data.name
const place = (data) => `${data.file ? relative(process.cwd(), data.file) : ''}:${data.line ?? ''}`

function cause(data) {
  const error = data.details?.error?.cause ?? data.details?.error
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error)
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}
