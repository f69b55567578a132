import {
  type Context,
  Failure,
  type RunResult,
  type Started,
  lastWords,
  start,
} from '../platform/platform.ts'
import { type CollectOptions, type Collected, collectFrom } from './collect.ts'
import { type CommandOptions, type Connection, imageVersionOf } from './connection.ts'
import { shellQuote } from './shell-quote.ts'
import type { SshAddress } from './ssh-address.ts'
import {
  type SshFiles,
  type SshIdentity,
  alias,
  explain,
  isMasterAlive,
  jumpAlias,
  knownHostKey,
  openMaster,
  writeSshFiles,
} from './ssh-session.ts'

/** How long a device may take to answer at first, and after a reboot, in ms. */
const connectLimitMs = 60_000
const rebootLimitMs = 180_000
/** How long a device that was lost may take to answer once more, in ms, where it may take that long at first. */
const collectLimitMs = 30_000

/**
 * Connects over ssh, waiting for a device that is still starting. Throws `device-unreachable`, `host-key-mismatch`,
 * `bad-key`, `missing-tool`. `resources` are disposed of when the connection is closed.
 */
export async function connectSsh(
  address: SshAddress,
  identity: SshIdentity,
  options: {
    context: Context
    limitMs?: number
    /** How long one try may take to agree on keys; a part of the limit unless given, 5 to 30. */
    handshakeSeconds?: number
    resources?: AsyncDisposableStack
    /** What the device's console says, where this machine holds it. */
    console?: () => Promise<string>
  },
): Promise<Connection> {
  const { context, limitMs = connectLimitMs, resources = new AsyncDisposableStack(), console } = options
  const files = await writeSshFiles(address, identity, {
    context,
    // a device that may take long to answer is slow at that, too
    handshakeSeconds: options.handshakeSeconds ?? Math.min(30, Math.max(5, Math.round(limitMs / 12_000))),
  })
  try {
    const master = await openMaster(files, address, context, limitMs)
    if (identity.hostKeys.length === 0) await warnOfTrust(files, address.host, alias, context)
    if (address.jump && !identity.jumpHostKeys?.length)
      await warnOfTrust(files, address.jump.host, jumpAlias, context)
    resources.defer(() => files.close())
    return new SshConnection(address, { files, context, resources, console, limitMs }, master)
  } catch (error) {
    await files.close()
    throw error
  }
}

async function warnOfTrust(files: SshFiles, host: string, name: string, context: Context): Promise<void> {
  const key = (await knownHostKey(files, name)) ?? 'an unknown key'
  const line = name === alias ? key : `${host} ${key}`
  context.log.warn(
    `${host}: the ssh host key was not given, so the first one shown is trusted: whoever answers at this address could be another. Give the input host-key: ${line}`,
  )
}

interface Parts {
  files: SshFiles
  context: Context
  resources: AsyncDisposableStack
  console: (() => Promise<string>) | undefined
  /** How long the device may take to answer. */
  limitMs: number
}

class SshConnection implements Connection {
  readonly name: string
  readonly testinfra: Connection['testinfra']
  readonly lost: Promise<void>
  readonly #address: SshAddress
  readonly #files: SshFiles
  readonly #context: Context
  readonly #resources: AsyncDisposableStack
  readonly #console: Parts['console']
  readonly #limitMs: number
  readonly #resolveLost: () => void
  #master: Started
  #isClosed = false
  #isLost = false
  #isExpectedToBreak = false

  constructor(address: SshAddress, parts: Parts, master: Started) {
    this.name = address.port === 22 ? address.host : `${address.host}:${address.port}`
    this.testinfra = { url: `ssh://${alias}`, sshConfig: parts.files.config }
    this.#address = address
    this.#files = parts.files
    this.#context = parts.context
    this.#resources = parts.resources
    this.#console = parts.console
    this.#limitMs = parts.limitMs
    const { promise, resolve } = Promise.withResolvers<void>()
    this.lost = promise
    this.#resolveLost = resolve
    this.#master = master
    this.#watch(master)
  }

