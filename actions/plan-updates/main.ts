import { runAction } from '../../src/action/action.ts'
import { allowedBy, loadFleet } from '../../src/fleet/fleet.ts'
import { readEvent } from '../../src/github/github.ts'
import { changesIn, locateStage, makePlan, overBudget, stageOf } from '../../src/plan/plan.ts'
import { maxSummaryCharacters, planMarkdown } from '../../src/report/report.ts'
import { annotatePlan } from './annotate.ts'
import { factsFor } from './facts.ts'
import { publishPlan, requireAcceptable } from './publish.ts'
import { hasNoSecrets, nothingPlanned } from './secrets.ts'
import { withSwitches } from './switches.ts'
import { withWarnings } from './warnings.ts'
import { writePlanFiles } from './write.ts'

await runAction('plan-updates', async (action) => {
  const { input } = action
  const folder = input.path('fleet') ?? input.required('fleet')
  const event = await readEvent()
  const hint = { stage: input.optional('stage'), target: event.target, branch: event.branch }
  const stage = await locateStage(folder, hint, action)
  const isWithout = hasNoSecrets(input.optional('missing-secrets'), event)
  const allowed = allowedBy(input.optional('inventory'), input.list('allow-env'), isWithout)
  const loaded = await loadFleet(folder, action, allowed)
  const { fleet, notes } = await withSwitches(loaded, stage, event, action)
  const given = { file: input.path('facts'), token: input.secret('token') }
  const facts = await action.log.group('Reading facts', () => factsFor(fleet, given, event, action))
  if (!facts) return await nothingPlanned(action)
  const plan = makePlan(fleet, stage, facts, action.clock.now())
  const over = overBudget(plan, stageOf(fleet, stage))
  const file = input.path('output') ?? input.required('output')
  const summary = await writePlanFiles(file, plan, { over, notes })
  const { counts, digest } = plan
  await action.output({ plan: file, summary, digest, changes: changesIn(counts), blocked: counts.blocked })

  const wanted = { isCommentWanted: input.flag('comment'), token: input.secret('github-token') }
  annotatePlan(plan, await withWarnings(fleet, stage, facts, { event, ...wanted }, action), action)
  const { note, hasChanged } = await publishPlan(plan, { over, notes }, event, wanted, action)
  await action.summary(`${planMarkdown(plan, { over, notes, limit: maxSummaryCharacters }).text}\n${note}`)
  requireAcceptable(plan, over)
  return { changed: hasChanged }
})
