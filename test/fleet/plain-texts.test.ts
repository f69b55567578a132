// Plain files are read by a faster reader, and those with a tab by the parser of the whole language: both have to say the
// same of every file, to the column.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Path, isRecord, parseSource } from '../../src/fleet/fleet.ts'

const lineBefore = '#\t\n'

test('says of random files what the parser of the whole language says', () => {
  for (let seed = 0; seed < 10_000; seed++) compare(randomText(seed))
})

test('says the same of what is written often', () => {
  for (const text of texts) compare(text)
  for (const line of texts.join('').split('\n')) compare(`${line}\n`)
})

function compare(text: string): void {
  const own = parseSource(text, 'f')
  const whole = parseSource(`${lineBefore}${text}`, 'f')
  const context = JSON.stringify(text)
  assert.deepEqual(own.data, whole.data, context)
  assert.equal(JSON.stringify(own.data), JSON.stringify(whole.data), `order of keys: ${context}`)
  assert.equal(own.problems.length > 0, whole.problems.length > 0, context)
  for (const path of pathsOf(own.data, [])) {
    const { line, column } = whole.at(path)
    assert.deepEqual(
      own.at(path),
      { file: 'f', line: Math.max(line - 1, 1), column },
      `${path.join('.')} of ${context}`,
    )
  }
}

function pathsOf(value: unknown, path: Path): Path[] {
  const inner: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : isRecord(value)
      ? Object.entries(value)
      : []
  return inner.flatMap(([key, part]) => [[...path, key], ...pathsOf(part, [...path, key])])
}

const texts = [
  'a: 1\n',
  '---\na: yes\nb: "no"\n',
  '# before\n---\na:\n  - b: 1\n    c: ~\n  -   d: [1, 2, x y]\n      e: {}\n',
  'a:\n- b\n- c\nd:\n  # comment\n  e: f # comment\n',
  "a: 'it''s'\nb: \"x\\ty\"\nc: it's\nd: a#b\ne: a #b\n",
  'a: |\n  one\n    two\n\nb: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n  63\nc: >\n  folded\n  text\n',
  'a: |\n  one\n\n  two\nb: |-\n  one\n',
  'a: |\n  one\n\n\n',
  'a: |\n  one\n\n  two\n',
  'a:\n  - |\n    one\n\n    two\n  - b\n',
  'a: |\n  one',
  'a: b\n  c\n',
  'a: b\n c: d\n',
  'a: 1\na: 2\n',
  'a: 0777\nb: 0x1f\nc: 1_000\nd: 12:30\ne: 1e3\nf: 1.5e+3\ng: 2026-01-02\nh: 08\ni: .5\nj: -1\nk: +2\nl: -.inf\n',
  'a: 12345678901234567890\n',
  'yes: 1\nnull: 2\n12: 3\n~: 4\n"12": 5\n"true": 6\n',
  '12345678-90ab-cdef-0123-456789abcdef:\n  x: 1\n1.2.3.4: y\n08: z\n',
  'a: {b: 1, c: x}\nd: { e: "f, g" }\nh: [ ]\ni: [a,, b]\nj: [a, ]\n',
  'a: [1, 2\n  ]\n',
  'a: {b: 1, c: x}\nd: {e: f}\nh: [ ]\ni: { }\nj: [ a , "b" ] # end\nk: [-1, .5, a-b]\n',
  'a: *b\n',
  'a: &b 1\nc: *b\n',
  '<<: {a: 1}\nb: 2\n',
  '__proto__: 1\n',
  'a: http://x/y:z\nb: c:\nd: e: f\n',
  'a: -\nb: - c\nd: -e\n',
  'ä: ö\na: Zürich 😀\n',
  'a: x\u00a0\nb: y\u2028z\n',
  'a: b\r\nc: d\r\n',
  'a:\tb\n',
  'a: b\t\n',
  'a: {{ b }}\nc: "{{ d }}"\n',
  'a: x {{ b }} y\n',
  '- a\n- b: 1\n  c: 2\n- - d\n',
  'a: b\n...\n',
  'a: b\n---\nc: d\n',
  'a:\n    b: 1\n  c: 2\n',
  'a\n',
  '',
  '# nothing\n',
  '---\n',
  'a: "b" c\n',
  "a: 'b' # c\n",
  "a: 'b'# c\n",
  'a: !!str 1\nb: !unsafe x\n',
  'a :  b\n',
  '? a\n: b\n',
  'a: b:c\n"d": e\n"f":g\n',
  'a: @x\nb: `y`\nc: %z\n',
  'a: %z\n',
  `${'k'.repeat(2000)}: 1\n`,
  'a: [b]c\n',
  'a: (x)\nb: $y\nc: /z\nd: ~/z\ne: ~\nf: .\ng: ..\nh: +\n',
]

