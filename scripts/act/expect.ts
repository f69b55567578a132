import type { StepResult, WorkflowResult } from './run-act.ts'

/** Throws with the end of the log unless the workflow was green. */
export function expectGreen(result: WorkflowResult): void {
  if (!result.isGreen) throw new Error(`the workflow is red; its log ends:\n${tail(result)}`)
}

/** Throws unless `isTrue`, saying what was expected and how the log ends. */
export function expect(isTrue: boolean, what: string, result: WorkflowResult): void {
  if (!isTrue) throw new Error(`expected ${what}; the log ends:\n${tail(result)}`)
}

/** The main stage of the step whose title has `text`, if it ran. */
export function stepOf(result: WorkflowResult, text: string): StepResult | undefined {
  return result.steps.find(({ title, stage }) => stage === 'Main' && title.includes(text))
}

/** An output that a step must have given. */
export function outputOf(result: WorkflowResult, step: string, name: string): string {
  const value = result.outputs[step]?.[name]
  if (value === undefined) throw new Error(`the step ${step} gave no ${name}; the log ends:\n${tail(result)}`)
  return value
}

function tail({ log, logFile }: WorkflowResult): string {
  return `${log.trimEnd().split('\n').slice(-40).join('\n')}\n(all of it: ${logFile})`
}
