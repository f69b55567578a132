import { Failure } from '../platform/platform.ts'

/** What became of something that was to be published. */
export type Published = { isDone: true; hasChanged: boolean } | { isDone: false; why: string }

/**
 * Publishes, and turns GitHub's refusal into words: what can't be published never hides an action's own result. Where the
 * token may not do it, the words name `permission`, such as `checks: write`.
 */
export async function tryToPublish(
  what: string,
  work: () => Promise<boolean>,
  permission?: string,
): Promise<Published> {
  try {
    return { isDone: true, hasChanged: await work() }
  } catch (error) {
    if (error instanceof Failure && (error.reason === 'github-refused' || error.reason === 'unreachable'))
      return {
        isDone: false,
        why: `${what} could not be published: ${error.message}${hint(error, permission)}`,
      }
    throw error
  }
}

// 404 is what GitHub says of what a token may not even see
function hint({ message }: Failure, permission: string | undefined): string {
  const isForbidden = /\((?:401|403|404)\)/.test(message)
  return permission !== undefined && isForbidden ? `. The token needs the permission ${permission}` : ''
}
