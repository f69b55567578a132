/** Says which variant of an image an update file brings; whole images clear it with all else that begins like it. */
export const variantProvide = 'rootfs-image.variant'

const labVariant = 'lab'

/**
 * Whether something with these provides is for lab devices alone. `variant`, and the `….variant` of any software, count as
 * the image's does: what has a lab's tools or keys in it is for the lab, however it is called.
 */
export function isLabVariant(provides: Readonly<Record<string, string>>): boolean {
  return Object.entries(provides).some(
    ([name, value]) => (name === 'variant' || name.endsWith('.variant')) && value === labVariant,
  )
}
