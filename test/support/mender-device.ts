// A stand-in for a device: it speaks Mender's device API over a real socket, with a key of its own, but installs nothing.
// What it does with an update is scripted. The real client is tested elsewhere; this one is quick and goes wrong on command.
import { type KeyObject, createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspectArtifact } from '../../src/artifact/artifact.ts'

/** What a device does with an update. */
export type Behaviour =
  /** downloads, installs, reboots, says success, reports the release */
  | 'success'
  /** says failure while installing, and sends a log */
  | 'fails'
  /** reboots, goes back, says failure, and sends a log */
  | 'fails after reboot'
  /** reboots and goes back, and its word of that is lost; it reports facts, but asks for no update any more */
  | 'goes back silently'
  /** the same, but takes the same order up again and again */
  | 'goes back and tries again'
  /** reboots, runs the release and reports it, but its word of success is lost */
  | 'succeeds silently'
  /** says success and goes on with what it had */
  | 'lies'
  /** reports once, before anything else, and never again; takes updates as if all were well */
  | 'reports once'
  /** says success and reports the release, but never restarts */
  | 'stays up'
  /** reports the release before it says success, and nothing after that */
  | 'reports too early'
  /** stops in the middle of installing until it is told otherwise */
  | 'hangs'
  /** reports facts, but never asks for an update */
  | 'never asks'

export interface DeviceOptions {
  url: string
  serial: string
  deviceType?: string
  release?: string
  behaviour?: Behaviour
  attributes?: Record<string, string | string[]>
  pollMs?: number
  /** Whether it reports a boot id, which is another one after each restart. */
  hasBootId?: boolean
  /** The key that it identifies itself with; a fresh one where not given. */
  keys?: KeyPair
}

export interface KeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

export interface MenderDevice {
  /** The server's id of it, once it was let in. */
  readonly id: Promise<string>
  /** All statuses that it sent, in order. */
  readonly statuses: readonly string[]
  /** SHA-256 of what it downloaded last. */
  readonly downloaded: string | undefined
  behaviour: Behaviour
  /** From here on it asks and reports nothing. */
  stop(): Promise<void>
}

/** Starts a device that asks to be let in, reports, and asks for updates until it is stopped. */
export function startMenderDevice(options: DeviceOptions): MenderDevice {
  const device = new Device(options)
  return device
}

class Device implements MenderDevice {
  readonly id: Promise<string>
  readonly statuses: string[] = []
  downloaded: string | undefined
  behaviour: Behaviour
  readonly #options: DeviceOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #keys: KeyPair
  #release: string
  #bootId: string = randomUUID()
  #token = ''
  #isDeaf = false
  #hasReported = false
  #isMute = false
  #known: (id: string) => void = () => {}
  /** The fingerprint of the configuration that it has. */
  #configuration: string | undefined
  /** The checksum of its image, once it has one that was installed. */
  #image: string | undefined
  /** What the artifact that it was given last provides. */
  #installing: Readonly<Record<string, string>> = {}

  constructor(options: DeviceOptions) {
    this.#options = options
    this.#keys = options.keys ?? generateKeyPairSync('ed25519')
    this.#release = options.release ?? 'old'
    this.behaviour = options.behaviour ?? 'success'
    this.id = new Promise((resolve) => (this.#known = resolve))
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (!this.#token) await this.#authorize()
        if (this.#token) await this.#round()
      } catch {
        // a server that is away for a moment: the next round tries again
      }
      await this.#pause()
    }
  }

  async #pause(): Promise<void> {
    await sleep(this.#options.pollMs ?? 40, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  async #authorize(): Promise<void> {
    // the signature is over these very bytes, with the line end that the client's encoder adds
    const body = `${JSON.stringify({
      id_data: JSON.stringify({ serial: this.#options.serial }),
      tenant_token: '',
      pubkey: this.#keys.publicKey.export({ type: 'spki', format: 'pem' }),
    })}\n`
    const reply = await fetch(`${this.#options.url}/api/devices/v1/authentication/auth_requests`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-men-signature': sign(null, Buffer.from(body), this.#keys.privateKey).toString('base64'),
        authorization: 'Bearer ',
      },
      signal: this.#stop.signal,
    })
    const text = await reply.text()
    if (reply.status !== 200) return
    this.#token = text
    const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as {
      sub: string
    }
    this.#known(claims.sub)
  }

