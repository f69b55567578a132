import { Failure } from '../platform/platform.ts'

/** What became of something that was to be published. */
export type Published = { isDone: true; hasChanged: boolean } | { isDone: false; why: string }

/** Publishes, and turns GitHub's refusal into words: what can't be published never hides an action's own result. */
export async function tryToPublish(what: string, work: () => Promise<boolean>): Promise<Published> {
  try {
    return { isDone: true, hasChanged: await work() }
  } catch (error) {
    if (error instanceof Failure && (error.reason === 'github-refused' || error.reason === 'unreachable'))
      return { isDone: false, why: `${what} could not be published: ${error.message}` }
    throw error
  }
}
