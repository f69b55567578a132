import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { spawn } from 'node:child_process'
import { temporaryFolder } from '../support/temporary.ts'
import { planReview, readEvent } from '../../src/github/github.ts'
import { type StandIn, startGitHub } from './stand-in.ts'

/** Runs code against the stand-in in a process of its own: the address of GitHub's API is read when the client is loaded. */
async function against(t: TestContext, github: StandIn, code: string): Promise<unknown> {
  const folder = await temporaryFolder(t)
  const source = join(import.meta.dirname, '../../src')
  const file = join(folder, 'run.ts')
  await writeFile(
    file,
    `import * as api from '${source}/github/github.ts'
import { plainContext } from '${source}/platform/platform.ts'
const quick = { now: () => new Date(), sleep: async () => {} }
const github = api.openGitHub({ token: 'secret-token', repository: { owner: 'octo', repo: 'fleet' } }, plainContext({ clock: quick }))
const work = async () => { ${code} }
console.log(JSON.stringify(await work().catch((error) => ({ reason: error.reason, message: error.message })) ?? null))`,
  )
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, GITHUB_API_URL: github.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part))
  await new Promise((resolve) => child.once('close', resolve))
  return JSON.parse(output)
}

const keep = (body: string) =>
  `return await api.keepComment(github, { pullRequest: 7, marker: 'drover-x', body: ${JSON.stringify(body)} })`

test('one comment is kept up to date, found again behind many others', async (t) => {
  const github = await startGitHub(t)
  for (let id = 1000; id < 1230; id++)
    github.comments.push({ id, body: 'chat', user: { id: 1, type: 'User' } })
  assert.equal(await against(t, github, keep('first')), true)
  assert.equal(await against(t, github, keep('first')), false, 'the same text writes nothing')
  assert.equal(await against(t, github, keep('second')), true)
  const ours = github.comments.filter(({ body }) => body.startsWith('<!-- drover-x -->'))
  assert.deepEqual(
    ours.map(({ body }) => body),
    ['<!-- drover-x -->\nsecond'],
  )
})

test('each stage has a mark of its own, which no other stage and nothing in a comment ends', () => {
  const stages = [
    'a-b',
    'a/b',
    'a b',
    'a--b',
    'a---b',
    '-a-b',
    'a%2d;b',
    'a%2f;b',
    'ä-b',
    'ö-b',
    'a->b',
    '😀',
    'a_b',
    'a.b',
  ]
  const markers = stages.map((stage) => planReview(stage).marker)
  assert.equal(new Set(markers).size, stages.length, markers.join(' '))
  for (const marker of markers) assert.match(marker, /^drover-plan-(?!.*--)[\w.%;-]+$/)
  assert.equal(planReview('canary').marker, 'drover-plan-canary')
})

test("a person's comment with our mark is neither kept nor believed", async (t) => {
  const github = await startGitHub(t)
  const digest = `sha256:${'a'.repeat(64)}`
  github.comments.push({
    id: 1000,
    body: `<!-- drover-plan-canary -->\n<!-- drover-digest ${digest} -->`,
    user: { id: 1, type: 'User' },
  })
  github.pullRequests.push({
    number: 7,
    merged_at: '2026-01-01T00:00:00Z',
    merge_commit_sha: 'abc',
    base: { ref: 'canary' },
    head: { sha: 'def' },
  })
  const look = `return await api.reviewedDigest(github, 'canary', 'abc', api.planReview('canary'))`
  assert.equal(await against(t, github, look), null)
  await against(
    t,
    github,
    `return await api.keepComment(github, { pullRequest: 7, marker: api.planReview('canary').marker, body: '<!-- drover-digest ${digest} -->' })`,
  )
  assert.equal(github.comments.length, 2)
  assert.equal(await against(t, github, look), digest)
  assert.equal(
    await against(t, github, look.replace("'canary', 'abc'", "'production', 'abc'")),
    null,
    'another branch',
  )
  assert.equal(await against(t, github, look.replace("'abc'", "'abd'")), null, 'another commit')
})