const scalars = [
  'a',
  'on',
  'No',
  'null',
  '~',
  '7',
  '08',
  '-017',
  '0b11',
  '1_0',
  '1.5',
  '.5',
  '1e3',
  '1.0e+3',
  '-.inf',
  '1:2',
  '2026-01-02',
  'x y',
  'é',
  "it's",
  'a#b',
  'a:b',
  'http://x/y',
  '/etc',
  '-',
  '+',
  '.',
  '.5.',
  '~x',
  '-3',
  '-x',
  '1.2.3.4',
  '99999999999999999999',
  '"q"',
  "'s'",
  '"a: b"',
  "'# c'",
  '"\\n"',
  "''",
  '""',
  "'it''s'",
  '"a" b',
  '[]',
  '{}',
  '[a, 1]',
  '[ "x", y z ]',
  '[a,b]',
  '[a, ]',
  '{b: x}',
  '{ b: 1, c: "d" }',
  '{b:x}',
  '{b: 1, b: 2}',
  '[[a]]',
  '{{ x }}',
  'x {{ y }}',
  '*a',
  '&a b',
  '!unsafe x',
  '@x',
  '|',
  '>',
]
const keys = [
  'a',
  'b',
  'c',
  'd-e',
  'f.g',
  'x/y',
  '_z',
  '"q"',
  "'s t'",
  'on',
  '12',
  '08',
  '1.2.3.4',
  '0a1b-2c',
  'a b',
  '<<',
  '?',
]
const endings = ['', '', '', '', '', '', ' ', ' # c', '# c', '  # : "']
const between = ['', '', '', '', '', '', '\n', '# c\n', '   # c\n', '  \n', '---\n']

/** Mostly sound: nested mappings and lists with now and then something that doesn't fit. */
function randomText(seed: number): string {
  let state = Math.imul(seed + 1, 2654435761)
  const below = (count: number) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0
    return (state >>> 8) % count
  }
  const one = (items: readonly string[]) => items[below(items.length)] ?? ''
  const scalar = () => (below(3) === 0 ? one(scalars) : one(['a', 'b', '1', 'c d', '"e"']))
  const key = (index: number) => (below(4) === 0 ? one(keys) : `k${index}`)
  const literal = (indent: string) => {
    const line = () => one(['\n', `${indent}${one(['', '', ' '])}${one(['x', '# y', '', 'z: 1', '- w'])}\n`])
    return `${one(['|', '|', '!vault |', '|-', '>'])}\n${indent}first\n${line()}${line()}${one(['', '\n'])}`
  }
  const block = (indent: string, depth: number): string =>
    below(3) === 0
      ? Array.from({ length: 1 + below(3) }, () => item(indent, depth)).join('')
      : Array.from({ length: 1 + below(3) }, (_, index) => pair(indent, index, depth)).join('')
  const pair = (indent: string, index: number, depth: number): string => {
    const begin = `${one(between)}${indent}${key(index)}:`
    const inner = `${indent}${one(['  ', '  ', ' ', '    ', '', ''])}`
    if (depth < 3 && below(4) === 0) return `${begin}${one(endings)}\n${block(inner, depth + 1)}`
    return below(12) === 0 ? `${begin} ${literal(`${indent}  `)}` : `${begin} ${scalar()}${one(endings)}\n`
  }
  const item = (indent: string, depth: number): string => {
    const begin = `${one(between)}${indent}-${one([' ', ' ', '   '])}`
    if (below(3) > 0) return `${begin}${scalar()}${one(endings)}\n`
    const inner = ' '.repeat(begin.length - begin.lastIndexOf('\n') - 1)
    const first = `${key(0)}:${one([` ${scalar()}`, ` ${scalar()}`, ''])}${one(endings)}\n`
    return `${begin}${first}${below(2) === 0 ? block(inner, depth + 1) : ''}`
  }
  const text = `${one(['', '', '', '---\n', '# c\n---\n'])}${block('', 0)}`
  return below(10) === 0 ? text.slice(0, -1) : text
}
