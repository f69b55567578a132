import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import * as v from 'valibot'
import {
  Failure,
  type ParsedYaml,
  type Problem,
  failOn,
  hasCode,
  isInRepository,
  readYaml,
} from '../platform/platform.ts'

const packageName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?$/,
    'this is no package: write its name, or name=version to have just that version',
  ),
)
const targetPath = v.pipe(
  v.string(),
  v.regex(
    // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
    /^\/(?!.*\/\.{1,2}(\/|$))[^\u0000-\u001f]*$/,
    'write an absolute path in the image, without . and .. in it',
  ),
)
const parts = {
  packages: v.optional(v.array(packageName)),
  folders: v.optional(v.array(targetPath)),
  files: v.optional(
    v.array(
      v.strictObject({
        source: v.pipe(v.string(), v.minLength(1)),
        path: targetPath,
        mode: v.optional(
          v.pipe(v.string(), v.regex(/^0[0-7]{3,4}$/, "write four octal digits, as in '0755'")),
        ),
      }),
    ),
  ),
  links: v.optional(
    v.array(v.strictObject({ path: targetPath, target: v.pipe(v.string(), v.minLength(1)) })),
  ),
  remove: v.optional(v.array(targetPath)),
}

/** The form of `image.yml`; schemas/image.json is made of it. */
export const recipeSchema = v.strictObject({
  name: v.pipe(
    v.string(),
    v.maxLength(64),
    v.regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, 'use lower-case letters, digits, dots and dashes'),
  ),
  suite: v.pipe(
    v.string(),
    v.regex(/^[a-z][a-z0-9.-]*$/, 'write the code name of a suite, such as bookworm'),
  ),
  mirror: v.optional(
    v.pipe(v.string(), v.regex(/^https?:\/\/[^\s[\]]+$/, 'write the http(s) URL of a Debian mirror')),
  ),
  size: v.optional(
    v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,5}(MiB|GiB)$/, 'write a size such as 512MiB or 2GiB')),
  ),
  ...parts,
  variants: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'use lower-case letters, digits and dashes')),
      v.strictObject(parts),
    ),
  ),
})

type RecipeFile = v.InferOutput<typeof recipeSchema>

/** A file, folder tree or link of the recipe's and where it goes in the image; `source` is absolute. */
export interface RecipeSource {
  source: string
  path: string
  mode: number | undefined
}

/** A recipe with its variant worked in, every source known to exist. */
export interface Recipe {
  name: string
  variant: string | undefined
  suite: string
  mirror: string | undefined
  packages: readonly string[]
  folders: readonly string[]
  files: readonly RecipeSource[]
  links: readonly { path: string; target: string }[]
  remove: readonly string[]
  sizeBytes: number | undefined
  /** The recipe's own path, absolute. */
  path: string
}

/**
 * Reads a recipe and adds what `variant` lists. Throws `file-missing`, `invalid-file` with every problem and its line,
 * and `bad-input` for a variant that the recipe doesn't have.
 */
export async function loadRecipe(path: string, variant: string | undefined): Promise<Recipe> {
  const name = nameOf(path)
  const parsed = await readYaml(path, recipeSchema, name)
  const { value } = parsed
  const added = variant === undefined ? {} : value.variants?.[variant]
  if (added === undefined) {
    const known = Object.keys(value.variants ?? {})
    const hint = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none: leave the input empty'
    throw new Failure('bad-input', `the recipe ${name} has no variant "${variant}": ${hint}`)
  }
  failOn(await problemsOf(path, name, parsed))
  const sources = [...(value.files ?? []), ...(added.files ?? [])]
  return {
    name: value.name,
    variant,
    suite: value.suite,
    mirror: value.mirror?.replace(/\/+$/, ''),
    packages: [...new Set([...(value.packages ?? []), ...(added.packages ?? [])])].sort(),
    folders: [...(value.folders ?? []), ...(added.folders ?? [])],
    files: sources.map(({ source, path: target, mode }) => ({
      source: resolve(dirname(path), source),
      path: target,
      mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
    })),
    links: [...(value.links ?? []), ...(added.links ?? [])],
    remove: [...(value.remove ?? []), ...(added.remove ?? [])],
    sizeBytes: value.size === undefined ? undefined : bytesOf(value.size),
    path: resolve(path),
  }
}

/** One file, folder or link below a source. */
export interface SourceEntry {
  kind: 'file' | 'folder' | 'link'
  /** Where it is on this machine. */
  from: string
  /** Where it goes in the image. */
  path: string
  isExecutable: boolean
  modifiedMs: number
}

/** Everything a source brings, folders before what is in them, in the order of their names. Links are never followed. */
export async function* entriesOf({
  source,
  path,
}: {
  source: string
  path: string
}): AsyncGenerator<SourceEntry> {
  const stats = await lstat(source)
  const kind = stats.isDirectory()
    ? 'folder'
    : stats.isSymbolicLink()
      ? 'link'
      : stats.isFile()
        ? 'file'
        : undefined
  if (kind === undefined)
    throw new Failure(
      'invalid-file',
      `${source} is neither a file, a folder nor a link: it can't go into an image`,
    )
  yield { kind, from: source, path, isExecutable: (stats.mode & 0o100) !== 0, modifiedMs: stats.mtimeMs }
  if (kind !== 'folder') return
  for (const name of (await readdir(source)).sort()) {
    yield* entriesOf({ source: join(source, name), path: join(path, name) })
  }
}

async function problemsOf(path: string, name: string, parsed: ParsedYaml<RecipeFile>): Promise<Problem[]> {
  const { value } = parsed
  const lists = [
    { files: value.files ?? [], at: ['files'] },
    ...Object.entries(value.variants ?? {}).map(([name, variant]) => ({
      files: variant.files ?? [],
      at: ['variants', name, 'files'],
    })),
  ]
  const problems: Problem[] = []
  for (const { files, at } of lists) {
    for (const [index, file] of files.entries()) {
      const message = await problemOf(dirname(path), file)
      if (message) problems.push({ file: name, ...parsed.locate([...at, index]), message })
    }
  }
  return problems
}

async function problemOf(
  folder: string,
  { source, path, mode }: NonNullable<RecipeFile['files']>[number],
): Promise<string | undefined> {
  if (isAbsolute(source)) return `source ${source} is absolute: give it relative to the recipe`
  const place = resolve(folder, source)
  try {
    const stats = await lstat(place)
    // a link goes into the image as one and is never followed; the way to it is
    if (!(await isInRepository(folder, stats.isSymbolicLink() ? dirname(place) : place)))
      return `source ${source} leads out of the recipe's repository: what goes into an image has to be in Git`
    if (stats.isDirectory()) {
      return mode === undefined
        ? undefined
        : `${source} is a folder: mode is for a single file, and Git keeps it for the rest`
    }
    return path.endsWith('/')
      ? `${source} is a file: path has to name it, such as ${path}${basename(source)}`
      : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return `there is no ${source} beside the recipe`
    throw error
  }
}

// annotations want paths from the workspace's root, where an action runs
function nameOf(path: string): string {
  const name = relative('.', path)
  return name.startsWith('..') ? path : name
}

function bytesOf(size: string): number {
  const unit = size.endsWith('GiB') ? 2 ** 30 : 2 ** 20
  return Number.parseInt(size, 10) * unit
}
