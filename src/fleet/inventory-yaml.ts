// An inventory in YAML: groups within groups, hosts, variables.
import { hostNames } from './host-pattern.ts'
import type { InventoryData } from './inventory-data.ts'
import { variablesOf } from './inventory-model.ts'
import { type Path, type Source, isRecord } from './source.ts'

/** Adds what a parsed file says to `inventory`; what is wrong with it goes to the inventory's problems. */
export function readYamlInventory(source: Source, file: string, inventory: InventoryData): void {
  new YamlInventoryReader(source, file, inventory).read()
}

/** One reading of one file. */
class YamlInventoryReader {
  readonly #source: Source
  readonly #file: string
  readonly #inventory: InventoryData

  constructor(source: Source, file: string, inventory: InventoryData) {
    this.#source = source
    this.#file = file
    this.#inventory = inventory
  }

  read(): void {
    const { data } = this.#source
    if (!isRecord(data)) return this.#problem([], 'an inventory is a mapping of groups: begin with `all:`')
    if (data['plugin'])
      return this.#problem(['plugin'], 'inventory plugins are not run: write down what this one finds')
    for (const [name, body] of Object.entries(data)) this.#readGroup(name, body, [name])
  }

  #readGroup(name: string, body: unknown, path: Path): void {
    if (name === '') return this.#problem(path, 'a group has a name')
    this.#inventory.addGroup(name)
    if (body === null || body === undefined) return
    if (!isRecord(body))
      return this.#problem(path, `${name}: a group is a mapping of hosts, vars and children`)
    for (const [key, given] of Object.entries(body)) {
      const inner = [...path, key]
      const value = typeof given === 'string' ? { [given]: null } : given
      if (!['hosts', 'vars', 'children'].includes(key)) {
        this.#problem(inner, `${name}.${key}: a group has hosts, vars and children, nothing else`)
      } else if (value === null || value === undefined) {
        continue
      } else if (!isRecord(value)) {
        this.#problem(inner, `${name}.${key} must be a mapping`)
      } else if (key === 'vars') {
        for (const [variable, found] of variablesOf(value, this.#source, this.#file, inner))
          this.#inventory.setOfGroup(name, variable, found)
      } else {
        for (const [child, childBody] of Object.entries(value)) {
          if (key === 'hosts') this.#readHosts(child, childBody, name, [...inner, child])
          else this.#readChild(child, childBody, name, [...inner, child])
        }
      }
    }
  }

  #readChild(name: string, body: unknown, parent: string, path: Path): void {
    this.#readGroup(name, body, path)
    if (name !== '') this.#inventory.addChild(parent, name, () => this.#source.at(path))
  }

  #readHosts(pattern: string, body: unknown, group: string, path: Path): void {
    const found = hostNames(pattern)
    if ('why' in found) return this.#problem(path, found.why)
    if (body && !isRecord(body))
      return this.#problem(path, `${pattern}: a host is a mapping of variables, or empty`)
    const variables = isRecord(body) ? variablesOf(body, this.#source, this.#file, path) : new Map()
    const at = () => this.#source.at(path)
    const port = found.port === undefined ? undefined : { value: found.port, file: this.#file, path, at }
    for (const name of found.names) {
      if (name === '') return this.#problem(path, 'a host has a name')
      this.#inventory.addHost(name, group, port, at)
      for (const [key, variable] of variables) this.#inventory.setOfHost(name, key, variable)
    }
  }

  #problem(path: Path, message: string): void {
    this.#inventory.problems.push({ ...this.#source.at(path), message })
  }
}
