// What the form of fleet.yml alone can't say: branches, `after`, the order of waves, and what would not be acted on.
import type { ParsedYaml, Problem } from '../platform/platform.ts'
import type { FleetWarning } from './model.ts'
import type { PolicyFile, StageFile } from './policy-schema.ts'
import { minuteOf, waveStepOf } from './policy-values.ts'

/** Everything wrong in a file of the right form, with its place. */
export function problemsOf({ value, ...parsed }: ParsedYaml<PolicyFile>, file: string): Problem[] {
  const stages = Object.entries(value.stages ?? {})
  const problem = (path: (string | number)[], message: string): Problem => ({
    file,
    ...parsed.locate(path),
    message: `${path.join('.')}: ${message}`,
  })
  const problems: Problem[] = []
  const byBranch = new Map<string, string>()
  for (const [name, stage] of stages) {
    const other = byBranch.get(stage.branch)
    if (other !== undefined) {
      const message = `stage ${other} has the branch ${stage.branch} already: its devices would be in two stages`
      problems.push(problem(['stages', name, 'branch'], message))
    }
    byBranch.set(stage.branch, name)
    const { after } = stage
    if (after !== undefined && !Object.hasOwn(value.stages ?? {}, after))
      problems.push(problem(['stages', name, 'after'], `there is no stage ${after}`))
    else if (after !== undefined && isInCircle(name, value.stages ?? {}))
      problems.push(problem(['stages', name, 'after'], 'the stages wait for each other in a circle'))
    for (const message of waveProblems(stage.waves ?? [], name))
      problems.push(problem(message.path, message.text))
    const { window } = stage
    if (window && window.from === window.to)
      problems.push(problem(['stages', name, 'window', 'to'], 'the window ends when it begins'))
  }
  const { emergency } = value
  if (emergency && value.stages && !Object.hasOwn(value.stages, emergency.stage))
    problems.push(problem(['emergency', 'stage'], `there is no stage ${emergency.stage}`))
  return problems
}

/** What the file asks for that is not acted on to the full. */
export function warningsOf({ value, ...parsed }: ParsedYaml<PolicyFile>, file: string): FleetWarning[] {
  return Object.entries(value.stages ?? {}).flatMap(([name, stage]) => {
    const warning = (path: string[], message: string): FleetWarning[] => [
      {
        stage: name,
        file,
        ...parsed.locate(['stages', name, ...path]),
        message: `stages.${name}.${path.join('.')}: ${message}`,
      },
    ]
    if (!stage.window) return []
    const minutes = (minuteOf(stage.window.to) - minuteOf(stage.window.from) + 24 * 60) % (24 * 60)
    return [
      ...warning(
        ['window'],
        'at its end the next run of schedule-updates takes back what no device has begun: run it then, for until then a device may begin',
      ),
      ...(minutes < usualScheduleMinutes
        ? warning(
            ['window'],
            `it is open for ${minutes} min: a schedule that runs every ${usualScheduleMinutes} min may never run in it. Make it longer, or schedule a run inside it`,
          )
        : []),
    ]
  })
}

/** How often the workflow of the example runs schedule-updates. */
const usualScheduleMinutes = 15

function isInCircle(name: string, stages: Readonly<Record<string, StageFile>>): boolean {
  let at = stages[name]?.after
  for (let steps = 0; at !== undefined && steps <= Object.keys(stages).length; steps++) {
    if (at === name) return true
    at = stages[at]?.after
  }
  return false
}

function waveProblems(
  steps: readonly string[],
  stage: string,
): { path: (string | number)[]; text: string }[] {
  const problems: { path: (string | number)[]; text: string }[] = []
  let before = 0
  for (const [index, text] of steps.entries()) {
    const step = waveStepOf(text)
    const path = ['stages', stage, 'waves', index]
    if (step.kind === 'per-device-type') {
      if (index > 0) problems.push({ path, text: `"${text}" can only be the first wave` })
    } else if (step.share <= before) {
      problems.push({ path, text: `${text} is not more than the wave before: shares add up to 100%` })
    } else {
      before = step.share
    }
  }
  if (steps.length > 0 && before !== 1)
    problems.push({ path: ['stages', stage, 'waves'], text: 'the last wave must be 100%' })
  return problems
}
