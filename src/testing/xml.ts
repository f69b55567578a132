// A reader for the XML that test programs write: elements, attributes, text. Anything that could make a parser fetch or
// expand things (a document type, own entities) is refused.

/** An element of a document. */
export interface XmlElement {
  name: string
  attributes: Readonly<Record<string, string>>
  children: readonly XmlElement[]
  /** Its own text, without its children's. */
  text: string
}

interface OpenElement {
  name: string
  attributes: Record<string, string>
  children: XmlElement[]
  text: string
}

const maxDepth = 64

/** The document's root element. Throws an Error that says what is wrong where. */
export function parseXml(source: string): XmlElement {
  const document: OpenElement = { name: '', attributes: {}, children: [], text: '' }
  const open = [document]
  // a comment, an instruction, a CDATA section, a tag, or text
  const tokens =
    /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w:.-]*)((?:"[^"<]*"|'[^'<]*'|[^'"<>])*)>|([^<]+)/y
  const text = source.replace(/^\uFEFF/, '')
  while (tokens.lastIndex < text.length) {
    const at = tokens.lastIndex
    const match = tokens.exec(text)
    const top = open.at(-1)
    if (!match || !top) throw new Error(`no well-formed XML at character ${at}`)
    const [, cdata, slash, name, rest = '', characters] = match
    if (characters !== undefined) addText(top, decodeText(characters), at, open.length === 1)
    else if (cdata !== undefined) addText(top, cdata, at, open.length === 1)
    else if (name !== undefined && slash === '/') {
      if (top.name !== name || open.length === 1)
        throw new Error(`</${name}> at character ${at} closes nothing`)
      open.pop()
    } else if (name !== undefined) {
      const element = { name, attributes: attributesOf(rest.replace(/\/$/, ''), at), children: [], text: '' }
      top.children.push(element)
      if (!rest.endsWith('/')) open.push(element)
      if (open.length > maxDepth) throw new Error(`elements are nested deeper than ${maxDepth}`)
    }
  }
  const [root, another] = document.children
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name}> is not closed: the document is cut short`)
  if (!root || another) throw new Error('a document has one root element')
  return root
}

/** Text for an element or a quoted attribute; characters that XML can't carry are left out. */
export function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- these characters are what XML 1.0 forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      .replace(/\n/g, '&#10;')
      .replace(/\r/g, '&#13;')
      .replace(/\t/g, '&#9;')
  )
}

function addText(element: OpenElement, text: string, at: number, isOutside: boolean): void {
  if (isOutside && text.trim() !== '') throw new Error(`text outside of the root element at character ${at}`)
  element.text += text
}

function attributesOf(source: string, at: number): Record<string, string> {
  const attributes: Record<string, string> = {}
  const pairs = /\s+([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')|\s+$/y
  while (pairs.lastIndex < source.length) {
    const match = pairs.exec(source)
    if (!match) throw new Error(`attributes that can't be read at character ${at}`)
    const [, name, double, single] = match
    if (name === undefined) continue
    if (Object.hasOwn(attributes, name))
      throw new Error(`the attribute ${name} stands twice at character ${at}`)
    attributes[name] = decodeText(double ?? single ?? '')
  }
  return attributes
}

const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decodeText(text: string): string {
  return text.replace(/&([^;\s&]{0,12});?/g, (all, reference: string) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference)
    const value = code
      ? Number.parseInt(code[1] ?? code[2] ?? '', code[1] === undefined ? 10 : 16)
      : undefined
    if (all.endsWith(';') && value !== undefined && value > 0 && value <= 0x10ffff)
      return String.fromCodePoint(value)
    const character = all.endsWith(';') ? named[reference] : undefined
    if (character === undefined) throw new Error(`an unknown entity: ${all}`)
    return character
  })
}
