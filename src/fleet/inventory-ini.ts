// An inventory in INI: sections of hosts, of groups within a group, of variables. Values are Python's literals, or text.
import { type HostNames, hostNames } from './host-pattern.ts'
import { iniWords } from './ini-words.ts'
import type { InventoryData } from './inventory-data.ts'
import type { Variable } from './inventory-model.ts'
import { isOddLiteral } from './odd-values.ts'
import { pythonLiteral } from './python-literal.ts'
import type { Place } from './source.ts'

type Section = { group: string; kind: 'hosts' | 'vars' | 'children' } | undefined

// as Python's: a mark of byte order is no space, some control characters are
const space = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`
const end = String.raw`[${space}]*(?:#.*)?$`
const sectionForm = new RegExp(String.raw`^\[([^:\]${space}]+)(?::([\p{L}\p{N}_]+))?\]${end}`, 'u')
const groupForm = new RegExp(String.raw`^([^:\]${space}]+)${end}`, 'u')
const lineEnd = new RegExp(String.raw`\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]`)
const edges = new RegExp(`^[${space}]+|[${space}]+$`, 'g')
const strip = (text: string) => text.replace(edges, '')

/** Adds what an inventory's text says to `inventory`; what is wrong with it goes to the inventory's problems. */
export function readIniInventory(text: string, file: string, inventory: InventoryData): void {
  new IniInventoryReader(file, inventory).read(text)
}

/** One reading of one file. */
class IniInventoryReader {
  readonly #file: string
  readonly #inventory: InventoryData
  /** Groups that something was said of before they were declared, with where and, for children, their parents. */
  readonly #pending = new Map<string, { at: Place; parents: string[] }>()
  #section: Section = { group: 'ungrouped', kind: 'hosts' }
  #place: Place

  constructor(file: string, inventory: InventoryData) {
    this.#file = file
    this.#inventory = inventory
    this.#place = { file, line: 1, column: 1 }
  }

  read(text: string): void {
    text.split(lineEnd).forEach((raw, index) => {
      const line = strip(raw)
      if (line === '' || line.startsWith(';') || line.startsWith('#')) return
      this.#place = { file: this.#file, line: index + 1, column: raw.indexOf(line) + 1 }
      const [, group, kind = 'hosts'] = sectionForm.exec(line) ?? []
      if (group !== undefined) this.#open(group, kind)
      else if (line.startsWith('[') && line.endsWith(']')) {
        this.#section = undefined
        this.#problem(`${line}: a section is [group], [group:vars] or [group:children], without spaces`)
      } else if (this.#section) this.#readLine(line, this.#section)
    })
    for (const [name, { at, parents }] of this.#pending) {
      const by = parents.length > 0 ? `${parents.join(', ')} includes it` : 'it has variables'
      this.#inventory.problems.push({ ...at, message: `there is no group ${name}, and ${by}: add [${name}]` })
    }
  }

  #open(group: string, kind: string): void {
    this.#section = undefined
    if (kind !== 'hosts' && kind !== 'vars' && kind !== 'children')
      return this.#problem(`[${group}:${kind}]: a section is [group], [group:vars] or [group:children]`)
    this.#section = { group, kind }
    if (!this.#inventory.hasGroup(group)) {
      if (kind === 'vars' && !this.#pending.has(group))
        this.#pending.set(group, { at: this.#place, parents: [] })
      this.#inventory.addGroup(group)
    }
    if (kind !== 'vars') this.#declare(group)
  }

  #declare(group: string): void {
    const waiting = this.#pending.get(group)
    if (!waiting) return
    this.#pending.delete(group)
    for (const parent of waiting.parents) this.#inventory.addChild(parent, group, () => waiting.at)
  }

  #readLine(line: string, { group, kind }: NonNullable<Section>): void {
    if (kind === 'hosts') this.#readHosts(line, group)
    else if (kind === 'vars') this.#readVariable(line, group)
    else this.#readChild(line, group)
  }

  #readChild(line: string, parent: string): void {
    const child = groupForm.exec(line)?.[1]
    if (child === undefined) return this.#problem(`${line}: here stands the name of a group`)
    const waiting = this.#pending.get(child)
    const at = this.#place
    if (this.#inventory.hasGroup(child)) this.#inventory.addChild(parent, child, () => at)
    else if (waiting) waiting.parents.push(parent)
    else this.#pending.set(child, { at, parents: [parent] })
  }

  #readVariable(line: string, group: string): void {
    const [key, value] = cut(line)
    if (value === undefined) return this.#problem(`${key}: here stands a variable, as key=value`)
    const variable = this.#variable(strip(key), strip(value))
    if (variable) this.#inventory.setOfGroup(group, strip(key), variable)
  }

  #readHosts(line: string, group: string): void {
    const split = iniWords(line)
    if ('why' in split) return this.#problem(`this line of hosts can't be read: ${split.why}`)
    const [pattern = '', ...assignments] = split.words
    const found = namesOf(pattern)
    if ('why' in found) return this.#problem(found.why)
    const variables: [string, Variable][] = []
    for (const assignment of assignments) {
      const [key, value] = cut(assignment)
      if (value === undefined) return this.#problem(`${key}: after a host stand its variables, as key=value`)
      const variable = this.#variable(key, value)
      if (variable) variables.push([key, variable])
    }
    const at = this.#place
    const port = found.port === undefined ? undefined : this.#given('ansible_port', found.port)
    for (const name of found.names) {
      this.#inventory.addHost(name, group, port, () => at)
      for (const [key, variable] of variables) this.#inventory.setOfHost(name, key, variable)
    }
  }

  #variable(key: string, text: string): Variable | undefined {
    const literal = pythonLiteral(text)
    if (literal.kind === 'text') return this.#given(key, text)
    if (literal.kind === 'value') {
      const variable = this.#given(key, literal.value)
      if (!isOddLiteral(text)) return variable
      const odd = typeof literal.value === 'number' ? 'float' : 'python'
      return { ...variable, oddAt: () => odd }
    }
    this.#problem(
      `${key}: this value of Python can't be kept exactly: write text in two pairs of quotes, '"like this"'`,
    )
    return undefined
  }

  #given(key: string, value: unknown): Variable {
    const at = this.#place
    return { value, file: this.#file, path: [key], at: () => at }
  }

  #problem(message: string): void {
    this.#inventory.problems.push({ ...this.#place, message })
  }
}

function namesOf(pattern: string): HostNames {
  const found = hostNames(pattern)
  if ('why' in found) return found
  if (pattern.trim().endsWith(':') && found.port === undefined)
    return { why: `${pattern}: after a colon stands a port` }
  const strange = found.names.find((name) => name === '' || name.trim() === '---')
  return strange === undefined ? found : { why: `${strange || '""'} is no name of a host` }
}

function cut(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
