import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startGitHub } from '../github/stand-in.ts'
import { digestOf, fleetRepository, home, installed, startRunnerLab } from '../operate/runner-lab.ts'
import { cannotBoot } from '../support/base-image.ts'
import { until } from '../support/devices.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

const skip = cannotBoot
/** Of a runner's end: signals, a second or two of its keeper's naps, on a machine that has other things to do. */
const limitMs = 60_000

test(
  'a device gets a runner for one job under an empty environment, and nothing of it stays',
  { skip },
  async (t) => {
    const lab = await startRunnerLab(t)
    const { runners } = lab.github
    const result = await lab.enroll()
    assert.equal(result.code, 0, result.log)
    assert.deepEqual(runners.deviations, [])
    const [runner] = runners.registered
    assert.deepEqual([result.outputs['device'], result.outputs['changed']], ['id-of-lab-01', 'true'])
    assert.deepEqual(JSON.parse(result.outputs['runs-on'] ?? ''), runner?.labels)
    assert.match(runner?.labels.join() ?? '', /^drover-virtual-[0-9a-f]{16}$/)
    assert.deepEqual([runner?.name, runner?.group, runner?.workFolder], ['drover-lab-01-42-1', 1, '_work'])
    assert.match(result.summary, /lab\\?-01.* has a runner for one job/)

    // the secret: handed over whole, hidden, and in no argument
    const [secret = ''] = runners.configurations
    assert.equal(await lab.recorded('configuration-digest'), digestOf(secret))
    assert.ok(result.masks.includes(secret))
    assert.ok(!result.log.replaceAll(`::add-mask::${secret}`, '').includes(secret))
    const everyArgument = await lab.shell("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    assert.ok(!everyArgument.includes(secret))
    assert.equal(
      await lab.shell(`grep -rlF ${secret.slice(0, 60)} ${home} /tmp /var/tmp | grep -v environment || true`),
      '',
    )

    // the environment: nothing of ssh's or the account's
    const names = (await lab.recorded('environment')).split('\n').map((line) => line.replace(/=.*/, ''))
    const own = ['ACTIONS_RUNNER_INPUT_JITCONFIG', 'DROVER_RUNNER', 'HOME', 'LANG', 'PATH']
    assert.deepEqual(
      names.filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name)),
      own,
    )
    assert.equal(await lab.recorded('arguments'), '/bin/sh\n./run.sh')
    assert.match(await lab.recorded('parent'), /\/(dash|busybox|sh)$/)
    assert.equal(await lab.recorded('account'), 'runner')

    await lab.shell('echo on >/var/tmp/stand-in/job')
    await until('the job has begun', async () => (await lab.remains()).split('environ').length > 3, limitMs)
    const before = await lab.shell(`sha256sum ${installed}/run.sh`)
    await lab.shell('echo over >/var/tmp/stand-in/job')
    await until(
      'nothing is left',
      async () => (await lab.remains()) === '',
      limitMs,
      () => 'of the runner',
    )
    assert.equal(await lab.shell(`sha256sum ${installed}/run.sh`), before, 'a job changes its copy alone')
  },
)

const token = { 'github-token': 'token-of-an-app' }

/** Runs the action in a job that this event started. */
async function inEvent(t: TestContext, name: string, event: object, inputs: Record<string, string>) {
  const github = await startGitHub(t)
  github.runners.registered.push({
    id: 1,
    name: 'pi-1',
    os: 'linux',
    status: 'online',
    busy: false,
    labels: ['self-hosted', 'pi-4'],
    group: 1,
    workFolder: '_work',
  })
  const path = join(await temporaryFolder(t), 'event.json')
  await writeFile(path, JSON.stringify(event))
  const env = { GITHUB_API_URL: github.url, GITHUB_EVENT_NAME: name, GITHUB_EVENT_PATH: path }
  return { github, ...(await runInRunner('enroll-device', { inputs: { ...token, ...inputs }, env })) }
}

