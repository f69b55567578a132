// Base systems by any program: it is told where to leave a root file system, as a tar file or a folder.
import { open, rename, stat } from 'node:fs/promises'
import { createReadStream, createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Context, Failure, hasCode, lastWords, piped, start } from '../platform/platform.ts'
import type { BaseRequest, BuildPlace, Builder } from './builder.ts'
import { isolated } from './isolation.ts'
import type { Recipe } from './recipe.ts'
import { makeOpenFolder } from './scratch.ts'

/** How compressed files begin, and what unpacks them. */
const unpackers: readonly { begins: Buffer; program: string }[] = [
  { begins: Buffer.from([0x1f, 0x8b]), program: 'gzip' },
  { begins: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), program: 'xz' },
  { begins: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), program: 'zstd' },
]

/**
 * The program of a recipe. It runs in the recipe's folder, with IMAGE_OUTPUT (an empty folder), IMAGE_ARCH, IMAGE_SUITE,
 * IMAGE_VARIANT, TMPDIR and SOURCE_DATE_EPOCH in its environment, and with none of our secrets.
 */
export function commandBuilder({ builder, path, variant }: Recipe): Builder | undefined {
  if (!builder) return undefined
  const { command, rootfs } = builder
  return {
    name: 'command',
    scratchBytes: 2 << 30,
    build: async (request, place, context) => {
      const output = join(place.scratch, 'output')
      await makeOpenFolder(output)
      await runCommand(command, { folder: dirname(path), output, variant, request, place }, context)
      await takeRootfs(join(output, rootfs), place, context)
    },
  }
}

interface Run {
  folder: string
  output: string
  variant: string | undefined
  request: BaseRequest
  place: BuildPlace
}

async function runCommand(
  command: readonly string[],
  { folder, output, variant, request, place }: Run,
  { log, signal }: Context,
): Promise<void> {
  const temporary = join(place.scratch, 'tmp')
  await makeOpenFolder(temporary)
  const [program = '', ...args] = [...isolated(), ...command]
  const { code, stdout, stderr } = await start(program, args, {
    cwd: folder,
    env: {
      IMAGE_OUTPUT: output,
      IMAGE_ARCH: request.arch,
      IMAGE_SUITE: request.suite,
      IMAGE_VARIANT: variant ?? '',
      SOURCE_DATE_EPOCH: String(place.time),
      TMPDIR: temporary,
    },
    signal,
    onLine: (line) => log.info(line),
  }).done
  if (code === 0) return
  const said = lastWords(stderr.trim() === '' ? stdout : stderr, command[0] ?? '', code)
  throw new Failure(
    'build-failed',
    `the builder \`${command.join(' ')}\` failed with ${code}. It said: ${said}`,
  )
}

async function takeRootfs(path: string, { into }: BuildPlace, context: Context): Promise<void> {
  const what = await stat(path).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error
    throw new Failure(
      'build-failed',
      `the builder ended well and left no ${path.split('/').at(-1)} in $IMAGE_OUTPUT: correct \`rootfs\``,
    )
  })
  if (what.isDirectory()) return pack(path, into, context)
  const unpacker = await unpackerOf(path)
  if (!unpacker) return rename(path, into)
  const unpacked = piped(unpacker, ['-dc'], createReadStream(path), {
    what: `unpacking ${path}`,
    reason: 'build-failed',
    signal: context.signal,
  })
  await pipeline(unpacked, createWriteStream(into))
}

async function pack(folder: string, into: string, { signal }: Context): Promise<void> {
  const args = ['--create', '--file', into, '--sort=name', '--numeric-owner', '--format=posix']
  const what = ['--xattrs', '--xattrs-include=*', '--one-file-system', '--directory', folder, '.']
  const { code, stderr } = await start('tar', [...args, ...what], { signal }).done
  if (code !== 0) throw new Failure('build-failed', `tar can't read ${folder}: ${stderr.trim().slice(-300)}`)
}

async function unpackerOf(path: string): Promise<string | undefined> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(8), position: 0 })
  const head = buffer.subarray(0, bytesRead)
  return unpackers.find(({ begins }) => head.subarray(0, begins.length).equals(begins))?.program
}
