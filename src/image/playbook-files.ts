// What an Ansible run needs beside the root file system: the playbooks with all that is in their folders, settings that take
// nothing from this machine, and the way into the root file system.
import { chmod, copyFile, readFile, readlink, symlink, utimes, writeFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { type Digest, canonicalJson, digestOf, digestOfFile } from '../platform/platform.ts'
import { type AptSource, sourceLine } from './apt-sources.ts'
import type { BaseRequest } from './builder.ts'
import { withoutDocumentation } from './mmdebstrap.ts'
import type { Playbook, Recipe } from './recipe.ts'
import { entriesOf } from './recipe-sources.ts'
import { makeOpenFolder } from './scratch.ts'

/** Where a run has all of this, whatever the build: names that reach the image must not differ. */
export const fixedPlace = '/mnt'

/** Of everything that playbooks are made of, and of nothing else: names, contents and whether a file may be executed. */
export async function playbooksDigest(playbooks: readonly Playbook[]): Promise<Digest> {
  const lines: unknown[] = []
  for (const { folder, playbook, vars } of playbooks) {
    lines.push(basename(playbook), vars === undefined ? '' : await digestOfFile(vars))
    for await (const { kind, from, path, isExecutable } of entriesOf({ source: folder, path: '/' })) {
      const content = kind === 'file' ? await digestOfFile(from) : kind === 'link' ? await readlink(from) : ''
      lines.push([path, kind, kind === 'file' && isExecutable, content])
    }
  }
  return digestOf(canonicalJson(lines))
}

/** Fills `work`, an empty folder that the run sees as `fixedPlace`. `time` is given to every file of a playbook. */
export async function writePlaybookFiles(
  recipe: Recipe,
  request: BaseRequest,
  { work, time }: { work: string; time: number },
): Promise<void> {
  for (const name of ['root', 'playbooks', 'vars', 'run', 'ansible', 'ansible/connection', 'ansible/tmp'])
    await makeOpenFolder(join(work, name))
  for (const [index, { folder, vars }] of recipe.playbooks.entries()) {
    await copyFolder(folder, join(work, 'playbooks', String(index)), time)
    if (vars !== undefined) await copyFile(vars, join(work, 'vars', `${index}.yml`))
  }
  await writeFile(join(work, 'ansible/ansible.cfg'), settings)
  await writeFile(join(work, 'ansible/connection/image.py'), connection)
  await writeFile(join(work, 'ansible/inventory.yml'), JSON.stringify(inventory(recipe, request)))
  await writeFile(join(work, 'enter'), enter, { mode: 0o755 })
  await writeAptFiles(join(work, 'run'), request.sources)
}

// modes and times as Git would give them: a checkout's depend on the user and the day
async function copyFolder(source: string, to: string, time: number): Promise<void> {
  for await (const { kind, from, path, isExecutable } of entriesOf({ source, path: to })) {
    if (kind === 'folder') await makeOpenFolder(path)
    else if (kind === 'link') await symlink(await readlink(from), path)
    else {
      await copyFile(from, path)
      await chmod(path, isExecutable ? 0o755 : 0o644)
      await utimes(path, time, time)
    }
  }
}

function inventory({ name, variant }: Recipe, { suite, arch }: BaseRequest): object {
  const image = {
    ansible_connection: 'image',
    ansible_user: 'root',
    ansible_python_interpreter: '/usr/bin/python3',
    ansible_pipelining: true,
    ansible_async_dir: '/tmp/.ansible-async',
    image_name: name,
    image_suite: suite,
    image_arch: arch,
    image_variant: variant ?? '',
  }
  return { all: { hosts: { image } } }
}

const settings = `[defaults]
inventory = ${fixedPlace}/ansible/inventory.yml
connection_plugins = ${fixedPlace}/ansible/connection
local_tmp = ${fixedPlace}/ansible/tmp
remote_tmp = /tmp/.ansible
stdout_callback = default
fact_caching = memory
retry_files_enabled = False
nocows = True
nocolor = True
`

/** A connection plugin as Ansible wants one; the only collection that has such a thing is not installed everywhere. */
const connection = `
import shlex
import subprocess
from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = '''
name: image
short_description: the root file system of an image that is being built
description: Runs programs in it, and copies files through them, so that its links lead nowhere else.
author: none
options: {}
'''


class Connection(ConnectionBase):
    transport = 'image'
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        self._connected = False

    def _run(self, command, **streams):
        return subprocess.Popen(['${fixedPlace}/enter', '/bin/sh', '-c', command], stderr=subprocess.PIPE, **streams)

    def exec_command(self, cmd, in_data=None, sudoable=False):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        started = self._run(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, err = started.communicate(in_data)
        return started.returncode, out, err

    def _copy(self, command, path, **streams):
        started = self._run(command + shlex.quote(path), **streams)
        err = started.communicate()[1]
        if started.returncode != 0:
            raise AnsibleError('can not copy %s: %s' % (path, err.decode(errors='replace')))

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, 'rb') as file:
            self._copy('exec cat > ', out_path, stdin=file, stdout=subprocess.PIPE)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, 'wb') as file:
            self._copy('exec cat ', in_path, stdin=subprocess.DEVNULL, stdout=file)
`

/** Runs a program in the root file system. What it finds around it is the same on every machine. */
const enter = `#!/bin/sh
unset TMPDIR PYTHONUSERBASE ANSIBLE_CONFIG ANSIBLE_HOME ANSIBLE_ROLES_PATH ANSIBLE_COLLECTIONS_PATH
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive APT_CONFIG=/run/drover/apt.conf
exec chroot ${fixedPlace}/root "$@"
`

// The recipe's package sources serve the playbooks too; as files below /run nothing of them gets into the image.
async function writeAptFiles(folder: string, sources: readonly AptSource[]): Promise<void> {
  const lines: string[] = []
  for (const [index, source] of sources.entries()) {
    const keyring = source.keyring && `keyring-${index}${extname(source.keyring)}`
    if (keyring && source.keyring) await writeReadable(join(folder, keyring), await readFile(source.keyring))
    lines.push(sourceLine({ ...source, keyring: keyring && `/run/drover/${keyring}` }))
  }
  await writeFile(join(folder, 'sources.list'), `${lines.join('\n')}\n`, { mode: 0o600 })
  const options = [
    'APT::Install-Recommends "false";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    ...(lines.length > 0 ? ['Dir::Etc::sourcelist "/run/drover/sources.list";'] : []),
    'DPkg::Options:: "--force-unsafe-io";',
    ...withoutDocumentation.map((option) => `DPkg::Options:: "--${option}";`),
  ]
  await writeReadable(join(folder, 'apt.conf'), `${options.join('\n')}\n`)
}

// whatever this process's umask: apt checks signatures as another user
async function writeReadable(path: string, data: string | Buffer): Promise<void> {
  await writeFile(path, data)
  await chmod(path, 0o644)
}
