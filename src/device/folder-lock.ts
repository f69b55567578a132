import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { Failure, hasCode } from '../platform/platform.ts'

/**
 * Takes `folder` for this process until `release` is called or the process ends, however it ends: a name in the abstract
 * socket namespace leaves nothing behind. It is made of the folder's inode, so every path to the folder is the same.
 * Throws `device-busy` where another process has it.
 */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const { dev, ino } = await stat(folder)
  const server = createServer((socket) => socket.destroy())
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const isTaken = hasCode(error, 'EADDRINUSE')
      const message = `another process runs the virtual device in ${folder}: stop it first, or use another folder`
      reject(isTaken ? new Failure('device-busy', message) : error)
    })
    server.listen(`\0drover-virtual-device-${dev}-${ino}`, resolve)
  })
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}
