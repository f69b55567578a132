import { runAction } from '../../src/action/action.ts'
import { requireAccepted, verdictSummary } from '../../src/artifact/artifact.ts'
import { verifyUpdate } from '../../src/operate/operate.ts'

await runAction('verify-artifact', async (action) => {
  const { input } = action
  const verdict = await verifyUpdate(
    {
      artifact: input.path('artifact') ?? input.required('artifact'),
      verifyKeys: input.keys('verify-key'),
      deviceTypes: input.list('device-types'),
      variant: input.optional('variant'),
      minVersion: input.optional('min-version'),
      receipts: input.paths('receipt'),
      receiptKeys: input.keys('receipt-key'),
      allowUnsigned: input.flag('allow-unsigned'),
      fleet: input.path('fleet'),
    },
    action,
  )
  await action.output({ verdict: verdict.verdict, reasons: verdict.reasons.join(',') })
  await action.summary(verdictSummary(verdict))
  requireAccepted(verdict)
  return {}
})
