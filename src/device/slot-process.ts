// One start of a device: from the chosen slot to the end of its process 1.
import { join } from 'node:path'
import { type Started, writeAtomically } from '../platform/platform.ts'
import type { Slot } from './boot-loader.ts'
import type { BlockDevice } from './slots.ts'
import { startTied } from './tied.ts'

export interface SlotOptions {
  /** The device's folder. */
  folder: string
  slot: Slot
  /** Partition 2 and partition 3. */
  devices: readonly [BlockDevice, BlockDevice]
  /** Path of the network namespace. */
  network: string
  hostName: string
}

/**
 * Starts the slot in new mount, process, host name and IPC namespaces. Killing the started process is a power cut: the
 * kernel then ends everything inside, and the mounts go with the last of it.
 */
export function startSlot(options: SlotOptions): Started {
  const [a, b] = options.devices
  const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child']
  const words = [
    options.folder,
    `${options.slot}`,
    `${a.major} ${a.minor}`,
    `${b.major} ${b.minor}`,
    options.hostName,
  ]
  return startTied(
    'nsenter',
    [
      `--net=${options.network}`,
      'unshare',
      ...namespaces,
      '--',
      '/bin/sh',
      stageOneOf(options.folder),
      ...words,
    ],
    // a device must not set this machine's clock or load code into its kernel
    { drop: ['sys_module', 'sys_time', 'sys_rawio'] },
  )
}

/** What a slot's process 1 says as it ends. */
export function meaningOf(exitStatus: number): 'reboot' | 'power-off' | 'crash' {
  // 129 and 130: reboot(2) itself ends a process namespace with these
  if (exitStatus === 64 || exitStatus === 129) return 'reboot'
  return exitStatus === 65 || exitStatus === 130 ? 'power-off' : 'crash'
}

/** Writes what `startSlot` runs into the device's folder. */
export async function installStageOne(folder: string): Promise<void> {
  await writeAtomically(stageOneOf(folder), stageOne)
}

const stageOneOf = (folder: string) => join(folder, 'stage-1')

/** Where a device's console output goes. */
export const consoleOf = (folder: string) => join(folder, 'console')

// Runs as process 1 of the new namespaces and becomes the image's own. What the kernel and the initial RAM disk do on a
// board: a private /dev that shows the two slots and nothing of this machine's disks, the root file system, the data
// partition. The slots' names end with their partition's number whichever loop devices they are: the client relies on it.
const stageOne = `set -e
folder=$1 part=$2 a=$3 b=$4 name=$5
exec </dev/null >>"$folder/console" 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$folder/root
hostname "$name"
mount -t tmpfs -o mode=755,nosuid dev /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/zero c 1 5
mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/tty c 5 0
mknod -m 600 /dev/mmcblk0p2 b $a
mknod -m 600 /dev/mmcblk0p3 b $b
mkdir -m 755 /dev/pts
mkdir -m 1777 /dev/shm
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t ext4 -o noatime "/dev/mmcblk0p$part" "$root"
# a link here would lead out of the image, to folders of this machine
for place in data dev proc sys run tmp; do
  if [ -L "$root/$place" ] || [ ! -d "$root/$place" ]; then echo "/$place of the image is no folder"; exit 1; fi
done
mount --bind "$folder/data" "$root/data"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts /dev/pts
mount --move /dev "$root/dev"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o nosuid,nodev tmpfs tmp
mkdir run/old-root
pivot_root . run/old-root
exec chroot . /bin/sh -c 'umount -l /run/old-root && rmdir /run/old-root && exec /usr/sbin/virtual-init' </dev/null
`
