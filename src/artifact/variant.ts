import { Failure } from '../platform/platform.ts'
import type { Findings } from './findings.ts'

/** Says which variant of an image an update file brings; whole images clear it with all else that begins like it. */
export const variantProvide = 'rootfs-image.variant'

const labVariant = 'lab'
/** What asks for anything that is not the lab's alone. */
export const fieldVariant = 'field'

/**
 * Whether something with these provides is for lab devices alone. `variant`, and the `….variant` of any software, count as
 * the image's does: what has a lab's tools or keys in it is for the lab, however it is called.
 */
export function isLabVariant(provides: Readonly<Record<string, string>>): boolean {
  return variantsIn(provides).includes(labVariant)
}

/** Whether a provide of this name says of which variant something is. */
export function namesVariant(name: string): boolean {
  return name === 'variant' || name.endsWith('.variant')
}

/** The variants of all that has these provides, each once. */
export function variantsIn(provides: Readonly<Record<string, string>>): string[] {
  return [
    ...new Set(Object.entries(provides).flatMap(([name, value]) => (namesVariant(name) ? [value] : []))),
  ]
}

/** What an update file provides that says its variant; nothing where it says none. */
export function variantProvides(variant: string | undefined): Record<string, string> {
  return variant === undefined ? {} : { [variantProvide]: variant }
}

/** Finds what can't stand as a variant in a .swu file or a bundle: `bad-input`. */
export function checkVariant(variant: string | undefined, findings: Findings): void {
  if (variant === undefined || word.test(variant)) return
  const rule = 'letters, digits and ._- only, at most 64, the first a letter or digit'
  findings.add(new Failure('bad-input', `${JSON.stringify(variant)} can't be a variant: ${rule}`))
}

const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * A bundle's description that says the variant, too: the only text of a manifest that every RAUC keeps, since older ones drop
 * sections that they don't know.
 */
export function describedWith(
  description: string | undefined,
  variant: string | undefined,
): string | undefined {
  if (variant === undefined) return description
  return description === undefined ? `variant: ${variant}` : `${description} (variant: ${variant})`
}

/** The variant that a bundle's description says. */
export function variantIn(description: string | undefined): string | undefined {
  const [, alone, atEnd] =
    /^variant: ([A-Za-z0-9][A-Za-z0-9._-]{0,63})$| \(variant: ([A-Za-z0-9][A-Za-z0-9._-]{0,63})\)$/.exec(
      description ?? '',
    ) ?? []
  return alone ?? atEnd
}
