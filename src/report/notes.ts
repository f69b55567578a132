// What a person has to know of a plan that is in none of its tables.
import type { Switches } from '../fleet/fleet.ts'
import { escapeMarkdown, shorten } from '../platform/platform.ts'

/** One thing to know; `text` is from anywhere, `title` our own. */
export interface Note {
  title: string
  text: string
  /** Whether the plan can't be approved for it. */
  isNoApproval?: boolean
}

/** What is said besides a plan: what is over budget, one sentence each, and notes. */
export interface Remarks {
  over: readonly string[]
  notes: readonly Note[]
}

/** Whether a plan with these remarks may be approved by merging it. */
export const mayBeApproved = ({ over, notes }: Remarks): boolean =>
  over.length === 0 && !notes.some(({ isNoApproval }) => isNoApproval)

/** The switches that are set for a stage, or for any of them, at `now`. */
export function switchNotes(
  { emergency, freeze, retry }: Switches,
  stage: string | undefined,
  now: Date,
): Note[] {
  const notes: Note[] = []
  if (freeze && (freeze.until === undefined || freeze.until > now)) {
    const until = freeze.until ? `until ${freeze.until.toISOString()}` : 'until it is removed'
    notes.push({ title: 'Freeze', text: `nothing new is ordered ${until}: ${freeze.reason}` })
  }
  if (emergency && emergency.until > now && (stage === undefined || emergency.stage === stage)) {
    const goes = `the stage ${emergency.stage} goes to ${emergency.release} until ${emergency.until.toISOString()}`
    notes.push({ title: 'Emergency', text: `${goes}, whatever its branch says: ${emergency.reason}` })
  }
  const again = [...retry].filter(([rollout]) => stage === undefined || rollout.startsWith(`${stage}/`))
  if (again.length > 0) {
    const attempts = again.map(([rollout, attempt]) => `${rollout}: attempt ${attempt}`).join(', ')
    notes.push({ title: 'Retry', text: `devices that failed are ordered again (${attempts})` })
  }
  return notes
}

/** Notes and what is over budget as quotes. */
export function remarkLines({ over, notes }: Remarks): string[] {
  const all = [...over.map((text): Note => ({ title: 'Over budget', text })), ...notes]
  return all.flatMap(({ title, text }) => ['', `> **${title}:** ${escapeMarkdown(shorten(text, 500))}`])
}
