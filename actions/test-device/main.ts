import { runAction } from '../../src/action/action.ts'
import { readEvent } from '../../src/github/github.ts'
import { requirePass, testDevice, testSummary, testWarnings } from '../../src/testing/testing.ts'
import { hostKeysIn } from './host-key.ts'
import { publishRun } from './publish.ts'

await runAction('test-device', async (action) => {
  const { input } = action
  // before the device is touched: what is wrong with it must not hide what the tests say
  const event = await readEvent()
  const device = input.required('device')
  const tests = input.path('tests') ?? input.required('tests')
  const given = {
    sshKey: input.key('ssh-key'),
    hostKey: await hostKeysIn(input.optional('host-key'), device),
    bootTimeoutMs: input.durationMs('boot-timeout'),
    expectRelease: input.optional('expect-release'),
    signingKey: input.key('signing-key'),
    passphrase: input.passphrase('signing-key'),
  }
  const run = await testDevice(
    { device, tests, output: input.path('output') ?? 'test-results', ...given },
    action,
  )
  const { result, passed, failed, skipped, junit, receipt } = run
  await action.output({ result, passed, failed, skipped, junit, receipt })
  for (const warning of testWarnings(run)) action.annotate(warning)
  const { note, hasChanged } = await publishRun(run, tests, event, input.secret('github-token'), action)
  await action.output({ changed: hasChanged })
  await action.summary(`${testSummary(run)}\n${note}`)
  requirePass(run, tests)
  return {}
})
