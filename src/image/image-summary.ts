import { escapeMarkdown } from '../platform/platform.ts'
import type { PackageDifferences } from './differences.ts'
import type { BuiltImage } from './image.ts'

/** More than this many packages of a kind are counted only: a new suite changes all of them. */
const shown = 40

/** A built image for people, in Markdown: what it is, and what changed in its packages. */
export function imageSummary(built: BuiltImage): string {
  return [
    `### Image \`${escapeMarkdown(built.version)}\``,
    '',
    '| packages | size | base system | sha256 |',
    '|---|---|---|---|',
    `| ${built.packages} | ${built.sizeBytes / 2 ** 20} MiB | ${built.cacheHit ? 'from the cache' : 'built'} | \`${built.sha256}\` |`,
    '',
    ...(built.isChecked ? ['Built twice, the second time from nothing: the same bytes.', ''] : []),
    ...(built.differences ? differenceLines(built.differences) : []),
  ].join('\n')
}

function differenceLines({ since, added, removed, changed }: PackageDifferences): string[] {
  const title = `Packages since \`${escapeMarkdown(since)}\``
  if (added.length + removed.length + changed.length === 0) return [`${title}: none changed.`, '']
  return [
    `${title}: ${added.length} came, ${removed.length} went, ${changed.length} changed.`,
    '',
    '| package | before | now |',
    '|---|---|---|',
    ...rows(changed.map(({ name, from, to }) => [name, from, to])),
    ...rows(added.map(({ name, version }) => [name, '', version])),
    ...rows(removed.map(({ name, version }) => [name, version, ''])),
    '',
  ]
}

function rows(packages: readonly string[][]): string[] {
  const lines = packages.slice(0, shown).map((cells) => `| ${cells.map(escapeMarkdown).join(' | ')} |`)
  const more = packages.length - lines.length
  return more > 0 ? [...lines, `| and ${more} more | | |`] : lines
}
