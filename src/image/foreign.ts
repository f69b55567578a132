// Builds for another architecture: their programs run under an emulator that the kernel has to know.
import { type Context, machineArch, openForeign, requirePrograms } from '../platform/platform.ts'

/**
 * Does `work` while this machine can run programs for `arch`, as `openForeign` has it. Throws what that throws, and
 * `missing-tool` without arch-test.
 */
export async function withForeign<T>(arch: string, context: Context, work: () => Promise<T>): Promise<T> {
  await using _foreign = await openForeign(arch, context)
  if (arch !== machineArch()) requirePrograms(['arch-test']) // which mmdebstrap asks
  return await work()
}
