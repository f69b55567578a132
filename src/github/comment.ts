import * as v from 'valibot'
import type { GitHub } from './client.ts'

const comment = v.object({
  id: v.number(),
  body: v.nullish(v.string()),
  user: v.nullish(v.object({ id: v.number(), type: v.optional(v.string()) })),
})

/** One comment that is kept up to date: `marker` finds it again, and stands in it where nobody sees it. */
export interface KeptComment {
  pullRequest: number
  /** A word without spaces, such as `drover-plan-canary`. */
  marker: string
  /** Markdown, at most 65,000 characters. */
  body: string
}

/** Writes the comment, or updates the one of the same marker; returns whether anything was written. Throws `github-refused`. */
export async function keepComment(
  github: GitHub,
  { pullRequest, marker, body }: KeptComment,
): Promise<boolean> {
  const text = `${hidden(marker)}\n${body}`
  const existing = await ownComment(github, pullRequest, marker)
  if (existing?.body === text) return false
  if (existing) {
    const parameters = { comment_id: existing.id, body: text }
    const route = '/repos/{owner}/{repo}/issues/comments/{comment_id}'
    await github.send({ method: 'PATCH', route, parameters }, comment)
  } else {
    const parameters = { issue_number: pullRequest, body: text }
    const route = '/repos/{owner}/{repo}/issues/{issue_number}/comments'
    await github.send({ method: 'POST', route, parameters }, comment)
  }
  return true
}

/** The newest comment with this marker that an app wrote: people can write the same mark, and it counts for nothing. */
export async function findComment(
  github: GitHub,
  pullRequest: number,
  marker: string,
): Promise<Comment | undefined> {
  return (await marked(github, pullRequest, marker)).findLast(({ user }) => user?.type === 'Bot')
}

type Comment = v.InferOutput<typeof comment>

/** The comment that this token may keep: an app's, or where the token is a person's, that person's. */
async function ownComment(github: GitHub, pullRequest: number, marker: string): Promise<Comment | undefined> {
  const comments = await marked(github, pullRequest, marker)
  const byApp = comments.findLast(({ user }) => user?.type === 'Bot')
  if (byApp || comments.length === 0) return byApp
  const me = await github
    .send({ method: 'GET', route: '/user' }, v.object({ id: v.number() }))
    .catch(() => undefined)
  return me && comments.findLast(({ user }) => user?.id === me.id)
}

async function marked(github: GitHub, pullRequest: number, marker: string): Promise<Comment[]> {
  const request = {
    route: '/repos/{owner}/{repo}/issues/{issue_number}/comments',
    parameters: { issue_number: pullRequest },
  }
  const comments = await github.list(request, v.array(comment), (page) => page)
  return comments.filter(({ body }) => body?.startsWith(hidden(marker)))
}

const hidden = (marker: string) => `<!-- ${marker} -->`
