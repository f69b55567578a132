// Options of an artifact by chance, and those that make an artifact again from what was read of it.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactInfo, Depends, MenderOptions, Signing } from '../../../src/artifact/artifact.ts'
import type { Random } from './random.ts'
import { type Tar, nameOf, parseTar, unpackTar } from './tar-model.ts'

type Options = Omit<MenderOptions, 'output'>

const words = [
  'a',
  'board',
  'data-layout',
  'rootfs-image.x',
  'é',
  '日本',
  'x y',
  "it's",
  '"quoted"',
  '\\',
  '1',
  '😀',
  '*',
  'constructor',
] as const
const fileNames = ['rootfs.ext4', 'a', 'x.tar.gz', 'UPPER_case-1', '.hidden', 'n'.repeat(120)] as const
const scriptNames = [
  'ArtifactInstall_Enter_00',
  'ArtifactInstall_Leave_99_x',
  'ArtifactCommit_Error_05_a.b',
  'ArtifactFailure_Leave_10_é',
] as const

/** Writes what they name into `folder`. */
export async function randomOptions(random: Random, folder: string, key: string): Promise<Options> {
  await mkdir(join(folder, 'in'), { recursive: true })
  const write = async (name: string, content: Buffer) => {
    await writeFile(join(folder, 'in', name), content)
    return { name, path: join(folder, 'in', name) }
  }
  const isImage = random.chance(50)
  const chosen = isImage ? [random.pick(fileNames)] : fileNames.filter(() => random.chance(40))
  const files = await Promise.all(chosen.map(async (name) => (await write(name, someContent(random))).path))
  const scripts = scriptNames.filter(() => random.chance(25))
  return {
    source: files[0] ?? (await write('unused', Buffer.from('x'))).path,
    payload: isImage
      ? { kind: 'rootfs-image' }
      : {
          kind: 'module-image',
          type: random.pick(['script', 'my-module', 'é']),
          hasSource: files.length > 0,
          files: files.slice(1),
          metaData: someSettings(random, 0),
        },
    name: random.pick(['release-1', 'é', 'a"b', { prefix: 'rel' }]),
    deviceTypes: random.chance(50) ? ['board'] : ['board', 'board-2', 'x.y_z+1', 'board'],
    compression: random.pick(['none', 'gzip', 'zstd']),
    stateScripts: await Promise.all(scripts.map((name) => write(name, Buffer.from(`#!${name}\n`)))),
    provides: someRecord(random, () => random.pick(words)),
    depends: someRecord(random, () => (random.chance(50) ? random.pick(words) : [random.pick(words), 'b'])),
    clearsProvides: random.chance(30) ? ['a.*', random.pick(words)] : undefined,
    artifactGroup: random.chance(30) ? random.pick(words) : undefined,
    software: random.chance(30)
      ? { filesystem: 'data', name: random.chance(50) ? 'app' : undefined, version: '2' }
      : undefined,
    without: random.chance(30)
      ? { softwareVersion: random.chance(50), checksum: random.chance(50) }
      : undefined,
    signing: random.chance(30) ? { key } : undefined,
  }
}

function someContent(random: Random): Buffer {
  const length = random.pick([1, 511, 512, 513, 5000, 70_000])
  return random.chance(50) ? Buffer.alloc(length, 'x') : random.bytes(length)
}

function someRecord<T>(random: Random, value: () => T): Record<string, T> | undefined {
  if (random.chance(40)) return undefined
  const keys = words.filter(() => random.chance(20))
  return Object.fromEntries(keys.map((key) => [key, value()]))
}

function someSettings(random: Random, depth: number): Record<string, unknown> {
  const value = (): unknown =>
    random.pick<() => unknown>([
      () => random.pick(words),
      () => random.next() / 7,
      () => -random.next(),
      () => null,
      () => true,
      () => [1, random.pick(words)],
      () => (depth < 3 ? someSettings(random, depth + 1) : {}),
    ])()
  return Object.fromEntries(words.filter(() => random.chance(25)).map((key) => [key, value()]))
}

/** What makes the artifact `bytes`, of which `info` was read, once more; its files are taken out of it. */
export async function againFrom(
  info: ArtifactInfo,
  bytes: Buffer,
  folder: string,
  signing: Signing | undefined,
): Promise<Options> {
  const [payload] = info.payloads
  if (payload === undefined || info.payloads.length !== 1) throw new Error('it has not one payload')
  const { artifact_name, artifact_group } = info.depends
  const ownDepends: Depends = {
    ...payload.depends,
    ...(artifact_name === undefined ? {} : { artifact_name }),
    ...(artifact_group === undefined ? {} : { artifact_group }),
  }
  const { 'rootfs-image.state-scripts': _, ...provides } = payload.provides
  const files = await takenOut(bytes, /^data\//, join(folder, 'files'), '')
  const scripts = await takenOut(bytes, /^header\./, join(folder, 'scripts'), 'scripts/')
  const isImage = payload.type === 'rootfs-image'
  return {
    source: files[0]?.path ?? join(folder, 'in', 'unused'),
    payload: isImage
      ? { kind: 'rootfs-image' }
      : {
          kind: 'module-image',
          type: payload.type,
          hasSource: files.length > 0,
          files: files.slice(1).map(({ path }) => path),
          metaData: payload.metaData,
        },
    name: info.name,
    deviceTypes: info.deviceTypes,
    compression: compressionOf(info),
    stateScripts: scripts,
    provides,
    depends: ownDepends,
    clearsProvides: payload.clearsProvides,
    artifactGroup: info.group,
    without: { softwareVersion: true, clearsProvides: true, checksum: true },
    signing,
  }
}

function compressionOf({ compression }: ArtifactInfo): Options['compression'] {
  if (compression === 'none' || compression === 'gzip' || compression === 'zstd') return compression
  throw new Error(`compressed with ${compression}`)
}

async function takenOut(bytes: Buffer, archive: RegExp, folder: string, prefix: string) {
  const outer = parseTar(bytes).nodes.find((node) => archive.test(nameOf(node)))
  if (outer === undefined) return []
  await mkdir(folder, { recursive: true })
  const taken: { name: string; path: string }[] = []
  for (const { name, content } of members(unpackTar(nameOf(outer), outer.content))) {
    if (!name.startsWith(prefix)) continue
    const own = name.slice(prefix.length)
    await writeFile(join(folder, own), content)
    taken.push({ name: own, path: join(folder, own) })
  }
  return taken
}

/** With the names that are too long for a header, which stand before it. */
function members({ nodes }: Tar): { name: string; content: Buffer }[] {
  return nodes.flatMap((node, i) => {
    const before = nodes[i - 1]
    if (node.header[156] === 0x4c) return []
    const isLong = before?.header[156] === 0x4c
    return [
      {
        name: isLong ? before.content.toString('utf8').replace(/\0$/, '') : nameOf(node),
        content: node.content,
      },
    ]
  })
}
