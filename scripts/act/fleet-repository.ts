// A fleet repository for workflow runs: a bare remote, and clones of it as GitHub would check them out.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commit, git } from '../../demo/repositories.ts'
import { adaptWorkflows, exampleRepository } from './place.ts'
import type { Place } from './run-act.ts'
import { type Lab, deviceType } from './shared-lab.ts'

export const branches = ['main', 'canary', 'production'] as const

export interface FleetRepository {
  /** Where changes are made and pushed from. */
  work: string
  remote: string
}

/** A fleet whose every device is where Git says it should be, and a branch `update-os` that wants the newer release. */
export async function makeFleetRepository(place: Place, lab: Lab): Promise<FleetRepository> {
  const work = await exampleRepository(place, 'fleet', 'fleet')
  const remote = join(place.folder, 'fleet.git')
  await adaptWorkflows(work)
  await edit(join(work, 'fleet.yml'), /url: [^ }]+/, `url: ${lab.server.url}`)
  for (const [serial, id] of lab.devices) {
    await edit(join(work, 'host_vars', `${serial}.yml`), /device_id: .*/, `device_id: ${id}`)
  }
  await setRelease(work, lab.base)
  await commit(work, 'Describe the fleet as it is', '2026-01-06T09:00:00Z')
  for (const branch of branches.slice(1)) await git(work, ['branch', branch])
  await git(work, ['checkout', '--quiet', '-b', 'update-os'])
  await setRelease(work, lab.next)
  await commit(work, `Update the OS to ${lab.next}`, '2026-01-12T11:00:00Z')
  await git(place.folder, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  await git(work, ['remote', 'add', 'origin', remote])
  await git(work, ['push', '--quiet', 'origin', '--all'])
  return { work, remote }
}

/** Merges `update-os` into a branch and pushes it; returns the commit. */
export async function merge(repository: FleetRepository, branch: string): Promise<string> {
  const { work } = repository
  await git(work, ['checkout', '--quiet', branch])
  await git(work, ['merge', '--quiet', '--no-ff', `--message=Merge the update into ${branch}`, 'update-os'])
  await git(work, ['push', '--quiet', 'origin', branch])
  return await commitOf(repository, branch)
}

/** The commit that a branch is at. */
export async function commitOf({ work }: FleetRepository, branch: string): Promise<string> {
  return (await git(work, ['rev-parse', branch])).trim()
}

/** What a runner has after actions/checkout with all history: a clone that is on `branch`. */
export async function checkOut(
  place: Place,
  { remote }: FleetRepository,
  branch: string,
  as: string,
): Promise<string> {
  const path = join(place.folder, as)
  await git(place.folder, ['clone', '--quiet', '--branch', branch, remote, path])
  return path
}

/** What a runner has for a pull request: its merge into the target branch, which is on no branch. */
export async function checkOutMerge(
  place: Place,
  repository: FleetRepository,
  base: string,
  as: string,
): Promise<string> {
  const path = await checkOut(place, repository, base, as)
  await git(path, ['checkout', '--quiet', '--detach'])
  await git(path, ['merge', '--quiet', '--no-ff', '--message=Merge', 'origin/update-os'])
  return path
}

async function setRelease(folder: string, release: string): Promise<void> {
  const file = join(folder, 'group_vars', 'all.yml')
  await edit(file, /device_type: .*/, `device_type: ${deviceType}`)
  await edit(file, /image_name: .*/, `image_name: ${release}`)
}

async function edit(file: string, pattern: RegExp, text: string): Promise<void> {
  const before = await readFile(file, 'utf8')
  if (!pattern.test(before)) throw new Error(`${file} has no line like ${pattern.source}`)
  await writeFile(file, before.replace(pattern, text))
}
