// What a bundle brings, in the words that all formats share, from what its manifest says: for one that is read and, before
// it exists, for one in the making.
import { type Digest, canonicalJson, digestOf } from '../../platform/platform.ts'
import type { ArtifactInfo, PayloadInfo } from '../artifact-info.ts'
import { contentDigestOf } from '../content-digest.ts'
import { variantIn, variantProvides } from '../variant.ts'
import type { RaucManifest } from './rauc-manifest.ts'

/** A file of a bundle that isn't an image. */
export interface BundleFile {
  name: string
  /** SHA-256, 64 hex digits. */
  checksum: string
}

/**
 * The facts of a bundle with this manifest and these files beside its images. Two bundles have the same content digest where
 * RAUC would install the same: hooks, handler and their files count, the version, texts and format don't.
 */
export function contentOf(
  manifest: Pick<RaucManifest, 'compatible' | 'version' | 'description' | 'hooks' | 'handler' | 'images'>,
  files: readonly BundleFile[],
): Omit<ArtifactInfo, 'signature' | 'compression' | 'sizeBytes' | 'sha256'> {
  const { compatible, version = '', description, images } = manifest
  const depends = { device_type: [compatible] }
  const payloads = images.map(({ slot, variant, hooks, file, settings }): PayloadInfo => ({
    type: slot,
    files: file === undefined ? [] : [file],
    metaData: {
      ...settings,
      ...(variant === undefined ? {} : { variant }),
      ...(hooks.length === 0 ? {} : { hooks: [...hooks].sort() }),
    },
    provides: {},
    depends: {},
    clearsProvides: [],
  }))
  return {
    format: 'rauc',
    version: 1,
    name: version,
    deviceTypes: [compatible],
    depends,
    provides: {
      ...(version === '' ? {} : { artifact_name: version }),
      ...variantProvides(variantIn(description)),
    },
    clearsProvides: [],
    payloads,
    scripts: files.map(({ name }) => name),
    contentDigest: contentDigestOf({
      deviceTypes: [compatible],
      payloads,
      scriptsDigest: programsDigestOf(manifest, files),
    }),
  }
}

function programsDigestOf(
  { hooks, handler }: Pick<RaucManifest, 'hooks' | 'handler'>,
  files: readonly BundleFile[],
): Digest | undefined {
  if (hooks === undefined && handler === undefined) return undefined
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return digestOf(
    canonicalJson({
      files: sorted.map(({ name, checksum }) => ({ name, checksum })),
      handler: handler && { file: handler.file, args: handler.args ?? '' },
      hooks: hooks && { file: hooks.file, isChecked: hooks.isChecked },
    }),
  )
}
