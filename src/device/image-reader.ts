// Looks into an ext4 file system without mounting it and without being root.
import { open, readFile, rm } from 'node:fs/promises'
import { Failure, start } from '../platform/platform.ts'

/** Where a file system is: a file, and in a disk image from which byte on. */
export interface FileSystemPlace {
  path: string
  offset: number
}

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

/** The names in a folder of the file system; none where there is no such folder. Throws `invalid-file` for what is no ext4. */
export async function listFolder(place: FileSystemPlace, folder: string): Promise<string[]> {
  const listed = await debugfs(place, `ls -p ${quoted(folder)}`)
  // /inode/mode/user/group/name/size/
  return listed
    .split('\n')
    .map((line) => line.split('/')[5] ?? '')
    .filter((name) => name !== '' && name !== '.' && name !== '..')
}

/** Whether there is anything at the path. Links in its folders are followed, the last name is not. */
export async function isInImage(place: FileSystemPlace, path: string): Promise<boolean> {
  return /^Inode: /m.test(await debugfs(place, `stat ${quoted(path)}`))
}

/** Copies a file to `to`, a new file. False where it isn't there or is no regular file. */
export async function copyOut(place: FileSystemPlace, path: string, to: string): Promise<boolean> {
  const type = /^Inode: .*Type: (\w+)/m.exec(await debugfs(place, `stat ${quoted(path)}`))?.[1]
  if (type !== 'regular') return false
  await debugfs(place, `dump ${quoted(path)} ${quoted(to)}`)
  return true
}

// programs that are files, not links, in whatever system: the first that is there tells
const witnesses = [
  '/usr/sbin/sshd',
  '/usr/lib/systemd/systemd',
  '/lib/systemd/systemd',
  '/usr/bin/dpkg',
  '/usr/bin/env',
  '/bin/busybox',
  '/sbin/init',
]

// ELF header: the class at 4 (2 is 64 bits), the machine at 18
const machines: Readonly<Record<number, Architecture>> = { 62: 'amd64', 183: 'arm64' }

/** What machine the image's programs are for. Throws `bad-input` where they are for another one or there are none. */
export async function architectureOf(place: FileSystemPlace, scratch: string): Promise<Architecture> {
  for (const path of witnesses) {
    if (!(await copyOut(place, path, scratch))) continue
    const header = await readStart(scratch, 20)
    await rm(scratch)
    if (header.subarray(0, 4).toString('latin1') !== '\x7fELF') continue
    const machine = machines[header.readUInt16LE(18)]
    if (machine !== undefined && header[4] === 2) return machine
    throw new Failure(
      'bad-input',
      `the programs in ${place.path} are for another machine than amd64 and arm64 (${path} tells): a virtual machine can be one of these two`,
    )
  }
  throw new Failure(
    'bad-input',
    `${place.path} has none of the programs ${witnesses.join(', ')}: is it a root file system?`,
  )
}

async function readStart(path: string, length: number): Promise<Buffer> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
  return bytesRead === length ? buffer : Buffer.alloc(length)
}

// debugfs ends with 0 whatever happens; what is not there it tells on standard error
async function debugfs({ path, offset }: FileSystemPlace, request: string): Promise<string> {
  const where = offset === 0 ? path : `${path}?offset=${offset}`
  const { stdout, stderr } = await start('debugfs', ['-R', request, where]).done
  if (!/Filesystem not open|Bad magic number|while (?:opening|trying to open)/.test(stderr)) return stdout
  throw new Failure('invalid-file', `${path} holds no ext4 file system: ${stderr.trim().split('\n').at(-1)}`)
}

function quoted(path: string): string {
  if (/["\n]/.test(path))
    throw new Failure('bad-input', `a path with a quotation mark or a line end: ${JSON.stringify(path)}`)
  return `"${path}"`
}

/** The text of a file of the file system, by way of `scratch`; undefined where it isn't there. */
export async function readOut(
  place: FileSystemPlace,
  path: string,
  scratch: string,
): Promise<string | undefined> {
  if (!(await copyOut(place, path, scratch))) return undefined
  const text = await readFile(scratch, 'utf8')
  await rm(scratch)
  return text
}
