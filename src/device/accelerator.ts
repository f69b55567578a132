import { access, constants, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Context,
  cacheFolder,
  hasCode,
  seconds,
  temporaryFolder,
  writeAtomically,
} from '../platform/platform.ts'
import { consoleTail } from './console-tail.ts'
import type { Architecture } from './image-reader.ts'
import { writeInitrd } from './initrd.ts'
import { probeMark } from './machine-init.ts'
import { type Accelerator, machineConsole, startMachine } from './qemu.ts'

const native: Readonly<Partial<Record<string, Architecture>>> = { x64: 'amd64', arm64: 'arm64' }

/** A machine with a working KVM is through in a second. */
const probeLimitMs = 5000

const results = new Map<string, Promise<boolean>>()

/**
 * `kvm` where a machine of `architecture` starts with it, else `tcg`. That /dev/kvm is there says nothing: nested in some
 * clouds, machines hang in it without a word. So one is started with nothing but this kernel; the result holds until this
 * computer is started again.
 */
export async function chooseAccelerator(
  architecture: Architecture,
  parts: { kernel: string; base: Buffer },
  context: Context,
): Promise<Accelerator> {
  if (native[process.arch] !== architecture || !(await isUsable('/dev/kvm'))) return 'tcg'
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  const cache = cacheFolder('machines/kvm')
  const record = join(cache, bootId)
  const known = await readFile(record, 'utf8').catch(() => undefined)
  if (known !== undefined) return known.trim() === 'works' ? 'kvm' : 'tcg'
  let probing = results.get(architecture)
  if (!probing) {
    probing = probe(architecture, parts, context)
    results.set(architecture, probing)
    probing.catch(() => results.delete(architecture))
  }
  const works = await probing
  await rm(cache, { recursive: true, force: true }) // of earlier starts of this computer
  await mkdir(cache, { recursive: true })
  await writeAtomically(record, works ? 'works\n' : 'fails\n')
  return works ? 'kvm' : 'tcg'
}

async function probe(
  architecture: Architecture,
  { kernel, base }: { kernel: string; base: Buffer },
  context: Context,
): Promise<boolean> {
  const folder = await temporaryFolder('kvm', context)
  const startedAt = performance.now()
  try {
    const initrd = join(folder, 'initrd')
    await writeInitrd(initrd, base, { probe: 1 })
    const machine = await startMachine({
      folder,
      architecture,
      accelerator: 'kvm',
      kernel,
      initrd,
      commandLine: '',
      disks: [],
      isAlone: true,
      memoryMiB: 256,
    })
    const limit = new AbortController()
    const late = context.clock.sleep(probeLimitMs, limit.signal).catch(() => {})
    await Promise.race([machine.done, late])
    limit.abort()
    machine.kill()
    await machine.done
    const works = (await consoleTail(machineConsole(folder))).includes(probeMark)
    const took = seconds(performance.now() - startedAt)
    context.log.info(
      works ? `KVM works (${took})` : `KVM is there, but a machine doesn't start with it (${took})`,
    )
    return works
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function isUsable(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'EACCES')) return false
    throw error
  }
}
