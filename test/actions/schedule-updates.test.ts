import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGitHub } from '../github/stand-in.ts'
import { runGit } from '../plan/fleet-repository.ts'
import { type World, inLab, openWorld, settled, stages } from '../plan/world.ts'
import { type RunnerOptions, runInRunner } from '../support/runner.ts'

const tick = (world: World, { inputs = {}, ...options }: RunnerOptions = {}) =>
  runInRunner('schedule-updates', {
    workspace: world.repository.folder,
    ...options,
    inputs: { token: world.lab.token, ...inputs },
  })

const reviewed = (world: World) => stages(world.lab).replace('review: none', 'review: required')

test('a merged change is scheduled with its plan file as the review, and the next run orders nothing', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { git, commit } = world.repository
  await git('checkout', '--quiet', 'canary')
  await commit({ 'fleet.yml': reviewed(world) })
  await world.release('new')
  await inLab(world, 'new')
  const file = join(world.repository.folder, '..', 'plan.json')
  const planned = await runInRunner('plan-updates', {
    workspace: world.repository.folder,
    inputs: { token: world.lab.token, output: file },
  })
  assert.equal(planned.outputs['changes'], '1', planned.log)

  const without = await tick(world)
  assert.deepEqual(
    [without.code, without.outputs['failure-reason'], without.outputs['changed']],
    [1, 'not-reviewed', 'false'],
  )
  const dry = await tick(world, { inputs: { plan: file, 'dry-run': 'true' } })
  assert.deepEqual([dry.code, dry.outputs['scheduled'], dry.outputs['changed']], [0, '0', 'false'], dry.log)
  assert.match(dry.summary, /Would order/)
  const first = await tick(world, { inputs: { plan: file } })
  assert.deepEqual(
    ['state', 'scheduled', 'wave', 'waves', 'changed', 'failure-reason'].map((name) => first.outputs[name]),
    ['in-progress', '1', '1', '1', 'true', ''],
    first.log,
  )
  await settled(world.lab)
  const last = await tick(world, { inputs: { plan: file } })
  assert.deepEqual(
    [last.outputs['state'], last.outputs['scheduled'], last.outputs['changed']],
    ['done', '0', 'false'],
    last.log,
  )
})

test('a plan that is not the one that was reviewed is refused', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.lab.server.upload(await world.lab.artifact('newer'))
  await world.release('new')
  await inLab(world, 'new')
  const file = join(world.repository.folder, '..', 'plan.json')
  await runInRunner('plan-updates', {
    workspace: world.repository.folder,
    inputs: { token: world.lab.token, output: file },
  })
  await world.release('newer')
  const result = await tick(world, { inputs: { plan: file } })
  assert.deepEqual([result.code, result.outputs['failure-reason']], [1, 'plan-changed'])
  assert.match(
    result.errors.at(-1)?.message ?? '',
    /1 device changed \(device-1\) since .*: plan again and have it reviewed/,
  )
  assert.equal((await world.lab.server.openDeployments()).length, 0)
})

