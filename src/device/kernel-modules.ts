// The few drivers that a virtual machine's first moments need, in the order in which they have to be loaded.
import { readFile } from 'node:fs/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { start } from '../platform/platform.ts'

/** A kernel's modules, wherever they are. */
export interface ModuleSource {
  /** Paths of all of them. */
  paths: readonly string[]
  /** A file of this machine with the one at `path`. */
  fileOf(path: string): Promise<string>
}

export interface KernelModule {
  name: string
  /** As the kernel takes it: not compressed. */
  content: Buffer
}

// disk, network, a source of randomness (else ssh waits for some at the start), and the image's file system, which asks for
// a checksum by its purpose and not by a module's name: without one ext4 mounts nothing and says that there is no such file
const wanted = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng', 'crc32c_generic', 'ext4'] as const

/** The drivers and what they need, each after what it needs itself. One that isn't there is in the kernel already. */
export async function modulesToLoad(source: ModuleSource): Promise<KernelModule[]> {
  const byName = new Map(source.paths.map((path) => [nameOf(path), path]))
  const loaded = new Map<string, KernelModule>()
  const load = async (name: string): Promise<void> => {
    const path = byName.get(name)
    if (path === undefined || loaded.has(name)) return
    const content = await uncompressed(await source.fileOf(path))
    for (const other of neededBy(content)) await load(other)
    loaded.set(name, { name, content })
  }
  for (const name of wanted) await load(name)
  return [...loaded.values()]
}

/** Whether a path is a module's. */
export const isModule = (path: string) => /\.ko(?:\.(?:xz|zst|gz))?$/.test(path)

// dashes and underscores are the same to the kernel
const nameOf = (path: string) => (path.split('/').at(-1) ?? '').replace(/\.ko.*$/, '').replaceAll('-', '_')

/** Its section .modinfo is a row of texts, each ended by a NUL. */
function neededBy(content: Buffer): string[] {
  const at = content.indexOf('\0depends=')
  if (at < 0) return []
  const text = content.toString('latin1', at + '\0depends='.length, content.indexOf(0, at + 1))
  return text.split(',').filter(Boolean).map(nameOf)
}

async function uncompressed(file: string): Promise<Buffer> {
  if (file.endsWith('.xz')) {
    const parts: Buffer[] = []
    const { code, stderr } = await start('xz', ['--decompress', '--stdout', file], {
      onData: (part) => parts.push(part),
    }).done
    if (code !== 0) throw new Error(`xz can't read ${file}: ${stderr}`)
    return Buffer.concat(parts)
  }
  const content = await readFile(file)
  if (file.endsWith('.zst')) return zstdDecompressSync(content)
  return file.endsWith('.gz') ? gunzipSync(content) : content
}
