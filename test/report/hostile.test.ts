// Names that come from outside (devices, releases, types, sites, stages, what servers and logs say) through every renderer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, type Plan, type Tick, blockers, countsOf, progressOf } from '../../src/plan/plan.ts'
import {
  haltMarkdown,
  planMarkdown,
  planPage,
  planPicture,
  switchNotes,
  tickMarkdown,
  tickPicture,
  wavesMermaid,
  wavesSvg,
} from '../../src/report/report.ts'

const names = [
  'a | b || c',
  '`code` ``` ~~~',
  'one\ntwo\r\n\r\n# three\n- four\n> five\n```\nsix',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '](javascript:alert(1)) [x](y) ![z](w) <https://evil.example> https://evil.example www.evil.example',
  '::error::owned\n::set-output name=x::y\n##[error]z',
  '@team @octo/everyone #1 octo/fleet#2 GH-3',
  'left\u202eright\u2066\u200e\u200f\u061c\u200b\ufeffend',
  ']]> --> <!-- <![CDATA[ </text></svg></style>',
  '"];w9["x"]:::failed\nclick w1 "javascript:alert(1)"',
  '%%{init: {"securityLevel": "loose"}}%% %% end #quot; #35; style:x#9;',
  '$$\\frac{1}{2}$$ \\ \\\\ *bold* __x__ ~~y~~ &lt; &#64;team',
  '\u0000\u0007\u001b[31m\u009b lone \ud800 surrogate',
  'x'.repeat(10_000),
  '設備'.repeat(5_000),
  '</details> <summary> | --- |',
  "' onload='alert(1)' \" style=\"x",
  '__proto__',
]

const cause = (name: string) => ({ file: name, line: 2 })

/** A plan in which a name stands wherever a name can. */
function planOf(name: string): Plan {
  const about = { device: name, host: name, cause: cause(name) }
  const moving = { ...about, deviceType: name, site: name, to: name, wave: 1 }
  const changes: Change[] = [
    { kind: 'update', from: name, ...moving, notBefore: '2026-03-02T12:00:00+01:00' },
    { kind: 'no-op', why: 'already-there', ...moving, wave: 2 },
    { kind: 'enroll', ...about, deviceType: name, site: name, to: name },
    { kind: 'retire', ...about, deviceType: name, from: name },
    ...blockers.map((by): Change => ({
      kind: 'blocked',
      ...about,
      from: name,
      to: name,
      by,
      why: name,
      until: undefined,
      ...(by === 'busy' ? { wave: 2, deviceType: name, site: name } : {}),
    })),
  ]
  return {
    schema: 'drover/plan/v1',
    stage: name,
    branch: name,
    server: name,
    createdAt: '2026-03-02T12:00:00.000Z',
    factsAt: '2026-03-02T12:00:00.000Z',
    digest: `sha256:${'a'.repeat(64)}`,
    counts: countsOf(changes),
    waves: [1, 2].map((wave) => ({ wave, share: name, devices: 1, updates: 2 - wave, begins: name })),
    changes,
    notInGit: [{ device: name, status: 'pending', deviceType: name }],
  }
}

function tickOf(name: string): Tick {
  const plan = planOf(name)
  return {
    stage: name,
    commit: 'c'.repeat(40),
    state: 'halted',
    isDryRun: false,
    plan,
    counts: plan.counts,
    progress: progressOf(plan),
    orders: [{ name, release: name, wave: 1, devices: [name, name, name] }],
    withdrawn: [name],
    enrolled: [name],
    retired: [name],
    pending: 1,
    wave: 1,
    waves: 2,
    haltedBy: name,
    failures: [{ device: name, host: name, why: name, log: name, release: name, from: name }],
    waiting: [{ why: name, devices: 1, nextDue: new Date('2026-03-02T12:00:00Z'), waves: [1, 2] }],
  }
}

const notesOf = (name: string) => {
  const until = new Date('2026-03-02T12:00:00Z')
  const emergency = { stage: name, release: name, reason: name, until }
  const retry = new Map([[name, 2]])
  const switches = { freeze: { reason: name, until }, knownBad: new Set([name]), retry, emergency }
  return switchNotes(switches, undefined, new Date(0))
}

const picturesOf = (name: string) => {
  const found = tickPicture(tickOf(name))
  return [planPicture(planOf(name)), ...(found ? [found] : [])]
}

/** Lines of Markdown without pictures, and without indented blocks, which show what they hold. */
function prose(text: string): string[] {
  let isInFence = false
  return text.split('\n').filter((line) => {
    const isFence = line.startsWith('```')
    if (isFence) isInFence = !isInFence
    return !isFence && !isInFence && !line.startsWith('    ')
  })
}

const unseen =
  // oxlint-disable-next-line no-control-regex -- these are what must not get through
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/

/** A character that is not escaped: an even number of backslashes stands before it. */
const bare = (characters: string) => new RegExp(`(?<!\\\\)(?:\\\\\\\\)*[${characters}]`)

