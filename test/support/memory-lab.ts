// A server in memory with devices that take a step every few milliseconds, for the contract of the port.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { variantProvide, writeMender } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { type LabDevice, type LabDeviceOptions, type ServerLab, until } from './lab.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { MemoryDevice } from './memory-device.ts'
import { MemoryServer } from './memory-server.ts'
import { temporaryFolder } from './temporary.ts'
import { undo } from './undo.ts'

/** Opens a server in memory that lets every device in, unless told otherwise. */
export async function openMemoryLab(
  t: TestContext,
  { accept = 'all' }: { accept?: 'all' | 'none' } = {},
): Promise<ServerLab> {
  const folder = await temporaryFolder(t)
  const now = () => new Date()
  const memory = new MemoryServer(now)
  const server = memoryAdapter(memory, now)
  let count = 0
  const start = (options: LabDeviceOptions & { serial: string }, key?: string): LabDevice => {
    const { serial, deviceType = 'virtual', release = 'old', attributes = {} } = options
    const id = `device-${serial}`
    const joined = Object.entries(attributes).map(([name, value]) => [name, [value].flat().join(',')])
    const device = new MemoryDevice(memory, id, deviceType, release)
    device.behaviour = options.behaviour ?? 'success'
    memory.join(id, { identity: { serial } }, accept === 'all', key)
    const timer = setInterval(() => {
      device.report({ attributes: Object.fromEntries(joined) })
      device.step()
    }, 5)
    undo(t, () => clearInterval(timer))
    return {
      key: id,
      behave: (behaviour) => (device.behaviour = behaviour),
      stop: async () => clearInterval(timer),
    }
  }
  return {
    server,
    folder,
    device: async (options = {}, waits = true) => {
      const device = start({ serial: `SN-${++count}`, ...options })
      if (waits) await until(async () => (await server.device(device.key)).reportedAt !== undefined)
      return { ...device, key: waits ? device.key : '' }
    },
    newcomer: (serial) => {
      const key = `key ${++count} of ${serial}`
      return { identity: { serial }, key, start: () => start({ serial }, key) }
    },
    group: async (name, devices) => {
      for (const id of devices) {
        const device = memory.devices.get(id)
        if (device) device.facts = { ...device.facts, group: name }
      }
    },
    artifact: async (name, { deviceTypes = ['virtual'], content = name, signingKey, variant } = {}) => {
      const source = join(folder, `${name}-${count++}.ext4`)
      await writeFile(source, content.padEnd(8192, '.'))
      const output = `${source}.mender`
      const provides = variant === undefined ? {} : { [variantProvide]: variant }
      const request = { source, output, name, deviceTypes, compression: 'gzip' } as const
      await writeMender({ ...request, signing: { key: signingKey }, provides }, plainContext())
      return output
    },
    identity: (serial) => ({ serial }),
    setRemark: async (device, name, value) => void memory.devices.get(device)?.remarks.set(name, value),
    remarks: async (device) => Object.fromEntries(memory.devices.get(device)?.remarks ?? []),
  }
}
