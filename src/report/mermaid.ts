import { type Picture, type PictureWave, inWords, worst } from './picture.ts'

/**
 * A picture of waves as a Mermaid flow chart, in a fence that GitHub draws. Texts are numeric entities but for letters,
 * digits and a few marks, so none can end its quotes, begin a directive or a comment, or become HTML. At most 12 waves with
 * 6 rows of 48 characters: it stays far under Mermaid's limits of 50,000 characters and 500 edges.
 */
export function wavesMermaid(picture: Picture): string[] {
  const { waves, blocked, members } = picture
  if (waves.length === 0) return []
  return [
    '```mermaid',
    'flowchart LR',
    `  accTitle: ${picture.title.replace(/[^\p{L}\p{N} ,._-]/gu, ' ')}`,
    ...waves.map(node),
    ...waves.slice(1).map((wave, index) => `  w${waves[index]?.wave} ${arrow(wave)} w${wave.wave}`),
    ...(blocked.length > 0 ? [sideNode('b', 'blocked', blocked, 'blocked')] : []),
    ...(members.length > 0 ? [sideNode('m', 'joins and leaves', members, 'toCome')] : []),
    ...styles,
    '```',
  ]
}

function node({ wave, share, numbers, rows, gate }: PictureWave, index: number): string {
  const begin = index === 0 && gate !== '' ? [gate] : []
  const lines = [
    `wave ${wave}, ${share}`,
    ...begin,
    ...rows.map((row) => `${row.name} – ${inWords(row.numbers)}`),
  ]
  return `  w${wave}["${lines.map(label).join('<br/>')}"]:::${worst(numbers)}`
}

const arrow = ({ gate }: PictureWave) => (gate === '' ? '-->' : `-->|"${label(gate)}"|`)

function sideNode(id: string, title: string, groups: Picture['blocked'], look: string): string {
  const sum = groups.reduce((all, { devices }) => all + devices, 0)
  const lines = [`${title}, ${sum}`, ...groups.map(({ by, devices }) => `${by} – ${devices}`)]
  return `  ${id}["${lines.map(label).join('<br/>')}"]:::${look}`
}

/** The same colours as in the drawing, with text that reads on them in light and dark pages. */
const styles = [
  '  classDef there fill:#1a7f4b,stroke:#1a7f4b,color:#ffffff',
  '  classDef pending fill:#1f6feb,stroke:#1f6feb,color:#ffffff',
  '  classDef failed fill:#b3261e,stroke:#b3261e,color:#ffffff',
  '  classDef toCome fill:#e7ebf1,stroke:#8492a6,color:#1d2430',
  '  classDef blocked fill:#fff4d6,stroke:#9a6700,color:#3d2c00,stroke-dasharray:4',
]

/** Mermaid reads `#code;` as a character. */
function label(text: string): string {
  return Array.from(text.toWellFormed(), (character) =>
    /[\p{L}\p{N} ,._–…-]/u.test(character) ? character : `#${character.codePointAt(0)};`,
  ).join('')
}
