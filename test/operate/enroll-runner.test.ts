// What can go wrong between a device and GitHub, and that nothing stays at either end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cannotBoot } from '../support/base-image.ts'
import { until } from '../support/devices.ts'
import { type RunnerLab, startRunnerLab } from './runner-lab.ts'

const skip = cannotBoot
/** Of a runner's end: signals, a second or two of its keeper's naps, on a machine that has other things to do. */
const limitMs = 60_000

/** Nothing of a runner is on the device or registered with GitHub, and what went to and fro was as GitHub describes it. */
async function assertNothingIsLeft({ github, remains }: RunnerLab): Promise<void> {
  assert.equal(await remains(), '')
  assert.deepEqual(github.runners.registered, [])
  assert.deepEqual(github.runners.deviations, [])
}

const posts = ({ github }: RunnerLab) => github.requests.filter((request) => request.startsWith('POST'))

test(
  'a runner that fails, is refused, or is not wanted any more leaves nothing at either end',
  { skip },
  async (t) => {
    const lab = await startRunnerLab(t)
    const { runners } = lab.github

    await t.test('GitHub refuses the token, before anything is copied', async () => {
      lab.github.forbidden = /actions\/runners/
      const { outputs, errors } = await lab.enroll()
      lab.github.forbidden = undefined
      assert.equal(outputs['failure-reason'], 'github-refused')
      assert.match(errors[0]?.message ?? '', /\(403\).*administration: write.*App's token/)
      assert.equal(lab.github.requests.length, 1)
      await assertNothingIsLeft(lab)
    })

    await t.test('it dies, having shown its secret', async () => {
      await lab.startOver('leaks')
      const { outputs, errors, log, summary } = await lab.enroll()
      const [secret = ''] = runners.configurations
      assert.equal(outputs['failure-reason'], 'runner-failed')
      assert.match(errors[0]?.message ?? '', /ended before GitHub saw it.*JITCONFIG=\*\*\*.*Not configured/)
      const said = `${log.replaceAll(`::add-mask::${secret}`, '')}${summary}`
      assert.ok(secret.length > 1000 && !said.includes(secret.slice(0, 40)))
      await assertNothingIsLeft(lab)
    })

    await t.test('the job that started it is cancelled', async () => {
      await lab.startOver('offline')
      const onLine = (line: string, signal: (name: NodeJS.Signals) => void) => {
        if (line.includes('registered drover-lab-01')) signal('SIGTERM')
      }
      const { code, outputs } = await lab.enroll({}, { onLine })
      assert.deepEqual([code, outputs['failure-reason'], outputs['runs-on'] ?? ''], [1, 'cancelled', ''])
      await until('the device is clean', async () => (await lab.remains()) === '', limitMs)
      await assertNothingIsLeft(lab)
    })
  },
)

test('a device has one runner at a time, and one attempt of a run the same one', { skip }, async (t) => {
  const lab = await startRunnerLab(t)
  const { runners } = lab.github
  const first = await lab.enroll()
  const again = await lab.enroll()
  assert.deepEqual([again.outputs['failure-reason'], again.outputs['changed']], ['', 'false'])
  assert.equal(again.outputs['runs-on'], first.outputs['runs-on'])
  assert.equal(posts(lab).length, 1)
  assert.match(again.summary, /had its runner already/)

  const other = await lab.enroll({}, { env: { GITHUB_RUN_ID: '43' } })
  assert.equal(other.outputs['failure-reason'], 'device-busy')
  assert.match(other.errors[0]?.message ?? '', /drover-lab-01-42-1, which waits for its job/)
  assert.deepEqual([runners.registered.length, runners.removed.length], [1, 0])
})
