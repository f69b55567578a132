// Which commit brought a release to devices: the first-parent commit since which `os_image` has named it without a break.
import { type FleetDevice, type Path, fileIn, isRecord, parseSource } from '../fleet/fleet.ts'
import { Failure } from '../platform/platform.ts'
import { type Commit, type Repository, historyOf, readAt } from './git.ts'

/** What Git wants on a device of a type. */
export interface Wanted {
  device: FleetDevice
  deviceType: string
  release: string
}

/**
 * Finds the commits that introduced `release` where each device has its `os_image` from; devices that share the line
 * share the commit. A release that went and came again was introduced the last time. Throws `bad-input` for a file that
 * isn't committed.
 */
export async function introducingCommits(
  repository: Repository,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<string, Commit>> {
  const files = new Set(wanted.map(({ device }) => fileIn(repository.folder, device.imageSource.file)))
  const history =
    files.size > 0 ? await historyOf(repository, pathsOf(files)) : new Map<string, readonly Commit[]>()
  const known = new Map<string, Commit>()
  const byDevice = new Map<string, Commit>()
  for (const { device, deviceType, release } of wanted) {
    const file = fileIn(repository.folder, device.imageSource.file)
    const key = JSON.stringify([file, device.imageSource.path, deviceType, release])
    let commit = known.get(key)
    if (!commit) {
      commit = await introducing(
        repository,
        { file, path: device.imageSource.path, deviceType, release },
        history.get(file) ?? [],
      )
      known.set(key, commit)
    }
    byDevice.set(device.id, commit)
  }
  return byDevice
}

/**
 * Finds the commit of the first-parent history that brought each file the text that it has; a text that went and came again
 * was brought the last time. Throws `bad-input` for a file that isn't committed.
 */
export async function textCommits(
  repository: Repository,
  files: readonly string[],
): Promise<ReadonlyMap<string, Commit>> {
  const paths = new Map(files.map((file) => [file, fileIn(repository.folder, file)]))
  const history = await historyOf(repository, pathsOf(new Set(paths.values())))
  const found = new Map<string, Commit>()
  for (const [file, path] of paths) {
    const commits = history.get(path) ?? []
    const text = await readAt(repository, repository.head, path)
    for (const commit of text === undefined ? [] : commits) {
      if ((await readAt(repository, commit.id, path)) !== text) break
      found.set(file, commit)
    }
    if (!found.has(file))
      throw new Failure('bad-input', `${path} is in no commit of this branch: commit it first`)
  }
  return found
}

interface Line {
  file: string
  path: Path
  deviceType: string
  release: string
}

async function introducing(repository: Repository, line: Line, commits: readonly Commit[]): Promise<Commit> {
  let introduced: Commit | undefined
  for (const commit of commits) {
    const text = await readAt(repository, commit.id, line.file)
    if (text === undefined || !names(parseSource(text, line.file).data, line)) break
    introduced = commit
  }
  if (introduced) return introduced
  throw new Failure(
    'bad-input',
    `${line.file} names ${line.release}, but no commit of this branch does: commit it first`,
  )
}

function names(data: unknown, { path, deviceType, release }: Line): boolean {
  let value = data
  for (const key of path) {
    if (!isRecord(value)) return false
    value = value[String(key)]
  }
  if (!Array.isArray(value)) return value === release
  return value.some(
    (item) => isRecord(item) && item['device_type'] === deviceType && item['image_name'] === release,
  )
}

// thousands of files would not fit a command line; their folders do
function pathsOf(files: ReadonlySet<string>): string[] {
  return files.size <= 200 ? [...files] : [...new Set([...files].map((file) => file.split('/')[0] ?? file))]
}
