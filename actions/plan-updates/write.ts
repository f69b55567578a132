import { type Plan, writePlan } from '../../src/plan/plan.ts'
import { writeAtomically } from '../../src/platform/platform.ts'
import { type Remarks, planMarkdown, planPage } from '../../src/report/report.ts'

/** Writes a plan as JSON, and beside it whole as Markdown and as a page; returns the path of the Markdown. */
export async function writePlanFiles(file: string, plan: Plan, remarks: Remarks): Promise<string> {
  const beside = (ending: string) => file.replace(/(\.json)?$/, ending)
  await writePlan(file, plan)
  await writeAtomically(beside('.md'), planMarkdown(plan, { ...remarks, limit: Infinity }).text)
  await writeAtomically(beside('.html'), planPage(plan, remarks))
  return beside('.md')
}
