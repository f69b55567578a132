// Fleet repositories by chance, each from a number: every form, nesting, range and odd value that Ansible takes.
import { createCipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { Chance } from '../support/chance.ts'

export type Files = Record<string, string>

/** Its files, and which of them, or which folder, is the inventory. */
export interface RandomInventory {
  files: Files
  inventory: string
}

export const vaultPassword = 'correct horse'

const groupNames = ['web', 'db', 'sites', 'zürich', 'north-1', 'a.b', 'Web', 'zz', '日本', '𝒢', '\uff21']
const hostNames = [
  'alpha',
  'beta.example.org',
  'x',
  'd-01',
  'é1',
  '10.0.0.7',
  'zeta_9',
  'pi[01:12]',
  'bone[a:c]',
]
const moreHosts = [
  'r[1:9:3]-x[0:1]',
  'gw:2222',
  '0a',
  'Ω',
  '[::1]:22',
  'b[:2]',
  'ipv[8:10].lan:22',
  'mixed[Y:Z]',
]
const keys = [
  'site',
  'lab',
  'os_image',
  'a',
  'b',
  'c',
  'deep',
  'ключ',
  'with-dash',
  'ansible_host',
  'x.y',
  '7',
  'on',
]

/** The values between the bars of a text, and more. */
function valuesOf(text: string, ...more: string[]): [string, ...string[]] {
  const [first = '', ...others] = text.split('¦').map((value) => value.trim())
  return [first, ...others, ...more]
}

const yamlValues = valuesOf(
  String.raw`
  y ¦ yes ¦ No ¦ on ¦ OFF ¦ true ¦ TRUE ¦ tRue ¦ ~ ¦ null ¦ NULL ¦ nULL ¦  ¦ "" ¦ 'it''s' ¦ 08 ¦ 010 ¦ 0o10 ¦
  -012 ¦ 0x1F ¦ 0b101 ¦ 1_000 ¦ +12 ¦ -0 ¦ 00 ¦ 1:20 ¦ 190:20:30 ¦ 0_7 ¦ 9e ¦ 1e3 ¦ 1.5e+3 ¦ 1.5e3 ¦ .5 ¦ 1. ¦
  -1.25 ¦ 685_230.15 ¦ 190:20:30.15 ¦ 1.2.3 ¦ 1e+3 ¦ 12e03 ¦ .e5 ¦ 2024-01-01 ¦ 2024-1-1 ¦
  2001-12-14t21:59:43.10-05:00 ¦ 2001-12-14 21:59:43 ¦ 2001-12-15T02:59:43.1Z ¦ 2001-12-14 21:59:43.10 -5 ¦
  [a, {b: 1}, [], null] ¦ {k: v, 2: x, yes: y, ~: z} ¦ "\u00e9\x41\n" ¦ plain text # and a comment ¦ a:b ¦
  "#" ¦ grüße 日本 🍓 ¦ [yes, 010, 1e3] ¦ {} ¦ [] ¦ "{{ x }}" ¦ !!str 5 ¦ '5' ¦ "yes" ¦ -- ¦ ~x ¦ + ¦ .`,
  '|\n    two\n    lines\n',
  '>-\n    folded\n    text\n',
)

const iniValues = valuesOf(String.raw`
  5 ¦ "a b" ¦ 'x' ¦ [1,2] ¦ {"a": [None, 1.5]} ¦ True ¦ true ¦ yes ¦ 1e3 ¦ 08 ¦ 00 ¦ 1,2 ¦ a, b ¦ 5 # five ¦
  foo # bar ¦ "x" 'y' ¦ r'\n' ¦ é ¦ 10.0.0.1 ¦ http://x/?a=b ¦ {{ x }} ¦ -1 ¦ --1 ¦ - 1 ¦ 1_0 ¦ 1__0 ¦ None ¦
  '' ¦  ¦ 0x1F ¦ 0o17 ¦ 017 ¦ (1,) ¦ (1) ¦ () ¦ 1.50 ¦ "\u00e9\x41\t\q" ¦ "open ¦ [1, 2 ¦ 1 + 2 ¦ u'x' ¦
  """a"b""" ¦ {'a': {'b': (1, 2)}, 2: 3} ¦ 2024-01-01 ¦ +.5 ¦ 5x ¦ 01.5 ¦ ; no comment ¦ x y z ¦ [1, "#", 2] ¦
  "a" 5 ¦ TRUE ¦ nan ¦ 1if ¦ - (2) ¦ \x ¦ '\101' ¦ 1.e2 ¦ {1: }`)

const iniWords = valuesOf(String.raw`
  1 ¦ "x y" ¦ '"05"' ¦ x\ y ¦  ¦ '[1, 2]' ¦ "{'a': 1}" ¦ 1,2 ¦ a=b ¦ "\"q\" \n" ¦ 'é' ¦ 0x10 ¦ True ¦ "  7" ¦
  None ¦ 'a#b' ¦ x"y z"w ¦ 10.0.0.1 ¦ "None " ¦ '(1, "a")' ¦ 1e3 ¦ 007 ¦ "'x' # y"`)

/** The fleet repository of `seed`: always the same one. */
export function randomInventory(seed: number): RandomInventory {
  const chance = new Chance(seed)
  const groups = chance.some(groupNames, 60)
  const hosts = [...chance.some(hostNames, 60), ...chance.some(moreHosts, 40)]
  if (hosts.length === 0) hosts.push('only')
  // now and then a host has the name of a group
  if (groups.length > 0 && chance.is(15)) hosts.push(groups[chance.below(groups.length)] ?? 'only')
  const files: Files = {}
  const form = chance.of(['inventory.yml', 'inventory.ini', 'hosts', 'inventory'])
  if (form === 'inventory') {
    const names = ['10-a.yml', '20-b', '9-c.yaml', 'Z.inventory', 'sub/x', 'é.yml']
    for (const name of ['10-a.yml', ...chance.some(names, 50)])
      files[`inventory/${name}`] = inventoryText(chance, name.endsWith('ml'), groups, hosts)
    for (const name of chance.some(['old.ini', 'notes.txt', '.hidden', 'x.cfg', 'x~', 'vars_plugins/x'], 30))
      files[`inventory/${name}`] = '[not-read]\nnever\n'
  } else
    files[form] = inventoryText(
      chance,
      form === 'inventory.yml' || (form === 'hosts' && chance.is(50)),
      groups,
      hosts,
    )
  const bases = form === 'inventory' ? ['', 'inventory/'] : ['']
  const text = Object.values(files).join('\n')
  const isNamed = (name: string) =>
    new RegExp(`^\\s*(?:"${name}":|${name}(?:\\s|$))`, 'm').test(text.replaceAll('[', '<'))
  const named = (names: readonly string[]) =>
    names.filter((name) => isNamed(name.replaceAll('.', '\\.').replaceAll('[', '<').replaceAll(']', '\\]')))
  for (const base of bases) {
    for (const group of chance.some(['all', 'ungrouped', ...groups], 50))
      addVariables(chance, files, `${base}group_vars/${group}`)
    // of a range, the first
    const single = named(hosts.filter((host) => !/[[:]/.test(host) && !groups.includes(host)))
    const ranged = named(['pi[01:12]', 'bone[a:c]']).map((host) => host.replace(/\[(.+?):.*\]/, '$1'))
    for (const host of chance.some([...single, ...ranged], 40))
      addVariables(chance, files, `${base}host_vars/${host}`)
  }
  return { files, inventory: form }
}

function addVariables(chance: Chance, files: Files, path: string): void {
  const extension = chance.of(['', '.yml', '.yaml', '.json', '/', '.yml', '.yml'])
  if (extension === '/') {
    for (const name of [
      'a.yml',
      ...chance.some(['b', 'c.json', 'd/e.yaml', 'A.yml', '.no', 'no.txt', 'no~', 'f.d/no.yml'], 40),
    ])
      files[`${path}/${name}`] = variablesText(chance, name.endsWith('json'))
  } else {
    files[`${path}${extension}`] = variablesText(chance, extension === '.json')
    if (chance.is(10) && extension === '') files[`${path}.yaml`] = 'a: never\n'
  }
}

function variablesText(chance: Chance, isJson: boolean): string {
  const text = isJson
    ? JSON.stringify(
        Object.fromEntries(chance.some(keys, 40).map((key, index) => [key, [index, { é: 1.5 }, null, 'y']])),
      )
    : chance.is(6)
      ? chance.of(['', '---\n', '# nothing\n', '{}\n', '[]\n'])
      : `${chance.is(20) ? '---\n' : ''}base: &base {x: 1, y: two}\nderived: {<<: *base, y: 3}\n${yamlVariables(chance, '')}`
  return chance.is(8) ? `${vaultOf(chance, text)}\n` : text
}

function yamlVariables(chance: Chance, indent: string, percent = 35): string {
  return chance
    .some(keys, percent)
    .map((key) => {
      const vault = () => `!vault |\n${vaultOf(chance, 'secret').replaceAll(/^/gm, `${indent}    `)}`
      const value = chance.is(6) ? vault() : chance.of(yamlValues).replaceAll('\n    ', `\n${indent}    `)
      // 7 and '7' are two variables for Python, and one in JSON
      return `${indent}${key === '7' ? '"7"' : key}: ${value.trimEnd()}\n`
    })
    .join('')
}

function inventoryText(
  chance: Chance,
  isYaml: boolean,
  groups: readonly string[],
  hosts: readonly string[],
): string {
  const text = isYaml ? yamlText(chance, groups, hosts) : iniText(chance, groups, hosts)
  return chance.is(4) ? vaultOf(chance, text) : text
}

function yamlText(chance: Chance, groups: readonly string[], hosts: readonly string[]): string {
  const group = (name: string, at: number, indent: string): string => {
    const inner = `${indent}    `
    const children = at < 4 ? chance.some(groups.slice(groups.indexOf(name) + 1), 30) : []
    const parts = [
      ...(chance.is(50)
        ? [`${indent}  vars:\n${priority(chance, inner)}${yamlVariables(chance, inner, 20)}`]
        : []),
      ...(children.length > 0
        ? [`${indent}  children:\n${children.map((child) => group(child, at + 1, inner)).join('')}`]
        : []),
      ...(chance.is(70) ? [`${indent}  hosts:\n${hostLines(chance, hosts, inner)}`] : []),
    ]
    if (chance.is(30)) parts.reverse()
    return `${indent}${JSON.stringify(name)}:\n${parts.join('')}`
  }
  const tops = chance.some(groups, 50).map((name) => group(name, 0, ''))
  const vars = chance.is(40) ? `  vars:\n${yamlVariables(chance, '    ', 20)}` : ''
  const all = `all:\n${vars}  hosts:\n${hostLines(chance, ['always', ...hosts], '    ')}`
  return chance.is(50) ? all + tops.join('') : tops.join('') + all
}

function priority(chance: Chance, indent: string): string {
  return chance.is(35)
    ? `${indent}ansible_group_priority: ${chance.of(['5', '-1', '"3"', '10', '2.9', '0'])}\n`
    : ''
}

function hostLines(chance: Chance, hosts: readonly string[], indent: string): string {
  return chance
    .some(hosts, 50)
    .map(
      (host) =>
        `${indent}${JSON.stringify(host)}:\n${chance.is(40) ? yamlVariables(chance, `${indent}  `, 15) : ''}`,
    )
    .join('')
}

function iniText(chance: Chance, groups: readonly string[], hosts: readonly string[]): string {
  const line = (host: string) => {
    const words = chance.some(keys.slice(0, 11), 15).map((key) => ` ${key}=${chance.of(iniWords)}`)
    return `${chance.is(10) ? '  ' : ''}${host}${words.join('')}${chance.is(10) ? ' # a comment' : ''}\n`
  }
  const sections: string[] = []
  for (const [index, group] of groups.entries()) {
    sections.push(
      `[${group}]${chance.is(10) ? '  # here' : ''}\n${chance.some(hosts, 40).map(line).join('')}`,
    )
    if (chance.is(50)) {
      const values = chance
        .some(keys, 25)
        .map((key) => `${key}${chance.of([' = ', '='])}${chance.of(iniValues)}\n`)
      const first = chance.is(35) ? `ansible_group_priority=${chance.of(['5', '-1', '3'])}\n` : ''
      sections.push(`[${group}:vars]\n; a comment\n${first}${values.join('')}`)
    }
    const children = chance.some(groups.slice(index + 1), 30)
    if (children.length > 0) sections.push(`[${group}:children]\n${children.join('\n')}\n`)
  }
  const sorted = sections.map((section) => ({ section, at: chance.below(1000) })).sort((a, b) => a.at - b.at)
  return `always\n${chance.some(hosts, 30).map(line).join('')}\n${sorted.map(({ section }) => section).join('\n')}`
}

/** As `ansible-vault` encrypts, with salt by chance, so that a seed's files are always the same. */
function vaultOf(chance: Chance, text: string): string {
  const salt = createHash('sha256')
    .update(String(chance.below(1_000_000)))
    .digest()
  const derived = pbkdf2Sync(vaultPassword, salt, 10_000, 80, 'sha256')
  const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, 32), derived.subarray(64))
  const bytes = Buffer.from(text)
  const padding = 16 - (bytes.length % 16)
  const data = Buffer.concat([
    cipher.update(Buffer.concat([bytes, Buffer.alloc(padding, padding)])),
    cipher.final(),
  ])
  const code = createHmac('sha256', derived.subarray(32, 64)).update(data).digest('hex')
  const body = Buffer.from(`${salt.toString('hex')}\n${code}\n${data.toString('hex')}`).toString('hex')
  const header = chance.is(50) ? '$ANSIBLE_VAULT;1.1;AES256' : '$ANSIBLE_VAULT;1.2;AES256;lab'
  return [header, ...(body.match(/.{1,80}/g) ?? [])].join('\n')
}
