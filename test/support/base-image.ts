// The image that virtual devices in tests boot from: examples/os, built once for a state of its files.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { type Server, createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { buildImage } from '../../src/image/image.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from './needs.ts'

const recipe = join(import.meta.dirname, '../../examples/os')
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drover/test-images')

/** For `skip`: what this machine lacks to build the image and to boot it, or false. */
export const cannotBoot = needs('root', 'mmdebstrap', 'mke2fs', 'losetup', 'unshare', 'setpriv', 'ip', 'ssh')

/**
 * The path of an ext4 root file system of examples/os, in the user's cache folder. The first call for a state of the
 * recipe's files builds it, which can take minutes where the base system isn't cached either; calls in other processes
 * wait for that. `arch` is the machine's own unless given; another one takes many minutes. Not to be written to.
 */
export async function baseImage(arch?: string): Promise<string> {
  const key = `${await keyOf(recipe)}${arch === undefined ? '' : `-${arch}`}`
  const folder = join(cache, key)
  const image = join(folder, 'rootfs.ext4')
  while (!existsSync(image)) {
    const claim = await tryClaim(key)
    try {
      if (claim && !existsSync(image)) await build(folder, arch)
    } finally {
      claim?.close()
    }
    if (!claim) await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return image
}

async function build(folder: string, arch: string | undefined): Promise<void> {
  await mkdir(cache, { recursive: true })
  await forgetOld()
  const output = await mkdtemp(join(cache, 'building-'))
  await buildImage({ recipe: join(recipe, 'image.yml'), output, arch }, plainContext())
  await rename(output, folder)
}

// another checkout may still use an earlier state, but not for days
async function forgetOld(): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name)
    if (Date.now() - (await stat(path)).mtimeMs > 2 * 86_400_000) await rm(path, { recursive: true })
  }
}

async function keyOf(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort())
    if (!file.includes('/tests/')) hash.update(file).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

// a name that ends with the process that has it
function tryClaim(key: string): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(`\0drover-test-image-${key}`, () => resolve(server))
  })
}
