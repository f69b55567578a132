import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, home, installed, startRunnerLab } from '../operate/runner-lab.ts'
import { cannotBoot } from '../support/base-image.ts'
import { until } from '../support/devices.ts'

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