  async run(program: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<RunResult> {
    // without this ssh would connect anew, perhaps to another start of the device
    if (this.#isLost) throw new Failure('device-unreachable', `the connection to ${this.name} broke`)
    return await this.#run(program, args, options)
  }

  async collect(options: CollectOptions = {}): Promise<Collected> {
    let unreachable: Failure | undefined
    if (this.#isLost && !this.#isClosed) {
      try {
        await this.#openAnew(Math.min(this.#limitMs, collectLimitMs))
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        unreachable = error
      }
    }
    const run: Parameters<typeof collectFrom>[0] = async (program, args, given) => {
      if (unreachable) throw unreachable
      return await this.#run(program, args, given)
    }
    return await collectFrom(run, options, this.#console)
  }

  async #run(program: string, args: readonly string[], options: CommandOptions): Promise<RunResult> {
    const { timeoutMs = 60_000 } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([
      this.#context.signal,
      deadline,
      ...(options.signal ? [options.signal] : []),
    ])
    const words = ['-F', this.#files.config, alias, shellQuote([program, ...args])]
    try {
      // the master holds the program's outputs open until the program ends over there: an abort must not wait for that
      const input = options.input === undefined ? {} : { input: options.input }
      const ssh = start('ssh', words, { signal, graceMs: 1000, ...input })
      const result = await Promise.race([ssh.done, abortOf(signal)])
      // 255 is ssh's own word for a broken connection, but a program may end with it too
      if (result.code !== 255 || (await isMasterAlive(this.#files))) return result
      throw explain(result.stderr.trim() || 'the connection broke', this.#address)
    } catch (error) {
      if (error !== deadline.reason) throw error
      const message = `${program} on ${this.name} did not end within ${timeoutMs / 1000} s`
      throw new Failure('device-unreachable', message, { cause: error })
    }
  }

  async bootId(): Promise<string> {
    const { code, stdout, stderr } = await this.run('cat', ['/proc/sys/kernel/random/boot_id'])
    if (code === 0) return stdout.trim()
    throw new Failure('device-unreachable', `${this.name} doesn't tell its boot id: ${stderr.trim()}`)
  }

  async release(): Promise<string | undefined> {
    const { code, stdout } = await this.run('cat', ['/etc/os-release'])
    return code === 0 ? imageVersionOf(stdout) : undefined
  }

  async reboot({ limitMs = rebootLimitMs }: { limitMs?: number } = {}): Promise<void> {
    const before = await this.bootId()
    const deadline = performance.now() + limitMs
    this.#isExpectedToBreak = true
    try {
      await this.#order()
      this.#context.log.info(`${this.name}: rebooting`)
      while (performance.now() < deadline) {
        const id = await this.#bootIdAnew(deadline - performance.now())
        if (id !== undefined && id !== before) return
        await this.#context.clock.sleep(200, this.#context.signal)
      }
    } catch (error) {
      this.#tellLost()
      throw error
    } finally {
      this.#isExpectedToBreak = false
    }
    this.#tellLost()
    throw new Failure(
      'device-unreachable',
      `${this.name} was not up again ${limitMs / 1000} s after its reboot began`,
    )
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#master.stop()
    await this.#resources.disposeAsync()
    this.#tellLost()
  }

  async #order(): Promise<void> {
    const words = this.#address.user === 'root' ? ['reboot'] : ['sudo', '-n', 'reboot']
    const [program = '', ...args] = words
    try {
      const { code, stderr } = await this.run(program, args, { timeoutMs: 15_000 })
      // a signal's number above 128 is the reboot itself
      if (code === 0 || code >= 128) return
      throw new Failure(
        'missing-rights',
        `${this.name} refuses to reboot: ${lastWords(stderr, 'reboot', code)}`,
      )
    } catch (error) {
      // the connection may break before the command has ended
      if (!(error instanceof Failure && error.reason === 'device-unreachable')) throw error
    }
  }

  async #bootIdAnew(limitMs: number): Promise<string | undefined> {
    try {
      await this.#openAnew(limitMs)
      return await this.bootId()
    } catch (error) {
      if (error instanceof Failure && error.reason === 'device-unreachable') return undefined
      throw error
    }
  }

  async #openAnew(limitMs: number): Promise<void> {
    // first of all the old one: as it ends it removes the socket, which by then would be the new one's
    await this.#master.stop()
    this.#master = await openMaster(this.#files, this.#address, this.#context, limitMs)
    this.#watch(this.#master)
  }

  #tellLost(): void {
    this.#isLost = true
    this.#resolveLost()
  }

  #watch(master: Started): void {
    const onEnd = () => {
      if (this.#master === master && !this.#isExpectedToBreak) this.#tellLost()
    }
    master.done.then(onEnd, onEnd)
  }
}

/** Rejects with the signal's reason when it aborts. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(asError(signal.reason)), { once: true })
  })
}

const asError = (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason)))
