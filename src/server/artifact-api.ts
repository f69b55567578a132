// The management API's artifacts and releases.
import * as v from 'valibot'
import {
  type ArtifactFilter,
  type ArtifactOrder,
  artifactOrder,
  artifactView,
  countArtifacts,
  deleteArtifact,
  findArtifact,
  listArtifacts,
} from './artifacts.ts'
import type { Core } from './core.ts'
import { downloadLink } from './device-api.ts'
import type { Exchange, Reply } from './exchange.ts'
import { type Page, pageOf, pagedReply } from './paging.ts'
import { releaseApi } from './releases.ts'
import { type Route, admin } from './router.ts'
import { receiveUpload } from './upload.ts'

const v1 = '/api/management/v1/deployments/artifacts'
const v2 = '/api/management/v2/deployments/artifacts'

/** All routes of artifacts and releases. */
export function artifactApi(core: Core): Route[] {
  return [
    admin('POST', v1, (exchange) => receiveUpload(core, exchange)),
    admin('GET', v1, (exchange) => ({
      status: 200,
      json: listArtifacts(core, filterIn(exchange)).map(artifactView),
    })),
    admin('GET', `${v1}/list`, (exchange) =>
      paged(core, exchange, filterIn(exchange), lenientPage(exchange), orderIn(exchange)),
    ),
    admin('GET', v2, (exchange) => paged(core, exchange, exactFilterIn(exchange), pageOf(exchange))),
    admin('GET', `${v1}/:id`, (exchange) => ({
      status: 200,
      json: artifactView(findArtifact(core, exchange.param('id'))),
    })),
    admin('PUT', `${v1}/:id`, async (exchange) => {
      const { description } = await exchange.json(
        v.object({ description: v.optional(v.pipe(v.string(), v.maxLength(4096)), '') }),
      )
      const { id } = findArtifact(core, exchange.param('id'))
      core.store.run(`UPDATE artifact SET description = ? WHERE id = ?`, description, id)
      return { status: 204 }
    }),
    admin('DELETE', `${v1}/:id`, async (exchange) => {
      await deleteArtifact(core, exchange.param('id'))
      return { status: 204 }
    }),
    admin('GET', `${v1}/:id/download`, (exchange) => {
      const { id } = findArtifact(core, exchange.param('id'))
      return { status: 200, json: downloadLink(core, exchange, id) }
    }),
    ...releaseApi(core),
  ]
}

function paged(
  core: Core,
  exchange: Exchange,
  filter: ArtifactFilter,
  page: Page,
  order?: ArtifactOrder,
): Reply {
  const total = countArtifacts(core, filter)
  return pagedReply(exchange, page, total, listArtifacts(core, filter, page, order).map(artifactView))
}

/** The first paged list takes a wrong order for none given, too. */
function orderIn(exchange: Exchange): ArtifactOrder {
  const wanted = v.safeParse(artifactOrder, exchange.query('sort'))
  return wanted.success ? wanted.output : 'name:asc'
}

function filterIn(exchange: Exchange): ArtifactFilter {
  const name = exchange.query('name')
  return {
    names: name === undefined ? [] : [name],
    description: exchange.query('description'),
    deviceType: exchange.query('device_type'),
  }
}

/** The newer list's names: several exact ones, or one with `*` at its end for a beginning. */
function exactFilterIn(exchange: Exchange): ArtifactFilter {
  const names = exchange.queries('name')
  const [only] = names
  const prefix = names.length === 1 && only?.endsWith('*') ? only.slice(0, -1) : undefined
  return {
    ...filterIn(exchange),
    names: prefix === undefined ? names : [],
    namePrefix: prefix,
  }
}

/** The first paged list takes wrong values for none given. */
function lenientPage(exchange: Exchange): Page {
  const number = (name: string, fallback: number, max: number) => {
    const value = Number(exchange.query(name))
    return Number.isSafeInteger(value) && value >= 1 && value <= max ? value : fallback
  }
  const [page, perPage] = [number('page', 1, 1e9), number('per_page', 20, 500)]
  return { page, perPage, offset: (page - 1) * perPage }
}
