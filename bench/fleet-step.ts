// One step of the fleet rows, in a process of its own: `resolve FOLDER` prints as `drover resolve` does; `plan FOLDER FACTS
// REPORT` loads the fleet, plans its stage from a facts file and writes the plan, and how long the two took to REPORT.
import { writeFileSync } from 'node:fs'

const [step, folder = '', facts = '', report = ''] = process.argv.slice(2)
if (step === 'resolve') {
  // as in drover itself: what a command doesn't need is not loaded
  const { resolveCommand } = await import('../src/cli/resolve.ts')
  process.exitCode = await resolveCommand(['--fleet', folder, '--json'])
} else {
  const { loadFleet } = await import('../src/fleet/fleet.ts')
  const { readFacts } = await import('../src/ota/ota.ts')
  const { makePlan, writePlan } = await import('../src/plan/plan.ts')
  const startedAt = performance.now()
  const fleet = await loadFleet(folder)
  const loadedAt = performance.now()
  const plan = makePlan(fleet, 'main', await readFacts(facts), new Date())
  await writePlan(`${report}.plan`, plan)
  const times = { load: loadedAt - startedAt, plan: performance.now() - loadedAt, counts: plan.counts }
  writeFileSync(report, JSON.stringify(times))
}
