// Mutants of .swu files: the archive's, the description's in both its languages, and the images'.
import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import {
  type Cpio,
  type CpioNode,
  buildCpio,
  cpioName,
  mutateCpio,
  parseCpio,
  setCpioContent,
} from './cpio-model.ts'
import { mutateJson } from './json-mutation.ts'
import { mutateBytes } from './mender-mutation.ts'
import type { Random } from './random.ts'

/** One to three changes to `seed`; the same for the same state of `random`. */
export function mutateSwupdate(seed: Buffer, random: Random): Buffer {
  if (random.chance(12)) return mutateBytes(seed, random)
  const cpio = parseCpio(seed)
  for (let left = random.pick([1, 1, 1, 2, 2, 3]); left > 0; left--) change(cpio, random)
  return buildCpio(cpio)
}

function change(cpio: Cpio, random: Random): void {
  const description = cpio.nodes.find((node) => cpioName(node) === 'sw-description')
  const images = cpio.nodes.filter((node) => !/^(sw-description|TRAILER)/.test(cpioName(node)))
  const kind = random.below(100)
  if (kind < 30) mutateCpio(cpio, random)
  else if (kind < 80 && description !== undefined) mutateDescription(description, random)
  else mutateImage(random.some(images), description, random)
}

function mutateDescription(node: CpioNode, random: Random): void {
  const text = node.content.toString('utf8')
  const mutant =
    text.trimStart().startsWith('{') && random.chance(90)
      ? mutateJson(text, random)
      : mutateConfig(text, random)
  setCpioContent(node, Buffer.from(mutant))
}

const snippets = [
  '/* ',
  '*/',
  '#',
  '// x\n',
  '"',
  '\\"',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  ';',
  ',',
  '=',
  ':',
  '@include "x"\n',
  '0x7fffffffffffffff',
  '99999999999999999999',
  '1e999',
  '-1',
  '0x',
  '1L',
  'true',
  'ref = "#./x";',
  'filename = "../x";',
  'encrypted = true;',
  'compressed = "zlib";',
  'compressed = "zstd";',
  'compressed = "xy";',
  'type = 1;',
  'version = "x";',
  'images: ( );',
  'hardware-compatibility: [ "1.0" ];',
  'constructor = 1;',
  'toString = "x";',
  '\ufeff',
  '\0',
  'a\\x00b',
  '# '.repeat(5000),
] as const

/** Changes the text of a configuration without knowing its language. */
function mutateConfig(text: string, random: Random): string {
  const at = random.below(text.length)
  const end = Math.min(text.length, at + random.below(random.pick([3, 40])))
  return random.pick<() => string>([
    () => `${text.slice(0, at)}${random.pick(snippets)}${text.slice(at)}`,
    () => `${text.slice(0, at)}${random.pick(snippets)}${text.slice(at)}`,
    () => `${text.slice(0, at)}${text.slice(end)}`,
    () => `${text.slice(0, end)}${text.slice(at)}`,
    () =>
      `${text.slice(0, at)}${random.pick(['(', '{', '[', 'a={'] as const).repeat(random.pick([10, 40, 10_000]))}${text.slice(at)}`,
    () => `${text.slice(0, at)}"${'x'.repeat(random.pick([10, 300_000]))}"${text.slice(at)}`,
    () => mutateBytes(Buffer.from(text), random).toString('latin1'),
  ])()
}

/** Changes an image, and mostly tells the description so. */
function mutateImage(node: CpioNode | undefined, description: CpioNode | undefined, random: Random): void {
  if (node === undefined) return
  const before = sha256(node.content)
  const plain = Buffer.from('another image '.repeat(20))
  const content = random.pick([
    () => mutateBytes(Buffer.concat([node.content, Buffer.from('x')]), random),
    () => gzipSync(plain),
    () => Buffer.concat([gzipSync(plain), gzipSync(plain)]),
    () => zstdCompressSync(plain),
    () => gzipSync(Buffer.alloc(3 << 20)),
    () => Buffer.alloc(0),
  ])()
  setCpioContent(node, content)
  if (description === undefined || random.chance(10)) return
  const text = description.content.toString('utf8').replaceAll(before, sha256(content))
  setCpioContent(description, Buffer.from(text))
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
