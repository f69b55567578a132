// A change to one file that a pull request offers to people. Hides how a branch, a commit and a pull request are made.
import * as v from 'valibot'
import { type Digest, Failure, hexOf, shorten, oneLine } from '../platform/platform.ts'
import type { GitHub } from './client.ts'

export interface OfferedChange {
  /** The branch to offer it on, the same for the same change: it is offered once, and not again where somebody closed it. */
  branch: string
  /** Path of the file in the repository. */
  path: string
  /** The new text of the file, from that of the default branch ('' where there is none); undefined where nothing is to change. */
  edit: (text: string, file: string) => string | undefined
  title: string
  /** Markdown, at most 65,000 characters. */
  body: string
}

const number = v.object({ number: v.number(), html_url: v.optional(v.string()) })
const content = v.object({ sha: v.string(), content: v.string(), encoding: v.literal('base64') })

/** The branch of a change that is known by what it is for. */
export function branchFor(what: string, digest: Digest): string {
  return `drover/${what}-${hexOf(digest).slice(0, 12)}`
}

/**
 * Opens a pull request to the default branch with one changed file; returns whether it did. At most seven requests, one where
 * it was offered before. May be repeated after it broke off. Throws `github-refused` (the token needs `contents: write` and
 * `pull-requests: write`), `unreachable`, and what `edit` throws.
 */
export async function offerChange(github: GitHub, change: OfferedChange): Promise<boolean> {
  const { branch, path, title, body } = change
  const owner = github.repository.owner
  const list = { head: `${owner}:${branch}`, state: 'all', per_page: 1 }
  const route = '/repos/{owner}/{repo}/pulls'
  const offered = await github.send({ method: 'GET', route, parameters: list }, v.array(number))
  if (offered.length > 0) return false
  const { default_branch: base } = await github.send(
    { method: 'GET', route: '/repos/{owner}/{repo}' },
    v.object({ default_branch: v.string() }),
  )
  const old = await read(github, path, base)
  const text = change.edit(old?.text ?? '', `${base}:${path}`)
  if (text === undefined) return false
  await commit(github, { branch, base, path, text, old: old?.sha, title })
  const parameters = { title: shorten(oneLine(title), 250), head: branch, base, body }
  await github.send({ method: 'POST', route, parameters }, number)
  return true
}

async function read(
  github: GitHub,
  path: string,
  ref: string,
): Promise<{ text: string; sha: string } | undefined> {
  const request = {
    method: 'GET',
    route: '/repos/{owner}/{repo}/contents/{path}',
    parameters: { path, ref },
  } as const
  try {
    const found = await github.send(request, content)
    return { sha: found.sha, text: Buffer.from(found.content, 'base64').toString('utf8') }
  } catch (error) {
    if (error instanceof Failure && /\(404\)/.test(error.message)) return undefined
    throw error
  }
}

interface Commit {
  branch: string
  base: string
  path: string
  text: string
  old: string | undefined
  title: string
}

async function commit(github: GitHub, { branch, base, path, text, old, title }: Commit): Promise<void> {
  const tip = await github.send(
    { method: 'GET', route: '/repos/{owner}/{repo}/git/ref/{ref}', parameters: { ref: `heads/${base}` } },
    v.object({ object: v.object({ sha: v.string() }) }),
  )
  const made = { ref: `refs/heads/${branch}`, sha: tip.object.sha }
  try {
    const route = '/repos/{owner}/{repo}/git/refs'
    await github.send({ method: 'POST', route, parameters: made }, v.object({ ref: v.string() }))
  } catch (error) {
    // left by a run that broke off; GitHub says so with 422
    if (!(error instanceof Failure) || !/\(422\)/.test(error.message)) throw error
    const there = await read(github, path, branch)
    if (there?.text === text) return
  }
  const parameters = {
    path,
    branch,
    message: shorten(oneLine(title), 250),
    content: Buffer.from(text).toString('base64'),
    ...(old === undefined ? {} : { sha: old }),
  }
  const route = '/repos/{owner}/{repo}/contents/{path}'
  await github.send({ method: 'PUT', route, parameters }, v.object({ commit: v.object({ sha: v.string() }) }))
}
