import { openArtifact } from '../../src/artifact/artifact.ts'

/** Everything about an artifact that does not depend on when and by whom it was written. */
export async function comparable(path: string, verifyKeys: readonly string[] = []) {
  const { sha256: _, sizeBytes: __, payloads, ...info } = await openArtifact(path, { verifyKeys })
  return {
    ...info,
    clearsProvides: info.clearsProvides.toSorted(),
    payloads: payloads.map(({ files, ...payload }) => ({
      ...payload,
      files: files.map(({ name, sizeBytes, checksum }) => ({ name, sizeBytes, checksum })),
    })),
  }
}
