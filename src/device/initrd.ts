import { readFile, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { cpio, cpioFile, cpioFolder } from './cpio.ts'
import type { KernelModule } from './kernel-modules.ts'
import { accessConfig, accessScript, accessUnit, firstScript, initScript } from './machine-init.ts'

/** What one start is told. */
export type BootParameters = Readonly<Record<'disks' | 'slot' | 'data' | 'name', string | number>>

export interface Access {
  /** Public key that may log in as root. */
  authorizedKey: string
  /** The machine's ssh host key, private, as OpenSSH writes it. */
  hostKey: string
}

/** The first part of an initial RAM disk: the same for every start with these drivers. Same parts, same bytes. */
export async function makeInitrd(busybox: string, modules: readonly KernelModule[]): Promise<Buffer> {
  const folders = ['bin', 'dev', 'proc', 'sys', 'drover', 'drover/modules', 'drover/run']
  const archive = cpio([
    ...folders.map(cpioFolder),
    cpioFile('bin/busybox', await readFile(busybox), 0o755),
    cpioFile('init', initScript, 0o755),
    ...modules.map(({ name, content }, index) =>
      cpioFile(`drover/modules/${String(index).padStart(2, '0')}-${name}.ko`, content),
    ),
    cpioFile('drover/run/first', firstScript),
    cpioFile('drover/run/access', accessScript),
    cpioFile('drover/run/sshd_config', accessConfig),
    cpioFile('drover/run/drover-access.service', accessUnit),
  ])
  return gzipSync(archive, { level: 1 })
}

/** Writes an initial RAM disk for one start to `path`: only we may read it, for it holds the host key. */
export async function writeInitrd(
  path: string,
  base: Buffer,
  parameters: BootParameters | { probe: 1 },
  access?: Access,
): Promise<void> {
  const lines = Object.entries(parameters).map(([name, value]) => `${name}='${value}'\n`)
  const entries = [cpioFile('drover/boot', lines.join(''))]
  if (access) {
    entries.push(cpioFile('drover/run/authorized_keys', `${access.authorizedKey.trim()}\n`, 0o600))
    entries.push(cpioFile('drover/run/host_key', access.hostKey, 0o600))
  }
  // each archive begins at a multiple of four bytes
  const gap = Buffer.alloc((4 - (base.length % 4)) % 4)
  await writeFile(path, Buffer.concat([base, gap, cpio(entries)]), { mode: 0o600 })
}
