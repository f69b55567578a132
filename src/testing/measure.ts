/** A number that a test recorded. */
export interface Measure {
  name: string
  value: number
  /** Empty where it has none. */
  unit: string
}

/** Reads `12.3` or `12.3 s`; undefined where it is no number. */
export function parseMeasure(name: string, text: string): Measure | undefined {
  const [, number, unit = ''] =
    /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*(\S{0,16})\s*$/.exec(text) ?? []
  const value = number === undefined ? NaN : Number(number)
  return Number.isFinite(value) && name !== '' && name.length <= 100 ? { name, value, unit } : undefined
}

/** `12.3 s`, with at most three digits after the point. */
export function measureText({ value, unit }: Pick<Measure, 'value' | 'unit'>): string {
  const number = Number.isInteger(value) ? String(value) : String(Number(value.toFixed(3)))
  return unit === '' ? number : `${number} ${unit}`
}
