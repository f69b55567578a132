import type { Kept } from '../archive/folder-archive.ts'

/** What a Mender artifact brings, by the kind of its payload. Paths are absolute or relative to the working directory. */
export type PayloadChoice =
  /** The source is an image of a root file system. */
  | { kind: 'rootfs-image' }
  /** What any update module gets: the source (a file, or a folder of files), more files, and settings. */
  | {
      kind: 'module-image'
      type: string
      /** Whether the source is a file of the payload, too. */
      hasSource: boolean
      files: readonly string[]
      metaData: Readonly<Record<string, unknown>>
    }
  /** No payload: it tells a device what the image is that it was delivered with, which is the source. */
  | { kind: 'bootstrap' }
  /** The source is a folder that replaces one on the device. */
  | { kind: 'directory'; destDir: string; keep: Kept }
  /** The source is a file that is put into a folder of the device. */
  | { kind: 'single-file'; destDir: string; filename?: string | undefined; permissions?: string | undefined }
  /** Programs that a device runs once, and Debian packages that it installs: the source and `files`. */
  | { kind: 'script' | 'deb'; files: readonly string[] }
  /** Container images that a device pulls and runs, instead of all that it ran before. */
  | { kind: 'docker'; containers: readonly string[]; runArgs: string }

export type PayloadKind = PayloadChoice['kind']

/** All kinds, in the order in which they are told. */
export const payloadKinds = [
  'rootfs-image',
  'module-image',
  'bootstrap',
  'directory',
  'single-file',
  'script',
  'deb',
  'docker',
] as const satisfies readonly PayloadKind[]

/** The kind that a source suggests where none is given. */
export function defaultKind(source: { path: string; isFolder: boolean }): PayloadKind {
  if (source.isFolder) return 'directory'
  return source.path.endsWith('.deb') ? 'deb' : 'rootfs-image'
}

/** The payload's type in the artifact, null for an empty one. */
export function typeOf(choice: PayloadChoice): string | null {
  if (choice.kind === 'bootstrap') return null
  return choice.kind === 'module-image' ? choice.type : choice.kind
}

/** Whether a payload of this type is, or tells of, an image of a root file system. */
export function hasImage(type: string | null): boolean {
  return type === null || type === 'rootfs-image'
}
