// Much of the same, some at a time.

/** Requests under way at once: what has to be asked for each device goes quicker, and no limit for one client is met. */
const width = 8

/** Pieces of a list, each of `size` entries, the last of what is left. */
export function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}

/** Does `work` for each of `items`, some at a time, and returns what came of it in their order. */
export async function forEach<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Map<number, R>()
  let next = 0
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      for (const item of items.slice(at, at + 1)) results.set(at, await work(item))
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result)
}
