// One master connection of the OpenSSH client, which all commands share. Hides its files: the key and the configuration
// stand in a folder that only we may read.
import { existsSync } from 'node:fs'
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Context,
  Failure,
  type Started,
  lastWords,
  requirePrograms,
  run,
  seconds,
  temporaryFolder,
} from '../platform/platform.ts'
import type { SshAddress } from './ssh-address.ts'
import { startTied } from './tied.ts'

export interface SshFiles {
  folder: string
  config: string
  controlPath: string
  close(): Promise<void>
}

/** What the configuration calls the device, and the machine to go through. */
export const alias = 'device'
export const jumpAlias = 'jump'

export interface SshIdentity {
  /** Private key, text; ssh's own defaults (agent, files) where not given. */
  key: string | undefined
  /** The device's public keys; where there are none the first that it shows is trusted. */
  hostKeys: readonly string[]
  /** The same of the machine to go through. */
  jumpHostKeys?: readonly string[]
}

/** The longest path of a folder whose name is marked: a socket's has at most 107 bytes, and ssh adds 17 to its own. */
const maxParentBytes = 107 - '/ssh.drover-4294967295-4194304-99999999999-00000000/master'.length - 17

/** Writes what ssh needs into a folder of its own. Throws `bad-key` for a key that can't be used. */
export async function writeSshFiles(
  address: SshAddress,
  identity: SshIdentity,
  { context, handshakeSeconds }: { context: Context; handshakeSeconds: number },
): Promise<SshFiles> {
  requirePrograms(['ssh', 'ssh-keygen'])
  const folder = await temporaryFolder('ssh', context, await parentFolder())
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const paths = {
      config: join(folder, 'config'),
      key: join(folder, 'key'),
      knownHosts: join(folder, 'known_hosts'),
      controlPath: join(folder, 'master'),
    }
    if (identity.key !== undefined) {
      await writeFile(paths.key, identity.key.endsWith('\n') ? identity.key : `${identity.key}\n`, {
        mode: 0o600,
      })
      await checkKey(paths.key)
    }
    const { hostKeys, jumpHostKeys = [] } = identity
    const known = [
      ...hostKeys.map((key) => `${alias} ${key}`),
      ...jumpHostKeys.map((key) => `${jumpAlias} ${key}`),
    ]
    await writeFile(paths.knownHosts, known.map((line) => `${line}\n`).join(''))
    const config = configuration(address, identity, { ...paths, handshakeSeconds })
    await writeFile(paths.config, config, { mode: 0o600 })
    return { folder, config: paths.config, controlPath: paths.controlPath, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Where the key is gone soonest of itself: the runner empties its folder, and a user's own is in memory. */
async function parentFolder(): Promise<string> {
  for (const folder of [process.env['RUNNER_TEMP'], process.env['XDG_RUNTIME_DIR'], tmpdir()]) {
    if (!folder || Buffer.byteLength(folder) > maxParentBytes) continue
    const isOurs = await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    )
    if (isOurs) return folder
  }
  return '/tmp'
}

/** The host key of the device (or of the machine to go through) that was trusted at the first connection, or was given. */
export async function knownHostKey(files: SshFiles, name: string = alias): Promise<string | undefined> {
  const text = await readFile(join(files.folder, 'known_hosts'), 'utf8')
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  const [, type, key] = line?.split(' ') ?? []
  return type !== undefined && key !== undefined ? `${type} ${key}` : undefined
}

/**
 * Connects, trying again until `limitMs` is over where the device may still be starting. Throws `device-unreachable`,
 * and at once `host-key-mismatch` and `bad-key`, which waiting doesn't heal.
 */
export async function openMaster(
  files: SshFiles,
  address: SshAddress,
  context: Context,
  limitMs: number,
): Promise<Started> {
  const startedAt = performance.now()
  let toldAt = startedAt
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
    const master = await tryMaster(files, context)
    if ('pid' in master) return master
    const failure = explain(master.said, address)
    const waitedMs = performance.now() - startedAt
    if (failure.reason !== 'device-unreachable' || waitedMs + pauseMs > limitMs) throw failure
    if (performance.now() - toldAt > 10_000) {
      toldAt = performance.now()
      context.log.info(
        `waiting for ssh on ${address.host}:${address.port} (${seconds(waitedMs)}): ${lastLine(master.said)}`,
      )
    }
    await context.clock.sleep(pauseMs, context.signal)
  }
}