test('the review of a merged pull request is found in its check run', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const github = await startGitHub(t)
  const { git, commit, merge, push } = world.repository
  await git('checkout', '--quiet', 'canary')
  await commit({ 'fleet.yml': reviewed(world) })
  await push()
  await git('checkout', '--quiet', '-b', 'update')
  const head = await commit({ 'group_vars/all.yml': 'os_image: new\n' })
  await inLab(world, 'new')
  const planned = await runInRunner('plan-updates', {
    workspace: world.repository.folder,
    inputs: {
      token: world.lab.token,
      stage: 'canary',
      output: join(world.repository.folder, '..', 'plan.json'),
    },
  })
  const merged = await merge('update', 'canary')
  const options = { env: { GITHUB_API_URL: github.url }, inputs: { 'github-token': 'job-token' } }
  const unknown = await tick(world, options)
  assert.equal(unknown.outputs['failure-reason'], 'not-reviewed', unknown.log)
  const [status] = github.statuses
  assert.deepEqual([status?.sha, status?.context, status?.state], [merged, 'drover/canary', 'failure'])
  assert.match(status?.description ?? '', /^not-reviewed: stage canary needs a review/)
  github.pullRequests.push({
    number: 7,
    merged_at: '2026-01-01T00:00:00Z',
    merge_commit_sha: merged,
    base: { ref: 'canary' },
    head: { sha: head },
  })
  const check = {
    id: 1,
    name: 'drover plan: canary',
    head_sha: head,
    conclusion: 'success',
    output: { title: '', summary: '' },
    annotations: [],
  }
  github.checks.push({ ...check, external_id: `sha256:${'0'.repeat(64)}` })
  assert.equal((await tick(world, options)).outputs['failure-reason'], 'plan-changed')
  github.checks.push({ ...check, id: 2, external_id: planned.outputs['digest'] ?? '' })
  const result = await tick(world, options)
  assert.deepEqual([result.code, result.outputs['scheduled']], [0, '1'], result.log)
  assert.deepEqual(
    github.deployments.map(({ sha, statuses }) => [sha, statuses.map(({ state }) => state)]),
    [[merged, ['failure', 'failure', 'in_progress']]],
    'not reviewed, then another plan, then on its way',
  )
})

test('a run on an older commit is superseded: green, and nothing written', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.release('new')
  const worktree = `${world.repository.folder}-tree`
  await runGit(world.repository.folder, ['worktree', 'add', '--quiet', '--detach', worktree, 'canary'])
  await inLab(world, 'new')
  await world.repository.commit({ 'README.md': 'newer' })
  await world.repository.push()
  const result = await tick(world, { inputs: { fleet: worktree, stage: 'canary' } })
  assert.deepEqual(
    [result.code, result.outputs['state'], result.outputs['scheduled']],
    [0, 'superseded', '0'],
    result.log,
  )
  assert.equal((await world.lab.server.openDeployments()).length, 0)
})

test('a halted stage is red and names the rule, the device and the end of its log', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'fails'] })
  await world.release('new')
  await inLab(world, 'new')
  assert.equal((await tick(world)).outputs['scheduled'], '1')
  await settled(world.lab)
  const result = await tick(world)
  assert.deepEqual(
    [result.code, result.outputs['state'], result.outputs['failure-reason']],
    [1, 'halted', 'halted'],
    result.log,
  )
  assert.match(result.outputs['halted-by'] ?? '', /1 of 1 devices failed; max-failures allows 0/)
  assert.match(
    result.errors.at(-1)?.message ?? '',
    /device-1: the update failed; its log says: write error: no space left on device\./,
  )
  assert.match(result.summary, /🛑 canary: halted/)
})

