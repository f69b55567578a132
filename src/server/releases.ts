// Releases: all artifacts of one name.
import * as v from 'valibot'
import { type Artifact, artifactView, deleteArtifact, listArtifacts } from './artifacts.ts'
import type { Core } from './core.ts'
import type { Exchange, Reply } from './exchange.ts'
import { type Page, pageOf, pagedReply } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'
import { type Route, admin } from './router.ts'

const v1 = '/api/management/v1/deployments/deployments/releases'
const v2 = '/api/management/v2/deployments/deployments/releases'

const tagsSchema = v.pipe(
  v.array(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(128))),
  v.maxLength(20),
)
const noteRow = v.object({
  name: v.string(),
  tags: v.pipe(v.string(), v.parseJson(), v.array(v.string())),
  notes: v.string(),
})

interface Release {
  name: string
  modified: string
  artifacts: Artifact[]
  tags: string[]
  notes: string
}

/** All routes of releases. */
export function releaseApi(core: Core): Route[] {
  return [
    admin('GET', v1, (exchange) => ({ status: 200, json: wanted(core, exchange).map(oldView) })),
    admin('GET', `${v1}/list`, (exchange) =>
      paged(exchange, sorted(exchange, wanted(core, exchange)), oldView),
    ),
    admin('GET', v2, (exchange) => paged(exchange, sorted(exchange, wanted(core, exchange)), view)),
    admin('DELETE', v2, (exchange) => remove(core, exchange)),
    admin('GET', `${v2}/:name`, (exchange) => ({
      status: 200,
      json: view(findRelease(core, exchange.param('name'))),
    })),
    admin('PATCH', `${v2}/:name`, async (exchange) => {
      const { notes } = await exchange.optionalJson(
        v.object({ notes: v.optional(v.pipe(v.string(), v.maxLength(1024))) }),
      )
      const release = findRelease(core, exchange.param('name'))
      if (notes !== undefined) note(core, { ...release, notes })
      return { status: 204 }
    }),
    admin('PUT', `${v2}/:name/tags`, async (exchange) => {
      const tags = [...new Set(await exchange.json(tagsSchema))]
      const release = findRelease(core, exchange.param('name'))
      note(core, { ...release, tags })
      return { status: 204 }
    }),
  ]
}

/** The releases that the query asks for, by name. */
function wanted(core: Core, exchange: Exchange): Release[] {
  const names = exchange.queries('name')
  const [only] = names
  const prefix = names.length === 1 && only?.endsWith('*') ? only.slice(0, -1) : undefined
  const artifacts = listArtifacts(core, {
    names: prefix === undefined ? names : [],
    namePrefix: prefix,
    description: exchange.query('description'),
    deviceType: exchange.query('device_type'),
  })
  const type = exchange.query('update_type')
  const tags = exchange.queries('tag')
  return grouped(core, artifacts)
    .filter((release) => type === undefined || typesOf(release).includes(type))
    .filter((release) => tags.every((tag) => release.tags.includes(tag)))
}

function findRelease(core: Core, name: string): Release {
  const [release] = grouped(core, listArtifacts(core, { names: [name] }))
  if (!release) throw notFound('release')
  return release
}

function grouped(core: Core, artifacts: Artifact[]): Release[] {
  const notes = new Map(core.store.all(noteRow, `SELECT * FROM release_note`).map((row) => [row.name, row]))
  return [...Map.groupBy(artifacts, ({ name }) => name)]
    .map(([name, members]) => ({
      name,
      artifacts: members,
      modified:
        members
          .map(({ modified }) => modified)
          .sort()
          .at(-1) ?? '',
      tags: notes.get(name)?.tags ?? [],
      notes: notes.get(name)?.notes ?? '',
    }))
    .sort((a, b) => compare(a.name, b.name))
}

function sorted(exchange: Exchange, releases: Release[]): Release[] {
  const [key = 'name', order = 'asc'] = (exchange.query('sort') ?? 'name:asc').split(':')
  const sign = order === 'desc' ? -1 : 1
  const by = {
    name: (a: Release, b: Release) => compare(a.name, b.name),
    modified: (a: Release, b: Release) => compare(a.modified, b.modified),
    artifacts_count: (a: Release, b: Release) => a.artifacts.length - b.artifacts.length,
    tags: (a: Release, b: Release) => compare(a.tags.join(), b.tags.join()),
  }
  const found = Object.entries(by).find(([name]) => name === key)
  if (!found || !['asc', 'desc'].includes(order)) throw new Refusal(400, 'invalid sort query')
  return [...releases].sort((a, b) => sign * found[1](a, b))
}

function paged(
  exchange: Exchange,
  releases: Release[],
  form: (release: Release) => Record<string, unknown>,
): Reply {
  const page: Page = pageOf(exchange)
  const part = releases.slice(page.offset, page.offset + page.perPage)
  return pagedReply(exchange, page, releases.length, part.map(form))
}

async function remove(core: Core, exchange: Exchange): Promise<Reply> {
  const names = exchange.queries('name')
  if (names.length === 0) throw new Refusal(400, 'name: no release is named')
  // none of them goes where one has to stay
  const holders = names.flatMap((name) => openDeploymentsOf(core, name))
  if (holders.length > 0) {
    const details = { active_deployments: holders }
    throw new Refusal(409, 'a release is used in active deployments', { details })
  }
  for (const { id } of names.flatMap((name) => listArtifacts(core, { names: [name] })))
    await deleteArtifact(core, id)
  return { status: 204 }
}

function openDeploymentsOf(core: Core, name: string): string[] {
  const sql = `SELECT id FROM deployment WHERE artifact_name = ? AND finished IS NULL`
  return core.store.all(v.object({ id: v.string() }), sql, name).map(({ id }) => id)
}

function note(core: Core, { name, tags, notes }: Release): void {
  core.store.run(
    `INSERT INTO release_note (name, tags, notes) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET tags = excluded.tags, notes = excluded.notes`,
    name,
    JSON.stringify(tags),
    notes,
  )
}

function view({ artifacts, ...release }: Release): Record<string, unknown> {
  return { ...release, artifacts: artifacts.map(artifactView), artifacts_count: artifacts.length }
}

function oldView(release: Release): Record<string, unknown> {
  const { name, artifacts, artifacts_count, ...rest } = view(release)
  return { Name: name, Artifacts: artifacts, ArtifactsCount: artifacts_count, ...rest }
}

const updateType = v.object({ type_info: v.object({ type: v.string() }) })

function typesOf({ artifacts }: Release): string[] {
  return artifacts.flatMap(({ content }) =>
    content.updates.flatMap((update) => (v.is(updateType, update) ? [update.type_info.type] : [])),
  )
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