const sha = 'a'.repeat(40)
const pullRequest = (from: string | null) => ({
  number: 7,
  pull_request: {
    number: 7,
    base: { ref: 'main', sha, repo: { full_name: 'octo/fleet' } },
    head: { sha, repo: from === null ? null : { full_name: from } },
  },
})
const check = { 'require-runner': 'self-hosted, PI-4' }

test('nothing that a fork started gets near a runner, whatever it asks for', async (t) => {
  const workflowRun = (from: string) => ({ workflow_run: { head_repository: { full_name: from } } })
  const events: [name: string, event: object][] = [
    ['pull_request', pullRequest('stranger/fleet')],
    ['pull_request_target', pullRequest('stranger/fleet')],
    ['pull_request', pullRequest(null)],
    ['pull_request', {}],
    ['workflow_run', workflowRun('stranger/fleet')],
    ['workflow_run', {}],
  ]
  for (const [name, event] of events)
    for (const inputs of [check, { device: 'lab-01' }]) {
      const { github, outputs, errors } = await inEvent(t, name, event, inputs)
      assert.equal(outputs['failure-reason'], 'fork-refused', `${name} ${JSON.stringify(event)}`)
      assert.match(errors[0]?.message ?? '', /a pull request from a fork, whose code would run on a device/)
      assert.deepEqual(github.requests, [])
    }
  const own: [name: string, event: object][] = [
    ['pull_request', pullRequest('octo/fleet')],
    ['workflow_run', workflowRun('octo/fleet')],
    ['push', { ref: 'refs/heads/main' }],
  ]
  for (const [name, event] of own)
    assert.equal((await inEvent(t, name, event, check)).outputs['failure-reason'], '', name)
})

test('labels that a runner has are what runs-on gets; others fail at once', async (t) => {
  const { outputs, summary, github } = await inEvent(t, 'push', {}, check)
  assert.deepEqual(JSON.parse(outputs['runs-on'] ?? ''), ['self-hosted', 'PI-4'])
  assert.deepEqual([outputs['changed'], outputs['device'] ?? ''], ['false', ''])
  assert.match(summary, /online are pi/)
  assert.deepEqual(github.requests, ['GET /repos/octo/fleet/actions/runners'])
  assert.deepEqual(github.runners.deviations, [])
  const none = await inEvent(t, 'push', {}, { 'require-runner': 'pi-5' })
  assert.deepEqual([none.code, none.outputs['failure-reason']], [1, 'runner-missing'])
})

test('what is asked for wrongly is named, and nothing is sent', async (t) => {
  const workspace = await fleetRepository(t)
  const wrong: [inputs: Record<string, string>, words: RegExp][] = [
    [{}, /missing input: device/],
    [{ device: 'lab-01', ...check }, /give device or require-runner/],
    [{ device: 'lab-01', roles: 'runner, gateway' }, /"gateway" is not built yet: .* is runner/],
    [{ 'require-runner': ' , ' }, /names no label/],
    [{ device: 'lab-01', address: 'ssh://runner@192.0.2.7' }, /host-key: /],
    [
      {
        device: 'lab-01',
        address: 'ssh://runner@192.0.2.7',
        'host-key': `ssh-ed25519 ${'A'.repeat(68)}`,
        'runner-group': 'Default',
      },
      /runner-group is "Default"; write the group's number/,
    ],
  ]
  for (const [inputs, words] of wrong) {
    const { outputs, errors } = await runInRunner('enroll-device', {
      workspace,
      inputs: { ...token, ...inputs },
    })
    assert.equal(outputs['failure-reason'], 'bad-input', words.source)
    assert.match(errors[0]?.message ?? '', words)
  }
  const env = { GITHUB_REPOSITORY: '' }
  const nowhere = await runInRunner('enroll-device', { workspace, inputs: { ...token, ...check }, env })
  assert.match(nowhere.errors[0]?.message ?? '', /set GITHUB_REPOSITORY/)
})
