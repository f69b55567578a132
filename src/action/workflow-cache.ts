// GitHub's cache of a workflow run. Its library is large, so it is loaded where there is a cache to ask.

/** What `workflowCache` gives: files under a key, at the same paths when they come back. */
export interface WorkflowCache {
  restore(paths: string[], key: string): Promise<boolean>
  save(paths: string[], key: string): Promise<void>
}

/**
 * GitHub's cache, where this runs in a job that has one; undefined in a shell and where a server has none. What was kept
 * can be read by the same branch, those that come from it, and pull requests to it; a pull request keeps for itself alone.
 */
export function workflowCache(): WorkflowCache | undefined {
  const { GITHUB_ACTIONS, ACTIONS_RUNTIME_TOKEN, ACTIONS_RESULTS_URL, ACTIONS_CACHE_URL } = process.env
  if (!GITHUB_ACTIONS || !ACTIONS_RUNTIME_TOKEN || !(ACTIONS_RESULTS_URL || ACTIONS_CACHE_URL))
    return undefined
  return {
    restore: async (paths, key) => {
      const { restoreCache } = await import('@actions/cache')
      return (await restoreCache(paths, key)) !== undefined
    },
    save: async (paths, key) => {
      const { saveCache } = await import('@actions/cache')
      await saveCache(paths, key)
    },
  }
}
