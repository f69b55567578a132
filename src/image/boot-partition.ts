// A FAT file system for the boot partition, filled in a fixed order without mounting it.
import { copyFile, mkdir, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Context, type Digest, Failure, digestOf, hexOf, start } from '../platform/platform.ts'
import type { FileEntries } from './tree.ts'

export interface BootOptions {
  /** A new file. */
  path: string
  sizeBytes: number
  files: FileEntries
  /** Where these files are in the image, for messages. */
  from: string
  content: Digest
  /** Seconds since 1970. */
  time: number
  scratch: string
}

/**
 * Writes the boot partition. FAT has no owners, modes or links: a link to a file becomes that file's copy elsewhere, so
 * one is refused here. Throws `build-failed` for a link, for no file at all and for files that don't fit.
 */
export async function makeBoot(options: BootOptions, context: Context): Promise<void> {
  const { path, sizeBytes, files, from, content, time, scratch } = options
  const entries = files.entries().filter(([name]) => name !== '')
  const link = entries.find(([, node]) => node.kind === 'link')
  if (link)
    throw wrong(`${from}/${link[0]} is a link, and the boot partition's FAT has none: name the file itself`)
  if (!entries.some(([, node]) => node.kind === 'file'))
    throw wrong(
      `${from} has no file for the boot partition: add the packages or files that bring them, or another \`from\``,
    )
  await writeFile(path, '', { flag: 'wx' })
  await truncate(path, sizeBytes)
  const volume = hexOf(digestOf(`${content} boot`)).slice(0, 8)
  await run('mkfs.vfat', ['--invariant', '-n', 'BOOT', '-i', volume, path], context, time)
  const staging = join(scratch, 'boot')
  const byFolder = new Map<string, string[]>()
  for (const [name, node] of entries) {
    if (node.kind === 'folder') byFolder.set(name, [])
    if (node.kind !== 'file') continue
    const staged = join(staging, name)
    await mkdir(dirname(staged), { recursive: true })
    await copyFile(node.content, staged)
    await utimes(staged, node.mtime, node.mtime)
    const folder = name.includes('/') ? dirname(name) : ''
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), staged])
  }
  for (const [folder, staged] of byFolder) {
    if (folder !== '') await run('mmd', ['-i', path, `::/${folder}`], context, time)
    if (staged.length > 0) await run('mcopy', ['-m', '-i', path, ...staged, `::/${folder}`], context, time)
  }
}

async function run(program: string, args: string[], { signal }: Context, time: number): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: String(time), TZ: 'UTC', MTOOLSRC: '/dev/null' }
  const { code, stdout, stderr } = await start(program, args, { signal, env }).done
  if (code === 0) return
  const said = `${stderr} ${stdout}`.trim().slice(-500)
  const hint = /disk full|no space/i.test(said) ? ': raise the `size` of `boot`' : ''
  throw wrong(`${program} could not make the boot partition${hint} (${said})`)
}

function wrong(message: string): Failure {
  return new Failure('build-failed', message)
}
