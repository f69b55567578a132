import { type Plan, writePlan } from '../../src/plan/plan.ts'
import { writeAtomically } from '../../src/platform/platform.ts'
import { planMarkdown, planPage } from '../../src/report/report.ts'

/** Writes a plan as JSON, and beside it whole as Markdown and as a page; returns the path of the Markdown. */
export async function writePlanFiles(file: string, plan: Plan, over: readonly string[]): Promise<string> {
  const beside = (ending: string) => file.replace(/(\.json)?$/, ending)
  await writePlan(file, plan)
  await writeAtomically(beside('.md'), planMarkdown(plan, { over, limit: Infinity }).text)
  await writeAtomically(beside('.html'), planPage(plan, over))
  return beside('.md')
}