test('a check run shows the worst of too many annotations, and says how many it does not show', async (t) => {
  const github = await startGitHub(t)
  const publish = `const of = (level, count) => Array.from({ length: count }, (_, line) => ({ file: 'a.yml', line: line + 1, level, message: level }))
    return await api.publishCheck(github, { name: 'drover plan: canary', commit: 'c1', conclusion: 'success', title: 't', summary: 's',
      externalId: 'sha256:${'a'.repeat(64)}',
      annotations: [...of('notice', 400), ...of('warning', 300), ...of('failure', 1), { file: '/elsewhere', line: 1, level: 'failure', message: 'x' }] })`
  assert.equal(await against(t, github, publish), true)
  const shown = (github.checks[0]?.annotations ?? []).map((one) => JSON.stringify(one))
  const count = (level: string) => shown.filter((one) => one.includes(`"message":"${level}"`)).length
  assert.deepEqual([shown.length, count('failure'), count('warning'), count('notice')], [500, 1, 300, 199])
  assert.match(github.checks[0]?.output.summary ?? '', /^s\n\*\*202 of 702 annotations are not shown/)
  assert.equal(await against(t, github, publish), false, 'the same check writes nothing')
})

test('a check run takes any number of annotations, and its digest comes before the comment', async (t) => {
  const github = await startGitHub(t)
  const digest = `sha256:${'b'.repeat(64)}`
  const publish = (conclusion: string) => `return await api.publishCheck(github, {
    name: 'drover plan: canary', commit: 'def', conclusion: '${conclusion}', title: 't', summary: 's', externalId: '${digest}',
    annotations: Array.from({ length: 120 }, (_, line) => ({ file: 'a.yml', line: line + 1, level: 'warning', message: 'x' })) })`
  assert.equal(await against(t, github, publish('success')), true)
  assert.equal(github.checks[0]?.annotations.length, 120)
  const sent = github.requests.filter((request) => !request.startsWith('GET'))
  assert.equal(sent.length, 3, 'fifty in a request')
  assert.equal(await against(t, github, publish('success')), false, 'the same check writes nothing')
  github.pullRequests.push({
    number: 7,
    merged_at: '2026-01-01T00:00:00Z',
    merge_commit_sha: 'abc',
    base: { ref: 'canary' },
    head: { sha: 'def' },
  })
  const look = `return await api.reviewedDigest(github, 'canary', 'abc', api.planReview('canary'))`
  assert.equal(await against(t, github, look), digest)
  await against(t, github, publish('failure'))
  assert.equal(await against(t, github, look), null, 'a plan over its budget is no approval')
})

test('a check that broke off between its requests is no approval, and the next run makes it anew', async (t) => {
  const github = await startGitHub(t)
  const digest = `sha256:${'c'.repeat(64)}`
  const publish = (count: number) => `return await api.publishCheck(github, {
    name: 'drover plan: canary', commit: 'def', conclusion: 'success', title: 't', summary: 's', externalId: '${digest}',
    annotations: [{ file: '../elsewhere.yml', line: 1, level: 'warning', message: 'x' }, ...Array.from({ length: ${count} }, (_, line) => ({ file: 'a.yml', line: line + 1, level: 'warning', message: 'x' }))] })`
  github.pullRequests.push({
    number: 7,
    merged_at: '2026-01-01T00:00:00Z',
    merge_commit_sha: 'abc',
    base: { ref: 'canary' },
    head: { sha: 'def' },
  })
  const look = `return await api.reviewedDigest(github, 'canary', 'abc', api.planReview('canary'))`
  github.forbidden = /^PATCH/
  assert.match(JSON.stringify(await against(t, github, publish(120))), /github-refused/)
  assert.equal(github.checks[0]?.conclusion, undefined)
  assert.equal(await against(t, github, look), null)
  github.forbidden = undefined
  assert.equal(await against(t, github, publish(120)), true)
  assert.equal(await against(t, github, look), digest)
  assert.equal(
    github.checks.at(-1)?.annotations.length,
    120,
    'without the line of a file that GitHub has not',
  )
})

