// What a virtual device keeps between starts: two slots, and on /data all that outlives an update.
import { generateKeyPair } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Context,
  Failure,
  messageOf,
  runOk,
  storageFailure,
  writeAtomically,
} from '../platform/platform.ts'
import { firstVariables, readBootVariables, writeBootVariables } from './boot-loader.ts'
import { type InnerFolder, holdInner } from './inner-folder.ts'
import { copySparsely } from './sparse-copy.ts'

export interface FolderOptions {
  folder: string
  /** An ext4 root file system. Read only where the folder has no slots yet. */
  image: string
  /** Whether the device's slots are made; unless said otherwise they are. One that has a disk image has its slots on that. */
  hasSlots?: boolean
  /** Size of each slot, in bytes; the image's own unless given. */
  slotBytes?: number
  deviceType: string
  serial: string
  authorizedKey?: string
  /** Public key (PEM) that must have signed whatever the update client installs; any artifact will do where not given. */
  verifyKey?: string
}

export interface DeviceFolder {
  slots: readonly [string, string]
  /** What the device sees as /data. The device may have put anything there: it is read and written by `holdInner` alone. */
  data: string
  /** The public half of the device's ssh host key, `type base64`. */
  hostKey: string
  /** Tells the update client where its server is. */
  setServer(url: string | undefined): Promise<void>
}

/**
 * Makes what is missing in the folder and leaves what is there: a device keeps its slots, keys and state. The type, the
 * serial number and the authorised key are written each time. May be repeated, also after it was interrupted. Throws
 * `bad-input`, `file-missing`, `disk-full`.
 */
export async function prepareFolder(options: FolderOptions, context: Context): Promise<DeviceFolder> {
  check('serial', options.serial)
  check('deviceType', options.deviceType)
  const { folder } = options
  const data = join(folder, 'data')
  const slots = [join(folder, 'slotA.img'), join(folder, 'slotB.img')] as const
  try {
    await mkdir(join(folder, 'root'), { recursive: true })
    await mkdir(data, { recursive: true })
    if (options.hasSlots === false) context.log.debug(`${folder}: the slots are on a disk`)
    else if (existsSync(slots[0])) context.log.debug(`${folder}: goes on with the slots that are there`)
    else await makeSlots(slots, options, context)
    if (!(await readBootVariables(data))) await writeBootVariables(data, firstVariables)
    await writeAtomically(join(data, 'serial'), `${options.serial}\n`)
    await (await holdInner(data, 'log'))[Symbol.asyncDispose]()
    const hostKey = await writeSshFolder(data, options)
    await writeClientFolder(data, options)
    const setServer = async (url: string | undefined) => {
      // paths as the device sees them
      const verify =
        options.verifyKey === undefined ? {} : { ArtifactVerifyKey: `/data/mender/${verifyKeyName}` }
      const conf = { ServerURL: url, ...verify }
      await using mender = await holdInner(data, 'mender', 0o700)
      await writeAtomically(join(mender.path, 'mender.conf'), `${JSON.stringify(conf)}\n`, 0o600)
    }
    return { slots, data, hostKey, setServer }
  } catch (error) {
    throw storageFailure(error, folder)
  }
}

const verifyKeyName = 'artifact-verify-key.pem'

async function writeClientFolder(data: string, { deviceType, verifyKey }: FolderOptions): Promise<void> {
  await using mender = await holdInner(data, 'mender', 0o700)
  if (!(await mender.has('mender-agent.pem'))) await makeClientKey(join(mender.path, 'mender-agent.pem'))
  await writeAtomically(join(mender.path, 'device_type'), `device_type=${deviceType}\n`)
  if (verifyKey !== undefined) await writeAtomically(join(mender.path, verifyKeyName), verifyKey)
}

async function writeSshFolder(data: string, { authorizedKey }: FolderOptions): Promise<string> {
  await using ssh = await holdInner(data, 'ssh', 0o700)
  if (authorizedKey !== undefined)
    await writeAtomically(join(ssh.path, 'authorized_keys'), `${authorizedKey.trim()}\n`, 0o600)
  return await hostKeyIn(ssh)
}

// The first slot comes last and by a rename: where it is, all of this was done
async function makeSlots(
  slots: readonly [string, string],
  { image, slotBytes }: FolderOptions,
  context: Context,
): Promise<void> {
  const { size } = await stat(image).catch((error: unknown) => {
    throw new Failure('file-missing', `can't read the image ${image}: ${messageOf(error)}`, { cause: error })
  })
  if (slotBytes !== undefined && slotBytes < size)
    throw new Failure('bad-input', `the image ${image} has ${size} bytes, and a slot only ${slotBytes}`)
  const [a, b] = slots
  await writeFile(b, '')
  await truncate(b, slotBytes ?? size)
  const temporary = `${a}.tmp`
  try {
    await copySparsely(image, temporary, context.signal)
    await truncate(temporary, slotBytes ?? size)
    await rename(temporary, a)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

// The client would make one at its first start, which takes it seconds; and it wants PKCS#1
async function makeClientKey(path: string): Promise<void> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 3072 })
  await writeAtomically(path, privateKey.export({ type: 'pkcs1', format: 'pem' }), 0o600)
}

/** The public half of the device's ssh host key, which is made where it is missing. */
async function hostKeyIn(ssh: InnerFolder): Promise<string> {
  const name = 'ssh_host_ed25519_key'
  if (!(await ssh.has(`${name}.pub`))) {
    const path = join(ssh.path, name)
    await rm(path, { force: true })
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path], {
      what: 'making a host key',
    })
  }
  const [type = '', key = ''] = ((await ssh.read(`${name}.pub`)) ?? '').split(/\s+/)
  return `${type} ${key}`
}

// both end up in files of lines and in a host name
function check(name: string, value: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value)) return
  throw new Failure(
    'bad-input',
    `the device's ${name} is "${value}": it can have letters, digits, dots, dashes and underscores, 63 at most`,
  )
}
