// The rest of what can go wrong between a device and GitHub, with a device that is booted for each kind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enrollRunner } from '../../src/operate/operate.ts'
import { plainContext, systemClock } from '../../src/platform/platform.ts'
import { cannotBoot } from '../support/base-image.ts'
import { until } from '../support/devices.ts'
import { memoryRegistry } from './memory-registry.ts'
import { type RunnerLab, home, installed, startRunnerLab } from './runner-lab.ts'

const skip = cannotBoot
/** Of a runner's end: signals, a second or two of its keeper's naps, on a machine that has other things to do. */
const limitMs = 60_000

/** Nothing of a runner is on the device or registered with GitHub, and what went to and fro was as GitHub describes it. */
async function assertNothingIsLeft({ github, remains }: RunnerLab): Promise<void> {
  assert.equal(await remains(), '')
  assert.deepEqual(github.runners.registered, [])
  assert.deepEqual(github.runners.deviations, [])
}

/** Makes copying the runner take as long as on an SD card. */
const slowCopy =
  'mv /usr/bin/cp /usr/bin/cp.real; printf \'#!/bin/sh\\nsleep 3; exec cp.real "$@"\\n\' >/usr/bin/cp; chmod 755 /usr/bin/cp'

const posts = ({ github }: RunnerLab) => github.requests.filter((request) => request.startsWith('POST'))

test('what GitHub refuses is named, and the device is as before', { skip }, async (t) => {
  const lab = await startRunnerLab(t)
  const { runners } = lab.github

  for (const [status, words] of [
    [404, /\(404\).*administration: write/],
    [422, /\(422\).*runner group/],
  ] as const)
    await t.test(`registering is answered with ${status}`, async () => {
      await lab.startOver()
      runners.registerStatus = status
      const { outputs, errors } = await lab.enroll()
      runners.registerStatus = undefined
      assert.equal(outputs['failure-reason'], 'github-refused')
      assert.match(errors[0]?.message ?? '', words)
      assert.equal(outputs['runs-on'] ?? '', '')
      await assertNothingIsLeft(lab)
    })

  await t.test('the name is that of a runner with a job', async () => {
    await lab.startOver()
    const busy = { id: 5, name: 'drover-lab-01-42-1', os: 'linux', status: 'online' as const, busy: true }
    runners.registered.push({ ...busy, labels: ['x'], group: 1, workFolder: '_work' })
    const { outputs, errors } = await lab.enroll()
    assert.equal(outputs['failure-reason'], 'github-refused')
    assert.match(errors[0]?.message ?? '', /\(409\).*registered already/)
    assert.equal(await lab.remains(), '')
    assert.equal(runners.registered.length, 1)
  })

  await t.test('the answer is lost after the runner was registered', async () => {
    await lab.startOver()
    runners.isAnswerLost = true
    const { outputs } = await lab.enroll()
    runners.isAnswerLost = false
    assert.equal(outputs['failure-reason'], 'github-refused')
    assert.deepEqual([posts(lab).length, runners.removed.length], [1, 1])
    await assertNothingIsLeft(lab)
  })

  await t.test('a label is left out, so that no job would ever get the runner', async () => {
    await lab.startOver()
    runners.refused = ['bench-3']
    const { outputs, errors } = await lab.enroll({ labels: 'bench-3' })
    runners.refused = []
    assert.equal(outputs['failure-reason'], 'runner-failed')
    assert.match(errors[0]?.message ?? '', /left out labels.*bench-3/)
    await assertNothingIsLeft(lab)
  })
})

test(
  'a runner is ended that GitHub never sees, or that gets no job, and one that has ended is told of',
  { skip },
  async (t) => {
    const lab = await startRunnerLab(t)
    const registry = memoryRegistry()
    const { device, key } = lab.device
    const address = lab.inputs['address'] ?? ''
    const request = {
      device: { host: 'lab-01', id: 'lab-01', deviceType: undefined, address },
      sshKey: key.privateKey,
      hostKey: device.hostKey,
      attempt: { run: '42', attempt: '1' },
      group: 1,
      labels: [],
      mask: () => {},
      limits: { onlineMs: 1500 },
    }
    await assert.rejects(enrollRunner(request, registry, plainContext()), {
      reason: 'runner-failed',
      message: /didn't see the runner on lab-01 within 1\.5 ?s.*last words: .*Listening for Jobs/,
    })
    assert.deepEqual([registry.given.length, registry.runners.length], [1, 0])
    assert.equal(await lab.remains(), '')

    // and without a job it goes after a while
    const seen = memoryRegistry()
    const online = {
      ...seen,
      find: async () => ({ id: 1, name: 'x', isOnline: true, isBusy: false, labels: [] }),
    }
    const idle = await enrollRunner({ ...request, limits: { idleSeconds: 3 } }, online, plainContext())
    assert.ok(idle.isNew)
    await until('it is gone', async () => (await lab.remains()) === '', limitMs)

    // its words are kept for whoever looks late
    await lab.startOver('leaks')
    const slow = {
      now: () => new Date(),
      sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(5000, signal),
    }
    const late = enrollRunner({ ...request, limits: {} }, registry, plainContext({ clock: slow }))
    await assert.rejects(late, {
      reason: 'runner-failed',
      message: /ended before GitHub saw it.*Not configured/,
    })
    assert.equal(await lab.remains(), '')
  },
)

