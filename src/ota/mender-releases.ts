// Releases on a Mender server, and how a listed artifact becomes ours.
import * as v from 'valibot'
import { contentDigestOf, scriptsProvide } from '../artifact/artifact.ts'
import { type MenderClient, hasNext, pageSize } from './mender-client.ts'
import { type MenderArtifact, artifact } from './mender-schemas.ts'
import type { Release, ReleaseArtifact } from './ota-server.ts'

export const artifactsPath = '/api/management/v1/deployments/artifacts'

/** All artifacts, or those of one name. Servers before 4.0.1 have only the older list, whose filter is no exact one. */
export async function listArtifacts(client: MenderClient, name?: string): Promise<MenderArtifact[]> {
  const query = name === undefined ? {} : { name }
  const path = '/api/management/v2/deployments/artifacts'
  const page = new URLSearchParams({ ...query, page: '1', per_page: String(pageSize) })
  const request = { method: 'GET', path: `${path}?${page.toString()}` } as const
  const first = await client.http.find(request, v.array(artifact))
  const all =
    first === undefined
      ? await client.list(`${artifactsPath}/list`, {}, artifact)
      : hasNext(first.value.length, first.headers['link'])
        ? await client.list(path, query, artifact)
        : first.value
  return name === undefined ? all : all.filter((one) => one.name === name)
}

/** All releases, by name. */
export async function listReleases(client: MenderClient): Promise<Release[]> {
  const byName = Map.groupBy(await listArtifacts(client), ({ name }) => name)
  return [...byName]
    .map(([name, artifacts]) => ({ name, artifacts: artifacts.map(releaseArtifact) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** One release; undefined where the server has no artifact of that name. */
export async function findRelease(client: MenderClient, name: string): Promise<Release | undefined> {
  const artifacts = await listArtifacts(client, name)
  return artifacts.length === 0 ? undefined : { name, artifacts: artifacts.map(releaseArtifact) }
}

/** An artifact as the port shows it, with the content digest made of what the server lists. */
export function releaseArtifact(listed: MenderArtifact): ReleaseArtifact {
  const provides = listed.artifact_provides ?? {}
  return {
    id: listed.id,
    deviceTypes: listed.device_types_compatible,
    sizeBytes: listed.size ?? 0,
    isSigned: listed.signed ?? false,
    provides,
    contentDigest: contentDigestOf({
      deviceTypes: listed.device_types_compatible,
      scriptsDigest: provides[scriptsProvide],
      payloads: (listed.updates ?? []).map(({ type_info, files, metadata, meta_data }) => ({
        type: type_info?.type ?? '',
        metaData: objectOf(metadata) ?? objectOf(meta_data),
        files: files ?? [],
      })),
    }),
  }
}

const anObject = v.record(v.string(), v.unknown())

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return v.is(anObject, value) && !Array.isArray(value) ? value : undefined
}
