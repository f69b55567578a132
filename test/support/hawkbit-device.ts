// A stand-in for a device: it speaks hawkBit's device API over a real socket with a token of its own, but installs nothing.
// What it does with an update is scripted. The real updater is tested elsewhere; this one is quick and goes wrong on command.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { inspectArtifact } from '../../src/artifact/artifact.ts'
import type { LabBehaviour, LabDevice } from './lab.ts'

export interface HawkbitDeviceOptions {
  /** With the tenant: `http://127.0.0.1:1234/T1`. */
  url: string
  id: string
  token: string
  deviceType: string
  release: string
  behaviour: LabBehaviour
  attributes: Record<string, string | string[]>
}

export interface HawkbitDevice extends LabDevice {
  /** SHA-256 of what it downloaded last. */
  readonly downloaded: string | undefined
}

const pollMs = 150

const link = v.optional(v.object({ href: v.string() }))
const poll = v.object({
  _links: v.optional(v.object({ configData: link, deploymentBase: link, cancelAction: link }), {}),
})
const order = v.object({
  id: v.string(),
  deployment: v.object({
    chunks: v.array(
      v.object({
        part: v.string(),
        name: v.string(),
        artifacts: v.array(
          v.object({ _links: v.object({ 'download-http': v.object({ href: v.string() }) }) }),
        ),
      }),
    ),
  }),
})
const cancel = v.object({ cancelAction: v.object({ stopId: v.string() }) })

/** Starts a device that reports and asks for updates until it is stopped. */
export function startHawkbitDevice(options: HawkbitDeviceOptions): HawkbitDevice {
  return new Device(options)
}

class Device implements HawkbitDevice {
  readonly key: string
  downloaded: string | undefined
  #behaviour: LabBehaviour
  readonly #options: HawkbitDeviceOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #release: string

  constructor(options: HawkbitDeviceOptions) {
    this.#options = options
    this.key = options.id
    this.#behaviour = options.behaviour
    this.#release = options.release
    this.#running = this.#run()
  }

  behave(behaviour: LabBehaviour): void {
    this.#behaviour = behaviour
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#round()
      } catch {
        // a server that is away for a moment: the next round tries again
      }
      await this.#pause()
    }
  }

  async #pause(): Promise<void> {
    await sleep(pollMs, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  async #round(): Promise<void> {
    const own = `${this.#options.url}/controller/v1/${encodeURIComponent(this.#options.id)}`
    const { _links } = await this.#read(own, poll)
    if (_links.configData) await this.#report(_links.configData.href)
    if (this.#behaviour === 'never asks') return
    if (_links.cancelAction) await this.#cancel(_links.cancelAction.href)
    else if (_links.deploymentBase) await this.#update(_links.deploymentBase.href)
  }

  async #report(url: string): Promise<void> {
    const { deviceType, attributes } = this.#options
    const all = { device_type: deviceType, 'rootfs-image.version': this.#release, ...attributes }
    const data = Object.fromEntries(
      Object.entries(all).map(([name, value]) => [name, [value].flat().join(',')]),
    )
    await this.#send(url, 'PUT', { mode: 'replace', data })
  }

  async #cancel(url: string): Promise<void> {
    const { cancelAction } = await this.#read(url, cancel)
    const status = { execution: 'closed', result: { finished: 'success' }, details: ['cancelled'] }
    await this.#send(`${url}/feedback`, 'POST', { id: cancelAction.stopId, status })
  }

  async #update(url: string): Promise<void> {
    const { id, deployment } = await this.#read(url, order)
    const feedback = async (execution: string, finished: string, details: string[]) => {
      const status = { execution, result: { finished }, details }
      await this.#send(`${url.replace(/\?.*$/, '')}/feedback`, 'POST', { id, status })
    }
    const [chunk] = deployment.chunks
    const file = chunk?.artifacts[0]?._links['download-http'].href ?? ''
    await feedback('download', 'none', ['downloading'])
    const bytes = await (await this.#request(file, 'GET')).bytes()
    this.downloaded = createHash('sha256').update(bytes).digest('hex')
    await feedback('proceeding', 'none', ['installing'])
    while (this.#behaviour === 'hangs' && !this.#stop.signal.aborted) await this.#pause()
    if (this.#behaviour === 'fails') {
      await feedback('closed', 'failure', ['write error: no space left on device'])
      return
    }
    if (this.#behaviour !== 'lies') await this.#take(chunk, bytes)
    await feedback('closed', 'success', ['installed'])
  }

  /** Applications are configurations, and leave the release as it is. */
  async #take(chunk: { part: string; name: string } | undefined, bytes: Uint8Array): Promise<void> {
    if (chunk?.part !== 'bApp') this.#release = chunk?.name ?? ''
    else {
      const { provides } = await inspectArtifact(Readable.from([bytes]))
      const configuration = provides['data-partition.mender-configure.version'] ?? ''
      this.#options.attributes = { ...this.#options.attributes, configuration }
    }
  }

  async #read<S extends v.GenericSchema>(url: string, schema: S): Promise<v.InferOutput<S>> {
    const reply = await this.#request(url, 'GET')
    return v.parse(schema, await reply.json())
  }

  async #send(url: string, method: string, json: unknown): Promise<void> {
    await (await this.#request(url, method, json)).text()
  }

  async #request(url: string, method: string, json?: unknown): Promise<Response> {
    const reply = await fetch(url, {
      method,
      headers: { authorization: `TargetToken ${this.#options.token}`, 'content-type': 'application/json' },
      signal: this.#stop.signal,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    if (!reply.ok) throw new Error(`${method} ${url}: ${reply.status}`)
    return reply
  }
}
