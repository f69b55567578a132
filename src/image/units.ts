// Which units a device starts: the links that `systemctl --root` would make, made in a tree that is no folder yet.
import { Failure } from '../platform/platform.ts'
import type { Recipe } from './recipe.ts'
import type { Tree } from './tree.ts'

const own = 'etc/systemd/system'
const unitFolders = [own, 'usr/lib/systemd/system', 'lib/systemd/system']

/**
 * Enables, disables and masks units, in this order. Throws `invalid-file` for a unit that is not in the image, or that
 * nothing can start because its [Install] section says nothing.
 */
export function setServices(tree: Tree, { enable, disable, mask }: Recipe['services'], mtime: number): void {
  const as = { mode: 0o777, mtime }
  for (const name of enable) enableUnit(tree, name, as, new Set())
  for (const name of disable) {
    unitFile(tree, name)
    for (const [path, node] of tree.entries()) {
      if (!path.startsWith(`${own}/`) || node.kind !== 'link') continue
      // a link of this name, or an alias of it; a mask stays
      const isOurs = [path, node.target].some((one) => one.endsWith(`/${name}`))
      if (isOurs && node.target !== '/dev/null') tree.remove(path)
    }
  }
  for (const name of mask) tree.link(`${own}/${name}`, '/dev/null', as)
}

interface LinkAs {
  mode: number
  mtime: number
}

function enableUnit(tree: Tree, name: string, as: LinkAs, seen: Set<string>): void {
  if (seen.has(name)) return // two units may name each other
  seen.add(name)
  const { path, text } = unitFile(tree, name)
  const install = installSection(text)
  const words = (key: string) => install.filter(([one]) => one === key).flatMap(([, list]) => list)
  const [instance] = /@([^.]*)\./.exec(name)?.slice(1) ?? []
  const called = instance === '' ? name.replace('@.', `@${words('DefaultInstance')[0] ?? ''}.`) : name
  if (called.includes('@.'))
    throw wrong(`${name} is a template: name an instance of it, such as ${name.replace('@.', '@x.')}`)
  const places = [
    ...words('WantedBy').map((target) => `${target}.wants/${called}`),
    ...words('RequiredBy').map((target) => `${target}.requires/${called}`),
    ...words('Alias'),
  ]
  if (places.length === 0 && words('Also').length === 0)
    throw wrong(`${name} can't be enabled: its [Install] section names nothing that would start it`)
  if (tree.get(`${own}/${name}`) === undefined) tree.remove(`${own}/${name}`)
  for (const place of places) tree.link(`${own}/${place}`, `/${path}`, as)
  for (const also of words('Also')) enableUnit(tree, also, as, seen)
}

/** Where a unit's file is and what it says; that of its template for an instance. */
function unitFile(tree: Tree, name: string): { path: string; text: string } {
  for (const one of [name, name.replace(/@[^.]*\./, '@.')]) {
    for (const folder of unitFolders) {
      const text = tree.text(`${folder}/${one}`)
      if (text !== undefined) return { path: `${folder}/${one}`, text }
    }
  }
  throw wrong(`the image has no unit ${name}: add the package or the file that brings it`)
}

/** The settings of [Install], in their order; a list may be given in several lines, and an empty one starts it again. */
function installSection(text: string): [key: string, words: string[]][] {
  const joined = text.replace(/\\\n\s*/g, ' ')
  const lines = joined.split('\n').map((line) => line.trim())
  const start = lines.indexOf('[Install]')
  if (start < 0) return []
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => line.startsWith('['))
  return (end < 0 ? rest : rest.slice(0, end)).flatMap((line): [string, string[]][] => {
    const [, key, value = ''] = /^([A-Za-z]+)\s*=\s*(.*)$/.exec(line) ?? []
    return key === undefined ? [] : [[key, value.split(/\s+/).filter(Boolean)]]
  })
}

function wrong(message: string): Failure {
  return new Failure('invalid-file', message)
}
