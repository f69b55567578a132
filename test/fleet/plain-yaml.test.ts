// The quick reader of plain YAML against the parser of the whole language: where it does not decline, both see the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainYaml } from '../../src/fleet/plain-yaml.ts'
import { type Source, parseSource } from '../../src/fleet/source.ts'
import { Chance } from '../support/chance.ts'

const scalars = [
  'a',
  'b c',
  '"x"',
  "'y'",
  "'it''s'",
  '"a\\n"',
  'a"b',
  "a'b",
  '"',
  "'",
  '"a" b',
  'a  ',
  '  a',
  'é',
  '$x',
  '/x',
  '(x)',
  '5',
  '010',
  '1e3',
  '0x1f',
  '1:30',
  '190:20:30',
  '2001-01-01',
  '-5',
  '.5',
  '1_000',
  '0o7',
  '0b11',
  '09',
  '1.',
  '.inf',
  '+5',
  'yes',
  'no',
  'On',
  'TRUE',
  'y',
  'N',
  '~',
  'null',
  '',
  '=',
  '<<',
  '-',
  '?',
  '? a',
  '%a',
  '@b',
  '.',
  '...',
  '---',
  '- 5',
  'a: b',
  'a:',
  'a #c',
  '# c',
  'a,b',
  'x:y',
  'http://x/y:8',
  'a\\b',
  '{{ x }}',
  '"{{ x }}"',
  '|',
  '>',
  '|-',
  '!vault |',
  '&x a',
  '*x',
  '[a, b]',
  '[]',
  '{}',
  '{a: 1}',
  '{ a: b, c: "d" }',
  '[a, "b,c"]',
  '[a, b] # c',
  '{a: {b: c}}',
  '[ ]',
  '[a,]',
  '{a: }',
  '{a:1}',
  '{"a": 1}',
]
const keys = [
  'a',
  'b',
  'c-d',
  'e.f',
  'a/b',
  'a b',
  'x:y',
  '-a',
  '.a',
  'é',
  '"q"',
  "'r'",
  '"a:b"',
  '1',
  '1.5',
  '0x1',
  'yes',
  'y',
  'null',
]
const oddKeys = ['<<', '__proto__', 'constructor', 'toString', '? k']
const indents = ['', '', '', '  ', '    ', ' ', '   ']

/** Texts that look like YAML, most of them nearly right; the same ones for the same seed. */
function* texts(seed: number, count: number): Generator<string> {
  const chance = new Chance(seed)
  const below = (end: number) => chance.below(end)
  const one = (list: readonly string[]) => list[below(list.length)] ?? ''
  const line = () => {
    const [indent, kind] = [one(indents), below(10)]
    const key = below(12) === 0 ? one(oddKeys) : one(keys)
    if (kind < 5) return `${indent}${key}:${below(8) === 0 ? '' : ' '}${one(scalars)}`
    if (kind < 6) return `${indent}${key}:`
    if (kind < 8) return `${indent}- ${one(scalars)}`
    if (kind < 9) return `${indent}- ${key}: ${one(scalars)}`
    return one(['', '# c', '  # c', `${indent}${one(scalars)}`, '...', '---'])
  }
  for (let i = 0; i < count; i++) {
    const lines = Array.from({ length: 1 + below(4) }, line)
    if (below(10) === 0) lines.unshift('---')
    yield lines.join('\n') + (below(6) === 0 ? '' : '\n')
  }
}

function pathsOf(data: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (data === null || typeof data !== 'object') return [[...path]]
  const parts = Array.isArray(data)
    ? data.map((value: unknown, i) => [i, value] as const)
    : Object.entries(data)
  return [[...path], ...parts.flatMap(([key, value]) => pathsOf(value, [...path, key]))]
}

test('what the quick reader reads is what the parser reads, at the same lines', (t) => {
  let read = 0
  for (const text of texts(7, 100_000)) {
    if (plainYaml(text) === undefined) continue
    read++
    // a tab, even in a comment, is for the parser; it shifts the lines by one
    const [quick, whole] = [parseSource(text, 'f'), parseSource(`#\t\n${text}`, 'f')]
    assert.deepEqual(whole.problems, [], text)
    assert.deepEqual(quick.data, whole.data, text)
    assert.equal(JSON.stringify(quick.data), JSON.stringify(whole.data), text)
    for (const path of pathsOf(quick.data))
      assert.deepEqual(linesOf(quick, path, 0), linesOf(whole, path, 1), text)
  }
  assert.ok(read > 2000, `${read} were read`)
  t.diagnostic(`${read} of 100000 texts were read quickly, all as the parser reads them`)
})

function linesOf(source: Source, path: readonly (string | number)[], shift: number): number[] {
  const { line, column } = source.at(path)
  return [path.length === 0 ? 1 : line - shift, path.length === 0 ? 1 : column]
}
