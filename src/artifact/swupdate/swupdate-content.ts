// What a .swu file brings, in the words of all formats: read from a file, and known of one that is being written.
import type { ArtifactInfo, PayloadInfo } from '../artifact-info.ts'
import { contentDigestOf } from '../content-digest.ts'
import { variantProvides } from '../variant.ts'
import { type Description, revisions } from './description.ts'

/** A member of the archive, uncompressed. */
export interface MeasuredFile {
  sizeBytes: number
  /** SHA-256, 64 hex digits. */
  checksum: string
}

/**
 * One payload for each image, file, script and setting, in the order in which they are described. Name and version of an
 * image are among the provides, where the content digest doesn't see them: they only say when to skip it. The content digest
 * covers which revisions of a board may install it, as it covers the boards.
 */
export function contentOf(
  { name, variant, boards, items }: Description,
  files: ReadonlyMap<string, MeasuredFile>,
): Pick<
  ArtifactInfo,
  | 'name'
  | 'deviceTypes'
  | 'depends'
  | 'provides'
  | 'clearsProvides'
  | 'payloads'
  | 'scripts'
  | 'contentDigest'
> {
  const all = items.map(({ type, fileName, metaData, component }): PayloadInfo => {
    const file = fileName === undefined ? undefined : files.get(fileName)
    return {
      type,
      files:
        fileName === undefined || file === undefined
          ? []
          : [{ name: fileName, sizeBytes: file.sizeBytes, checksum: file.checksum }],
      metaData,
      provides:
        component.name === undefined || component.version === undefined
          ? {}
          : { [`${component.name}.version`]: component.version },
      depends: {},
      clearsProvides: [],
    }
  })
  const payloads = all.filter(({ type, files: own }) => type !== revisions || own.length > 0)
  const scripts = items.flatMap(({ isScript, fileName }) =>
    isScript && fileName !== undefined ? [fileName] : [],
  )
  return {
    name,
    deviceTypes: boards,
    depends: boards.length === 0 ? {} : { device_type: boards },
    provides: Object.assign(variantProvides(variant), ...payloads.map(({ provides }) => provides)),
    clearsProvides: [],
    payloads,
    scripts: [...new Set(scripts)],
    contentDigest: contentDigestOf({ deviceTypes: boards, payloads: all }),
  }
}
