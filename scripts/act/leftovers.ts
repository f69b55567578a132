// What a run started is known by its home folder: every process has it in its environment, also those that drover itself
// starts with fewer variables.
import { join } from 'node:path'
import { endProcessesWith } from '../../demo/processes.ts'

/** The home folder of everything that runs in a place. */
export const homeOf = (folder: string) => join(folder, 'home')

/** Ends every process that was started in a place, whatever it left its parents for. May be repeated. */
export async function endProcesses(folder: string): Promise<void> {
  await endProcessesWith(`HOME=${homeOf(folder)}`, 10_000)
}
