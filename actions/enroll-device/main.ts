import { runAction } from '../../src/action/action.ts'
import { openRunners } from '../../src/github/github.ts'
import { enrollRunner, requireRunner } from '../../src/operate/operate.ts'
import { deviceOf } from './device.ts'
import { refuseStrangers, repositoryOf, requestOf, wishOf } from './inputs.ts'
import { enrolledSummary, foundSummary } from './summary.ts'

await runAction('enroll-device', async (action) => {
  await refuseStrangers()
  const token = action.input.secret('github-token') ?? action.input.required('github-token')
  const runners = openRunners({ token, repository: await repositoryOf() }, action)
  const wish = wishOf(action.input)
  if (wish.kind === 'check') {
    const found = await requireRunner(runners, wish.labels)
    await action.summary(foundSummary(found))
    return { 'runs-on': JSON.stringify(found.labels) }
  }
  const { device, hostKey } = await deviceOf(wish, action)
  await action.output({ device: device.id })
  const enrolled = await enrollRunner(requestOf(device, hostKey, action), runners, action)
  await action.summary(enrolledSummary(device.host, enrolled))
  return { 'runs-on': JSON.stringify(enrolled.labels), changed: enrolled.isNew }
})