/** Whether the master at `files` still answers. */
export async function isMasterAlive(files: SshFiles): Promise<boolean> {
  if (!existsSync(files.controlPath)) return false
  const { code } = await run('ssh', ['-F', files.config, '-O', 'check', alias])
  return code === 0
}

async function tryMaster(files: SshFiles, context: Context): Promise<Started | { said: string }> {
  await rm(files.controlPath, { force: true }) // one that was cut off leaves its socket
  const master = startTied('ssh', ['-F', files.config, '-N', '-o', 'ControlMaster=yes', alias], {
    signal: context.signal,
    graceMs: 1000,
  })
  const ended = master.done.then((result) => ({ said: lastWords(result.stderr, 'ssh', result.code) }))
  // the socket appears when the device has let us in
  for (;;) {
    const pause = new AbortController()
    const result = await Promise.race([ended, context.clock.sleep(20, pause.signal)])
    pause.abort()
    if (result) return result
    if (existsSync(files.controlPath)) return master
  }
}

/** What ssh's words mean. */
export function explain(said: string, address: SshAddress): Failure {
  // the words name the machine to go through as the configuration does, and the device otherwise
  const { user, host, port } = address.jump && /\bfor jump\b/.test(said) ? address.jump : address
  const where = `${user}@${host}:${port}`
  if (
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/i.test(said)
  ) {
    return new Failure(
      'host-key-mismatch',
      `${where} shows another ssh host key than the one given: if the device was set up anew, correct host-key; if not, somebody may be in between`,
    )
  }
  if (/Permission denied|Too many authentication failures/i.test(said)) {
    return new Failure(
      'bad-key',
      `${where} refuses the ssh key: give one whose public half is in the device's authorized_keys (${lastLine(said)})`,
    )
  }
  return new Failure('device-unreachable', `${where} can't be reached over ssh: ${lastLine(said)}`)
}

const lastLine = (said: string) => said.split(' / ').at(-1) ?? said

async function checkKey(path: string): Promise<void> {
  const { code, stderr } = await run('ssh-keygen', ['-y', '-P', '', '-f', path])
  if (code === 0) return
  const why = stderr.includes('passphrase')
    ? 'it is protected by a passphrase, and nobody is here to type it'
    : 'it is no private key that OpenSSH can read'
  throw new Failure('bad-key', `ssh-key: ${why}`)
}

interface ConfigurationPaths {
  key: string
  knownHosts: string
  controlPath: string
  handshakeSeconds: number
}

function configuration(address: SshAddress, identity: SshIdentity, paths: ConfigurationPaths): string {
  const { jump } = address
  const device = [
    ...hostLines(alias, address, identity, paths),
    `ControlPath ${quoted(paths.controlPath)}`,
    ...(jump ? [`ProxyJump ${jumpAlias}`] : []),
  ]
  if (!jump) return textOf(device)
  const gateway = hostLines(jumpAlias, jump, { ...identity, hostKeys: identity.jumpHostKeys ?? [] }, paths)
  return textOf(device) + textOf(gateway)
}

const textOf = (lines: readonly string[]) => `${lines.join('\n  ')}\n`

function hostLines(
  name: string,
  address: SshAddress,
  identity: SshIdentity,
  { key, knownHosts, handshakeSeconds }: ConfigurationPaths,
): string[] {
  return [
    `Host ${name}`,
    `HostName ${address.host}`,
    `Port ${address.port}`,
    `User ${address.user}`,
    ...(identity.key === undefined
      ? []
      : [`IdentityFile ${quoted(key)}`, 'IdentitiesOnly yes', 'IdentityAgent none']),
    'BatchMode yes',
    'RequestTTY no',
    'ForwardAgent no',
    'LogLevel ERROR',
    `StrictHostKeyChecking ${identity.hostKeys.length > 0 ? 'yes' : 'accept-new'}`,
    `HostKeyAlias ${name}`,
    'CheckHostIP no',
    'UpdateHostKeys no',
    'HashKnownHosts no',
    `UserKnownHostsFile ${quoted(knownHosts)}`,
    'GlobalKnownHostsFile /dev/null',
    'ControlMaster no',
    `ConnectTimeout ${handshakeSeconds}`,
    'ServerAliveInterval 5',
    'ServerAliveCountMax 3',
  ]
}

// TMPDIR may have spaces; ssh takes words apart at these, and replaces what follows a %
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%').replaceAll('"', '\\"')}"`
}
