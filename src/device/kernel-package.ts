// A kernel for images that bring none, and a busybox for the first moments: from Debian packages, in the user's cache
// folder. Hides that apt has to be asked without touching this machine's own packages, and for any architecture.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  cacheFolder,
  type Context,
  Failure,
  type RunResult,
  lastWords,
  markedName,
  requirePrograms,
  start,
  sweep,
  writeAtomically,
} from '../platform/platform.ts'
import type { Architecture } from './image-reader.ts'
import { type KernelModule, isModule, modulesToLoad } from './kernel-modules.ts'

/** What a virtual machine starts with before its own system takes over. */
export interface Kernel {
  /** Path of the kernel. */
  image: string
  /** Drivers in the order in which they have to be loaded. */
  modules: readonly KernelModule[]
  /** What to call it: its version. */
  name: string
}

/** What the packages gave. */
export interface FetchedKernel extends Kernel {
  /** Path of a statically linked busybox. */
  busybox: string
}

/**
 * The kernel and the busybox of `architecture`, fetched with apt at the first call and from the cache folder from then on;
 * removing ~/.cache/drover/machines fetches anew. Throws `missing-tool` where they can't be had.
 */
export async function fetchedKernel(architecture: Architecture, context: Context): Promise<FetchedKernel> {
  const cache = cacheFolder('machines')
  const folder = join(cache, architecture)
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true })
    await sweep(cache, context)
    const building = markedName(join(cache, architecture))
    try {
      await context.log.group(`Fetching a kernel for ${architecture} virtual machines`, () =>
        fetchInto(building, architecture, context),
      )
      // another process may have been as quick
      await rename(join(building, 'kit'), folder).catch((error: unknown) => {
        if (!existsSync(folder)) throw error
      })
    } finally {
      await rm(building, { recursive: true, force: true })
    }
  }
  return await readKit(folder)
}

async function fetchInto(folder: string, architecture: Architecture, context: Context): Promise<void> {
  requirePrograms(['apt-get', 'apt-cache', 'dpkg-deb'])
  const apt = await openApt(folder, architecture, context)
  // a source that is away is only a warning to apt, and may not be the one that counts
  const update = await apt.run('apt-get', ['update', '--quiet'])
  const names = await kernelPackages(apt, architecture)
  if (names.length === 0) {
    const looked = `none of ${metaPackages(architecture).join(', ')} is in this machine's sources`
    const said = update.stderr.trim() && `; apt said: ${lastWords(update.stderr, 'apt-get', update.code)}`
    throw unavailable(architecture, `${looked}${said}`)
  }
  const packages = join(folder, 'packages')
  await mkdir(packages)
  await apt.ok('apt-get', ['download', '--quiet', 'busybox-static', ...names], packages)
  const unpacked = join(folder, 'unpacked')
  for (const file of await readdir(packages)) {
    const { code, stderr } = await start('dpkg-deb', ['--extract', join(packages, file), unpacked], {
      signal: context.signal,
    }).done
    if (code !== 0) throw unavailable(architecture, lastWords(stderr, 'dpkg-deb', code))
  }
  await writeKit(join(folder, 'kit'), unpacked, architecture)
}

interface Apt {
  run(program: string, words: readonly string[], cwd?: string): Promise<RunResult>
  /** Returns what it said. Throws `missing-tool`. */
  ok(program: string, words: readonly string[], cwd?: string): Promise<string>
}

/** An apt with its own state and the machine's own sources, as if this were an empty machine of `architecture`. */
async function openApt(folder: string, architecture: Architecture, context: Context): Promise<Apt> {
  await mkdir(join(folder, 'apt/lists/partial'), { recursive: true })
  await mkdir(join(folder, 'apt/archives/partial'), { recursive: true })
  await writeFile(join(folder, 'apt/status'), '')
  const settings = {
    'Dir::State': join(folder, 'apt'),
    'Dir::State::status': join(folder, 'apt/status'),
    'Dir::Cache': join(folder, 'apt'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  }
  const config = join(folder, 'apt/apt.conf')
  await writeFile(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  )
  const run: Apt['run'] = (program, words, cwd = folder) =>
    start(program, words, { cwd, env: { APT_CONFIG: config }, signal: context.signal }).done
  const ok: Apt['ok'] = async (program, words, cwd) => {
    const { code, stdout, stderr } = await run(program, words, cwd)
    if (code === 0) return stdout
    throw unavailable(architecture, lastWords(stderr, program, code))
  }
  return { run, ok }
}

/** Debian's small kernel for virtual machines, else Ubuntu's, else Debian's usual one. */
const metaPackages = (architecture: Architecture) => [
  `linux-image-cloud-${architecture}`,
  'linux-image-virtual',
  `linux-image-${architecture}`,
]

/** The packages with the kernel and its modules: what the packages that only name a version lead to. None where there are none. */
async function kernelPackages(apt: Apt, architecture: Architecture): Promise<string[]> {
  for (const meta of metaPackages(architecture)) {
    const found = new Set<string>()
    const todo = [meta]
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const { code, stdout } = await apt.run('apt-cache', ['show', '--no-all-versions', name])
      const depends = code === 0 ? (/^Depends: (.*)$/m.exec(stdout)?.[1] ?? '') : ''
      const names = [...depends.matchAll(/\blinux-(?:image|modules)-\d[\w.+-]*/g)].map(([match]) => match)
      for (const other of names.filter((one) => !found.has(one))) {
        found.add(other)
        todo.push(other)
      }
    }
    if (found.size > 0) return [...found]
  }
  return []
}

function unavailable(architecture: Architecture, why: string): Failure {
  return new Failure(
    'missing-tool',
    `the packages for ${architecture} virtual machines (busybox-static and a kernel) can't be fetched with apt: ${why}`,
  )
}

/** Keeps of the packages what is needed: some megabytes of a hundred. */
async function writeKit(kit: string, unpacked: string, architecture: Architecture): Promise<void> {
  const files = (await readdir(unpacked, { recursive: true })).map((name) => join(unpacked, name))
  const image = files.find((file) => /\/vmlinuz-[^/]+$/.test(file))
  const busybox = files.find((file) => file.endsWith('/bin/busybox'))
  if (image === undefined || busybox === undefined)
    throw unavailable(architecture, 'the packages hold no kernel or no busybox')
  const modules = await modulesToLoad({ paths: files.filter(isModule), fileOf: async (path) => path })
  await mkdir(join(kit, 'modules'), { recursive: true })
  for (const [index, { name, content }] of modules.entries())
    await writeFile(join(kit, 'modules', `${String(index).padStart(2, '0')}-${name}`), content)
  await copyFile(image, join(kit, 'vmlinuz'))
  await copyFile(busybox, join(kit, 'busybox'))
  const [, version = ''] = /\/vmlinuz-([^/]+)$/.exec(image) ?? []
  await writeAtomically(join(kit, 'version'), `${version}\n`)
}

async function readKit(folder: string): Promise<FetchedKernel> {
  const names = (await readdir(join(folder, 'modules'))).sort()
  const modules = names.map(async (name) => ({
    name: name.slice('00-'.length),
    content: await readFile(join(folder, 'modules', name)),
  }))
  return {
    image: join(folder, 'vmlinuz'),
    busybox: join(folder, 'busybox'),
    modules: await Promise.all(modules),
    name: (await readFile(join(folder, 'version'), 'utf8')).trim(),
  }
}