test('how the stage stands is shown on its commit: a deployment and a status, no more of them than changes', async (t) => {
  const world = await openWorld(t, { count: 3 })
  const github = await startGitHub(t)
  const { git, commit, push } = world.repository
  await git('checkout', '--quiet', 'canary')
  await commit({ 'fleet.yml': stages(world.lab).replace('soak: 1h', 'soak: 0m') })
  await push()
  await world.release('new')
  await inLab(world, 'new')
  const sha = (await git('rev-parse', 'canary')).trim()
  const options = { env: { GITHUB_API_URL: github.url }, inputs: { 'github-token': 'job-token' } }
  const dry = await tick(world, { ...options, inputs: { ...options.inputs, 'dry-run': 'true' } })
  assert.equal(dry.code, 0, dry.log)
  assert.equal(github.requests.length, 0, 'a dry run publishes nothing')
  for (let run = 0; run < 3; run++) {
    const result = await tick(world, options)
    assert.equal(result.code, 0, result.log)
    assert.match(result.summary, /```mermaid\nflowchart LR\n[\s\S]*w1\["wave 1/)
    await settled(world.lab)
  }
  const before = github.requests.length
  const last = await tick(world, options)
  assert.equal(last.outputs['state'], 'done', last.log)
  assert.ok(!github.requests.slice(before).some((request) => request.startsWith('POST')))
  assert.ok(github.requests.length - before <= 6, github.requests.slice(before).join('\n'))
  assert.deepEqual(
    github.deployments.map((one) => [one.sha, one.environment, one.statuses.map(({ state }) => state)]),
    [[sha, 'canary', ['in_progress', 'in_progress', 'success']]],
  )
  assert.deepEqual(
    github.statuses.map(({ context, state, description }) => `${context}: ${state}: ${description}`),
    [
      'drover/canary: pending: 0 of 3 on new, 1 pending, 2 to come',
      'drover/canary: pending: 1 of 3 on new, 2 pending',
      'drover/canary: success: 3 of 3 on new',
    ],
  )
  assert.equal(github.statuses[0]?.target_url, 'https://github.com/octo/fleet/actions/runs/1')
})

test('a halted stage is a failed deployment, and a token that may not say so is a warning with the permission', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'fails'] })
  const github = await startGitHub(t)
  const options = { env: { GITHUB_API_URL: github.url }, inputs: { 'github-token': 'job-token' } }
  await world.release('new')
  await inLab(world, 'new')
  github.forbidden = /(?:deployments|status)/
  github.repository.branches.get('main')?.set('fleet.yml', 'freeze: null # calm\n')
  const first = await tick(world, options)
  assert.deepEqual([first.code, first.outputs['scheduled']], [0, '1'], first.log)
  assert.deepEqual(
    first.warnings.map(({ message }) => /needs the permission (.*)$/.exec(message)?.[1]),
    ['deployments: write', 'statuses: write'],
  )
  await settled(world.lab)
  github.forbidden = undefined
  const halted = await tick(world, options)
  assert.equal(halted.outputs['failure-reason'], 'halted', halted.log)
  assert.deepEqual(
    github.deployments.map(({ statuses }) => statuses.map(({ state, description }) => [state, description])),
    [[['failure', '0 of 1 on new, 1 rolled back']]],
  )
  assert.deepEqual(
    github.statuses.map(({ state }) => state),
    ['failure'],
  )
  const { opened, branches } = github.repository
  assert.deepEqual(
    opened.map(({ head, base, title }) => [head.replace(/[0-9a-f]{12}$/, '…'), base, title]),
    [['drover/known-bad-…', 'main', 'Mark new as known to be bad']],
  )
  const offered = branches.get(opened[0]?.head ?? '')?.get('fleet.yml') ?? ''
  assert.match(offered, /^freeze: null # calm\nknown-bad:\n {2}- "sha256:[0-9a-f]{64}"\n$/)
  assert.match(
    opened[0]?.body ?? '',
    /\| device-1 \| the update failed; its log says: .*no space left on device \| new \| old \|/,
  )
  assert.match(opened[0]?.body ?? '', /emergency:\n {2}stage: "canary"\n {2}release: "old" #/)
  await tick(world, options)
  assert.equal(opened.length, 1, 'it is offered once')
})

test('a detached checkout of no stage and a shallow clone are red with a reason', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { git, folder, remote } = world.repository
  await git('checkout', '--quiet', '-b', 'feature')
  await world.repository.commit({ 'README.md': 'x' })
  await git('checkout', '--quiet', '--detach')
  const detached = await tick(world, { env: { GITHUB_REF: 'refs/tags/v1' } })
  assert.equal(detached.outputs['failure-reason'], 'not-a-stage', detached.log)
  assert.match(
    detached.errors.at(-1)?.message ?? '',
    /HEAD is detached at \w{12}\), and it is the tip of no stage: name one as `stage`/,
  )
  const shallow = `${folder}-shallow`
  await runGit(folder, ['clone', '--quiet', '--depth=1', '--branch=canary', `file://${remote}`, shallow])
  const result = await runInRunner('schedule-updates', {
    workspace: shallow,
    inputs: { token: world.lab.token },
  })
  assert.equal(result.outputs['failure-reason'], 'shallow-clone', result.log)
  assert.match(result.errors.at(-1)?.message ?? '', /fetch-depth: 0/)
})