test('a run that is cancelled leaves no registration, no folder and no process', { skip }, async (t) => {
  const lab = await startRunnerLab(t)
  await lab.shell(slowCopy)
  for (const moment of ['preparing a runner', 'registered drover-lab-01'])
    await t.test(`while it says "${moment}"`, async () => {
      await lab.startOver('offline')
      const onLine = (line: string, signal: (name: NodeJS.Signals) => void) => {
        if (line.includes(moment)) setTimeout(() => signal('SIGTERM'), 1500)
      }
      const { code, outputs } = await lab.enroll({}, { onLine })
      assert.deepEqual([code, outputs['failure-reason'], outputs['runs-on'] ?? ''], [1, 'cancelled', ''])
      await until('the device is clean', async () => (await lab.remains()) === '', limitMs)
      await assertNothingIsLeft(lab)
    })
})

test('a device that cannot host a runner is refused before GitHub is asked', { skip }, async (t) => {
  const lab = await startRunnerLab(t)
  const refused = async (reason: string, words: RegExp, changes: Record<string, string> = {}) => {
    const { outputs, errors } = await lab.enroll(changes)
    assert.equal(outputs['failure-reason'], reason)
    assert.match(errors[0]?.message ?? '', words)
    assert.deepEqual(lab.github.requests, [])
    await assertNothingIsLeft(lab)
  }
  await t.test("root's account, named or not", async () => {
    const { sshUrl } = lab.device.device
    await refused('bad-input', /not started as root/, { address: sshUrl })
    await refused('bad-input', /not started as root/, { address: sshUrl.replace('root@', '') })
    await lab.shell("useradd --no-create-home --non-unique --uid 0 --home-dir / --password '*' toor")
    await refused('bad-input', /not started as root/, { address: sshUrl.replace('root@', 'toor@') })
  })
  await t.test('a system of 32 bits on a kernel of 64', async () => {
    await lab.shell(
      "mv /usr/bin/od /usr/bin/od.real; printf '#!/bin/sh\\necho 127 69 76 70 1\\n' >/usr/bin/od; chmod 755 /usr/bin/od",
    )
    await refused('device-unsuitable', /system of 32 bits .*32-bit programs.*Node 24.*64 bits alone/)
    await lab.shell('mv /usr/bin/od.real /usr/bin/od')
  })
  await t.test('no runner in its image', async () => {
    await lab.shell(`chmod -x ${installed}/run.sh`)
    await refused('missing-tool', /has no runner: \/opt\/actions-runner\/run\.sh/)
    await lab.shell(`chmod +x ${installed}/run.sh`)
  })
  await t.test('no room for it, known before and found out while copying', async () => {
    await lab.shell(`mount -t tmpfs -o size=1m,mode=755,uid=$(id -u runner) none ${home}`)
    await refused('disk-full', /has 1 MiB left in its runner's home, and a job needs \d+ MiB/)
    await lab.shell(
      `umount ${home}; mount -t tmpfs -o size=500m,nr_inodes=5,mode=755,uid=$(id -u runner) none ${home}`,
    )
    const { outputs, errors } = await lab.enroll()
    assert.equal(outputs['failure-reason'], 'disk-full')
    assert.match(errors[0]?.message ?? '', /no room for a runner: .*No space left/)
    assert.deepEqual(posts(lab), [])
    await assertNothingIsLeft(lab)
    await lab.shell(`umount ${home}`)
    await lab.startOver()
  })
  await t.test('another type than in Git', async () => {
    await lab.shell('echo another 1.0 >/etc/hwrevision')
    await refused('wrong-device-type', /lab-01 is a virtual in Git.* says that it is a another/)
  })
})

test(
  'what a runner left that GitHub has forgotten, or whose keeper was killed, goes with the next one',
  { skip },
  async (t) => {
    const lab = await startRunnerLab(t)
    const { runners } = lab.github
    const first = await lab.enroll()
    // GitHub has forgotten it, as after a job whose runner hangs
    runners.registered.length = 0
    await lab.shell('rm /var/tmp/stand-in/online')
    const next = await lab.enroll({}, { env: { GITHUB_RUN_ID: '43' } })
    assert.equal(next.outputs['failure-reason'], '', next.log)
    assert.notEqual(next.outputs['runs-on'], first.outputs['runs-on'])
    assert.deepEqual(
      runners.registered.map(({ name }) => name),
      ['drover-lab-01-43-1'],
    )

    // what owns the runner is killed: its processes and its registration go with the next one
    await lab.shell(`kill -9 "$(cat ${home}/.drover-runner/keeper)"; rm /var/tmp/stand-in/online`)
    assert.notEqual(await lab.remains(), '')
    for (const runner of runners.registered) runner.status = 'offline'
    const last = await lab.enroll({}, { env: { GITHUB_RUN_ID: '44' } })
    assert.equal(last.outputs['failure-reason'], '', last.log)
    assert.deepEqual(
      runners.registered.map(({ name }) => name),
      ['drover-lab-01-44-1'],
    )
    await lab.shell('echo over >/var/tmp/stand-in/job')
    await until('nothing is left', async () => (await lab.remains()) === '', limitMs)
    assert.deepEqual(runners.deviations, [])
  },
)

test(
  'two calls at the same time in one attempt of a run start one runner and return it',
  { skip },
  async (t) => {
    const lab = await startRunnerLab(t)
    await lab.shell(slowCopy)
    const both = await Promise.all([lab.enroll(), lab.enroll()])
    for (const { code, log } of both) assert.equal(code, 0, log)
    assert.equal(both[0]?.outputs['runs-on'], both[1]?.outputs['runs-on'])
    const isNew = both.filter(({ outputs }) => outputs['changed'] === 'true')
    assert.equal(isNew.length, 1)
    const { registered, removed, deviations } = lab.github.runners
    assert.deepEqual([registered.length, removed.length, deviations.length], [1, 0, 0])
    assert.notEqual(await lab.remains(), '')
  },
)
