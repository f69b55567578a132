// What a machine in QEMU needs of this one.
import { cannotBoot } from './base-image.ts'
import { needs } from './needs.ts'

/** For `skip`: what this computer lacks to start an image of its own architecture in QEMU, or false. */
export function cannotEmulate(): false | string {
  return cannotBoot || needs(process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64')
}
