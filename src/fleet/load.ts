import { relative, resolve } from 'node:path'
import { type Context, Failure, type Problem, failOn, plainContext } from '../platform/platform.ts'
import type { Allowed } from './allowed.ts'
import { readInventory } from './inventory.ts'
import type { Fleet } from './model.ts'
import { type FleetPolicy, type Stage, defaultStage, readFleetPolicy } from './policy.ts'
import { resolveDevices } from './resolve.ts'
import { type TemplateKit, loadTemplateKit } from './template-hosts.ts'
import { readVariables } from './variables.ts'

/**
 * Reads a fleet repository: inventory (the one that is `allowed` in its place, where there is one), group_vars, host_vars and
 * fleet.yml. Throws `file-missing` where there is no inventory, and one `invalid-file` with every problem of all files, each with its place. May be repeated.
 */
export async function loadFleet(
  folder: string,
  context: Context = plainContext(),
  allowed: Allowed = {},
): Promise<Fleet> {
  const root = resolve(folder)
  const problems: Problem[] = []
  const policy = await orProblems(problems, () => readFleetPolicy(root))
  const { inventory: source, hasNoSecrets } = allowed
  const inventory = await orProblems(problems, () => readInventory(root, source && { source, context }))
  context.signal.throwIfAborted()
  if (!inventory) throw failureWith(problems)
  const variables = await readVariables(root, inventory, hasNoSecrets)
  const stages = new Map<string, Stage>(policy?.stages)
  const devicesWith = (kit?: TemplateKit) =>
    resolveDevices(
      [...inventory.hosts.values()],
      variables,
      (branch) => stageOfBranch(stages, branch, policy),
      kit,
    )
  const first = devicesWith()
  const kit = first.needsTemplates ? await loadTemplateKit(root, allowed) : undefined
  const resolved = kit ? devicesWith(kit) : first
  problems.push(...(kit?.files.problems ?? []))
  problems.push(...inventory.problems, ...variables.problems, ...resolved.problems)
  // where variables could not be read, nobody knows who subscribes to what
  const isRead = inventory.problems.length === 0 && variables.isWhole && !resolved.isBranchUnknown
  if (isRead && policy) problems.push(...emptyStages(stages, resolved.devices, policy))
  const isUnsupported = resolved.isUnsupported && problems.length === resolved.problems.length
  if (problems.length > 0 || !policy) throw failureWith(problems, isUnsupported)
  const unknown = inOrder([...variables.locked, ...resolved.unknown])
  return {
    folder: root,
    server: policy.server,
    stages,
    devices: resolved.devices,
    switches: policy.switches,
    unknown,
    warnings: inOrder([
      ...policy.warnings,
      ...inventory.warnings,
      ...variables.warnings,
      ...resolved.warnings,
      ...unknown,
    ]),
  }
}

function stageOfBranch(
  stages: Map<string, Stage>,
  branch: string,
  policy: FleetPolicy | undefined,
): Stage | undefined {
  const known = [...stages.values()].find((stage) => stage.branch === branch)
  if (known || policy?.stages) return known
  const stage = defaultStage(branch)
  stages.set(stage.name, stage)
  return stage
}

function emptyStages(
  stages: ReadonlyMap<string, Stage>,
  devices: Fleet['devices'],
  policy: FleetPolicy,
): Problem[] {
  const used = new Set(devices.map(({ stage }) => stage))
  return [...stages.values()]
    .filter(({ name, mayBeEmpty }) => !used.has(name) && !mayBeEmpty)
    .map(({ name, branch }) => ({
      ...policy.at(['stages', name]),
      message: `stages.${name}: no device subscribes to ${branch}: subscribe one, or set allow-empty: true`,
    }))
}

async function orProblems<T>(problems: Problem[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Failure) || error.problems.length === 0) throw error
    problems.push(...error.problems)
    return undefined
  }
}

/** One failure with all problems; its reason is narrower where each is a template with what is not supported. */
export function failureWith(problems: readonly Problem[], isUnsupported = false): unknown {
  try {
    failOn(inOrder(problems))
  } catch (error) {
    if (!isUnsupported || !(error instanceof Failure)) return error
    return new Failure('unsupported-template', error.message, { problems: error.problems })
  }
  return new Failure('internal', 'a fleet that could not be read has no problems')
}

function inOrder<P extends Problem>(problems: readonly P[]): P[] {
  return [...problems].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  )
}

/** A file that messages name, as a path from `folder`. */
export function fileIn(folder: string, file: string): string {
  return relative(folder, resolve(file))
}
