import * as v from 'valibot'
import { type Context, Failure } from '../platform/platform.ts'
import type { GitHub } from './client.ts'

/**
 * Whether a branch is protected, by a rule of its own or by a ruleset: undefined where GitHub doesn't tell, such as to a token
 * that may not see it.
 */
export async function isProtected(
  github: GitHub,
  branch: string,
  { log }: Context,
): Promise<boolean | undefined> {
  const parameters = { branch }
  try {
    const route = '/repos/{owner}/{repo}/branches/{branch}'
    const found = await github.send(
      { method: 'GET', route, parameters },
      v.object({ protected: v.boolean() }),
    )
    if (found.protected) return true
    // a ruleset protects a branch that has no rule of its own
    const rules = '/repos/{owner}/{repo}/rules/branches/{branch}'
    return (await github.send({ method: 'GET', route: rules, parameters }, v.array(v.unknown()))).length > 0
  } catch (error) {
    if (!(error instanceof Failure) || !['github-refused', 'unreachable'].includes(error.reason)) throw error
    log.debug(`whether ${branch} is protected is not known: ${error.message}`)
    return undefined
  }
}
