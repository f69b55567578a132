// Gets act, which runs workflows without GitHub. It comes as source by Go's own module proxy.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isInstalled } from '../../src/platform/platform.ts'

const version = 'v0.2.87'

export type Tool = { path: string } | { missing: string } | { failed: string }

/**
 * The path of act, built on the first call and kept in the user's cache; `missing` where this machine can't build it,
 * `failed` where it should have been able to.
 */
export function findAct(say: (line: string) => void): Tool {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drover', 'act', version)
  const path = join(folder, 'act')
  if (existsSync(path)) return { path }
  if (!isInstalled('go')) return { missing: 'needs Go, to build act' }
  say(`building act ${version} with go install, once`)
  // an older Go fetches the one that act asks for
  const { status, stderr } = spawnSync('go', ['install', `github.com/nektos/act@${version}`], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '', GOTOOLCHAIN: 'auto' },
    encoding: 'utf8',
  })
  if (status === 0) return { path }
  return { failed: `go install of act failed: ${stderr.trim().split('\n').slice(-5).join(' / ')}` }
}
