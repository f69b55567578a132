// What a machine in QEMU needs of this one.
import { cannotBoot } from './base-image.ts'
import { needs } from './needs.ts'

/** For `skip`: what this computer lacks to start an image of an architecture (its own unless given) in QEMU, or false. */
export function cannotEmulate(arch = process.arch): false | string {
  return cannotBoot || needs(arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64')
}
