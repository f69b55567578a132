import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canonicalJson,
  escapeHtml,
  escapeMarkdown,
  oneLine,
  parseDuration,
} from '../../src/platform/platform.ts'

test('a name from outside cannot break out of a Markdown table', () => {
  for (const name of [
    'a|b',
    'x\n## h',
    '[l](http://e)',
    '<img src=x>',
    '**b**',
    '`c`',
    '@octocat',
    '#1',
    'www.example.org',
  ]) {
    const escaped = escapeMarkdown(name)
    assert.doesNotMatch(escaped, /\n|<|(?<!\\)[|`[*]|@|:\/\/|www\./, escaped)
  }
})

test('a name from outside notifies nobody and refers to no issue, also where entities and escapes are undone', () => {
  for (const name of ['@octocat', 'a@team/b', '#1', 'octo/fleet#12', 'GH-7', 'gh-7']) {
    const shown = escapeMarkdown(name)
      .replace(/\\(?=[#@-])/g, '')
      .replace(/&#(\d+);/g, (_all, code: string) => String.fromCodePoint(Number(code)))
    assert.doesNotMatch(shown, /@\w|#\d|gh-\d/i, shown)
    assert.equal(shown.replaceAll('\u200b', ''), name, 'and is read as it was')
  }
})

test('a name from outside cannot break out of HTML or move a terminal', () => {
  assert.equal(escapeHtml(`<a b='"&">`), '&lt;a b=&#39;&quot;&amp;&quot;&gt;')
  assert.equal(oneLine('a\u001b[2Jb\r\nc\u202ed'), 'a [2Jb c d')
})

test('the same data gives the same canonical text', () => {
  assert.equal(
    canonicalJson({ b: [1, { d: 1, c: null }], a: undefined, e: 'x' }),
    '{"b":[1,{"c":null,"d":1}],"e":"x"}',
  )
})

test('durations are a number and a unit', () => {
  assert.equal(parseDuration('90s'), 90_000)
  assert.equal(parseDuration('24h'), 86_400_000)
  assert.equal(parseDuration('1.5h'), undefined)
  assert.equal(parseDuration('90'), undefined)
})
