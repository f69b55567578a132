// A fleet repository for workflow runs: a bare remote, and clones of it as GitHub would check them out.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commit, git } from '../../demo/repositories.ts'
import { adaptWorkflows, exampleRepository } from './place.ts'
import type { Place } from './run-act.ts'
import { type Lab, deviceType } from './shared-lab.ts'

export const branches = ['main', 'canary', 'production'] as const

export interface FleetRepository {
  name: string
  /** Where changes are made and pushed from. */
  work: string
  remote: string
}

/** A fleet that should run the release `from`, and a branch `update-os` that wants `to`. */
export async function makeFleetRepository(
  place: Place,
  lab: Lab,
  { as, from, to }: { as: string; from: string; to: string },
): Promise<FleetRepository> {
  const work = await exampleRepository(place, 'fleet', as)
  const remote = join(place.folder, `${as}.git`)
  await adaptWorkflows(work)
  await edit(join(work, 'fleet.yml'), /url: [^ }]+/, `url: ${lab.server.url}`)
  for (const [serial, id] of lab.devices) {
    await edit(join(work, 'host_vars', `${serial}.yml`), /device_id: .*/, `device_id: ${id}`)
  }
  await rm(join(work, 'group_vars', 'kiosks.yml')) // these runs are about releases alone
  await setRelease(work, from)
  await commit(work, 'Describe the fleet as it is', '2026-01-06T09:00:00Z')
  for (const branch of branches.slice(1)) await git(work, ['branch', branch])
  await git(work, ['checkout', '--quiet', '-b', 'update-os'])
  await setRelease(work, to)
  await commit(work, `Update the OS to ${to}`, '2026-01-12T11:00:00Z')
  await git(place.folder, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  await git(work, ['remote', 'add', 'origin', remote])
  await git(work, ['push', '--quiet', 'origin', '--all'])
  return { name: as, work, remote }
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
  { name, remote }: FleetRepository,
  branch: string,
  as: string,
): Promise<string> {
  const path = join(place.folder, `${name}-${as}`)
  await git(place.folder, ['clone', '--quiet', '--branch', branch, remote, path])
  return path
}

/** What a runner has for a pull request: its merge into the target branch, which is on no branch. */
export async function checkOutMerge(
  place: Place,
  repository: FleetRepository,
  base: string,
): Promise<string> {
  const path = await checkOut(place, repository, base, 'pull-request')
  await git(path, ['checkout', '--quiet', '--detach'])
  await git(path, ['merge', '--quiet', '--no-ff', '--message=Merge', 'origin/update-os'])
  return path
}

/** Adds a workflow that calls `update-fleet.yml` to every branch, as a user's repository has it. */
export async function addCaller({ work }: FleetRepository): Promise<void> {
  for (const branch of [...branches, 'update-os']) {
    await git(work, ['checkout', '--quiet', branch])
    await writeFile(join(work, '.github', 'workflows', 'update.yml'), caller)
    await commit(work, 'Call the workflow', '2026-01-12T12:00:00Z')
  }
  await git(work, ['push', '--quiet', 'origin', '--all'])
}

const caller = `name: Update
on: [pull_request, push]
permissions: {}
jobs:
  update:
    permissions:
      contents: write
      checks: write
      pull-requests: write
      deployments: write
      statuses: write
    uses: drover-fleet/drover/.github/workflows/update-fleet.yml@v1
    with:
      stages: '[{"stage": "canary", "branch": "canary"}]'
    secrets:
      ota-token: \${{ secrets.OTA_TOKEN }}
      ota-read-token: \${{ secrets.OTA_READ_TOKEN }}
`

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
