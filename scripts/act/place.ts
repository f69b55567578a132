// A temporary place to run workflows in, and its repositories.
import { cp, chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { repositoryFrom } from '../../demo/repositories.ts'
import { isInstalled } from '../../src/platform/platform.ts'
import { endProcesses, homeOf } from './leftovers.ts'
import type { Place } from './run-act.ts'

const root = join(import.meta.dirname, '../..')
const dist = process.env['DROVER_DIST'] ?? join(root, 'dist')

const prefix = 'drover-act-'

/** Ends and removes what runs left that were killed: their folder names an owner that is gone. */
async function clearAfterOthers(say: (line: string) => void): Promise<void> {
  for (const name of (await readdir(tmpdir())).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(tmpdir(), name)
    const owner = Number(await readFile(join(folder, 'owner'), 'utf8').catch(() => '0'))
    if (owner === 0 || existsSync(`/proc/${owner}`)) continue
    say(`clearing up after an earlier run: ${folder}`)
    await endProcesses(folder)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Makes the place; `leave` ends every process that was started in it and removes it. */
export async function makePlace(
  options: Pick<Place, 'act' | 'say' | 'signal'>,
): Promise<Place & { leave: (isKept: boolean) => Promise<void> }> {
  await clearAfterOthers(options.say)
  const folder = await mkdtemp(join(tmpdir(), prefix))
  await writeFile(join(folder, 'owner'), String(process.pid))
  const [bin, home, drover] = [join(folder, 'bin'), homeOf(folder), join(folder, 'drover')]
  const uploader = await makeUploader(join(folder, 'upload-artifact'))
  await mkdir(home)
  await mkdir(bin)
  await cp(join(root, 'actions'), join(drover, 'actions'), { recursive: true })
  await cp(join(root, '.github'), join(drover, '.github'), { recursive: true })
  await cp(dist, join(drover, 'dist'), { recursive: true })
  await program(join(bin, 'drover'), `exec ${process.execPath} ${join(drover, 'dist', 'drover.mjs')} "$@"`)
  if (!isInstalled('sudo')) {
    // we are root; the workflows are written for a runner that is not
    await program(
      join(bin, 'sudo'),
      'while case $1 in -*) true ;; *) false ;; esac; do shift; done\nexec "$@"',
    )
  }
  return {
    ...options,
    folder,
    drover,
    uploader,
    environment: {
      PATH: [dirname(process.execPath), bin, process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(':'),
      HOME: home,
      XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? '/root', '.cache'),
      ...proxies(),
      LC_ALL: 'C.UTF-8',
      // steps run on a terminal: git must not open a pager, nor apt a question
      GIT_PAGER: 'cat',
      DEBIAN_FRONTEND: 'noninteractive',
    },
    leave: async (isKept) => {
      await endProcesses(folder)
      if (isKept) {
        await rm(join(folder, 'owner'))
        options.say(`kept: ${folder}`)
      } else await rm(folder, { recursive: true, force: true })
    },
  }
}

/** How this machine reaches Debian's packages, where it doesn't do so directly. */
function proxies(): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy']
  return Object.fromEntries(
    [...names, ...names.map((name) => name.toUpperCase())].flatMap((name) => {
      const value = process.env[name]
      return value ? [[name, value]] : []
    }),
  )
}

/** A Git repository from examples/, changed only where this machine needs it. */
export async function exampleRepository(place: Place, name: 'os' | 'fleet', as: string): Promise<string> {
  const path = join(place.folder, as)
  await repositoryFrom(name, path, '2026-01-05T08:00:00Z')
  return path
}

/** What act doesn't know yet, or this machine's processor makes different, in the workflows of a repository. */
export async function adaptWorkflows(repository: string): Promise<void> {
  const folder = join(repository, '.github', 'workflows')
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'utf8')
    const adapted = text
      .replaceAll(/^ *queue: max\n/gm, '')
      .replaceAll('virtual-amd64', process.arch === 'arm64' ? 'virtual-arm64' : 'virtual-amd64')
    await writeFile(join(folder, name), adapted)
  }
}

/** An action with the inputs of `actions/upload-artifact` that copies the files; without any it only says so, as that one does. */
async function makeUploader(folder: string): Promise<string> {
  const script = [
    'mkdir -p "$KEPT" && cd "$GITHUB_WORKSPACE"',
    'for file in $FILES; do if [ -e "$file" ]; then cp -r "$file" "$KEPT"; else echo "no $file"; fi; done',
  ]
  const step = {
    shell: 'bash',
    env: { KEPT: join(folder, 'kept', '${{ inputs.name }}'), FILES: '${{ inputs.path }}' },
    run: script.join('\n'),
  }
  const inputs = { name: { required: true }, path: { required: true }, 'retention-days': {} }
  const action = { name: 'upload-artifact', inputs, runs: { using: 'composite', steps: [step] } }
  await mkdir(folder)
  await writeFile(join(folder, 'action.yml'), JSON.stringify(action))
  return folder
}

async function program(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}
