import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type StandIn, startGitHub } from '../github/stand-in.ts'
import { runGit } from '../plan/fleet-repository.ts'
import { type World, image, openWorld, stages } from '../plan/world.ts'
import { type RunnerResult, runInRunner } from '../support/runner.ts'

/** The checkout of a pull request's merge commit, as the runner has it: HEAD is detached. */
async function openPullRequest(
  t: TestContext,
  files: Record<string, string>,
): Promise<{ world: World; env: Record<string, string>; head: string }> {
  const world = await openWorld(t, { count: 1 })
  const { git, commit, folder } = world.repository
  const base = (await git('rev-parse', 'canary')).trim()
  await git('checkout', '--quiet', '-b', 'update', 'canary')
  const head = await commit(files)
  await git('checkout', '--quiet', '--detach', 'canary')
  await git('merge', '--quiet', '--no-ff', '--message=Merge', 'update')
  const event = join(folder, '..', 'event.json')
  await writeFile(
    event,
    JSON.stringify({ pull_request: { number: 7, base: { ref: 'canary', sha: base }, head: { sha: head } } }),
  )
  return {
    world,
    head,
    env: {
      GITHUB_EVENT_NAME: 'pull_request',
      GITHUB_EVENT_PATH: event,
      GITHUB_REF: 'refs/pull/7/merge',
      GITHUB_BASE_REF: 'canary',
    },
  }
}

const plan = (
  world: World,
  options: { env?: Record<string, string>; inputs?: Record<string, string>; github?: StandIn } = {},
): Promise<RunnerResult> =>
  runInRunner('plan-updates', {
    workspace: world.repository.folder,
    env: { ...options.env, ...(options.github ? { GITHUB_API_URL: options.github.url } : {}) },
    inputs: {
      token: world.lab.token,
      ...(options.github ? { 'github-token': 'job-token' } : {}),
      ...options.inputs,
    },
  })

