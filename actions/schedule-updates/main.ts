import { runAction } from '../../src/action/action.ts'
import { allowedBy, loadFleet } from '../../src/fleet/fleet.ts'
import { readEvent } from '../../src/github/github.ts'
import { openServer } from '../../src/ota/ota.ts'
import { locateStage, requireNotHalted, requireServer, schedule, tickOutputs } from '../../src/plan/plan.ts'
import { maxSummaryCharacters, tickMarkdown } from '../../src/report/report.ts'
import { orShowRefusal, showTick } from './publish.ts'
import { givenPlan, reviewOnGitHub } from './review.ts'

await runAction('schedule-updates', async (action) => {
  const { input } = action
  const folder = input.path('fleet') ?? input.required('fleet')
  const event = await readEvent()
  const stage = await locateStage(folder, { stage: input.optional('stage'), branch: event.branch }, action)
  const allowed = allowedBy(input.optional('inventory'), input.list('allow-env'))
  const fleet = await loadFleet(folder, action, allowed)
  const token = input.secret('token') ?? input.required('token')
  const server = openServer({ ...requireServer(fleet), token }, action)
  const gitHubToken = input.secret('github-token')
  const digestFor = reviewOnGitHub(fleet, stage, event.repository, gitHubToken, action)
  const review = { plan: await givenPlan(input.path('plan')), digestFor }
  const options = { review, isDryRun: input.flag('dry-run'), signing: input.signingFromEnvironment() }
  const place = { repository: event.repository, token: gitHubToken, folder: fleet.folder, ...options }
  const work = () => schedule(fleet, stage, server, options, action)
  const tick = await orShowRefusal(stage, place, action, work)
  await action.output(tickOutputs(tick))
  await action.summary(tickMarkdown(tick, maxSummaryCharacters).text)
  await showTick(tick, place, action)
  requireNotHalted(tick)
  return {}
})
