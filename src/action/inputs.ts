import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Failure, type Problem, matchingFiles, parseDuration } from '../platform/platform.ts'
import type { Host } from './host.ts'
import { type ActionName, type InputName, manifest } from './manifest.ts'

/** Where a secret may come from besides its input; in a shell it should. */
const environmentOf: Record<string, string> = {
  token: 'DROVER_TOKEN',
  'signing-key': 'DROVER_SIGNING_KEY',
  'ssh-key': 'DROVER_SSH_KEY',
  'github-token': 'GITHUB_TOKEN',
}

/** The checked inputs of one action. Paths are resolved against the workspace; secrets are masked before anybody sees them. */
export class Inputs<N extends ActionName> {
  readonly #host: Host
  readonly #name: N

  constructor(name: N, host: Host) {
    this.#name = name
    this.#host = host
  }

  /** Throws one `bad-input` that names every required input that is missing, with its environment variable. */
  check(): void {
    const inputs = manifest[this.#name].inputs as Record<string, { required: boolean }>
    const missing: Problem[] = []
    for (const [name, { required }] of Object.entries(inputs)) {
      if (name.endsWith('token')) this.#mask(this.#raw(name))
      if (!required || this.#raw(name)) continue
      const other = environmentOf[name] ? ` or ${environmentOf[name]}` : ''
      missing.push({ file: 'inputs', message: `${name} (environment: ${variable(name)}${other})` })
    }
    if (missing.length === 0) return
    const names = missing.map((problem) => problem.message).join(', ')
    throw new Failure('bad-input', `missing input${missing.length > 1 ? 's' : ''}: ${names}`)
  }

  /** The value, or undefined where it is empty. */
  optional(name: InputName<N>): string | undefined {
    return this.#raw(name) || undefined
  }

  /** The value; throws `bad-input` where it is empty. */
  required(name: InputName<N>): string {
    const value = this.#raw(name)
    if (value) return value
    throw new Failure('bad-input', `missing input: ${name} (environment: ${variable(name)})`)
  }

  /** One of `choices`; the first where nothing was given. */
  choice<const C extends readonly [string, ...string[]]>(name: InputName<N>, choices: C): C[number] {
    const value = this.#raw(name)
    if (!value) return choices[0]
    const found = choices.find((choice) => choice === value)
    if (found !== undefined) return found
    throw new Failure('bad-input', `${name} is "${value}"; it can be ${choices.join(', ')}`)
  }

  /** `true` or `false`, as YAML 1.2 writes them; false where nothing was given. */
  flag(name: InputName<N>): boolean {
    const value = this.#raw(name).toLowerCase()
    if (value === 'true') return true
    if (value === 'false' || value === '') return false
    throw new Failure('bad-input', `${name} is "${value}"; it can be true or false`)
  }

  /** A path, absolute; undefined where nothing was given. */
  path(name: InputName<N>): string | undefined {
    const value = this.#raw(name)
    return value ? resolve(process.env['GITHUB_WORKSPACE'] ?? '.', value) : undefined
  }

  /** Paths separated by commas or line ends, absolute. */
  paths(name: InputName<N>): string[] {
    return this.list(name).map((path) => resolve(process.env['GITHUB_WORKSPACE'] ?? '.', path))
  }

  /** Files that the lines of the input stand for, each a path or a glob pattern; throws `file-missing` where one has none. */
  async files(name: InputName<N>): Promise<string[]> {
    const patterns = this.required(name).split('\n')
    const named = patterns.map((pattern) => pattern.trim()).filter(Boolean)
    return matchingFiles(named, resolve(process.env['GITHUB_WORKSPACE'] ?? '.'))
  }

  /** Items separated by commas or line ends, without empty ones. */
  list(name: InputName<N>): string[] {
    return this.#raw(name)
      .split(/[,\n]/)
      .map((item) => item.trim())
      .filter(Boolean)
  }

  /** A duration such as `90s`, `15m`, `24h`, in ms. */
  durationMs(name: InputName<N>): number | undefined {
    const value = this.#raw(name)
    if (!value) return undefined
    const ms = parseDuration(value)
    if (ms === undefined)
      throw new Failure('bad-input', `${name} is "${value}"; write a duration such as 90s, 15m or 24h`)
    return ms
  }

  /** A secret: the value itself, masked. */
  secret(name: InputName<N>): string | undefined {
    const value = this.#raw(name)
    this.#mask(value)
    return value || undefined
  }

  /** A secret, and the forms in which `user:password` travels and is found in a server's words. */
  #mask(secret: string): void {
    if (!secret) return
    const [, password = ''] = /^[^:\s]*:(.{4,})$/.exec(secret) ?? []
    const forms = password ? [secret, password, Buffer.from(secret).toString('base64')] : [secret]
    for (const form of forms) this.#host.mask(form)
  }

  /**
   * A key: PEM text, or the path of a file with it, or the PKCS#11 URI of one that a token has. What is secret is masked.
   */
  key(name: InputName<N>): string | undefined {
    const value = this.#raw(name)
    return value ? this.#key(name, value) : undefined
  }

  #key(name: string, value: string): string {
    const isUri = value.startsWith('pkcs11:')
    const text = isUri || value.includes('-----BEGIN') ? value : this.#read(name, value)
    if (isUri || text.includes('PRIVATE KEY')) this.#host.mask(text)
    return text.endsWith('\n') ? text : `${text}\n`
  }

