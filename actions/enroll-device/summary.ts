import type { EnrolledRunner } from '../../src/operate/operate.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'

/** Says which runner waits where, and for what labels. */
export function enrolledSummary(host: string, { name, labels, isNew }: EnrolledRunner): string {
  const what = isNew ? 'has a runner for one job' : 'had its runner already'
  return `**${escapeMarkdown(host)}** ${what}: ${escapeMarkdown(name)} with ${listed(labels)}.\n`
}

/** Says which runners can take a job with the labels. */
export function foundSummary({ labels, runners }: { labels: readonly string[]; runners: readonly string[] }) {
  return `${listed(labels)}: online are ${listed(runners.slice(0, 10))}.\n`
}

const listed = (names: readonly string[]) => names.map(escapeMarkdown).join(', ')
