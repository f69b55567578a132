// A base system with a shell and a Python, made of this machine's in a second: as much as Ansible wants of an image.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BaseRequest, BuildPlace, Builder } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { baseMembers, tarOf } from './tiny-base.ts'
import { output } from './workshop.ts'

/** For `skip`: what this base and a run of Ansible need. */
export const skipPlaybooks = needs(
  'root',
  'ansible-playbook',
  'busybox',
  'tar',
  'mke2fs',
  'debugfs',
  'e2fsck',
  'git',
  'unshare',
)

const folders = [
  'etc',
  'mnt',
  'opt',
  'proc',
  'root',
  'run',
  'usr/bin',
  'usr/lib',
  'usr/sbin',
  'var/log',
  'var/tmp',
]

/** A builder of it. What `ldd` names is all that Python needs besides its own library. */
export function pythonBuilder(): Builder & { builds: BaseRequest[] } {
  const builds: BaseRequest[] = []
  return {
    name: 'python',
    scratchBytes: 1 << 20,
    builds,
    build: async (request: BaseRequest, { into, scratch }: BuildPlace) => {
      builds.push(request)
      const root = join(scratch, 'root')
      await mkdir(root)
      for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
      await symlink('usr/bin', join(root, 'bin'))
      const busybox = (await output('which', 'busybox')).trim()
      await output('cp', busybox, join(root, 'usr/bin/busybox'))
      for (const applet of 'sh cat cp echo id ls mkdir mv rm sleep test touch uname'.split(' '))
        await symlink('busybox', join(root, 'usr/bin', applet))
      await addPython(root)
      const base = join(scratch, 'base.tar')
      await writeFile(
        base,
        tarOf(baseMembers.filter(({ path }) => !['./bin', './dev/console'].includes(path))),
      )
      await output('tar', '-C', root, '--keep-directory-symlink', '-xf', base)
      const as = ['--owner=0', '--group=0', '--mtime=@1700000000', '--sort=name', '--format=posix']
      await output('tar', '-C', root, ...as, '-cf', into, '.')
    },
  }
}

async function addPython(root: string): Promise<void> {
  const python = (await output('readlink', '-f', '/usr/bin/python3')).trim()
  const library = python.replace('/bin/', '/lib/')
  const named = await output('sh', '-c', `ldd ${python} ${library}/lib-dynload/*.so 2>/dev/null || true`)
  const libraries = new Set([...named.matchAll(/(\/\S+\.so\S*) \(0x/g)].map(([, path = '']) => path))
  for (const path of libraries) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await output('cp', '--dereference', path, join(root, path))
  }
  await output('cp', python, join(root, 'usr/bin/python3'))
  const without = [
    '__pycache__',
    'test',
    'idlelib',
    'tkinter',
    'ensurepip',
    'lib2to3',
    'config-*',
    'dist-packages',
  ]
  const excluded = without.map((name) => `--exclude=${name}`)
  const copy = 'to=$1; from=$2; shift 2; tar -C / "$@" -cf - "$from" | tar -C "$to" -xf -'
  await output('sh', '-c', copy, 'sh', root, library.slice(1), ...excluded)
}
