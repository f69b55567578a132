// Writes what is derived: src/action/manifest.ts, src/cli/input-descriptions.ts and the tables in the READMEs from the
// action.yml files, schemas/ from the schemas in the code. With --check it writes nothing and ends with 1 where something is out of date.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as prettier from 'prettier'
import { parse } from 'yaml'
import { publishedSchemas } from './schemas.ts'

const root = join(import.meta.dirname, '..')
const isCheck = process.argv.includes('--check')
const stale: string[] = []

interface ActionYaml {
  name: string
  description: string
  inputs?: Record<string, { description: string; required?: boolean; default?: string }>
  outputs?: Record<string, { description: string }>
}

const names = readdirSync(join(root, 'actions'))
  .filter((name) => existsSync(join(root, 'actions', name, 'action.yml')))
  .sort()
const actions = names.map(
  (name) =>
    [name, parse(readFileSync(join(root, 'actions', name, 'action.yml'), 'utf8')) as ActionYaml] as const,
)

await put('src/action/manifest.ts', manifest(), 'typescript')
await put('src/cli/input-descriptions.ts', inputDescriptions(), 'typescript')
for (const [name, action] of actions) {
  const path = `actions/${name}/README.md`
  if (!existsSync(join(root, path))) continue
  const text = readFileSync(join(root, path), 'utf8')
  await put(path, withTables(text, action), 'markdown')
}
await put('README.md', withActionList(readFileSync(join(root, 'README.md'), 'utf8')), 'markdown')
for (const [path, text] of publishedSchemas()) await put(path, text, 'json')
if (stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}: run npm run generate`)
  process.exit(1)
}

function manifest(): string {
  const entries = actions.map(([name, action]) => {
    const inputs = Object.entries(action.inputs ?? {}).map(
      ([key, { required, default: value }]) =>
        `${JSON.stringify(key)}: { required: ${required === true}${value === undefined ? '' : `, default: ${JSON.stringify(value)}`} }`,
    )
    const outputs = Object.keys(action.outputs ?? {}).map((key) => JSON.stringify(key))
    return `${JSON.stringify(name)}: { description: ${JSON.stringify(action.description)}, inputs: { ${inputs.join(', ')} }, outputs: [${outputs.join(', ')}] }`
  })
  return `// Generated from actions/*/action.yml by npm run generate; don't edit.
export const manifest = { ${entries.join(',\n')} } as const

export type ActionName = keyof typeof manifest
export type InputName<N extends ActionName> = keyof (typeof manifest)[N]['inputs'] & string
export type OutputName<N extends ActionName> = (typeof manifest)[N]['outputs'][number]
`
}

/** Apart from the manifest: only a command's help needs them, and every action's bundle has the manifest. */
function inputDescriptions(): string {
  const entries = actions.map(([name, action]) => {
    const inputs = Object.entries(action.inputs ?? {}).map(
      ([key, { description }]) => `${JSON.stringify(key)}: ${JSON.stringify(description)}`,
    )
    return `${JSON.stringify(name)}: { ${inputs.join(', ')} }`
  })
  return `// Generated from actions/*/action.yml by npm run generate; don't edit.
import type { ActionName } from '../action/action.ts'

/** What each input of an action is, by its name, in Markdown. */
export const inputDescriptions: Readonly<Record<ActionName, Readonly<Record<string, string>>>> = { ${entries.join(',\n')} }
`
}

function withTables(text: string, action: ActionYaml): string {
  const inputs = Object.entries(action.inputs ?? {}).map(([key, input]) => {
    const value = input.default ? `\`${input.default}\`` : ''
    return `| \`${key}\` | ${input.required ? 'yes' : ''} | ${value} | ${input.description} |`
  })
  const outputs = Object.entries(action.outputs ?? {}).map(
    ([key, { description }]) => `| \`${key}\` | ${description} |`,
  )
  return between(
    between(text, 'inputs', ['| input | required | default | what it is |', '|---|---|---|---|', ...inputs]),
    'outputs',
    ['| output | what it is |', '|---|---|', ...outputs],
  )
}

function withActionList(text: string): string {
  const rows = actions.map(
    ([name, { description }]) => `| [\`${name}\`](actions/${name}/README.md) | ${description} |`,
  )
  return between(text, 'actions', ['| action | what it does |', '|---|---|', ...rows])
}

function between(text: string, mark: string, lines: string[]): string {
  const pattern = new RegExp(`(<!-- ${mark}:begin -->)[\\s\\S]*?(<!-- ${mark}:end -->)`)
  return text.replace(
    pattern,
    (_all, begin: string, end: string) => `${begin}\n\n${lines.join('\n')}\n\n${end}`,
  )
}

async function put(path: string, text: string, parser: string): Promise<void> {
  const full = join(root, path)
  const config = await prettier.resolveConfig(full)
  const formatted = await prettier.format(text, { ...config, parser })
  if (existsSync(full) && readFileSync(full, 'utf8') === formatted) return
  if (isCheck) stale.push(path)
  else writeFileSync(full, formatted)
}
