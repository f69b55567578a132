import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderPage } from '../../src/report/html.ts'

const hostile = `</td><script>alert(1)</script><img src=x onerror="x">'`

test('a page shows text from outside and never runs it', () => {
  const html = renderPage({
    title: hostile,
    verdict: { isGood: false, text: hostile },
    lead: [hostile],
    sections: [
      {
        kind: 'table',
        title: hostile,
        lead: hostile,
        head: [hostile],
        rows: [[hostile, { text: hostile, look: 'code' }]],
      },
      { kind: 'timeline', title: 'x', bars: [{ label: hostile, seconds: 1, isBad: true }] },
      { kind: 'verbatim', title: 'x', text: hostile },
    ],
  })
  assert.doesNotMatch(html, /<script|<img/)
  assert.equal(html.match(/&lt;script&gt;/g)?.length, 12)
})

test('a page needs nothing from elsewhere', () => {
  const html = renderPage({ title: 't', verdict: { isGood: true, text: 'ok' }, lead: [], sections: [] })
  assert.doesNotMatch(html, /(?:src|href)=|url\(|@import/)
})

test('steps without any time still make a picture', () => {
  const bars = [{ label: 'a', seconds: 0, isBad: false }]
  const html = renderPage({
    title: 't',
    verdict: { isGood: true, text: 'ok' },
    lead: [],
    sections: [{ kind: 'timeline', title: 's', bars }],
  })
  assert.doesNotMatch(html, /NaN|Infinity/)
})