test('in Markdown a name changes nothing but its own cell, whatever it is', () => {
  for (const name of names) {
    const plan = planMarkdown(planOf(name), {
      over: [name],
      notes: notesOf(name),
      link: 'https://github.com/o/r/actions/runs/1',
    })
    const tick = tickMarkdown(tickOf(name))
    const halt = haltMarkdown(tickOf(name), new Date(0))
    for (const { text, isCut } of [plan, tick, halt]) {
      const what = JSON.stringify(name.slice(0, 60))
      assert.equal(isCut, false, what)
      assert.equal(text.split('\n').filter((line) => line.startsWith('```')).length, 2, what)
      let cells = 0
      for (const line of prose(text)) {
        const isTable = line.startsWith('|')
        const inner = isTable ? line.slice(1, -1) : line
        const bars = [...inner.matchAll(new RegExp(bare('|').source, 'g'))].length
        if (!isTable) cells = 0
        else if (cells === 0) cells = bars
        if (isTable) assert.equal(bars, cells, `${what}: ${line}`)
        const rest = inner
          .replace(/^#+ |^- \*\*|\*\*(?=:)|^> \*\*[\w ]+:\*\*/g, '')
          .replace(/^\[The whole plan\]\(https:[^)]*\), and \[its files\]\(https:[^)]*\)$/, '')
          .replace(/`(?:sha256:a+|c{12}|fleet\.yml|os_image)`/g, '')
          .replaceAll('|', '')
        assert.doesNotMatch(
          rest.replace(/&(?:#\d+|lt|gt|amp);/g, ''),
          bare('`*_[\\]<>~#$'),
          `${what}: ${line}`,
        )
        assert.doesNotMatch(rest, /@|:\/\/|www\.|GH-\d|-->|\\#\d/, `${what}: ${line}`)
        assert.doesNotMatch(line, unseen, what)
      }
    }
  }
})

test('in Mermaid a name stays within its quotes, and the picture far under the limits', () => {
  for (const name of names)
    for (const picture of picturesOf(name)) {
      const lines = wavesMermaid(picture)
      const [begin, chart, title, ...rest] = lines
      assert.deepEqual([begin, chart, rest.at(-1)], ['```mermaid', 'flowchart LR', '```'])
      assert.match(title ?? '', /^ {2}accTitle: Waves of[\p{L}\p{N} ,._…-]*$/u)
      const text = String.raw`(?:[\p{L}\p{N} ,._–…-]|#\d+;|<br/>)*`
      for (const line of rest.slice(0, -1))
        assert.match(
          line,
          new RegExp(
            `^  (?:[wbm]\\d*\\["${text}"\\]:::[a-zA-Z]+|w\\d+ -->(?:\\|"${text}"\\|)? w\\d+|classDef [-\\w :,#]+)$`,
            'u',
          ),
          JSON.stringify(name.slice(0, 60)),
        )
      assert.ok(lines.join('\n').length < 20_000)
    }
})

test('in SVG and HTML a name is text: the tags are ours, and each one that opens closes', () => {
  for (const name of names) {
    const pages = [
      ...picturesOf(name).map((picture) => wavesSvg(picture)),
      planPage(planOf(name), { over: [name], notes: notesOf(name) }),
    ]
    for (const page of pages) {
      const what = JSON.stringify(name.slice(0, 60))
      const open: string[] = []
      const between = page.replace(
        /<!doctype html>|<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z:-]+="[^"<>]*")*)(\/?)>/g,
        (tag, isEnd: string, element: string | undefined, attributes: string, isEmpty: string) => {
          if (element === undefined) return ''
          assert.doesNotMatch(element, /^(?:script|img|a|iframe|object|foreignobject)$/i, `${what}: ${tag}`)
          assert.doesNotMatch(attributes ?? '', / (?:on\w+|href|src)=/i, `${what}: ${tag}`)
          if (isEnd !== '') assert.equal(open.pop(), element, what)
          else if (isEmpty === '' && element !== 'meta') open.push(element)
          return ''
        },
      )
      assert.deepEqual(open, [], what)
      assert.doesNotMatch(between.replace(/&(?:lt|gt|amp|quot|#39);/g, ''), /[<>&]/, what)
      assert.doesNotMatch(page, unseen, what)
    }
  }
})

test('a picture says all that it shows also in words, and gives each bar its numbers', () => {
  const picture = planPicture(planOf('pi'))
  const svg = wavesSvg(picture)
  assert.match(svg, /role="img" aria-labelledby="waves-title waves-desc"/)
  assert.match(svg, /<title id="waves-title">Waves of pi<\/title>/)
  assert.match(
    svg,
    /<desc id="waves-desc">Wave 1 \(pi\): 1 to come; pi\. pi, pi: 1 to come\. Wave 2 .* 1 there, 1 blocked\. Blocked: 1 not-on-server, .*<\/desc>/,
  )
  assert.match(svg, /class="numbers">1 to come<\/text>/)
  assert.match(svg, /@media \(prefers-color-scheme:dark\)/)
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
})

test('a stage of very many sites, types and waves is still a small picture that counts every device', () => {
  const devices = 5000
  const base = planOf('x')
  const changes = Array.from({ length: devices }, (_, index): Change => {
    const host = `d${index}`
    const about = { device: host, host, cause: cause('f') }
    return {
      kind: 'update',
      ...about,
      deviceType: `type ${index % 40}`,
      site: `site ${index % 700}`,
      from: 'a',
      to: 'b',
      wave: (index % 30) + 1,
    }
  })
  const waves = Array.from({ length: 30 }, (_, index) => ({
    wave: index + 1,
    share: `${index}%`,
    devices: 1,
    updates: 1,
  }))
  const picture = planPicture({ ...base, changes, waves })
  assert.equal(picture.waves.length, 12)
  assert.equal(picture.waves.at(-1)?.share, 'and 18 more waves')
  const shown = picture.waves.flatMap(({ rows }) => rows.map(({ numbers }) => numbers.toCome))
  assert.equal(
    shown.reduce((a, b) => a + b),
    devices,
  )
  assert.ok(picture.waves.every(({ rows }) => rows.length <= 6))
  assert.ok(wavesMermaid(picture).join('\n').length < 20_000)
  assert.ok(wavesSvg(picture).length < 60_000)
})
