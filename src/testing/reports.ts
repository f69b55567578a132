import { join } from 'node:path'
import { type Context, writeAtomically } from '../platform/platform.ts'
import { infraVerdict } from './infra.ts'
import { writeMeasurements } from './measurements.ts'
import type { TestRun } from './test-run.ts'
import { fileInReports } from './workspace.ts'
import { writeJunit } from './write-junit.ts'

/** Writes junit.xml and measurements.json. A disk that is full here too is no verdict about the device. */
export async function withReports(run: TestRun, output: string, context: Context): Promise<TestRun> {
  if (run.cases.length === 0) return run
  const at = context.clock.now()
  const junit = join(output, 'junit.xml')
  const measured = run.measures.filter(({ value }) => Number.isFinite(value))
  try {
    await writeAtomically(junit, writeJunit(run, at, fileInReports))
    const deviceType = run.about?.deviceType
    const text = writeMeasurements(measured, { release: run.release, deviceType, at })
    // numbers of a run without a verdict must not become what the next release is compared with
    if (measured.length > 0 && run.result !== 'infra')
      await writeAtomically(join(output, 'measurements.json'), text)
    return { ...run, junit }
  } catch (error) {
    return { ...run, ...infraVerdict(error) }
  }
}