test('a pull request gets one comment and one check with what its merge would do, and the second run writes nothing', async (t) => {
  const { world, env, head } = await openPullRequest(t, { 'group_vars/all.yml': image('new') })
  const github = await startGitHub(t)
  const first = await plan(world, { env, github })
  assert.equal(first.code, 0, first.log)
  assert.deepEqual(
    [
      first.outputs['changes'],
      first.outputs['blocked'],
      first.outputs['changed'],
      first.outputs['failure-reason'],
    ],
    ['1', '0', 'true', ''],
  )
  assert.match(first.outputs['digest'] ?? '', /^sha256:[0-9a-f]{64}$/)
  assert.match(await readFile(first.outputs['summary'] ?? '', 'utf8'), /device-1 \| old \| new/)
  assert.match(first.summary, /1 device of 1 would change/)
  assert.equal(github.comments.length, 1)
  assert.match(
    github.comments[0]?.body ?? '',
    /\[The whole plan\]\(https:\/\/github\.com\/octo\/fleet\/actions\/runs\/1\), and \[its files\]\(\S+\/runs\/1#artifacts\)/,
  )
  assert.match(
    github.comments[0]?.body ?? '',
    /\| 1 \| 1 per device type \| 1 \| 1 \| after the merge, once development runs it \|/,
  )
  const page = await readFile((first.outputs['plan'] ?? '').replace('.json', '.html'), 'utf8')
  assert.match(page, /<svg [\s\S]*Wave 1[\s\S]*<td>device-1<\/td>/)
  assert.ok(github.comments[0]?.body.includes(`<!-- drover-digest ${first.outputs['digest']} -->`))
  assert.deepEqual(
    github.checks.map((check) => [check.head_sha, check.conclusion, check.external_id]),
    [[head, 'success', first.outputs['digest']]],
  )
  assert.deepEqual(github.checks[0]?.annotations, [
    {
      path: 'group_vars/all.yml',
      start_line: 1,
      end_line: 1,
      annotation_level: 'notice',
      message: 'moves 1 device to new',
    },
  ])
  assert.ok(first.masks.includes(world.lab.token) && first.masks.includes('job-token'))

  const second = await plan(world, { env, github })
  assert.equal(second.outputs['changed'], 'false', second.log)
  assert.ok(
    !github.requests.slice(-6).some((request) => request.startsWith('PATCH')),
    github.requests.join('\n'),
  )
  assert.deepEqual(
    [github.comments.length, github.checks.length, second.outputs['digest']],
    [1, 1, first.outputs['digest']],
  )
})

test("a plan shows what the default branch's fleet.yml sets for the stage, and reads known-bad and freeze there", async (t) => {
  const { world, env } = await openPullRequest(t, { 'group_vars/all.yml': image('new') })
  const { git, commit, push, folder } = world.repository
  const inputs = { output: join(folder, '..', 'plan.json') }
  const set = async (text: string) => {
    const here = (await git('rev-parse', 'HEAD')).trim()
    await git('checkout', '--quiet', 'main')
    await commit({ 'fleet.yml': stages(world.lab, text) })
    await push()
    await git('checkout', '--quiet', '--detach', here)
  }
  await writeFile(
    env['GITHUB_EVENT_PATH'] ?? '',
    JSON.stringify({
      ...JSON.parse(await readFile(env['GITHUB_EVENT_PATH'] ?? '', 'utf8')),
      repository: { default_branch: 'main' },
    }),
  )
  const emergency = (stage: string, until: string) =>
    `emergency: { stage: ${stage}, release: old, reason: "@all burn", until: ${until} }\n`
  const retry = 'retry: { canary/aaaaaaaaaaaa/bbbbbbbbbbbb: 2, production/aaaaaaaaaaaa/bbbbbbbbbbbb: 7 }\n'
  await set(`freeze: { reason: the fair }\n${retry}${emergency('canary', '2126-03-02T12:00:00Z')}`)
  const github = await startGitHub(t)
  const frozen = await plan(world, { env, github, inputs })
  assert.deepEqual(
    [frozen.code, frozen.outputs['changes'], frozen.outputs['blocked']],
    [0, '0', '1'],
    frozen.log,
  )
  for (const text of [frozen.summary, github.comments[0]?.body ?? '']) {
    assert.match(text, /> \*\*Freeze:\*\* nothing new is ordered until it is removed: the fair\n/)
    assert.match(
      text,
      /> \*\*Emergency:\*\* the stage canary goes to old until 2126-03-02T12:00:00\.000Z, .*burn/,
    )
    assert.match(text, /> \*\*Retry:\*\* .*canary\/aaaaaaaaaaaa\/bbbbbbbbbbbb\S* attempt 2\b/)
    assert.ok(!text.includes('attempt 7') && !text.includes('@all'))
  }
  const page = await readFile((frozen.outputs['plan'] ?? '').replace('.json', '.html'), 'utf8')
  assert.match(page, /Emergency: the stage canary goes to old/)
  await set(`known-bad: [new]\n${emergency('development', '2126-03-02T12:00:00Z')}`)
  const bad = await plan(world, { env, inputs })
  assert.deepEqual([bad.code, bad.outputs['blocked']], [0, '1'], bad.log)
  assert.match(bad.summary, /known-bad/)
  assert.ok(!bad.summary.includes('Emergency'), "another stage's")
  await set(emergency('canary', '2026-01-01T12:00:00Z'))
  const over = await plan(world, { env, inputs })
  assert.deepEqual([over.code, over.outputs['changes']], [0, '1'], over.log)
  assert.ok(!over.summary.includes('Emergency'), 'it is over')
})

test('a token that may only read, or none, leaves the plan green and says what was not published', async (t) => {
  const { world, env } = await openPullRequest(t, { 'group_vars/all.yml': image('new') })
  const github = await startGitHub(t)
  github.forbidden = /^(POST|PATCH)/
  const reading = await plan(world, { env, github })
  assert.equal(reading.code, 0, reading.log)
  assert.match(reading.summary, /The comment could not be published: GitHub refused/)
  assert.match(reading.summary, /The check run could not be published.*needs the permission checks: write/)
  const without = await plan(world, { env })
  assert.equal(without.code, 0, without.log)
  assert.match(without.summary, /not published: there is no token for GitHub/)
})

test('a wrong fleet file gives every problem at its line, and the server is not asked', async (t) => {
  const { world, env } = await openPullRequest(t, {
    'fleet.yml':
      'server: { type: mender, url: http://127.0.0.1:9 }\nstages:\n  canary: { branch: canary, colour: red }\n',
    'host_vars/device-1.yml': 'subscribed_branch: canary\nlab: perhaps\n',
    'host_vars/ghost.yml': 'lab: true\n',
  })
  const result = await plan(world, { env: { ...env }, inputs: { stage: 'canary' } })
  assert.deepEqual([result.code, result.outputs['failure-reason']], [1, 'invalid-file'])
  const lines = result.errors.flatMap(({ properties }) =>
    properties['file'] ? [`${properties['file']}:${properties['line']}`] : [],
  )
  assert.deepEqual(lines, ['fleet.yml:3', 'host_vars/device-1.yml:2', 'host_vars/ghost.yml:1'])
})

test('a pull request that names another server does not get the token', async (t) => {
  const thief = await startGitHub(t)
  const { world, env } = await openPullRequest(t, {})
  const { git, commit } = world.repository
  await commit({ 'fleet.yml': stages({ ...world.lab, url: thief.url }) })
  const result = await plan(world, { env })
  assert.deepEqual([result.code, result.outputs['failure-reason']], [1, 'bad-input'], result.log)
  assert.match(result.errors[0]?.message ?? '', /changes the server from .* to .*: merge that alone/)
  const facts = await runInRunner('gather-facts', {
    workspace: world.repository.folder,
    env,
    inputs: { fleet: '.', token: world.lab.token },
  })
  assert.deepEqual([facts.code, facts.outputs['failure-reason']], [1, 'bad-input'], facts.log)
  assert.deepEqual(thief.requests, [])
  await git('checkout', '--quiet', 'canary')
})

test('nor does one where the target branch names no server yet', async (t) => {
  const thief = await startGitHub(t)
  const { world, env } = await openPullRequest(t, {})
  const { git, commit } = world.repository
  await git('rm', '--quiet', 'fleet.yml')
  const base = await commit({})
  const event = { pull_request: { number: 8, base: { ref: 'canary', sha: base }, head: { sha: base } } }
  await writeFile(env['GITHUB_EVENT_PATH'] ?? '', JSON.stringify(event))
  await commit({ 'fleet.yml': stages({ ...world.lab, url: thief.url }) })
  const result = await plan(world, { env, inputs: { stage: 'canary' } })
  assert.deepEqual([result.code, result.outputs['failure-reason']], [1, 'bad-input'], result.log)
  assert.match(result.errors[0]?.message ?? '', /is the first to name a server, .*that nobody merged/)
  assert.deepEqual(thief.requests, [])
})

test('blocked devices are warnings at their lines and leave the plan green, up to budget.missing', async (t) => {
  const world = await openWorld(t, { count: 2 })
  const { git, commit, push } = world.repository
  await git('checkout', '--quiet', 'canary')
  const ghost = 'device_id: ghost\nsubscribed_branch: canary\n'
  await commit({ 'host_vars/device-2.yml': ghost })
  const green = await plan(world)
  assert.deepEqual([green.code, green.outputs['blocked'], green.outputs['changes']], [0, '1', '0'], green.log)
  assert.match(green.warnings[0]?.message ?? '', /not-on-server: device-2 is not on the server/)
  assert.equal(green.warnings[0]?.properties['file'], 'group_vars/all.yml')
  await commit({ 'fleet.yml': stages(world.lab).replace('waves:', 'budget: { missing: 10% }\n    waves:') })
  await push()
  const red = await plan(world)
  assert.deepEqual([red.code, red.outputs['failure-reason'], red.outputs['blocked']], [1, 'over-budget', '1'])
  assert.match(red.summary, /Over budget/)
})

test('a template reads what the workflow allows by name', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({
    'group_vars/all.yml': `${image('old')}configuration: { template: a.json }\n`,
    'templates/a.json': '{ "token": "{{ lookup(\'env\', \'KIOSK_TOKEN\') | mandatory }}" }',
  })
  const env = { KIOSK_TOKEN: 'a secret of ours', DROVER_CONFIGURATION_KEY: 'k'.repeat(32) }
  const refused = await plan(world, { env })
  assert.equal(refused.outputs['failure-reason'], 'invalid-file', refused.log)
  assert.match(refused.log, /rename KIOSK_TOKEN, or let the workflow allow it with allow-env/)
  const allowed = await plan(world, { env, inputs: { 'allow-env': 'KIOSK_TOKEN' } })
  assert.equal(allowed.code, 0, allowed.log)
  assert.ok(!`${allowed.log}${allowed.summary}`.includes('a secret of ours'))
})