test('what passes is tried again, a create never blindly, and a refusal is told in words', async (t) => {
  const github = await startGitHub(t)
  github.troubles = [{ status: 502 }, { status: 403, headers: { 'retry-after': '1' } }]
  assert.equal(await against(t, github, keep('x')), true)
  assert.equal(github.comments.length, 1)
  github.forbidden = /^POST|^PATCH/
  const refused = await against(
    t,
    github,
    `return await api.tryToPublish('The comment', () => api.keepComment(github, { pullRequest: 7, marker: 'y', body: 'x' }), 'pull-requests: write')`,
  )
  assert.match(
    JSON.stringify(refused),
    /The comment could not be published: GitHub refused POST .*403.*not accessible by integration.*needs the permission pull-requests: write/,
  )
  github.forbidden = undefined
  github.requests = []
  const list = 'GET /repos/octo/fleet/issues/7/comments'
  const creating = against(
    t,
    github,
    `await api.keepComment(github, { pullRequest: 7, marker: 'z', body: 'x'.repeat(70000) })`,
  )
  assert.match(JSON.stringify(await creating), /github-refused.*Body is too long/)
  assert.deepEqual(github.requests, [list, 'POST /repos/octo/fleet/issues/7/comments'])
  const nowhere = await against(t, { ...github, url: 'http://127.0.0.1:9' }, keep('x'))
  assert.match(JSON.stringify(nowhere), /"unreachable".*GitHub can't be reached/)
})

test('a stage has one deployment and one status for a commit, which are brought up to date', async (t) => {
  const github = await startGitHub(t)
  const [one, two] = ['a'.repeat(40), 'b'.repeat(40)]
  github.deployments.push({ id: 7, sha: one, environment: 'canary', task: 'deploy', statuses: [] })
  const keep = (status: Record<string, string>) => {
    const whole = JSON.stringify({ stage: 'canary', commit: one, ...status })
    const code = `return [await api.keepDeployment(github, ${whole}), await api.keepCommitStatus(github, ${whole})]`
    return against(t, github, code)
  }
  const begun = { state: 'in_progress', description: '1 of 2 on x', link: 'https://github.com/run' }
  assert.deepEqual(await keep(begun), [true, true])
  assert.equal(github.requests.length, 5, 'no more than that')
  assert.deepEqual(await keep(begun), [false, false], 'the same state writes nothing')
  const long = 'x'.repeat(500)
  assert.deepEqual(await keep({ state: 'success', description: long }), [true, true])
  assert.deepEqual(await keep({ state: 'success', description: long }), [false, false])
  assert.deepEqual(await keep({ ...begun, commit: two }), [true, true])
  assert.deepEqual(await keep({ ...begun, stage: 'production' }), [true, true])
  assert.deepEqual(
    github.deployments.map(({ sha, environment, task, statuses }) => [
      sha[0],
      environment,
      task,
      statuses.map(({ state }) => state).join(' '),
    ]),
    [
      ['a', 'canary', 'deploy', ''],
      ['a', 'canary', 'drover', 'in_progress success'],
      ['b', 'canary', 'drover', 'in_progress'],
      ['a', 'production', 'drover', 'in_progress'],
    ],
    'a workflow has its own',
  )
  assert.equal(github.deployments[1]?.statuses[0]?.log_url, 'https://github.com/run')
  assert.deepEqual(
    github.statuses.map(({ sha, context, state }) => `${sha[0]} ${context} ${state}`),
    [
      'a drover/canary pending',
      'a drover/canary success',
      'b drover/canary pending',
      'a drover/production pending',
    ],
  )
})

test('a change is offered once, also after a run that broke off, and never again where somebody closed it', async (t) => {
  const github = await startGitHub(t)
  const { branches, opened } = github.repository
  branches.get('main')?.set('sub/fleet.yml', 'one')
  const offer = (path = 'sub/fleet.yml') =>
    against(
      t,
      github,
      `return await api.offerChange(github, { branch: 'drover/x', path: '${path}', edit: (text, file) => text + ' two ' + file, title: 'T', body: 'B' })`,
    )
  github.forbidden = /^POST .*pulls$/
  assert.match(JSON.stringify(await offer()), /github-refused/)
  assert.equal(branches.get('drover/x')?.get('sub/fleet.yml'), 'one two main:sub/fleet.yml')
  github.forbidden = undefined
  assert.equal(await offer(), true)
  assert.equal(await offer(), false)
  assert.deepEqual(
    opened.map(({ head, base, title, body }) => [head, base, title, body]),
    [['drover/x', 'main', 'T', 'B']],
  )
  assert.equal(branches.get('main')?.get('sub/fleet.yml'), 'one')
  opened.length = 0
  branches.delete('drover/x')
  assert.equal(await offer('new.yml'), true, 'a file that was not there')
  assert.equal(branches.get('drover/x')?.get('new.yml'), ' two main:new.yml')
})

test('a run is over when GitHub says so, and in doubt it is not', async (t) => {
  const github = await startGitHub(t)
  github.runs = { 7: 'completed', 8: 'in_progress' }
  const here = 'https://github.com/octo/fleet/actions/runs'
  const links = [
    `${here}/7 attempt 1`,
    `${here}/8 attempt 2`,
    `${here}/9 attempt 1`,
    'https://github.com/octo/other/actions/runs/7 attempt 1',
    'https://elsewhere.example/octo/fleet/actions/runs/7 attempt 1',
    'command 7',
    `${here}/7 attempt 1`,
  ]
  const ended = await against(
    t,
    github,
    `const isOver = api.endedRuns('secret-token', plainContext({ clock: quick }), { GITHUB_SERVER_URL: 'https://github.com' })
    const ended = []
    for (const link of ${JSON.stringify(links)}) ended.push(await isOver(link))
    return ended`,
  )
  assert.deepEqual(ended, [true, false, false, false, false, false, false])
  assert.equal(
    github.requests.length,
    4,
    'about one run it is asked once in a minute, about others not at all',
  )
})

test("an event tells the pull request, the target and the job's branch", async (t) => {
  const file = join(await temporaryFolder(t), 'event.json')
  const [base, head] = ['a'.repeat(40), 'b'.repeat(40)]
  const environment = { GITHUB_REPOSITORY: 'octo/fleet', GITHUB_EVENT_PATH: file }
  await writeFile(
    file,
    JSON.stringify({
      pull_request: { number: 7, base: { ref: 'canary', sha: base }, head: { sha: head } },
      repository: { default_branch: 'main' },
    }),
  )
  assert.deepEqual(await readEvent({ ...environment, GITHUB_REF: 'refs/pull/7/merge' }), {
    repository: { owner: 'octo', repo: 'fleet' },
    pullRequest: { number: 7, target: 'canary', targetCommit: base, headCommit: head, isFromFork: false },
    target: 'canary',
    defaultBranch: 'main',
    branch: undefined,
  })
  const full = (name: string) => ({ repo: { full_name: name } })
  for (const [from, isFromFork] of [
    [full('octo/fleet'), false],
    [full('eve/fleet'), true],
    [{ repo: null }, true],
  ] as const) {
    const pull = {
      number: 7,
      base: { ref: 'x', sha: base, ...full('octo/fleet') },
      head: { sha: head, ...from },
    }
    await writeFile(file, JSON.stringify({ pull_request: pull }))
    assert.equal((await readEvent(environment)).pullRequest?.isFromFork, isFromFork)
  }
  await writeFile(file, JSON.stringify({ merge_group: { base_ref: 'refs/heads/production' } }))
  assert.equal((await readEvent(environment)).target, 'production')
  await writeFile(file, '{}')
  assert.equal((await readEvent({ ...environment, GITHUB_REF: 'refs/heads/fix/x' })).branch, 'fix/x')
  assert.deepEqual(await readEvent({}), {
    repository: undefined,
    pullRequest: undefined,
    target: undefined,
    defaultBranch: undefined,
    branch: undefined,
  })
  await writeFile(file, '{')
  await assert.rejects(readEvent(environment), { reason: 'invalid-file' })
})
