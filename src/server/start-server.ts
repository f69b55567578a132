import { chmod, mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import { join } from 'node:path'
import * as v from 'valibot'
import { Failure, type Log, hasCode, messageOf, silentLog, storageFailure } from '../platform/platform.ts'
import { artifactApi } from './artifact-api.ts'
import { ArtifactFiles } from './artifact-files.ts'
import type { Core } from './core.ts'
import { deploymentApi } from './deployment-api.ts'
import { deviceApi } from './device-api.ts'
import { deviceManagementApi } from './device-management-api.ts'
import { gate } from './gate.ts'
import { inventoryApi } from './inventory-api.ts'
import { type Limits, createListener } from './listener.ts'
import { countRequest, metricsApi } from './metrics.ts'
import { open, router } from './router.ts'
import { openSecrets } from './secrets.ts'
import { readTls, urlOf } from './tls.ts'
import { type Store, openStore } from './store.ts'
import { userApi } from './user-api.ts'

export interface ServerOptions {
  /** Folder for everything that is kept; made where it is missing, and used by one server at a time. */
  dataDir: string
  /** 0 (the default) takes a free one. */
  port?: number
  /** Address to listen on; 127.0.0.1 unless given. Any but a loopback address needs a certificate. */
  host?: string
  /** `all` accepts every device that asks, for laboratories only; `none` (the default) leaves it to the management API. */
  accept?: 'none' | 'all'
  log?: Log
  /** Largest artifact that is taken; 10 GiB unless given. */
  maxArtifactBytes?: number
  /** What is asked of callers, where it is not what fits a lab. */
  limits?: Partial<Limits>
}

export interface RunningServer {
  /** `http://127.0.0.1:<port>`, or `https://…` where the data dir has a certificate. */
  url: string
  /** The management API's token. */
  token: string
  /** Ends it: requests under way have some seconds to finish. May be repeated. */
  close(): Promise<void>
}

/** How long requests under way may take to finish when the server is closed. */
const graceMs = 3000

/** See `startServer` in server.ts. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { dataDir, log = silentLog } = options
  const store = await prepare(dataDir)
  try {
    const files = new ArtifactFiles(join(dataDir, 'artifacts'))
    await files.prepare(new Set(digestsIn(store)))
    const secrets = await openSecrets(dataDir)
    const accept = options.accept ?? 'none'
    const maxArtifactBytes = options.maxArtifactBytes ?? 10 * 2 ** 30
    const core: Core = { store, files, secrets, log, accept, maxArtifactBytes }
    const host = options.host ?? '127.0.0.1'
    const tls = await readTls(dataDir, host)
    const server = createListener({
      answer: router(routes(core), gate(core)),
      log,
      tls,
      limits: options.limits,
      onAnswered: (access, status, seconds) => countRequest(core, access, status, seconds),
    })
    const port = await listen(server, options.port ?? 0, host)
    if (accept === 'all') log.warn('every device that asks is accepted: for laboratories only')
    const close = once(async () => {
      await stop(server)
      store.close()
    })
    return { url: urlOf(host, port, tls !== undefined), token: secrets.token, close }
  } catch (error) {
    store.close()
    throw storageFailure(error, dataDir)
  }
}

function routes(core: Core) {
  return [
    open('GET', '/healthz', () => ({ status: 200, json: { status: 'ok' } })),
    ...userApi(core),
    ...metricsApi(core),
    ...deviceApi(core),
    ...deviceManagementApi(core),
    ...inventoryApi(core),
    ...artifactApi(core),
    ...deploymentApi(core),
  ]
}

async function prepare(dataDir: string): Promise<Store> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const path = join(dataDir, 'ota.sqlite')
    const store = openStore(path)
    // others may be able to look into the data dir; by name, as closing a descriptor would give up SQLite's locks
    for (const name of [path, `${path}-wal`]) await chmod(name, 0o600)
    return store
  } catch (error) {
    const isForbidden = hasCode(error, 'EACCES') || hasCode(error, 'EPERM') || hasCode(error, 'EROFS')
    if (!isForbidden) throw storageFailure(error, dataDir)
    throw new Failure('missing-rights', `can't write to ${dataDir}: ${messageOf(error)}`, { cause: error })
  }
}

function digestsIn(store: Store): string[] {
  return store
    .all(v.object({ sha256: v.string() }), `SELECT DISTINCT sha256 FROM artifact`)
    .map(({ sha256 }) => sha256)
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    const isTaken = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].some((code) => hasCode(error, code))
    if (!isTaken) throw error
    const message = `can't listen on ${host}, port ${port}: ${messageOf(error)}. Give another port, or 0 for a free one`
    throw new Failure('bad-input', message, { cause: error })
  }
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const hurry = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(hurry)
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
