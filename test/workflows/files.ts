// Every workflow and action file of the project, and every use of an action in them and in the documentation.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { parse } from 'yaml'

export const root = join(import.meta.dirname, '../..')

/** How users name the project in `uses:`. */
export const repository = 'drover-fleet/drover'

export interface TextFile {
  /** Relative to the project. */
  path: string
  text: string
}

/** The workflows of the project and of its examples. */
export function workflows(): TextFile[] {
  return ['.github/workflows', 'examples/os/.github/workflows', 'examples/fleet/.github/workflows'].flatMap(
    (folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.yml'))
        .map((name) => read(`${folder}/${name}`)),
  )
}

export function actionNames(): string[] {
  return readdirSync(join(root, 'actions'))
    .filter((name) => existsSync(join(root, 'actions', name, 'action.yml')))
    .sort()
}

export function actionFiles(): TextFile[] {
  return actionNames().map((name) => read(`actions/${name}/action.yml`))
}

/** The YAML blocks in the project's Markdown, each as a file of its own, named by file and line. */
export function documentedYaml(): TextFile[] {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'docs/artifacts.md',
    'docs/device-tests.md',
    'docs/receipt-file.md',
    ...actionNames().map((name) => `actions/${name}/README.md`),
  ]
  return documents
    .filter((path) => existsSync(join(root, path)))
    .map(read)
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].map((match) => ({
        path: `${path}:${text.slice(0, match.index).split('\n').length}`,
        text: match[1] ?? '',
      })),
    )
}

export function read(path: string): TextFile {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}

const fields = v.record(v.string(), v.unknown())
const useSchema = v.object({
  uses: v.string(),
  with: v.optional(v.nullable(fields)),
  secrets: v.optional(v.union([fields, v.literal('inherit')])),
})
export type Use = v.InferOutput<typeof useSchema>

/** Every mapping with a `uses:` key in a piece of YAML, wherever it stands: steps, jobs, and bare lists of steps. */
export function usesIn({ text }: TextFile): Use[] {
  const found: Use[] = []
  const visit = (node: unknown) => {
    if (node === null || typeof node !== 'object') return
    if ('uses' in node) found.push(v.parse(useSchema, node))
    for (const child of Object.values(node)) visit(child)
  }
  visit(parse(text))
  return found
}

const interfaceSchema = v.object({
  inputs: v.optional(v.record(v.string(), v.looseObject({ required: v.optional(v.boolean()) })), {}),
  secrets: v.optional(v.record(v.string(), v.looseObject({ required: v.optional(v.boolean()) })), {}),
  outputs: v.optional(fields, {}),
})
export type Interface = v.InferOutput<typeof interfaceSchema>

/**
 * Inputs, outputs and secrets of what one of our own `uses:` names: an action, or a workflow that can be called.
 * Undefined for what is not ours.
 */
export function interfaceOf(uses: string): Interface | undefined {
  const ours = new RegExp(`^(?:\\./|${repository}/)([^@]+)(?:@.*)?$`).exec(uses)
  const target = ours?.[1]
  if (!target) return undefined
  if (!target.endsWith('.yml')) return v.parse(interfaceSchema, parse(read(`${target}/action.yml`).text))
  const workflow = v.parse(
    v.object({ on: v.object({ workflow_call: interfaceSchema }) }),
    parse(read(target).text),
  )
  return workflow.on.workflow_call
}

/** What is wrong with how `use` calls one of our actions or workflows; empty for what is not ours. */
export function problemsOf(use: Use): string[] {
  const target = interfaceOf(use.uses)
  if (!target) return []
  const secrets = use.secrets === 'inherit' ? undefined : (use.secrets ?? {})
  return [
    ...differences('input', target.inputs, use.with ?? {}),
    ...(secrets ? differences('secret', target.secrets, secrets) : []),
  ].map((problem) => `${use.uses}: ${problem}`)
}

/** Inputs that may come from the environment instead. */
const fromEnvironment = new Set(['token'])

function differences(kind: string, known: Interface['inputs'], given: Record<string, unknown>): string[] {
  return [
    ...Object.keys(given)
      .filter((name) => !(name in known))
      .map((name) => `there is no ${kind} "${name}"`),
    ...Object.entries(known)
      .filter(([name, { required }]) => required && !(name in given) && !fromEnvironment.has(name))
      .map(([name]) => `the ${kind} "${name}" is missing`),
  ]
}
