// Virtual devices for tests, and what a machine must not keep of them.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type Connection,
  type VirtualDevice,
  type VirtualDeviceOptions,
  connect,
  startVirtualDevice,
} from '../../src/device/device.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { baseImage } from './base-image.ts'
import { temporaryFolder } from './temporary.ts'
import { undo } from './undo.ts'

export { until } from './until.ts'

export interface SshKey {
  path: string
  privateKey: string
  publicKey: string
}

/** A fresh ssh key in a folder that goes with the test. */
export async function sshKey(t: TestContext): Promise<SshKey> {
  const path = join(await temporaryFolder(t), 'id')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path])
  return {
    path,
    privateKey: await readFile(path, 'utf8'),
    publicKey: await readFile(`${path}.pub`, 'utf8'),
  }
}

export interface TestDevice {
  device: VirtualDevice
  key: SshKey
  connection: Connection
}

/** A running device that goes with the test, and a connection to it. */
export async function bootDevice(
  t: TestContext,
  options: Partial<VirtualDeviceOptions> = {},
  context: Context = plainContext(),
): Promise<TestDevice> {
  const key = await sshKey(t)
  const folder = options.folder ?? join(await temporaryFolder(t), 'device')
  const device = await startVirtualDevice(
    {
      image: await baseImage(),
      deviceType: 'virtual',
      serial: 'SN-1',
      authorizedKey: key.publicKey,
      ...options,
      folder,
    },
    context,
  )
  undo(t, () => device.stop().catch(() => {}))
  const connection = await connect(device.sshUrl, {
    context,
    sshKey: key.privateKey,
    hostKey: device.hostKey,
    limitMs: 20_000,
  })
  undo(t, () => connection.close())
  return { device, key, connection }
}

/** A device's folder whose second slot holds the same system as the first. */
export async function folderWithTwoSystems(t: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'device')
  await mkdir(folder)
  const image = await baseImage()
  for (const slot of ['slotA.img', 'slotB.img'])
    execFileSync('cp', ['--reflink=auto', '--sparse=always', image, join(folder, slot)])
  return folder
}

/** This machine's end of a device's cable, by the number that the kernel gives no other: its name goes to the next device. */
export function cableOf(address: string): string {
  return (
    cables().find((cable) => cable.startsWith(`drv${address.split('.')[2]} `)) ?? `no cable to ${address}`
  )
}

function cables(): string[] {
  return readdirSync('/sys/class/net').map(
    (name) => `${name} ${textOf(`/sys/class/net/${name}/ifindex`).trim()}`,
  )
}

/** Everything on this machine that belongs to the device in `folder`, or is the cable `link`: empty when it is gone. */
export function remainsOf(folder: string, link?: string): string[] {
  const loops = spawnSync('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'], {
    encoding: 'utf8',
  })
  return [
    ...loops.stdout.split('\n').filter((line) => line.includes(folder)),
    ...readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((pid) => {
        const words = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
        const mounts = textOf(`/proc/${pid}/mountinfo`).includes(folder)
        return words.includes(folder) || mounts ? [`process ${pid}: ${words}`] : []
      }),
    ...cables().filter((cable) => cable === link),
  ]
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}
