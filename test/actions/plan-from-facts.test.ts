// Pull requests that are planned from a facts file: no server is there, and no process for each device.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startGitHub } from '../github/stand-in.ts'
import { writeFacts } from '../../src/ota/ota.ts'
import { makeRepository } from '../plan/fleet-repository.ts'
import { runInRunner } from '../support/runner.ts'

/** A pull request to a stage of very many devices, planned from a facts file; no server is there. */
async function openLargePullRequest(
  t: TestContext,
  {
    count = 3,
    isFromFork = false,
    deviceType = 'virtual',
    defaultBranch = '',
    stages = '',
    variables = '',
    attributes = {},
    files = {},
  } = {},
) {
  const hosts = Array.from({ length: count }, (_, index) => `device-${index}`)
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${hosts.map((host) => `    ${host}:\n`).join('')}`,
    'group_vars/all.yml':
      'subscribed_branch: main\nos_image: [{ device_type: virtual, image_name: new }]\n' + variables,
    'fleet.yml': `server: { type: mender, url: "http://127.0.0.1:9" }\n${stages}`,
    ...files,
  })
  const now = new Date().toISOString()
  const facts = join(repository.folder, '..', 'facts.json')
  const contentDigest = `sha256:${'1'.repeat(64)}` as const
  const devices = hosts.map((id) => ({
    id,
    status: 'accepted' as const,
    reportedAt: now,
    deviceType,
    // no two changes are equal, so each has a row of its own
    release: `old-${id}-${'x'.repeat(120)}`,
    group: undefined,
    identity: {},
    attributes,
  }))
  const artifact = { id: 'new', deviceTypes: ['virtual'], sizeBytes: 1, isSigned: true, contentDigest }
  const releases = [{ name: 'new', artifacts: [artifact] }]
  await writeFacts(facts, {
    server: 'http://127.0.0.1:9',
    gatheredAt: now,
    devices,
    releases,
    openDeployments: [],
  })
  const head = (await repository.git('rev-parse', 'HEAD')).trim()
  const event = join(repository.folder, '..', 'event.json')
  const repo = (full_name: string) => ({ repo: { full_name } })
  const pull = {
    number: 7,
    base: { ref: 'main', sha: head, ...repo('octo/fleet') },
    head: { sha: head, ...repo(isFromFork ? 'eve/fleet' : 'octo/fleet') },
  }
  const write = (rest: object) => writeFile(event, JSON.stringify({ pull_request: pull, ...rest }))
  await write(defaultBranch === '' ? {} : { repository: { default_branch: defaultBranch } })
  const run = (inputs: Record<string, string>, env: Record<string, string> = {}) =>
    runInRunner('plan-updates', {
      workspace: repository.folder,
      inputs: { output: join(repository.folder, '..', 'plan.json'), ...inputs },
      env: { GITHUB_EVENT_PATH: event, GITHUB_REF: 'refs/pull/7/merge', ...env },
    })
  return { run, facts, event: write }
}

test('a plan that is too long for a comment is shortened, and neither comment nor check can approve it', async (t) => {
  const { run, facts } = await openLargePullRequest(t, { count: 500 })
  const github = await startGitHub(t)
  const result = await run({ facts, 'github-token': 'job-token' }, { GITHUB_API_URL: github.url })
  assert.equal(result.code, 0, result.log)
  const body = github.comments[0]?.body ?? ''
  assert.ok(body.length < 65_536 && body.length > 60_000, `${body.length} characters`)
  assert.match(body, /\*\*Shortened: \d+ more lines .* can't be used to approve\.\*\*\n$/)
  assert.doesNotMatch(body, /drover-digest/)
  assert.equal(github.checks[0]?.conclusion, 'neutral')
  assert.match(github.checks[0]?.output.title ?? '', /shortened: it can not be used to approve/)
  assert.match(result.summary, /\| device-499 \|/, 'the summary has more room')
  assert.match(await readFile(result.outputs['summary'] ?? '', 'utf8'), /\| device-499 \|/)
})

test('a stage on a default branch that nothing protects is warned of at its line', async (t) => {
  const { run, facts, event } = await openLargePullRequest(t, {
    defaultBranch: 'main',
    stages: 'stages:\n  main: { branch: main }\n',
  })
  const github = await startGitHub(t)
  const told = async () => {
    const { code, log, warnings } = await run(
      { facts, 'github-token': 'job-token' },
      { GITHUB_API_URL: github.url },
    )
    assert.equal(code, 0, log)
    return warnings.filter(({ message }) => message.includes('is not protected'))
  }
  const [warning, ...others] = await told()
  assert.deepEqual([warning?.properties['line'], others.length], ['3', 0])
  assert.match(warning?.properties['file'] ?? '', /fleet\.yml$/)
  assert.match(warning?.message ?? '', /^stages\.main: its branch main is the default branch/)
  github.repository.guarded.add('main')
  assert.deepEqual(await told(), [], 'a rule of its own')
  github.repository.guarded.clear()
  github.repository.inRuleset.add('main')
  assert.deepEqual(await told(), [], 'a ruleset')
  github.repository.inRuleset.clear()
  github.forbidden = /branches/
  assert.deepEqual(await told(), [], 'what the token may not see is not claimed')
  github.forbidden = undefined
  await event({ repository: { default_branch: 'trunk' } })
  assert.deepEqual(await told(), [], 'another branch is the default')
})

test('a runner that reports a 32-bit system is warned of', async (t) => {
  const { run, facts } = await openLargePullRequest(t, {
    variables: 'roles: [runner]\n',
    attributes: { arch: 'armhf' },
    count: 1,
  })
  const { code, log, warnings } = await run({ facts })
  assert.equal(code, 0, log)
  assert.match(
    warnings.map(({ message }) => message).join('\n'),
    /roles: device-0 reports a 32-bit system \(armhf\)/,
  )
})

test("a fork's pull request is planned from published facts into the summary; without them it is told why not", async (t) => {
  const { run, facts } = await openLargePullRequest(t, { isFromFork: true })
  const github = await startGitHub(t)
  github.forbidden = /^(POST|PATCH)/
  const env = { GITHUB_API_URL: github.url }
  const planned = await run({ facts, 'github-token': 'reading-token' }, env)
  assert.deepEqual([planned.code, planned.outputs['changes']], [0, '3'], planned.log)
  assert.match(planned.summary, /\| device-0 \| old-/)
  assert.match(
    planned.summary,
    /token of a fork's pull request can only read, so the plan is nowhere but here/,
  )
  assert.equal(planned.warnings.length, 0, 'what is as it must be is no warning')
  const without = await run({ 'github-token': 'reading-token' }, env)
  assert.deepEqual(
    [without.code, without.outputs['failure-reason'], without.outputs['plan'], without.outputs['changed']],
    [0, '', undefined, 'false'],
    without.log,
  )
  assert.match(
    without.summary,
    /### Not planned\n\nThe files of this pull request are valid\. It is from a fork/,
  )
  assert.match(without.warnings[0]?.message ?? without.log, /nothing was planned/)
})

test("a fork's pull request is planned without the secrets of the fleet's files, and nobody can approve that", async (t) => {
  const files = {
    'host_vars/device-0.yml':
      'configuration: { template: a.json }\npin: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n',
    'templates/a.json': '{ "token": "{{ lookup(\'env\', \'FLEET_TOKEN\') }}", "pin": "{{ pin }}" }',
  }
  const { run, facts } = await openLargePullRequest(t, { isFromFork: true, files })
  const github = await startGitHub(t)
  // GitHub gives a fork's job empty secrets; it would also refuse to write, which this one doesn't
  const env = { GITHUB_API_URL: github.url, FLEET_TOKEN: '' }
  const inputs = { facts, 'github-token': 'a-token' }
  const planned = await run(inputs, env)
  assert.deepEqual([planned.code, planned.outputs['changes']], [0, '3'], planned.log)
  assert.match(planned.summary, /> \*\*Without secrets:\*\* this plan was made without .*a\.json.*FLEET/)
  assert.match(planned.warnings[0]?.message ?? '', /FLEET_TOKEN is not set in this run/)
  assert.equal(github.checks[0]?.conclusion, 'neutral')
  assert.doesNotMatch(github.comments[0]?.body ?? '', /drover-digest/)
  const strict = await run({ ...inputs, 'missing-secrets': 'fail' }, env)
  assert.deepEqual([strict.code, strict.outputs['failure-reason']], [1, 'invalid-file'], strict.log)
  const wrong = await run({ ...inputs, 'missing-secrets': 'ignore' }, env)
  assert.deepEqual([wrong.code, wrong.outputs['failure-reason']], [1, 'bad-input'])
})

test('what a device says of itself is no command to the runner, and reaches no person', async (t) => {
  const deviceType =
    'x\n::error::owned\n::set-output name=digest::owned\n##[error]owned\r\n::stop-commands::y @octo/all'
  const { run, facts } = await openLargePullRequest(t, { count: 12, deviceType })
  const github = await startGitHub(t)
  const result = await run({ facts, 'github-token': 'job-token' }, { GITHUB_API_URL: github.url })
  assert.deepEqual([result.code, result.outputs['blocked']], [0, '12'], result.log)
  assert.match(result.warnings[0]?.message ?? '', /^no-image: device-0 and 11 more .*owned/)
  const lines = result.log.split('\n')
  const commands = lines.filter((line) => line.trimStart().startsWith('::'))
  assert.deepEqual(
    commands.filter((line) => !/^::(?:add-mask|group|endgroup|debug|warning file=)/.test(line)),
    [],
  )
  assert.ok(!lines.some((line) => line.startsWith('##[')))
  assert.match(result.outputs['digest'] ?? '', /^sha256:/)
  const [shown] = github.comments
  assert.ok(shown && !shown.body.includes('@octo') && !shown.body.includes('\n::'))
  assert.ok(!/[\r\n]/.test(JSON.parse(JSON.stringify(github.checks[0]?.annotations))[0].message))
})