  async #round(): Promise<void> {
    if (!this.#isMute && (this.behaviour !== 'reports once' || !this.#hasReported)) await this.#report()
    this.#hasReported = true
    if (this.behaviour === 'never asks' || this.#isDeaf) return
    const { deviceType = 'virtual' } = this.#options
    const asked = {
      artifact_name: this.#release,
      device_type: deviceType,
      'rootfs-image.version': this.#release,
    }
    const reply = await this.#send('POST', '/deployments/device/deployments/next', asked)
    if (reply.status !== 200) return
    const offer = JSON.parse(await reply.text()) as {
      id: string
      artifact: { artifact_name: string; source: { uri: string } }
    }
    await this.#update(offer.id, offer.artifact.artifact_name, offer.artifact.source.uri)
  }

  async #report(): Promise<void> {
    const { deviceType = 'virtual', attributes = {}, hasBootId = false } = this.#options
    const all = {
      device_type: deviceType,
      artifact_name: this.#release,
      'rootfs-image.version': this.#release,
      mender_client_version: '3.4.0',
      ...(hasBootId ? { boot_id: this.#bootId } : {}),
      ...attributes,
      ...(this.#image === undefined ? {} : { [imageProvide]: this.#image }),
      ...(this.#configuration === undefined ? {} : { [configurationProvide]: this.#configuration }),
    }
    const list = Object.entries(all).map(([name, value]) => ({ name, value }))
    const reply = await this.#send('PUT', '/inventory/device/attributes', list)
    await reply.text()
    if (reply.status === 401) this.#token = ''
  }

  async #update(id: string, release: string, uri: string): Promise<void> {
    await this.#status(id, 'downloading')
    const artifact = await fetch(uri, { signal: this.#stop.signal })
    const bytes = await artifact.bytes()
    this.downloaded = createHash('sha256').update(bytes).digest('hex')
    this.#installing = (await inspectArtifact(Readable.from([bytes]))).provides
    if (!(await this.#status(id, 'installing'))) return
    if (this.behaviour === 'fails') {
      await this.#fail(id, [['error', 'write error: no space left on device']])
      return
    }
    while (this.behaviour === 'hangs' && !this.#stop.signal.aborted) await this.#pause()
    if (!(await this.#status(id, 'rebooting'))) return
    await this.#pause()
    if (this.behaviour !== 'stays up') this.#bootId = randomUUID()
    await this.#afterReboot(id, release)
  }

  async #afterReboot(id: string, release: string): Promise<void> {
    switch (this.behaviour) {
      case 'fails after reboot':
        return this.#fail(id, [
          [
            'info',
            'Collected output (stderr) while running script /var/lib/mender/scripts/ArtifactCommit_Enter_00_health-check\nhealth-check: no ssh on port 22\n\n---------- end of script output',
          ],
          ['error', "statescript: error executing 'ArtifactCommit_Enter_00_health-check': 1 : exit status 1"],
          ['info', 'Rolling back to the inactive partition (2).'],
        ])
      case 'goes back silently':
        this.#isDeaf = true
        return
      case 'goes back and tries again':
        return
      case 'succeeds silently':
        this.#install(release)
        this.#isDeaf = true
        return
      case 'reports too early':
        this.#install(release)
        this.#isMute = true
        await this.#report()
        await this.#status(id, 'success')
        return
      case 'lies':
        await this.#status(id, 'success')
        return
      default:
        this.#install(release)
        await this.#status(id, 'success')
    }
  }

  #install(release: string): void {
    const { [configurationProvide]: configuration, [imageProvide]: image } = this.#installing
    if (configuration !== undefined) this.#configuration = configuration
    else [this.#release, this.#image] = [release, image]
  }

  async #fail(id: string, lines: (readonly [level: string, message: string])[]): Promise<void> {
    await this.#status(id, 'failure')
    const messages = lines.map(([level, message]) => ({
      level,
      message,
      timestamp: new Date().toISOString(),
    }))
    await (await this.#send('PUT', `/deployments/device/deployments/${id}/log`, { messages })).text()
  }

  /** False where the deployment was aborted. */
  async #status(id: string, status: string): Promise<boolean> {
    this.statuses.push(status)
    const reply = await this.#send('PUT', `/deployments/device/deployments/${id}/status`, { status })
    await reply.text()
    return reply.status === 204
  }

  /** As the client sends it: chunked, without a length. */
  async #send(method: string, path: string, json: unknown): Promise<Response> {
    return fetch(`${this.#options.url}/api/devices/v1${path}`, {
      method,
      body: new Blob([JSON.stringify(json)]).stream(),
      duplex: 'half',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      signal: this.#stop.signal,
    })
  }
}

const configurationProvide = 'data-partition.mender-configure.version'
const imageProvide = 'rootfs-image.checksum'
