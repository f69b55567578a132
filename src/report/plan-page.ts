import type { Plan } from '../plan/plan.ts'
import { countRows } from './count-rows.ts'
import { type Cell, type Section, renderPage } from './html.ts'
import type { Remarks } from './notes.ts'
import { planPicture } from './picture.ts'
import { headline } from './plan-markdown.ts'
import {
  type Rows,
  blockedOf,
  blockedRows,
  memberRows,
  membersOf,
  strangerRows,
  updateRows,
  updatesOf,
  waveRows,
} from './plan-tables.ts'

/** A browser stays quick with so many rows; plan.json has them all. */
const maxDeviceRows = 20_000
const maxStrangers = 1000

/** A whole plan as a page of HTML that needs nothing else: the picture of its waves, and each device that moves or can't. */
export function planPage(plan: Plan, { over = [], notes = [] }: Partial<Remarks> = {}): string {
  const isGrouped =
    Math.max(updatesOf(plan).length, blockedOf(plan).length, membersOf(plan).length) > maxDeviceRows
  const { inGit, blocked } = plan.counts
  const { head, rows } = countRows(plan.counts)
  const counts = rows.map((row) => row.map((text): Cell => ({ text, look: 'number' })))
  const sections: Section[] = [
    {
      kind: 'table',
      title: 'Devices',
      head,
      rows: counts,
    },
    ...(inGit > blocked ? [{ kind: 'waves' as const, title: 'Picture', picture: planPicture(plan) }] : []),
    ...filled('Waves', waveRows(plan)),
    ...filled('Blocked', blockedRows(plan, isGrouped)),
    ...filled('Joins and leaves', memberRows(plan, isGrouped)),
    ...filled('Updates', updateRows(plan, isGrouped)),
    ...filled(strangersTitle(plan), strangerRows(plan, maxStrangers)),
  ]
  return renderPage({
    title: `Plan for ${plan.stage}`,
    verdict: {
      isGood: over.length === 0,
      text: over.length === 0 ? headline(plan) : `Over budget: ${over.join('; ')}`,
    },
    lead: [
      `Digest of what the stage should run: ${plan.digest}`,
      ...notes.map(({ title, text }) => `${title}: ${text}`),
      `Made ${plan.createdAt} of the facts of ${plan.factsAt} (${plan.server}).`,
    ],
    sections,
  })
}

const strangersTitle = ({ notInGit }: Plan) =>
  notInGit.length > maxStrangers
    ? `On the server, and in no stage: the first ${maxStrangers} of ${notInGit.length}`
    : 'On the server, and in no stage'

const filled = (title: string, { head, rows }: Rows): Section[] =>
  rows.length === 0 ? [] : [{ kind: 'table', title, head, rows }]
