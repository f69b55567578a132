// The disks of a virtual machine. A root file system becomes a device with two slots and a data partition, whose boot loader
// is played out here; a disk image stays what it is.
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, markedName } from '../platform/platform.ts'
import { type BootVariables, type Slot, firstVariables } from './boot-loader.ts'
import { makeDataDisk, readVariables, updateDataDisk, writeVariables } from './data-disk.ts'
import { type DeviceFolder, type FolderOptions, prepareFolder } from './device-folder.ts'
import { copyDisk, rootPartitionOf } from './disk-image.ts'
import { type FileSystemPlace, isInImage } from './image-reader.ts'
import type { Disk } from './qemu.ts'

export interface MachineDisks {
  disks: readonly Disk[]
  /** The root file system that a start in this slot has, and the number of its partition. */
  rootOf(slot: Slot): FileSystemPlace & { number: number }
  /** The number of the partition with /data where it is ours to mount; else the image does it. */
  data: number | undefined
  variables(): Promise<BootVariables>
  setVariables(variables: BootVariables): Promise<void>
}

/**
 * Makes the disks in the device's folder where they are missing, and what `prepareFolder` makes. Throws `bad-input`,
 * `file-missing`, `invalid-file`, `disk-full`.
 */
export async function prepareDisks(
  options: FolderOptions & { serverUrl: string | undefined },
  context: Context,
): Promise<{ state: DeviceFolder; disks: MachineDisks }> {
  const disk = join(options.folder, 'disk.img')
  if (!existsSync(join(options.folder, 'slotA.img')) && !existsSync(disk))
    await unpackDisk(options.image, disk, context)
  const root = existsSync(disk) ? await rootPartitionOf(disk) : undefined
  const state = await prepareFolder({ ...options, hasSlots: root === undefined }, context)
  await state.setServer(options.serverUrl)
  if (!root) return { state, disks: await slotDisks(options.folder, state) }
  if (await isInImage(root, '/usr/sbin/virtual-init'))
    throw new Failure(
      'bad-input',
      `${options.image} has a virtual-init, which takes what it needs from the data partition of a virtual device: give the root file system instead of the disk`,
    )
  return {
    state,
    disks: {
      disks: [{ path: disk, format: 'raw', serial: 'disk' }],
      rootOf: () => root,
      data: undefined,
      // which slot a disk starts in is its own boot loader's business, which isn't run here
      variables: async () => firstVariables,
      setVariables: async () => {},
    },
  }
}

/** Copies the image to `disk` where it is a disk image. */
async function unpackDisk(image: string, disk: string, context: Context): Promise<void> {
  const isCompressed = image.endsWith('.xz')
  if (!isCompressed && (await rootPartitionOf(image)) === undefined) return
  const building = markedName(disk)
  try {
    await copyDisk(image, building, context)
    if (isCompressed && (await rootPartitionOf(building)) === undefined)
      throw new Failure('bad-input', `${image} is no disk image: unpack it first`)
    await rename(building, disk)
  } finally {
    await rm(building, { force: true })
  }
}

/** The numbers of the partitions that a virtual device has. */
const [firstSlot, dataPartition] = [2, 4] as const

async function slotDisks(folder: string, { slots, data }: DeviceFolder): Promise<MachineDisks> {
  const dataDisk = join(folder, 'data.img')
  await mkdir(join(data, 'boot'), { recursive: true })
  await makeDataDisk(dataDisk, data)
  await updateDataDisk(dataDisk, data, await givenFiles(data))
  return {
    disks: [...slots, dataDisk].map((path, index) => ({
      path,
      format: 'raw',
      serial: `p${firstSlot + index}`,
    })),
    rootOf: (slot) => ({ path: slots[slot - firstSlot] ?? slots[0], offset: 0, number: slot }),
    data: dataPartition,
    variables: async () => (await readVariables(dataDisk)) ?? firstVariables,
    setVariables: (variables) => writeVariables(dataDisk, data, variables),
  }
}

/** What is given anew at each start; everything else on the data partition is the device's. */
async function givenFiles(data: string): Promise<string[]> {
  const names = [
    'serial',
    'mender/mender.conf',
    'mender/device_type',
    'mender/artifact-verify-key.pem',
    'ssh/authorized_keys',
  ]
  const found = await Promise.all(
    names.map((name) =>
      stat(join(data, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return names.filter((_, index) => found[index])
}
