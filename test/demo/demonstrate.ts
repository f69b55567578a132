// Runs the demonstration as a user does, in a cache of its own that shares base images and kernels with all others.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const program = join(import.meta.dirname, '../../demo/main.ts')
export const skip = needs('root', 'mmdebstrap', 'mender-artifact', 'pytest-3', 'ssh')

/** A folder for XDG_CACHE_HOME that goes when the test ends. */
export async function emptyCache(t: TestContext): Promise<string> {
  const cache = await temporaryFolder(t)
  await mkdir(join(cache, 'drover'))
  for (const name of ['images', 'machines']) {
    const shared = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drover', name)
    await mkdir(shared, { recursive: true })
    await symlink(shared, join(cache, 'drover', name))
  }
  return cache
}

/** Starts it; `said` grows while it runs, and `ended` resolves with its exit status. */
export function demonstrate(cache: string, args: string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = { text: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.text += text))
  return { child, said, ended: once(child, 'exit') as Promise<[number | null]> }
}

/** The summary page of the last run. */
export const pageOf = (cache: string) => readFileSync(join(cache, 'drover', 'demo', 'summary.html'), 'utf8')

/** How many processes carry the mark of a demonstration in this folder. */
export function processesOf(cache: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DROVER_DEMO_RUN=${cache}`)
    } catch {
      return false
    }
  }).length
}
