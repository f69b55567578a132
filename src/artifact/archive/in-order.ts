import { availableParallelism } from 'node:os'

/** How many blocks are worth having under way: each core has one, and the next ones wait for none. */
export const blocksInFlight: number = 2 * availableParallelism() + 2

/**
 * Gives the results of `work` in the order of `items`, with at most `inFlight` of them under way. Where one fails, that is
 * thrown in its turn.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
  inFlight: number,
): AsyncGenerator<Result> {
  const queue: Promise<Result>[] = []
  for await (const item of items) {
    const result = work(item)
    result.catch(() => {}) // thrown below, in order
    queue.push(result)
    const first = queue.length < inFlight ? undefined : queue.shift()
    if (first !== undefined) yield await first
  }
  for (const result of queue) yield await result
}

/** The same items, with the next one under way while one is used. */
export async function* ahead<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    for (;;) {
      const { done, value } = await next
      if (done === true) return
      next = iterator.next()
      next.catch(() => {}) // thrown in its turn
      yield value
    }
  } finally {
    await next.catch(() => {})
    await iterator.return?.()
  }
}
