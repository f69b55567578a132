// QEMU's monitor: one JSON object a line in each direction. QEMU connects to us, so nobody else can be at the other end
// for long: the socket is in a folder that only we may enter.
import { type FileHandle, open } from 'node:fs/promises'
import { type Server, type Socket, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import * as v from 'valibot'

/** The name of the socket in the folder. */
export const monitorName = 'monitor'

export interface Monitor {
  /** Resolves with what QEMU says its end is for (`guest-reset`, `guest-shutdown`), undefined where it said nothing. */
  readonly ended: Promise<string | undefined>
  /** Runs a command of QEMU's human monitor and returns what it prints. Rejects where QEMU ends first. */
  human(command: string): Promise<string>
  close(): Promise<void>
}

const message = v.looseObject({
  event: v.optional(v.string()),
  data: v.optional(v.looseObject({ reason: v.optional(v.string()) })),
  id: v.optional(v.number()),
  return: v.optional(v.unknown()),
})

/** Listens for the QEMU that is about to be started in `folder`. */
export async function openMonitor(folder: string): Promise<Monitor> {
  // a socket's path has at most 107 bytes, which this has whatever the folder is called
  const handle = await open(folder)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(`/proc/${process.pid}/fd/${handle.fd}/${monitorName}`, resolve)
  })
  return new Qmp(server, handle)
}

class Qmp implements Monitor {
  readonly ended: Promise<string | undefined>
  readonly #server: Server
  readonly #handle: FileHandle
  readonly #connected: Promise<Socket>
  readonly #waiting = new Map<number, (reply: unknown) => void>()
  #gone: Promise<never>
  #count = 0
  #reason: string | undefined

  constructor(server: Server, handle: FileHandle) {
    this.#server = server
    this.#handle = handle
    this.#connected = new Promise((resolve) => server.once('connection', resolve))
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.ended = promise
    this.#gone = promise.then(() => Promise.reject(new Error('QEMU has ended')))
    this.#gone.catch(() => {})
    void this.#connected.then((socket) => {
      const lines = createInterface({ input: socket })
      lines.on('line', (line) => this.#read(line))
      // a killed QEMU breaks the connection; both would throw what nobody hears
      for (const source of [lines, socket]) source.on('error', () => {})
      socket.on('close', () => resolve(this.#reason))
      socket.write('{"execute":"qmp_capabilities"}\n')
    })
  }

  async human(command: string): Promise<string> {
    const socket = await this.#connected
    const id = ++this.#count
    const reply = new Promise<unknown>((resolve) => this.#waiting.set(id, resolve))
    const order = { execute: 'human-monitor-command', id, arguments: { 'command-line': command } }
    socket.write(`${JSON.stringify(order)}\n`)
    return v.parse(v.string(), await Promise.race([reply, this.#gone]))
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    void this.#connected.then((socket) => socket.destroy())
    await closed
    await this.#handle.close()
  }

  #read(line: string): void {
    const { event, data, id, return: reply } = v.parse(message, JSON.parse(line))
    if (event === 'SHUTDOWN') this.#reason = data?.reason
    if (id !== undefined) this.#waiting.get(id)?.(reply)
  }
}
