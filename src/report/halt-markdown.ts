import { type FailedDevice, type Tick, whyFailed } from '../plan/plan.ts'
import { counted, escapeMarkdown, oneLine, shorten } from '../platform/platform.ts'
import { type Markdown, bounded, maxMarkdownCharacters, section, table, verbatim } from './markdown.ts'

/**
 * What a pull request says that marks the content of a halted stage as bad: what failed, on which devices and how, and how to
 * go back at once. Over the limit it is cut.
 */
export function haltMarkdown(tick: Tick, until: Date): Markdown {
  const { failures, haltedBy = '' } = tick
  const logs = failures.filter(({ log }) => log !== undefined)
  const lines = [
    `Stage ${escapeMarkdown(shorten(tick.stage, 100))} is halted at \`${tick.commit.slice(0, 12)}\`: ${escapeMarkdown(shorten(haltedBy, 500))}.`,
    '',
    'Once this is merged, no stage orders that content any more, under whatever name. Close it where the content is not to blame: it is not offered again.',
    ...section('Failed', [
      ...table(
        ['device', 'why', 'was to run', 'reports'],
        failures
          .slice(0, 50)
          .map((failed) => [failed.host, whyFailed(failed), failed.release ?? '', failed.from ?? '']),
      ),
      ...(failures.length > 50 ? ['', `And ${counted(failures.length - 50, 'more device')}.`] : []),
    ]),
    ...section('To go back at once', wayBack(tick, failures, until)),
    ...logs.flatMap(({ host, log = '' }) =>
      section(`End of the log of ${escapeMarkdown(shorten(host, 100))}`, verbatim(log)),
    ),
  ]
  return bounded(lines, maxMarkdownCharacters, (left) => `**Shortened: ${left} more lines.**`)
}

/** An `emergency` that is ready but for a person's word: most of the failed devices ran that release before. */
function wayBack({ stage }: Tick, failures: readonly FailedDevice[], until: Date): string[] {
  const before = Map.groupBy(
    failures.flatMap(({ from }) => (from === undefined ? [] : [from])),
    (from) => from,
  )
  const [last] = [...before.values()].sort((a, b) => b.length - a.length)
  if (last?.[0] === undefined) return []
  const text = (value: string) => JSON.stringify(oneLine(value))
  return [
    'Add this to `fleet.yml` on this branch, or set `os_image` back in a change of its own:',
    '',
    '```yaml',
    'emergency:',
    `  stage: ${text(stage)}`,
    `  release: ${text(last[0])} # what most of the failed devices ran before`,
    `  reason: ${text('…')} # say why`,
    `  until: ${until.toISOString().slice(0, 16)}Z`,
    '```',
  ]
}
