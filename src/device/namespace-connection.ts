import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, runOk, temporaryFolder } from '../platform/platform.ts'
import type { Connection } from './connection.ts'
import { parseSshUrl } from './ssh-address.ts'
import { connectSsh } from './ssh-connection.ts'
import { startVirtualDevice } from './virtual-device.ts'

/**
 * Boots a virtual device from a root file system for this connection alone: a fresh ssh key, a fresh host key, no server.
 * It is powered off and its folder removed when the connection is closed. Throws what `startVirtualDevice` throws.
 */
export async function connectNamespace(image: string, context: Context): Promise<Connection> {
  await using stack = new AsyncDisposableStack()
  const folder = await temporaryFolder('device', context)
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const key = join(folder, 'id')
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'drover', '-f', key], {
    what: 'making an ssh key',
  })
  const device = await startVirtualDevice(
    {
      folder: join(folder, 'device'),
      image,
      deviceType: 'virtual',
      serial: `virtual-${randomBytes(4).toString('hex')}`,
      authorizedKey: await readFile(`${key}.pub`, 'utf8'),
    },
    context,
  )
  stack.defer(() => device.stop())
  const identity = { key: await readFile(key, 'utf8'), hostKeys: [device.hostKey] }
  const resources = stack.move()
  const booted = connectSsh(parseSshUrl(device.sshUrl), identity, { context, limitMs: 30_000, resources })
  try {
    // a device that can't boot says why; without this we would only wait for its ssh server
    return await Promise.race([booted, device.done.then(() => booted)])
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}
