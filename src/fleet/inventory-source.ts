// An inventory from elsewhere: a command or a URL that prints what `ansible-inventory --list` prints. Only who runs us names
// one; nothing in a checkout can. Hides how it is run and fetched, and keeps what may be secret out of messages.
import { existsSync, statSync } from 'node:fs'
import { basename, isAbsolute } from 'node:path'
import {
  type Context,
  Failure,
  isInRepository,
  isLoopback,
  lastWords,
  messageOf,
  oneLine,
  openHttp,
  shorten,
  start,
} from '../platform/platform.ts'
import { iniWords } from './ini-words.ts'

/** A program with its arguments, or a URL and the token that it wants. */
export type InventorySource =
  { command: readonly [string, ...string[]] } | { url: URL; token: string | undefined }

/** Where the token for an inventory's URL is. */
const inventoryTokenVariable = 'DROVER_INVENTORY_TOKEN'

const maxBytes = 64 << 20
const timeoutMs = 120_000

/**
 * What a workflow or a command line names: `command` is a JSON list, or words in quotes as a shell splits them, without
 * anything that a shell would expand. Undefined where both are. Throws `bad-input`.
 */
export function inventorySource(given: {
  command?: string | undefined
  url?: string | undefined
}): InventorySource | undefined {
  const { command, url } = given
  if (command !== undefined && url !== undefined)
    throw new Failure('bad-input', 'an inventory is a command or a URL: give one of them')
  if (command !== undefined) return { command: wordsOf(command) }
  return url === undefined
    ? undefined
    : { url: checkedUrl(url), token: process.env[inventoryTokenVariable]?.trim() }
}

/** The same of one text: a URL where it is one, else a command. */
export function namedSource(text: string | undefined): InventorySource | undefined {
  if (text === undefined) return undefined
  return /^\s*https?:\/\//i.test(text) ? inventorySource({ url: text }) : inventorySource({ command: text })
}

/** What messages call it: without arguments, query and credentials. */
export function sourceName(source: InventorySource): string {
  if ('command' in source) return `inventory-command:${basename(source.command[0])}`
  return `${source.url.origin}${source.url.pathname}`
}

/**
 * What the source prints; no program of the fleet repository in `folder` is run for it. Throws `bad-input`, `missing-tool`,
 * `unreachable`, `bad-credentials` and `server-refused`; `invalid-file` for a command that fails and for more than 64 MiB (32
 * from a URL). May be repeated.
 */
export async function readSource(source: InventorySource, folder: string, context: Context): Promise<string> {
  if (!('command' in source)) return await fetched(source, context)
  await requireOutside(source.command, folder)
  return await printed(source.command, context)
}

/** A pull request writes what is in the checkout: neither it nor a script in it may be what runs. */
async function requireOutside(command: readonly string[], folder: string): Promise<void> {
  for (const word of command) {
    const path = word.slice(word.indexOf('=') + 1)
    if (!isAbsolute(path) || !existsSync(path) || !statSync(path).isFile()) continue
    if (await isInRepository(folder, path))
      throw new Failure(
        'bad-input',
        `the inventory command names ${basename(path)}, which is in the fleet repository: nothing from a checkout runs; keep it elsewhere`,
      )
  }
}

function wordsOf(text: string): readonly [string, ...string[]] {
  const words = text.trimStart().startsWith('[') ? listed(text) : split(text)
  const [program, ...args] = words
  if (program === undefined || program === '')
    throw new Failure('bad-input', 'the inventory command is empty: name a program')
  if (program.includes('/') && !isAbsolute(program))
    throw new Failure(
      'bad-input',
      'the inventory command begins with a relative path: write it absolute, or the name of a program on PATH',
    )
  if (words.some((word) => word.includes('\0')))
    throw new Failure('bad-input', 'the inventory command has a zero byte')
  return [program, ...args]
}

function split(text: string): string[] {
  const found = iniWords(text, { hasComments: false })
  if ('why' in found)
    throw new Failure('bad-input', `the inventory command is no list of words: ${found.why}`)
  return found.words
}

function listed(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text)
    if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list
  } catch {
    // said below, without what stands there
  }
  throw new Failure('bad-input', 'the inventory command begins with [ and is no JSON list of texts')
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text.trim())
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Failure('bad-input', 'the inventory URL is none: write it as https://host/path')
  if (url.username || url.password)
    throw new Failure(
      'bad-input',
      `the inventory URL has a user or a password in it: give a token in ${inventoryTokenVariable}`,
    )
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new Failure('bad-input', 'the inventory URL must be https://; http:// is for this machine alone')
  return url
}

async function printed(
  [program, ...args]: readonly [string, ...string[]],
  context: Context,
): Promise<string> {
  const what = `the inventory command ${basename(program)}`
  const tooMuch = new AbortController()
  const late = AbortSignal.timeout(timeoutMs)
  const chunks: Buffer[] = []
  let size = 0
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size > maxBytes) tooMuch.abort()
    else chunks.push(chunk)
  }
  try {
    // a checkout is where we are: interpreters take modules and settings from there
    const signal = AbortSignal.any([context.signal, late, tooMuch.signal])
    const { code, stderr } = await start(program, args, { cwd: '/', signal, onData }).done
    if (code === 0) return Buffer.concat(chunks).toString('utf8')
    const said = shorten(oneLine(withoutArguments(lastWords(stderr, basename(program), code), args)), 500)
    throw new Failure('invalid-file', `${what} failed (${code}): ${said}`)
  } catch (error) {
    context.signal.throwIfAborted()
    if (tooMuch.signal.aborted)
      throw new Failure('invalid-file', `${what} prints more than ${maxBytes} bytes`, { cause: error })
    if (late.aborted)
      throw new Failure('unreachable', `${what} didn't end within ${timeoutMs / 1000} s`, { cause: error })
    throw error
  }
}

/** An argument may be a token, and programs repeat what they were given. */
function withoutArguments(text: string, args: readonly string[]): string {
  const secrets = args
    .flatMap((arg) => [arg, arg.slice(arg.indexOf('=') + 1)])
    .filter((arg) => arg.length > 5)
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

const anyStatus = Array.from({ length: 500 }, (_, index) => index + 100)

async function fetched(
  { url, token }: { url: URL; token: string | undefined },
  context: Context,
): Promise<string> {
  const what = `the inventory URL ${url.origin}${url.pathname}`
  const authorization = token ? { authorization: `Bearer ${token}` } : {}
  const http = openHttp({ baseUrl: url.origin, attemptMs: timeoutMs, ...authorization }, context)
  const { status, text } = await http
    .send({ method: 'GET', path: `${url.pathname}${url.search}`, accept: anyStatus })
    .catch((error: unknown) => {
      context.signal.throwIfAborted()
      if (!(error instanceof Failure)) throw error
      throw new Failure(error.reason, `${what}: ${messageOf(error)}`, { cause: error })
    })
  if (status === 200) return text
  if (status === 401 || status === 403) {
    const hint = token
      ? `is refused: check ${inventoryTokenVariable}`
      : `is needed, in ${inventoryTokenVariable}`
    throw new Failure('bad-credentials', `${what} answered ${status}: a token ${hint}`)
  }
  const isRedirect = status >= 300 && status < 400
  throw new Failure(
    'server-refused',
    `${what} answered ${status}${isRedirect ? ': give the URL that it leads to' : ''}`,
  )
}
