// GitHub lets a job whose labels no runner has wait for a day and then fails it. Asked first, that is known in a second.
import { Failure, oneLine } from '../platform/platform.ts'
import { checkLabels, missingLabels } from './runner-labels.ts'
import type { RegisteredRunner, RunnerRegistry } from './runner-registry.ts'

/**
 * Makes sure that a job with these labels has a runner: one that is online and has them all. Returns the labels for
 * `runs-on`. Throws `runner-missing` with the label that none has, or with what is wrong with those that have them.
 */
export async function requireRunner(
  registry: RunnerRegistry,
  given: readonly string[],
): Promise<{ labels: readonly string[]; runners: readonly string[] }> {
  const labels = checkLabels(given, 'require-runner')
  if (labels.length === 0)
    throw new Failure('bad-input', 'require-runner names no label: write labels as in runs-on, with commas')
  const all = await registry.list()
  const fitting = all.filter((runner) => missingLabels(labels, runner.labels).length === 0)
  const online = fitting.filter(({ isOnline }) => isOnline)
  if (online.length > 0) return { labels, runners: online.map(({ name }) => name) }
  throw new Failure(
    'runner-missing',
    `${whyNone(labels, all, fitting)}. A job that asks for it would wait for a day`,
  )
}

function whyNone(
  labels: readonly string[],
  all: readonly RegisteredRunner[],
  fitting: readonly RegisteredRunner[],
): string {
  const wanted = labels.join(', ')
  if (fitting.length > 0) {
    const names = fitting.map(({ name }) => oneLine(name)).slice(0, 5)
    return `every runner with ${wanted} is offline: ${names.join(', ')}`
  }
  const unknown = missingLabels(
    labels,
    all.flatMap((runner) => runner.labels),
  )
  if (unknown.length === 0) return `no runner has all of ${wanted}, though each is some runner's`
  const known = [...new Set(all.flatMap((runner) => runner.labels))].sort()
  const others = known.length === 0 ? 'the repository has no runner' : `there are ${shown(known)}`
  return `no runner has the label ${unknown.join(', ')}: ${others}`
}

function shown(labels: readonly string[]): string {
  const more = labels.length > 20 ? ` and ${labels.length - 20} more` : ''
  return labels.slice(0, 20).map(oneLine).join(', ') + more
}
