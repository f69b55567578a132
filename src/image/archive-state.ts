import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, type Digest, digestOf, start } from '../platform/platform.ts'
import { type AptSource, withoutCredentials } from './apt-sources.ts'
import type { BaseRequest } from './builder.ts'

/** What the mirrors of a request have at this moment, as far as it can be known. */
export type ArchiveState =
  /** `digest` changes with every package index; `time` is the newest mirror's, in seconds since 1970. */
  | { kind: 'known'; digest: Digest; time: number }
  /** A mirror answered that it has no such suite. */
  | { kind: 'missing' }
  | { kind: 'unreachable' }
  /** Nobody can be asked: the builder chooses the mirror, or its password must not stand in an argument list. */
  | { kind: 'unknown' }

/** Asks the request's mirrors for their signed indexes; `scratch` takes the downloads. */
export async function archiveState(
  { sources, arch }: BaseRequest,
  scratch: string,
  context: Context,
): Promise<ArchiveState> {
  if (sources.length === 0 || sources.some(({ url }) => url !== withoutCredentials(url)))
    return { kind: 'unknown' }
  const indexes: string[] = []
  let time = 0
  for (const [number, source] of sources.entries()) {
    const index = await fetchIndex(source, join(scratch, `InRelease-${number}`), context)
    if (typeof index !== 'string') return index
    indexes.push(`${source.suite} ${packageIndexes(index, source, arch)}`)
    time = Math.max(time, dateOf(index))
  }
  return { kind: 'known', digest: digestOf(indexes.join('\n')), time }
}

// apt's own downloader: it knows the machine's proxy and the credentials that apt has
async function fetchIndex(
  { url, suite }: AptSource,
  path: string,
  { signal, log }: Context,
): Promise<string | ArchiveState> {
  const options = ['http::Timeout=10', 'https::Timeout=10', 'Retries=1'].flatMap((o) => [
    '-o',
    `Acquire::${o}`,
  ])
  const args = [...options, 'download-file', `${url}/dists/${suite}/InRelease`, path]
  const { code, stdout, stderr } = await start('/usr/lib/apt/apt-helper', args, { signal }).done
  if (code === 0) return readFile(path, 'utf8')
  log.debug(`${stdout}${stderr}`.trim())
  return { kind: /\b404\b/.test(stdout + stderr) ? 'missing' : 'unreachable' }
}

/** The checksums of the package lists for `arch`: other architectures and translations may change without a rebuild. */
function packageIndexes(text: string, { components }: AptSource, arch: string): string {
  const sums = text.slice(text.indexOf('\nSHA256:'))
  const wanted = components.flatMap((component) =>
    [arch, 'all'].map((name) => `${component}/binary-${name}/Packages`),
  )
  const lines = sums.split('\n').filter((line) => wanted.some((name) => line.endsWith(` ${name}`)))
  return lines.length > 0 ? lines.map((line) => line.trim()).join('\n') : digestOf(text)
}

function dateOf(text: string): number {
  const ms = Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? '')
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000)
}
