import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../platform/platform.ts'

/** One place that packages of one suite come from. */
export interface AptSource {
  /** http(s), without a slash at its end. It may hold a user and a password. */
  url: string
  suite: string
  components: readonly string[]
  /** Path of the keyring that it is signed with; the builder's own where undefined. */
  keyring: string | undefined
}

/**
 * The machine's own apt sources for `suite`, with its updates and security fixes where the machine has these. Empty where
 * the machine has another system's. Only http(s) and only sources for `arch`. `etc` is /etc/apt.
 */
export async function machineSources(suite: string, arch: string, etc = '/etc/apt'): Promise<AptSource[]> {
  const lists = await aptFiles(etc)
  const all = lists.flatMap(({ name, text }) =>
    name.endsWith('.sources') ? deb822(text, arch) : oneLines(text, arch),
  )
  if (!all.some((source) => source.suite === suite)) return []
  const wanted = new Set([suite, `${suite}-updates`, `${suite}-security`, `${suite}/updates`])
  const found = new Map(
    all
      .filter((source) => wanted.has(source.suite))
      .map((source) => [`${source.suite} ${source.url}`, source]),
  )
  return [...found.values()]
}

/** A source as one line of a sources.list. */
export function sourceLine({ url, suite, components, keyring }: AptSource): string {
  return `deb ${keyring === undefined ? '' : `[signed-by=${keyring}] `}${url} ${suite} ${components.join(' ')}`
}

/** A URL for messages: without user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}

async function aptFiles(etc: string): Promise<{ name: string; text: string }[]> {
  const folder = join(etc, 'sources.list.d')
  const names = (await orNothing(readdir(folder), [])).filter((name) => /\.(list|sources)$/.test(name)).sort()
  const paths = [join(etc, 'sources.list'), ...names.map((name) => join(folder, name))]
  return Promise.all(paths.map(async (name) => ({ name, text: await orNothing(readFile(name, 'utf8'), '') })))
}

async function orNothing<T>(reading: Promise<T>, nothing: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'EACCES')) return nothing
    throw error
  }
}

// sources.list(5): deb [option=value ...] uri suite component...
function oneLines(text: string, arch: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line)
    const [, options = '', url = '', suite = '', components = ''] = match ?? []
    const option = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(options)?.[1]
    const archs = option('arch')?.split(',') ?? [arch]
    if (!archs.includes(arch)) return []
    return usable(url, suite, components.trim().split(/\s+/), option('signed-by'))
  })
}

// deb822 form: stanzas of "Field: value", lines that begin with a space go on
function deb822(text: string, arch: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>()
    let last = ''
    for (const line of stanza.split('\n').filter((part) => !part.startsWith('#'))) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line)
      if (match) last = (match[1] ?? '').toLowerCase()
      fields.set(last, match ? (match[2] ?? '') : `${fields.get(last) ?? ''} ${line.trim()}`)
    }
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(Boolean)
    if (!words('types').includes('deb') || fields.get('enabled')?.trim().toLowerCase() === 'no') return []
    if (fields.has('architectures') && !words('architectures').includes(arch)) return []
    return words('uris').flatMap((url) =>
      words('suites').flatMap((suite) =>
        usable(url, suite, words('components'), fields.get('signed-by')?.trim()),
      ),
    )
  })
}

// a flat repository ends with a slash, an inlined key is no path, other methods than http are the machine's private matter
function usable(url: string, suite: string, components: string[], keyring: string | undefined): AptSource[] {
  if (!/^https?:\/\//.test(url) || suite.endsWith('/') || components.length === 0) return []
  if (keyring !== undefined && !/^\/\S+$/.test(keyring)) return []
  return [{ url: url.replace(/\/+$/, ''), suite, components, keyring }]
}