test('what can not be planned has its own reason', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { git, commit, folder } = world.repository
  const failed = async (inputs: Record<string, string>, env: Record<string, string> = {}) => {
    const result = await plan(world, { inputs, env })
    assert.equal(result.code, 1, result.log)
    return [result.outputs['failure-reason'], result.errors.at(-1)?.message ?? '']
  }
  assert.match((await failed({ stage: 'nowhere' })).join(': '), /^not-a-stage: .*development, canary/)
  assert.match((await failed({ token: '' })).join(': '), /^bad-input: .*token.*DROVER_TOKEN.*facts/)
  assert.match((await failed({ token: 'wrong' })).join(': '), /^bad-credentials: /)
  assert.match((await failed({ fleet: 'nowhere' })).join(': '), /^file-missing: /)
  assert.match((await failed({ facts: 'nowhere.json' })).join(': '), /^file-missing: /)
  await git('checkout', '--quiet', '-b', 'feature')
  assert.match(
    (await failed({})).join(': '),
    /^not-a-stage: .*the branch feature is no stage.*development \(main\), canary \(canary\)/,
  )
  await commit({ 'host_vars/device-1.yml': 'device_id: ghost\nsubscribed_branch: canary\n' })
  assert.match((await failed({ stage: 'canary' })).join(': '), /^no-device-matched: .*device-1 \(ghost\)/)
  await git('checkout', '--quiet', 'canary')
  const shallow = `${folder}-shallow`
  await runGit(folder, [
    'clone',
    '--quiet',
    '--depth=1',
    '--branch=canary',
    `file://${world.repository.remote}`,
    shallow,
  ])
  const result = await runInRunner('plan-updates', { workspace: shallow, inputs: { token: world.lab.token } })
  assert.deepEqual([result.code, result.outputs['changes']], [0, '0'], 'a plan needs no history')
})
