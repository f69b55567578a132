import type { DeviceFacts, ReleaseArtifact } from './ota-server.ts'

/** What an artifact with a root file system provides, and what a device reports after it: the SHA-256 of the image. */
const imageChecksum = 'rootfs-image.checksum'

/** The checksums of the images in artifacts, as far as the server lists them. */
export function imagesIn(artifacts: readonly ReleaseArtifact[]): ReadonlySet<string> {
  return new Set(artifacts.flatMap(({ provides }) => provides?.[imageChecksum] ?? []))
}

/**
 * The checksum of the image that a device reports, where it is none of `images`: whatever its release is called, it runs
 * other content. Undefined where the device tells none (it was flashed, say, and never updated), or `images` is empty.
 */
export function otherImageOf(facts: DeviceFacts, images: ReadonlySet<string>): string | undefined {
  const runs = facts.attributes[imageChecksum]
  return runs !== undefined && images.size > 0 && !images.has(runs) ? runs : undefined
}
