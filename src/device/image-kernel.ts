import { join } from 'node:path'
import { Failure } from '../platform/platform.ts'
import { type FileSystemPlace, copyOut, listFolder, readOut } from './image-reader.ts'
import { isModule, modulesToLoad } from './kernel-modules.ts'
import type { Kernel } from './kernel-package.ts'

/**
 * The kernel in the image's own /boot, the latest where there are several, copied into `scratch`; undefined where the image
 * has none. Throws `invalid-file` where it has a kernel without modules.
 */
export async function kernelOf(place: FileSystemPlace, scratch: string): Promise<Kernel | undefined> {
  const versions = (await listFolder(place, '/boot')).flatMap(
    (name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? [],
  )
  const name = versions.sort(new Intl.Collator('en', { numeric: true }).compare).at(-1)
  if (name === undefined) return undefined
  const image = join(scratch, 'vmlinuz')
  if (!(await copyOut(place, `/boot/vmlinuz-${name}`, image))) return undefined
  const folder = `/lib/modules/${name}`
  const listed = await readOut(place, `${folder}/modules.dep`, join(scratch, 'modules.dep'))
  if (listed === undefined)
    throw new Failure(
      'invalid-file',
      `${place.path} has the kernel ${name}, but not ${folder}/modules.dep: its drivers can't be found`,
    )
  // each line is a path, a colon, and what it needs
  const paths = listed.split('\n').flatMap((line) => /^([^:]+):/.exec(line)?.[1] ?? [])
  const modules = await modulesToLoad({
    paths: paths.filter(isModule),
    fileOf: async (path) => {
      const to = join(scratch, path.split('/').at(-1) ?? '')
      await copyOut(place, path.startsWith('/') ? path : `${folder}/${path}`, to)
      return to
    },
  })
  return { image, name, modules }
}
