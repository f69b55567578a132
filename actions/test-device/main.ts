import { runAction } from '../../src/action/action.ts'
import { requirePass, testDevice, testSummary } from '../../src/testing/testing.ts'

await runAction('test-device', async (action) => {
  const { input } = action
  const tests = input.path('tests') ?? input.required('tests')
  const given = {
    sshKey: input.key('ssh-key'),
    hostKey: input.optional('host-key'),
    expectRelease: input.optional('expect-release'),
    signingKey: input.key('signing-key'),
    passphrase: input.passphrase('signing-key'),
  }
  const run = await testDevice(
    { device: input.required('device'), tests, output: input.path('output') ?? 'test-results', ...given },
    action,
  )
  const { result, passed, failed, skipped, junit, receipt } = run
  await action.output({ result, passed, failed, skipped, junit, receipt })
  await action.summary(testSummary(run))
  await requirePass(run, tests)
  return {}
})
