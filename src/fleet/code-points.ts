/** Compares as Python and file systems do: by code points, where JavaScript has its halves of pairs. */
export function byCodePoints(a: string, b: string): number {
  // only halves of pairs can be in another order
  return /[\ud800-\udfff]/.test(a + b)
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : a < b
      ? -1
      : a > b
        ? 1
        : 0
}
