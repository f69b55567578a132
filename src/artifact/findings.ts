import { Failure, type Problem } from '../platform/platform.ts'

/** Gathers what is wrong with what was given, so that all of it is reported at once, before anything is written. */
export class Findings {
  readonly #failures: Failure[] = []

  /** Whether nothing was found so far. */
  get isClean(): boolean {
    return this.#failures.length === 0
  }

  /** Keeps a failure for `fail`. */
  add(failure: Failure): void {
    this.#failures.push(failure)
  }

  /** What `find` gives, or undefined where it threw a failure, which is kept; anything else that it throws is thrown. */
  async from<T>(find: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await find()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.add(error)
      return undefined
    }
  }

  /** Throws one failure for all that was found, with the first one's reason; does nothing where nothing was. */
  fail(): void {
    const [first, ...rest] = this.#failures
    if (first === undefined) return
    if (rest.length === 0) throw first
    const problems = this.#failures.flatMap((failure) => problemsOf(failure))
    const shown = problemsOf(first).length
    const more = first.problems.length > 0 ? problems.length - shown : rest.length
    throw new Failure(first.reason, `${first.message} (and ${more} more)`, { cause: first, problems })
  }

  /** What `from` gave, once it is clear that nothing was found; throws as `fail` does. */
  orFail<T>(found: T | undefined): T {
    this.fail()
    if (found === undefined) throw new Error('nothing is wrong, but something is missing')
    return found
  }
}

function problemsOf(failure: Failure): readonly Problem[] {
  return failure.problems.length > 0 ? failure.problems : [{ file: 'inputs', message: failure.message }]
}