  /**
   * Several keys: PEM text with one block or more, or paths of files with such texts, separated by commas or lines; empty
   * where nothing was given. One PEM text for each file.
   */
  keys(name: InputName<N>): string[] {
    const value = this.#raw(name)
    if (!value) return []
    const isText = value.includes('-----BEGIN')
    const texts = isText ? [`${value}\n`] : this.list(name).map((path) => this.#read(name, path))
    // an input that is there and names no key must not count as one that isn't: then nothing would be verified
    if (texts.length === 0)
      throw new Failure('bad-input', `${name} names no key: give PEM texts or their paths`)
    for (const text of texts) if (text.includes('PRIVATE KEY')) this.#host.mask(text)
    return texts
  }

  /**
   * The passphrase of an encrypted key, masked: only from the environment, so that it stands in no list of arguments and no
   * workflow's `with`.
   */
  passphrase(name: InputName<N> & 'signing-key'): string | undefined {
    return this.#passphrase(name)
  }

  /** A key to sign with and its passphrase, masked, of an action that has no input for it: from the environment alone. */
  signingFromEnvironment(): { key: string | undefined; passphrase: string | undefined } {
    const name = 'signing-key'
    const value = process.env[environmentOf[name] ?? '']?.trim()
    return { key: value ? this.#key(name, value) : undefined, passphrase: this.#passphrase(name) }
  }

  #passphrase(name: 'signing-key'): string | undefined {
    const value = process.env[`${environmentOf[name]}_PASSPHRASE`]?.replace(/\r?\n$/, '')
    if (value) this.#host.mask(value)
    return value || undefined
  }

  #read(name: string, path: string): string {
    try {
      return readFileSync(resolve(process.env['GITHUB_WORKSPACE'] ?? '.', path), 'utf8')
    } catch (error) {
      // not the system's own words: they quote the path, which is the key itself where its first line was left out
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
      const why = code === 'ENOENT' ? 'there is no such file' : code
      const shown = looksLikePath(path) ? `${path} (${why})` : why
      throw new Failure('bad-input', `${name} is neither a PEM text nor a file that can be read: ${shown}`)
    }
  }

  #raw(name: string): string {
    const value = this.#host.input(name).trim()
    if (value) return value
    const fromEnvironment = environmentOf[name]
    if (fromEnvironment && process.env[fromEnvironment]) return process.env[fromEnvironment]?.trim() ?? ''
    const inputs = manifest[this.#name].inputs as Record<string, { default?: string }>
    // the runner fills in defaults; a terminal leaves that to us. An expression such as github.token is the runner's
    const fallback = inputs[name]?.default ?? ''
    return fallback.includes('${{') ? '' : fallback
  }
}

/** Whether it is no key by accident: names of files are short, or have a dot in their last part. */
function looksLikePath(value: string): boolean {
  return value.length < 40 || /^[^\n]{1,200}\.[a-z]{1,5}$/i.test(value)
}

function variable(name: string): string {
  return `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`
}
