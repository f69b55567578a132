import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import * as v from 'valibot'
import { type Document, LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml'
import { Failure, type Problem, messageOf } from './failure.ts'
import { readingFailure } from './files.ts'

/** People write these files by hand: one over this size is a mistake or an attack. */
const maxFileBytes = 4 << 20

/** A parsed file whose values know where they stand. */
export interface ParsedYaml<T> {
  value: T
  /** Line and column (from 1) of the key or item at `path`, or of its nearest parent. */
  locate(path: readonly (string | number)[]): { line: number; column: number }
}

/**
 * Reads YAML (JSON is YAML) from `text` and checks it against `schema`. `file` is only a name for messages.
 * Throws `invalid-file` with every problem, each with line and column.
 */
export function parseYaml<S extends v.GenericSchema>(
  text: string,
  file: string,
  schema: S,
): ParsedYaml<v.InferOutput<S>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems: Problem[] = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0])
    return { file, line, column: col, message: error.message }
  })
  failOn(problems)
  const locate = (path: readonly (string | number)[]) => locateIn(document, lines, path)
  let raw: unknown
  try {
    raw = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw failed([{ file, line: 1, column: 1, message: messageOf(error) }], error)
  }
  const result = v.safeParse(schema, raw)
  const problemAt = (path: readonly (string | number)[], what: string): Problem & Place => {
    const place = path.length === 0 ? '' : `${path.join('.')}: `
    return { file, ...locate(path), message: `${place}${what}` }
  }
  const found = result.success
    ? listsTakenForMaps(raw, result.output).map((path) =>
        problemAt(path, `it has to be ${wordFor('Object')}`),
      )
    : result.issues.map((issue) =>
        problemAt(
          (issue.path ?? []).map((item) => item.key as string | number),
          wordsOf(issue),
        ),
      )
  failOn(found.toSorted((a, b) => a.line - b.line || a.column - b.column))
  if (!result.success) throw new Error('a schema refused a value and named no problem')
  return { value: result.output, locate }
}

interface Place {
  line: number
  column: number
}

/** What is wrong, for who wrote the file: a schema's own message, or in place of Valibot's one without its names of types. */
function wordsOf({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (type === 'strict_object' && expected === 'never') return 'is not a known key'
  if (message.startsWith('Invalid key: ') && received === 'undefined') return 'is missing'
  if (message.startsWith('Invalid type: ') && expected !== null) {
    const words = expected.replace(/^\((.*)\)$/, '$1').split(' | ')
    return `it has to be ${[...new Set(words.map(wordFor))].join(', or ')}, not ${wordFor(received)}`
  }
  if (message.startsWith('Invalid length: ') && received === '0') return 'it has to hold something'
  return message
}

function wordFor(type: string): string {
  const words: Record<string, string> = {
    Array: 'a list',
    Object: 'keys, each with its value',
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
    null: 'nothing',
  }
  return words[type] ?? type
}

/** Paths of the lists where keys were asked for: Valibot's `record` takes a list for a map whose keys are 0, 1, 2. */
function listsTakenForMaps(
  raw: unknown,
  checked: unknown,
  path: readonly string[] = [],
): (readonly string[])[] {
  if (!isObject(raw) || !isObject(checked)) return []
  if (Array.isArray(raw) && !Array.isArray(checked)) {
    return raw.length > 0 && raw.every((_item, index) => Object.hasOwn(checked, index)) ? [path] : []
  }
  const values = new Map(Object.entries(checked))
  return Object.entries(raw).flatMap(([key, value]) =>
    listsTakenForMaps(value, values.get(key), [...path, key]),
  )
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** `parseYaml` of a file on disk; `name` is what messages call it. Throws also `file-missing`. */
export async function readYaml<S extends v.GenericSchema>(
  path: string,
  schema: S,
  name: string = path,
): Promise<ParsedYaml<v.InferOutput<S>>> {
  return parseYaml(await readText(path, maxFileBytes, name), name, schema)
}

/**
 * Reads a text file of at most `limitBytes`; throws `file-missing` or, over the limit and for a device or a pipe, which may
 * have no end, `invalid-file`.
 */
export async function readText(
  path: string,
  limitBytes = maxFileBytes,
  name: string = path,
): Promise<string> {
  try {
    // without waiting for somebody at the other end of a pipe
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const status = await file.stat()
    if (!status.isFile()) throw new Failure('invalid-file', `${name} is no plain file`)
    // a file of the kernel has the size 0 whatever it holds
    const [text, size] = status.size > limitBytes ? ['', status.size] : await textOf(file, limitBytes)
    if (size <= limitBytes) return text
    throw new Failure('invalid-file', `${name} has ${size} bytes; at most ${limitBytes} are read`)
  } catch (error) {
    throw readingFailure(error, name)
  }
}

async function textOf(file: FileHandle, limitBytes: number): Promise<[text: string, size: number]> {
  const chunks: Buffer[] = []
  for await (const chunk of file.createReadStream({ end: limitBytes, autoClose: false }))
    if (chunk instanceof Buffer) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  return [bytes.toString('utf8'), bytes.length]
}

/** Throws one `invalid-file` for all `problems`; does nothing where there are none. */
export function failOn(problems: readonly Problem[]): void {
  if (problems.length > 0) throw failed(problems)
}

function failed(problems: readonly Problem[], cause?: unknown): Failure {
  const [first] = problems
  const place = first
    ? `${first.file}${first.line === undefined ? '' : `:${first.line}`}: ${first.message}`
    : ''
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new Failure('invalid-file', `${place}${rest}`, { problems, cause })
}

function locateIn(document: Document, lines: LineCounter, path: readonly (string | number)[]) {
  let offset = 0
  let node: unknown = document.contents
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      if (!pair) break
      if (isNode(pair.key) && pair.key.range) offset = pair.key.range[0]
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (!isNode(node) || !node.range) break
      offset = node.range[0]
    } else {
      break
    }
  }
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}
