/** Text from outside as Markdown that shows just that text: nothing in it formats, links, mentions or ends a table cell. */
export function escapeMarkdown(text: string): string {
  return (
    oneLine(text)
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/[\\`*_{}[\]()#+!|~$]/g, (c) => `\\${c}`)
      // GitHub looks for people and issues in the text as it is shown, whatever was escaped: a space of no width parts them
      .replace(/\\#|\bGH-(?=\d)/gi, (mark) => `${mark}&#8203;`)
      .replace(/@/g, '&#64;&#8203;')
      .replace(/:\/\//g, '&#58;//')
      .replace(/www\./gi, (w) => `${w.slice(0, 3)}&#46;`)
  )
}

/** Text from outside as HTML, safe in an element and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
}

/**
 * Text from outside in one line: control characters (also the terminal's), what turns the direction of text, and what nobody
 * sees become spaces.
 */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(unseen, ' ').trim()
}

// joiners (200c, 200d) stay: languages need them
const unseen =
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]+/gu

/** The first `limit` characters of `text`, with an ellipsis where something was cut. */
export function shorten(text: string, limit: number): string {
  // half of a surrogate pair is no character
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
