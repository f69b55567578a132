// manifest.raucm: what a RAUC bundle says of itself, in the format of GLib's key files.
import { damaged, unsafePath, wrongMember } from '../archive/byte-reader.ts'
import { parseKeyFile } from './key-file.ts'

/** An image of a bundle, and the slots it is for. */
export interface RaucImage {
  /** Class of the slots that it goes to. */
  slot: string
  /** Only for devices of this variant. */
  variant?: string | undefined
  /** The file and its content; none where a hook installs something of its own. */
  file?: { name: string; sizeBytes: number; checksum: string } | undefined
  /** Steps of its installation in which the hook script is called: `pre-install`, `install`, `post-install`. */
  hooks: readonly string[]
  /** Everything else that the manifest says of it. */
  settings: Readonly<Record<string, string>>
}

export interface RaucManifest {
  compatible: string
  version?: string | undefined
  description?: string | undefined
  build?: string | undefined
  format: 'plain' | 'verity' | 'crypt'
  /** `format` verity: digest of the hash tree's root and salt (64 hex digits each), and the tree's size. */
  verity?: { hash: string; salt: string; sizeBytes: number } | undefined
  /** The script that the hooks are in; `isChecked`: it is asked before the installation, too. */
  hooks?: { file: string; isChecked: boolean } | undefined
  /** A program that installs the bundle instead of RAUC. */
  handler?: { file: string; args?: string | undefined } | undefined
  images: readonly RaucImage[]
}

const place = 'manifest.raucm'
const maxImages = 256

/** Reads a manifest. Throws `artifact-damaged` for anything that RAUC wouldn't take or that could mislead somebody. */
export function parseManifest(content: Uint8Array): RaucManifest {
  const groups = parseKeyFile(content, place)
  const update = take(groups, 'update', ['compatible', 'version', 'description', 'build', 'min-rauc-version'])
  const compatible = update.get('compatible')
  if (compatible === undefined) throw damaged(place, 0, 'it names no compatible')
  const handler = take(groups, 'handler', ['filename', 'args'])
  const handlerFile = handler.get('filename')
  const bundle = take(groups, 'bundle', ['format', 'verity-hash', 'verity-salt', 'verity-size', 'crypt-key'])
  const hooks = take(groups, 'hooks', ['filename', 'hooks'])
  const images = [...groups].flatMap(([name, values]) =>
    name.startsWith('image.') ? [imageOf(name, values)] : [],
  )
  if (images.length > maxImages) throw damaged(place, 0, `it names more than ${maxImages} images`)
  for (const name of groups.keys()) {
    if (!/^(image|meta)\./.test(name)) throw damaged(place, 0, `it has an unknown section ${shown(name)}`)
  }
  return {
    compatible: oneLine('compatible', compatible),
    version: optionalLine('version', update.get('version')),
    description: update.get('description'),
    build: optionalLine('build', update.get('build')),
    ...bundleOf(bundle),
    hooks: hooksOf(hooks, images),
    handler:
      handlerFile === undefined ? undefined : { file: fileName(handlerFile), args: handler.get('args') },
    images,
  }
}

function bundleOf(bundle: ReadonlyMap<string, string>): Pick<RaucManifest, 'format' | 'verity'> {
  const format = bundle.get('format') ?? 'plain'
  if (format !== 'plain' && format !== 'verity' && format !== 'crypt')
    throw damaged(place, 0, `its format ${shown(format)} is none that exists`)
  const [hash, salt] = [bundle.get('verity-hash'), bundle.get('verity-salt')]
  if (format !== 'verity' || (hash === undefined && salt === undefined)) return { format }
  const hex = /^[0-9a-f]{64}$/i
  const sizeBytes = whole('verity-size', bundle.get('verity-size') ?? '')
  if (hash === undefined || salt === undefined || !hex.test(hash) || !hex.test(salt))
    throw damaged(place, 0, 'verity-hash and verity-salt must have 64 hex digits')
  if (sizeBytes === 0 || sizeBytes % 4096 !== 0) throw damaged(place, 0, 'verity-size is no multiple of 4096')
  return { format, verity: { hash: hash.toLowerCase(), salt: salt.toLowerCase(), sizeBytes } }
}

function hooksOf(hooks: ReadonlyMap<string, string>, images: readonly RaucImage[]): RaucManifest['hooks'] {
  const called = listOf(hooks.get('hooks'))
  const unknown = called.find((hook) => hook !== 'install-check')
  if (unknown !== undefined) throw damaged(place, 0, `it has an unknown hook ${shown(unknown)}`)
  const file = hooks.get('filename')
  if (file !== undefined) return { file: fileName(file), isChecked: called.length > 0 }
  if (called.length > 0 || images.some((image) => image.hooks.length > 0))
    throw damaged(place, 0, 'it has hooks, but names no file for them')
  return undefined
}

/** The hooks that an image may have. */
export const imageHooks = ['pre-install', 'install', 'post-install'] as const

function imageOf(group: string, values: ReadonlyMap<string, string>): RaucImage {
  const [, slot = '', variant] = /^image\.([^.]+)(?:\.(.+))?$/s.exec(group) ?? []
  if (slot === '') throw damaged(place, 0, `the section ${shown(group)} names no slot`)
  const { filename, sha256, size, hooks, ...settings } = Object.fromEntries(values)
  // it would be taken for the variant that a section's name gives
  if ('variant' in settings) throw damaged(place, 0, `${group} has an unknown key "variant"`)
  const called = listOf(hooks)
  const unknown = called.find((hook) => !imageHooks.some((known) => known === hook))
  if (unknown !== undefined) throw damaged(place, 0, `${group} has an unknown hook ${shown(unknown)}`)
  const image = { slot, variant, hooks: called, settings }
  if (filename === undefined) {
    if (called.includes('install')) return image
    throw damaged(place, 0, `${group} names no file`)
  }
  if (sha256 === undefined || !/^[0-9a-f]{64}$/i.test(sha256))
    throw damaged(place, 0, `${group} has no sha256 of 64 hex digits`)
  const sizeBytes = size === undefined && called.includes('install') ? 0 : whole(`${group}: size`, size ?? '')
  return { ...image, file: { name: fileName(filename), sizeBytes, checksum: sha256.toLowerCase() } }
}

function take(
  groups: Map<string, ReadonlyMap<string, string>>,
  name: string,
  known: readonly string[],
): ReadonlyMap<string, string> {
  const group = groups.get(name) ?? new Map<string, string>()
  groups.delete(name)
  for (const key of group.keys()) {
    if (!known.includes(key)) throw damaged(place, 0, `the section ${name} has an unknown key ${shown(key)}`)
  }
  return group
}

function listOf(value: string | undefined): string[] {
  return (value ?? '').split(';').filter(Boolean)
}

function whole(what: string, text: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw damaged(place, 0, `${what} is ${shown(text)}, which is no size`)
}

function fileName(name: string): string {
  const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  if (isPlain && name === oneLine('a file’s name', name)) return name
  throw unsafePath(place, 0, `it names the file ${shown(name)}, which leaves the bundle`)
}

function optionalLine(what: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : oneLine(what, value)
}

function oneLine(what: string, value: string): string {
  if (value !== '' && isPrintable(value)) return value
  throw wrongMember(place, 0, `${what} is ${shown(value)}, which can't be shown`)
}

/** Whether a text has neither control characters nor halves of characters, so that it can't leave its line. */
export function isPrintable(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  return text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)
}

/** A text of a manifest, for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
