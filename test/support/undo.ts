import type { TestContext } from 'node:test'

const stacks = new WeakMap<TestContext, (() => unknown)[]>()

/**
 * Undoes something when the test ends, the last thing first. `t.after` goes the other way round: it would remove a
 * device's folder before the device is off.
 */
export function undo(t: TestContext, work: () => unknown): void {
  const stack = stacks.get(t)
  if (stack) {
    stack.push(work)
    return
  }
  const works = [work]
  stacks.set(t, works)
  t.after(async () => {
    for (const one of works.toReversed()) await one()
  })
}
