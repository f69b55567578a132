// Plain scalars as PyYAML takes them, which Ansible reads with: not quite YAML 1.1 (`y` and `08` are text, `1e3` is too).
import type { ScalarTag, SchemaOptions } from 'yaml'
import { encrypted } from './vault.ts'

type Tags = Extract<SchemaOptions['customTags'], (...tags: never[]) => unknown>

const textOf = (value: string) => value.replaceAll('_', '')
const stringify = ({ value }: { value: unknown }) => String(value)

/** What plain scalars of a form stand for. */
interface Plain {
  tag: string
  test: RegExp
  read: (text: string) => unknown
}

const plain = (tag: string, test: RegExp, read: (text: string) => unknown): Plain => ({ tag, test, read })

function sexagesimal(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  return (
    sign *
    textOf(text.replace(/^[-+]/, ''))
      .split(':')
      .reduce((sum, digits) => sum * 60 + Number(digits), 0)
  )
}

function integer(text: string, radix: number, prefix: number): number {
  const sign = text.startsWith('-') ? -1 : 1
  return sign * Number.parseInt(textOf(text.replace(/^[-+]/, '')).slice(prefix), radix) || 0
}

const plains: readonly Plain[] = [
  plain('null', /^(?:~|null|Null|NULL|)$/, () => null),
  plain('bool', /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  plain('bool', /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  plain('int', /^[-+]?0b[0-1_]+$/, (text) => integer(text, 2, 2)),
  plain('int', /^[-+]?0[0-7_]+$/, (text) => integer(text, 8, 1)),
  plain('int', /^[-+]?(?:0|[1-9][0-9_]*)$/, (text) => integer(text, 10, 0)),
  plain('int', /^[-+]?0x[0-9a-fA-F_]+$/, (text) => integer(text, 16, 2)),
  plain('int', /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, sexagesimal),
  plain('float', /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, sexagesimal),
  plain('float', /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/, (text) =>
    Number(textOf(text)),
  ),
  plain('float', /^[-+]?\.(?:inf|Inf|INF)$/, (text) => (text.startsWith('-') ? -Infinity : Infinity)),
  plain('float', /^\.(?:nan|NaN|NAN)$/, () => NaN),
  plain(
    'timestamp',
    /^\d{4}-\d\d-\d\d$|^\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?$/,
    timestamp,
  ),
]

/** A moment as Python writes it: Ansible's JSON has dates as text. */
function timestamp(text: string): string {
  const form =
    /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?)?$/
  const [
    ,
    year = '',
    month = '',
    day = '',
    hour,
    minute,
    second,
    fraction = '',
    utc,
    sign,
    zoneHour = '',
    zoneMinute,
  ] = form.exec(text) ?? []
  const two = (digits: string | undefined) => (digits ?? '').padStart(2, '0')
  const date = `${year}-${two(month)}-${two(day)}`
  if (hour === undefined) return date
  const micro = fraction.slice(0, 6).padEnd(6, '0')
  const offset = utc ? '+00:00' : sign ? `${sign}${two(zoneHour)}:${two(zoneMinute)}` : ''
  const shown = offset === '-00:00' ? '+00:00' : offset
  return `${date}T${two(hour)}:${minute}:${second}${micro === '000000' ? '' : `.${micro}`}${shown}`
}

const vault: ScalarTag = { tag: '!vault', resolve: (text) => encrypted(text), stringify }
const otherVault: ScalarTag = { ...vault, tag: '!vault-encrypted' }
const unsafe: ScalarTag = { tag: '!unsafe', resolve: (text) => text, stringify }
const text: ScalarTag = { tag: 'tag:yaml.org,2002:str', resolve: (value) => value, stringify }
const kept = /:(?:map|seq|merge)$/

/** What a plain scalar stands for. */
export function plainScalar(text: string): unknown {
  // no number and no word that means something begins with one of these
  if (/^[a-eg-mp-su-xzA-EG-MP-SU-XZ_/($]/.test(text)) return text
  const form = plains.find(({ test }) => test.test(text))
  return form ? form.read(text) : text
}

const scalars = plains.map(({ tag, test, read }): ScalarTag => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve: (text) => read(text),
  stringify,
}))

/** For the YAML parser's `customTags`: Ansible's scalars and tags in place of its own. */
export const ansibleTags: Tags = (tags) => [
  ...tags.filter((tag) => typeof tag === 'object' && kept.test(tag.tag)),
  ...scalars,
  text,
  vault,
  otherVault,
  unsafe,
]

/** Whether a plain scalar is a whole number that a double can't hold; passed on, it would be another number. */
export function isInexact(value: unknown): boolean {
  return (
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  )
}
