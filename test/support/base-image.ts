// The image that virtual devices in tests boot from.
import { existsSync } from 'node:fs'
import { needs } from './needs.ts'

/** For `skip`: what this machine lacks to build the image and to boot it, or false. */
export const cannotBoot: false | string = needs(
  'root',
  'mmdebstrap',
  'mke2fs',
  'losetup',
  'unshare',
  'ip',
  'ssh',
)

/** The path of an ext4 root file system of examples/os. The first call on a machine builds it, which takes a minute. */
export async function baseImage(): Promise<string> {
  const given = process.env['DROVER_TEST_IMAGE']
  if (given !== undefined && existsSync(given)) return given
  throw new Error('not there yet')
}
