// The text of manifest.raucm for a bundle in the making, in which no value can leave its line.
import { Failure } from '../../platform/platform.ts'
import { type RaucImage, type RaucManifest, isPrintable, shown } from './rauc-manifest.ts'

/** An image of a bundle in the making: RAUC finds size and checksum itself. */
export interface PlannedImage extends Omit<RaucImage, 'file' | 'settings'> {
  fileName: string
}

/** What goes into a bundle in the making. */
export interface PlannedManifest extends Pick<
  RaucManifest,
  'compatible' | 'description' | 'build' | 'hooks' | 'handler'
> {
  version: string
  format: 'plain' | 'verity'
  images: readonly PlannedImage[]
}

/** The text of a manifest for `rauc bundle`. Throws `bad-input` for a value that could leave its line. */
export function formatManifest(plan: PlannedManifest): string {
  const { compatible, version, description, build, format, hooks, handler } = plan
  const hookNames = hooks?.isChecked === true ? 'install-check' : undefined
  return [
    section('update', { compatible, version, description, build }),
    section('bundle', { format }),
    ...(hooks === undefined ? [] : [section('hooks', { filename: hooks.file, hooks: hookNames })]),
    ...(handler === undefined ? [] : [section('handler', { filename: handler.file, args: handler.args })]),
    ...plan.images.map(({ slot, variant, fileName: filename, hooks: called }) =>
      section(variant === undefined ? `image.${slot}` : `image.${slot}.${variant}`, {
        filename,
        hooks: called.length === 0 ? undefined : called.join(';'),
      }),
    ),
  ].join('\n')
}

function section(name: string, values: Readonly<Record<string, string | undefined>>): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/.test(name)) throw unfit('a section', name)
  const lines = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escaped(key, value)}\n`],
  )
  return `[${name}]\n${lines.join('')}`
}

function escaped(key: string, value: string): string {
  if (value === '' || !isPrintable(value)) throw unfit(key, value)
  return value.replaceAll('\\', '\\\\').replace(/^ +/, (spaces) => '\\s'.repeat(spaces.length))
}

function unfit(what: string, value: string): Failure {
  const rule = 'it must not be empty, and have no line breaks or other control characters'
  return new Failure('bad-input', `${shown(value)} can't be ${what} in the manifest of a bundle: ${rule}`)
}
