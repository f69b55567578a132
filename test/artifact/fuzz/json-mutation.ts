// Changes to JSON documents: what a careless writer, another parser or an attacker would have in them.
import type { Random } from './random.ts'

const values = [
  'null',
  'true',
  '0',
  '-0',
  '1e400',
  '9007199254740993',
  '0.1000000000000000055511151231257827',
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"a\\nb"',
  '"../../x"',
  '"Ａ"',
  '[]',
  '[null]',
  '["a","a"]',
  '[["a"]]',
  '{}',
  '{"a":1}',
  '{"__proto__":{"x":1}}',
  '{"constructor":"x"}',
  '{"toString":"x"}',
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
] as const
const keys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'artifact_name',
  'Artifact_Name',
  'artifact_group',
  'device_type',
  'DEVICE_TYPE',
  'artifact_provides',
  'artifact_provide\u017f',
  'Payloads',
  'type',
  'Type',
  'length',
  '',
  'rootfs-image.version',
  'rootfs-image.state-scripts',
  'images',
  'Images',
] as const

/** Changes a JSON text somewhere; what it gives is mostly JSON still. */
export function mutateJson(text: string, random: Random): string {
  return random.pick<() => string>([
    () => atValue(text, random, () => random.pick(values)),
    () => atValue(text, random, () => random.pick(values)),
    () => atObject(text, random, () => `${JSON.stringify(random.pick(keys))}:${random.pick(values)},`),
    () => atObject(text, random, () => `${JSON.stringify(random.pick(keys))}:${random.pick(values)},`),
    () => doubled(text, random),
    () => withOtherCase(text, random),
    () => atValue(text, random, () => nested(random)),
    () => atValue(text, random, () => `"${'x'.repeat(random.pick([100, 1024, 1025, 5000, 100_000]))}"`),
    () => atValue(text, random, (value) => `[${value},${value}]`),
    () => `${random.pick(['\ufeff', ' ', '\n', '\0'])}${text}`,
    () => `${text}${random.pick([' ', '{}', 'x', '\0', ','])}`,
    () => text.slice(0, random.below(text.length)),
    () => '',
  ])()
}

function nested(random: Random): string {
  const depth = random.pick([5, 70, 200, 20_000])
  return random.chance(50)
    ? `${'['.repeat(depth)}${']'.repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
}

/** Replaces one string, number or word that is a value. */
function atValue(text: string, random: Random, change: (value: string) => string): string {
  const found = [...text.matchAll(/(?<=[:[,]\s*)("(?:[^"\\]|\\.)*"|[\w.+-]+)(?=\s*[,}\]])/g)]
  const one = random.some(found)
  if (one === undefined) return text
  return `${text.slice(0, one.index)}${change(one[0])}${text.slice(one.index + one[0].length)}`
}

function atObject(text: string, random: Random, member: () => string): string {
  const one = random.some([...text.matchAll(/\{(?=\s*")/g)])
  return one === undefined ? text : `${text.slice(0, one.index + 1)}${member()}${text.slice(one.index + 1)}`
}

/** A key that stands there already, with another value. */
function doubled(text: string, random: Random): string {
  const one = random.some([...text.matchAll(/\{\s*("(?:[^"\\]|\\.)*")\s*:/g)])
  if (one?.[1] === undefined) return text
  return `${text.slice(0, one.index + 1)}${one[1]}:${random.pick(values)},${text.slice(one.index + 1)}`
}

function withOtherCase(text: string, random: Random): string {
  const one = random.some([...text.matchAll(/"([^"\\]+)"(?=\s*:)/g)])
  if (one?.[1] === undefined) return text
  const other = random.pick([
    one[1].toUpperCase(),
    one[1].replace('s', '\u017f'),
    one[1].replace('k', '\u212a'),
    `${one[1]} `,
  ])
  return `${text.slice(0, one.index + 1)}${other}${text.slice(one.index + 1 + one[1].length)}`
}
