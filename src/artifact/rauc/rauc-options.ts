import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { optionText } from '../option-text.ts'
import { imageHooks, isPrintable } from './rauc-manifest.ts'

const text = v.pipe(optionText, v.check(isPrintable, 'it has line breaks or other control characters'))
const slot = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'a slot is named with letters, digits, - and _'),
)
const variant = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a variant is named with letters, digits, ., - and _'),
)
const hooks = v.pipe(
  v.array(v.picklist(imageHooks, `it is not one of ${imageHooks.join(', ')}`)),
  v.check((list) => new Set(list).size === list.length, 'a hook is there twice'),
)
const about = <const S extends v.GenericSchema>(schema: S, description: string) =>
  v.optional(v.pipe(schema, v.description(description)))

/** The section `rauc` of an options file. */
export const raucOptionsSchema = v.pipe(
  v.strictObject({
    'bundle-format': about(
      v.picklist(['verity', 'plain'], 'it is not verity or plain'),
      'Format of the bundle: `verity`, the default, which RAUC knows since 1.5, or `plain` for older ones.',
    ),
    slot: about(slot, 'Class of the slots that the source goes to; `rootfs` where not given.'),
    variant: about(variant, 'Variant of the device that the source is for.'),
    'image-hooks': about(
      hooks,
      'Steps of the source’s installation in which the hook script is called: `pre-install`, `install`, `post-install`.',
    ),
    images: about(
      v.array(
        v.strictObject({
          slot: v.pipe(slot, v.description('Class of the slots that it goes to.')),
          file: v.pipe(text, v.description('The image; the path is relative to this file.')),
          variant: about(variant, 'Variant of the device that it is for.'),
          hooks: about(hooks, 'Steps of its installation in which the hook script is called.'),
        }),
      ),
      'Images that the bundle brings besides the source.',
    ),
    hooks: about(
      v.strictObject({
        file: v.pipe(text, v.description('The script; the path is relative to this file.')),
        'install-check': about(v.boolean(), 'Whether it is asked first if the bundle may be installed.'),
      }),
      'The script that a device calls for hooks.',
    ),
    handler: about(
      v.strictObject({
        file: v.pipe(text, v.description('The program; the path is relative to this file.')),
        args: about(text, 'What it is called with.'),
      }),
      'A program that installs the bundle on the device instead of RAUC.',
    ),
    description: about(text, 'What the update is, for people.'),
    build: about(text, 'What it was built from, such as a commit.'),
    keyring: about(
      text,
      'Certificates (PEM) of the authorities that devices trust, relative to this file: the bundle has to pass with them.',
    ),
  }),
  v.check(
    (options) => options.hooks !== undefined || !hasHooks(options),
    'an image has hooks, but `hooks.file` names no script for them',
  ),
)

type Section = v.InferOutput<typeof raucOptionsSchema>

function hasHooks(options: {
  'image-hooks'?: readonly string[] | undefined
  images?: readonly { hooks?: readonly string[] | undefined }[] | undefined
}): boolean {
  const all = [options['image-hooks'], ...(options.images ?? []).map((image) => image.hooks)]
  return all.some((list) => list !== undefined && list.length > 0)
}

/** An image besides the source. */
export interface RaucImageOptions {
  slot: string
  /** Path of the image. */
  file: string
  variant?: string | undefined
  hooks?: readonly (typeof imageHooks)[number][] | undefined
}

/** What only a .raucb file has; all paths are ready to be opened. */
export interface RaucOptions {
  bundleFormat?: 'verity' | 'plain' | undefined
  slot?: string | undefined
  variant?: string | undefined
  imageHooks?: RaucImageOptions['hooks']
  images?: readonly RaucImageOptions[] | undefined
  hooks?: { file: string; isChecked?: boolean | undefined } | undefined
  handler?: { file: string; args?: string | undefined } | undefined
  description?: string | undefined
  build?: string | undefined
  /** Path of certificates (PEM) that the finished bundle has to be accepted with. */
  keyring?: string | undefined
}

/** The section `rauc` of the options file at `path`, with its paths made ready. */
export function raucOptionsOf(section: Section | undefined, path: string | undefined): RaucOptions {
  if (section === undefined || path === undefined) return {}
  const at = (file: string) => resolve(dirname(path), file)
  const { hooks: script, handler, keyring } = section
  return {
    bundleFormat: section['bundle-format'],
    slot: section.slot,
    variant: section.variant,
    imageHooks: section['image-hooks'],
    images: section.images?.map((image) => ({ ...image, file: at(image.file) })),
    hooks: script && { file: at(script.file), isChecked: script['install-check'] },
    handler: handler && { ...handler, file: at(handler.file) },
    description: section.description,
    build: section.build,
    keyring: keyring === undefined ? undefined : at(keyring),
  }
}
