import { existsSync } from 'node:fs'
import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Context, seconds, start } from '../platform/platform.ts'
import { type AptSource, sourceLine } from './apt-sources.ts'
import type { BaseRequest, BuildPlace, Builder } from './builder.ts'
import { withForeign } from './foreign.ts'
import { isolated } from './isolation.ts'
import { explained } from './mmdebstrap-failure.ts'
import { makeOpenFolder } from './scratch.ts'

/** Links /bin, /sbin and /lib into /usr from the start where the suite wants that; saves perl and the usrmerge package. */
const mergedUsr = '/usr/share/mmdebstrap/hooks/maybe-merged-usr'
const scratchBytes = 900 << 20

/** Options of dpkg that leave out what nobody reads on a device. */
export const withoutDocumentation: readonly string[] = [
  ...['doc', 'man', 'locale', 'info', 'lintian'].map((name) => `path-exclude=/usr/share/${name}/*`),
  'path-include=/usr/share/doc/*/copyright', // licences ask for that
]

/** Debian root file systems by mmdebstrap: the smallest variant, without documentation and translations. */
export const mmdebstrap: Builder = {
  name: 'mmdebstrap minbase 1',
  scratchBytes,
  build: (request, place, context) =>
    withForeign(request.arch, context, () => buildBase(request, place, context)),
}

async function buildBase(request: BaseRequest, place: BuildPlace, context: Context): Promise<void> {
  // without root, mmdebstrap makes itself root in a user namespace, where the machine allows that
  const mode = process.getuid?.() === 0 ? 'root' : 'unshare'
  const temporary = join(place.scratch, 'tmp')
  const list = join(place.scratch, 'sources.list')
  // the download runs as another user, who has to get there; a mirror's password is for us alone
  await makeOpenFolder(temporary)
  const sources = await withReadableKeys(request.sources, place.scratch)
  await writeFile(list, `${sources.map(sourceLine).join('\n')}\n`, { mode: 0o600 })
  const hooks = await writeHooks(request.hooks, place.scratch)
  const args = mmdebstrapArguments(request, mode, place.into, {
    list: sources.length > 0 ? [list] : [],
    hooks,
  })
  const [program = '', ...rest] = [...wrapper(mode), 'mmdebstrap', ...args]
  const progress = progressOf(context)
  const stopTicking = tick(context, progress)
  try {
    const { code, stdout, stderr } = await start(program, rest, {
      env: { TMPDIR: temporary, SOURCE_DATE_EPOCH: String(place.time) },
      signal: context.signal,
      onLine: progress.line,
    }).done
    if (code !== 0) throw explained(`${stdout}\n${stderr}`, code, request)
  } finally {
    stopTicking()
  }
}

// mmdebstrap's thousands of small files are in memory where the machine has plenty: dpkg waits for the disk most of the
// time. Without root it makes namespaces itself.
function wrapper(mode: 'root' | 'unshare'): string[] {
  const inMemory = mode === 'root' && process.availableMemory() > 4 * scratchBytes
  return [...isolated(), ...(inMemory ? ['sh', '-c', mountInMemory, 'sh'] : [])]
}

const mountInMemory = `mount -t tmpfs -o mode=755,size=${2 * scratchBytes} tmpfs "$TMPDIR" && exec "$@"`

// signatures are checked as another user, who can't read what is in a private checkout
async function withReadableKeys(sources: readonly AptSource[], scratch: string): Promise<AptSource[]> {
  return Promise.all(
    sources.map(async (source, index) => {
      if (source.keyring === undefined) return source
      const keyring = join(scratch, `keyring-${index}${extname(source.keyring)}`)
      await copyFile(source.keyring, keyring)
      await chmod(keyring, 0o644)
      return { ...source, keyring }
    }),
  )
}

/** mmdebstrap runs a file with the new system's folder as its argument; each of these runs one command in there. */
async function writeHooks(hooks: BaseRequest['hooks'], scratch: string): Promise<string[]> {
  return Promise.all(
    hooks.map(async (command, index) => {
      const path = join(scratch, `hook-${String(index).padStart(3, '0')}`)
      const quoted = command.map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`)
      await writeFile(path, `#!/bin/sh\nexec chroot "$1" ${quoted.join(' ')}\n`, { mode: 0o755 })
      await chmod(path, 0o755)
      return path
    }),
  )
}

function mmdebstrapArguments(
  request: BaseRequest,
  mode: string,
  into: string,
  { list, hooks }: { list: string[]; hooks: string[] },
): string[] {
  const included = request.packages.length > 0 ? [`--include=${request.packages.join(',')}`] : []
  const options = ['Languages "none"', 'Retries "2"', 'http::Timeout "30"', 'https::Timeout "30"']
  return [
    ...words(`--verbose --mode=${mode} --variant=minbase --format=tar --arch=${request.arch}`),
    ...(existsSync(mergedUsr) ? [`--hook-dir=${mergedUsr}`] : []),
    ...included,
    ...options.map((option) => `--aptopt=Acquire::${option}`),
    '--dpkgopt=force-unsafe-io', // nothing of a half-made system is kept, so nothing has to be synced
    ...withoutDocumentation.map((option) => `--dpkgopt=${option}`),
    ...hooks.map((path) => `--customize-hook=${path}`),
    request.suite,
    into,
    ...list,
  ]
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

interface Progress {
  line: (line: string) => void
  summary: () => string
}

// apt and dpkg say a line or more per package; a person wants the step and how far it is
function progressOf({ log }: Context): Progress {
  const counts = { wanted: 0, fetched: 0, configured: 0 }
  const startedAt = performance.now()
  const elapsed = () => seconds(performance.now() - startedAt)
  return {
    line: (line) => {
      log.debug(line)
      const step =
        /^I: (running apt-get update|downloading packages|extracting archives|installing [a-z ]+|creating tarball)/.exec(
          line,
        )
      if (step) log.info(`${step[1]} (${elapsed()})`)
      counts.wanted += Number(/(\d+) newly installed/.exec(line)?.[1] ?? 0)
      if (/^Get:\d+ .* \S+ \[/.test(line) && !/InRelease|Packages|Release/.test(line)) counts.fetched++
      if (line.startsWith('Setting up ')) counts.configured++
    },
    summary: () => `${counts.fetched} packages fetched, ${counts.configured} set up (${elapsed()})`,
  }
}

function tick({ log }: Context, progress: Progress): () => void {
  const timer = setInterval(() => log.info(progress.summary()), 15_000)
  return () => {
    clearInterval(timer)
    log.info(progress.summary())
  }
}
