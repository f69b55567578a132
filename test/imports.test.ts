// Imports point one way: this table is the architecture, and this test fails when the code stops following it.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const domain = [
  'artifact',
  'image',
  'fleet',
  'ota',
  'device',
  'plan',
  'testing',
  'receipt',
  'operate',
  'report',
  'server',
  'simulator',
  'github',
  'platform',
]

const allowed: Record<string, readonly string[]> = {
  actions: ['action', ...domain],
  cli: ['actions', 'action', ...domain],
  report: ['testing', 'plan', 'fleet', 'ota', 'platform'],
  github: ['platform'],
  plan: ['fleet', 'ota', 'receipt', 'platform'],
  testing: ['device', 'receipt', 'platform'],
  operate: ['plan', 'fleet', 'ota', 'device', 'artifact', 'receipt', 'report', 'platform'],
  ota: ['artifact', 'fleet', 'platform'],
  server: ['artifact', 'platform'],
  simulator: ['artifact', 'platform'],
  action: ['platform'],
  image: ['platform'],
  fleet: ['platform'],
  artifact: ['platform'],
  device: ['platform'],
  receipt: ['platform'],
  platform: [],
}

/** Packages that only these folders may import. */
const packages: Record<string, readonly string[]> = {
  '@actions/core': ['action'],
  '@actions/cache': ['action'],
  '@actions/exec': ['platform'],
  '@actions/github': ['github'],
  octokit: ['github'],
  undici: ['platform'],
}

const imports = sourceFiles().flatMap((file) => importsOf(file).map((target) => ({ file, target })))

test('every folder imports only from the folders below it', () => {
  const wrong = imports.flatMap(({ file, target }) => {
    if (!target.startsWith('.')) return []
    const [from, to] = [folderOf(file), folderOf(relative(root, resolve(root, dirname(file), target)))]
    return from === to || allowed[from]?.includes(to) ? [] : [`${file} imports ${target}: ${from} → ${to}`]
  })
  assert.deepEqual(wrong, [])
})

test('a folder is entered through the one file named after it', () => {
  const wrong = imports.flatMap(({ file, target }) => {
    if (!target.startsWith('.')) return []
    const path = relative(root, resolve(root, dirname(file), target))
    const [from, to] = [folderOf(file), folderOf(path)]
    return from === to || to === 'actions' || path === `src/${to}/${to}.ts`
      ? []
      : [`${file} imports ${target}`]
  })
  assert.deepEqual(wrong, [])
})

test('packages that know about GitHub or the network stay where they belong', () => {
  const wrong = imports.flatMap(({ file, target }) => {
    const owner = Object.keys(packages).find((name) => target === name || target.startsWith(`${name}/`))
    return owner === undefined || packages[owner]?.includes(folderOf(file))
      ? []
      : [`${file} imports ${target}`]
  })
  assert.deepEqual(wrong, [])
})

test("an action's main has at most 40 lines", () => {
  const long = sourceFiles()
    .filter((file) => /^actions\/[^/]+\/main\.ts$/.test(file))
    .filter((file) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length > 40)
  assert.deepEqual(long, [])
})

function sourceFiles(): string[] {
  return ['src', 'actions'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  )
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

function folderOf(file: string): string {
  const [first, second] = file.split('/')
  return first === 'src' ? (second ?? '') : (first ?? '')
}
