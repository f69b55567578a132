import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { type BuiltImage, type Builder, buildImage } from '../../src/image/image.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { tinyBuilder, tinyMirror } from './tiny-base.ts'

const execute = promisify(execFile)

/** Runs a program and returns its standard output. */
export async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' } })
  return stdout
}

/** What debugfs says about an image. */
export async function ask(image: string, command: string): Promise<string> {
  return output('/usr/sbin/debugfs', '-R', command, image)
}

/** A folder with a recipe in a Git repository, a mirror of its own and an empty cache. */
export async function workshop(t: TestContext, recipe = '', files: Record<string, string> = {}) {
  const folder = await temporaryFolder(t)
  const mirror = await tinyMirror(t)
  const source = join(folder, 'source')
  const write = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(source, path)), { recursive: true })
    await writeFile(join(source, path), text, { mode })
  }
  const git = (...args: string[]) =>
    output('git', '-C', source, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args)
  const commit = async (date: string) => {
    process.env['GIT_COMMITTER_DATE'] = date
    await git('add', '.')
    await git('commit', '-q', '--allow-empty', '-m', 'change')
    delete process.env['GIT_COMMITTER_DATE']
  }
  const warnings: string[] = []
  const said: string[] = []
  const context = (parts: Partial<Context> = {}) =>
    plainContext({
      log: {
        info: (line) => said.push(line),
        warn: (line) => warnings.push(line),
        debug: () => {},
        group: (_title, work) => work(),
      },
      ...parts,
    })
  await write('image.yml', `name: tiny-os\nsuite: tiny\nmirror: ${mirror.url}\n${recipe}`)
  for (const [path, text] of Object.entries(files)) await write(path, text)
  await output('git', 'init', '-q', source)
  await commit('2026-03-04T05:06:07Z')
  return {
    folder,
    source,
    mirror,
    warnings,
    said,
    write,
    commit,
    context,
    cache: join(folder, 'cache'),
    build: (
      builder: Builder = tinyBuilder(),
      to = 'out',
      parts: Partial<Context> = {},
    ): Promise<BuiltImage> =>
      buildImage(
        {
          recipe: join(source, 'image.yml'),
          arch: 'amd64',
          output: join(folder, to),
          cache: join(folder, 'cache'),
        },
        context(parts),
        builder,
      ),
  }
}
