import { escapeHtml, shorten } from '../platform/platform.ts'
import {
  type Numbers,
  type Picture,
  type PictureRow,
  type PictureWave,
  count,
  inWords,
  standingWords,
  standings,
} from './picture.ts'

const [width, left, barsLeft, barHeight, rowHeight] = [900, 24, 300, 18, 28]
const barsWidth = 240

/**
 * A picture of waves as one SVG element that needs nothing else: no script, no font, colours for light and dark pages, and
 * the whole of it in words for those who hear it. Each bar also has its numbers as text: colour alone says nothing.
 */
export function wavesSvg(picture: Picture, id = 'waves'): string {
  const { waves, blocked, members, title } = picture
  const parts: string[] = []
  let y = 34
  for (const [index, wave] of waves.entries()) {
    parts.push(drawWave(wave, y, index))
    y += waveHeight(wave) + 16
  }
  if (blocked.length > 0) {
    parts.push(drawSide('Blocked', blocked, y, 'card held'))
    y += 64
  }
  if (members.length > 0) {
    parts.push(drawSide('Joins and leaves', members, y, 'card'))
    y += 64
  }
  const height = y + 4
  return `<svg xmlns="http://www.w3.org/2000/svg" class="waves" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${text(title)}</title>
<desc id="${id}-desc">${text(described(picture))}</desc>
<style>${style}</style>
${legend()}
${parts.join('\n')}
</svg>`
}

/** All that the picture shows, in words. */
function described({ waves, blocked, members }: Picture): string {
  const sentences = waves.map(({ wave, share, numbers, rows, gate }) => {
    const each = rows.map((row) => `${row.name}: ${inWords(row.numbers)}`).join('; ')
    return `Wave ${wave} (${share}): ${inWords(numbers)}${gate === '' ? '' : `; ${gate}`}. ${each}.`
  })
  const side = (name: string, groups: Picture['blocked']) =>
    groups.length === 0 ? [] : [`${name}: ${groups.map(({ by, devices }) => `${devices} ${by}`).join(', ')}.`]
  return [...sentences, ...side('Blocked', blocked), ...side('Joins and leaves', members)].join(' ')
}

const waveHeight = ({ rows, gate }: PictureWave) => 40 + (gate === '' ? 0 : 20) + rows.length * rowHeight + 8

function drawWave(wave: PictureWave, y: number, index: number): string {
  const head = `<text x="${left + 16}" y="${y + 26}" class="wave-name">${text(`Wave ${wave.wave}`)}<tspan class="soft" dx="10">${text(`${wave.share} · ${count(wave.numbers)} in it`)}</tspan></text>`
  const gate =
    wave.gate === ''
      ? ''
      : `<text x="${left + 16}" y="${y + 46}" class="gate">${text(`${index === 0 ? 'begins' : 'gate'}: ${wave.gate}`)}</text>`
  const top = y + 40 + (wave.gate === '' ? 0 : 20)
  const rows = wave.rows.map((row, at) => drawRow(row, top + at * rowHeight))
  const card = `<rect x="${left}" y="${y}" width="${width - 2 * left}" height="${waveHeight(wave)}" rx="10" class="card"/>`
  // the line from one wave to the next
  const link = index === 0 ? '' : `<path d="M${left + 32} ${y - 16}v16" class="link"/>`
  return [link, card, head, gate, ...rows].join('')
}

function drawRow({ name, numbers }: PictureRow, y: number): string {
  const middle = y + barHeight - 4
  const room = barsLeft - left - 32
  const fit = estimated(name) > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : ''
  return `<text x="${left + 16}" y="${middle}"${fit}>${text(name)}</text>${drawBar(numbers, y)}<text x="${barsLeft + barsWidth + 12}" y="${middle}" class="numbers">${text(inWords(numbers))}</text>`
}

/** How wide a text would be, in pixels, by the widest fonts that there are. */
function estimated(name: string): number {
  return Array.from(name).reduce((sum, one) => sum + ((one.codePointAt(0) ?? 0) > 0x10ff ? 14 : 7.5), 0)
}

function drawBar(numbers: Numbers, y: number): string {
  const all = Math.max(count(numbers), 1)
  let x = barsLeft
  const parts = standings.map((key) => {
    // one device of thousands must be seen all the same
    const wide = numbers[key] === 0 ? 0 : Math.max((numbers[key] / all) * barsWidth, 4)
    const at = Math.min(x, barsLeft + barsWidth - wide)
    x = at + wide
    return wide === 0
      ? ''
      : `<rect x="${at.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${barHeight}" class="${key}"/>`
  })
  return `<rect x="${barsLeft}" y="${y}" width="${barsWidth}" height="${barHeight}" class="ground"/>${parts.join('')}`
}

function drawSide(name: string, groups: Picture['blocked'], y: number, look: string): string {
  const sum = groups.reduce((all, { devices }) => all + devices, 0)
  const why = groups.map(({ by, devices }) => `${devices} ${by}`).join(' · ')
  return `<rect x="${left}" y="${y}" width="${width - 2 * left}" height="56" rx="10" class="${look}"/><text x="${left + 16}" y="${y + 24}" class="wave-name">${text(`${name}: ${sum}`)}</text><text x="${left + 16}" y="${y + 44}" class="gate">${text(shorten(why, 125))}</text>`
}

function legend(): string {
  return standings
    .map((key, index) => {
      const x = left + 16 + index * 116
      return `<rect x="${x}" y="8" width="14" height="14" rx="3" class="${key}"/><text x="${x + 20}" y="20" class="soft">${standingWords[key]}</text>`
    })
    .join('')
}

const text = (value: string) => escapeHtml(value.toWellFormed())

const style = `
.waves{--wave-ink:#1d2430;--wave-soft:#5a6575;--wave-line:#c9d1dc;--wave-card:#f5f7fa;--wave-there:#1a7f4b;--wave-pending:#1f6feb;--wave-failed:#b3261e;--wave-to-come:#b6c0cd;--wave-held:#d4a72c}
@media (prefers-color-scheme:dark){.waves{--wave-ink:#e6eaf0;--wave-soft:#9aa6b6;--wave-line:#3b4655;--wave-card:#1c222b;--wave-there:#4cc38a;--wave-pending:#6ea8fe;--wave-failed:#ff7b72;--wave-to-come:#5a6678;--wave-held:#e3b341}}
.waves text{font:13px system-ui,sans-serif;fill:var(--wave-ink)}
.waves .wave-name{font-size:15px;font-weight:600}
.waves .soft,.waves .gate{fill:var(--wave-soft);font-size:12.5px;font-weight:400}
.waves .numbers{font-size:12.5px}
.waves .card{fill:var(--wave-card);stroke:var(--wave-line)}
.waves .held{stroke:var(--wave-held);stroke-dasharray:5 4}
.waves .link{stroke:var(--wave-line);stroke-width:3;fill:none}
.waves .ground{fill:none;stroke:var(--wave-line)}
.waves .there{fill:var(--wave-there)}.waves .pending{fill:var(--wave-pending)}.waves .failed{fill:var(--wave-failed)}.waves .toCome{fill:var(--wave-to-come)}.waves .blocked{fill:var(--wave-held)}
`
