import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type Context,
  type ProcessIdentity,
  hasCode,
  launch,
  openHttp,
  stopProcess,
} from '../platform/platform.ts'
import { tokenFile } from './secrets.ts'
import { serverFileName, serverFileSchema } from './server-file.ts'

const what = 'the OTA server'

export interface LaunchOptions {
  /** The program of the server's own process, as it is bundled. */
  script: string
  dataDir: string
  port: number
  host?: string
  accept: 'none' | 'all'
  /** Whether its log tells of every request. */
  isVerbose?: boolean
  /** Called as soon as there is a process, so that it can be stopped whatever happens next. */
  onStarted?: (identity: ProcessIdentity) => void
}

export interface Launched extends ProcessIdentity {
  url: string
  token: string
  /** What the server tells goes there. */
  logFile: string
}

/**
 * Starts the server as a process that outlives this one, and resolves when it answers. Throws what `startServer` throws;
 * on an abort the process is gone before this throws.
 */
export async function launchServer(options: LaunchOptions, context: Context): Promise<Launched> {
  const { dataDir, script, onStarted } = options
  const logFile = join(dataDir, 'server.log')
  const debug = options.isVerbose === true ? ['debug'] : []
  const { ready, ...identity } = await launch(
    {
      what,
      script,
      args: [dataDir, endpointText(options), options.accept, ...debug],
      cwd: dataDir,
      logFile,
      onStarted,
      ready: (started) => answering(dataDir, started, context),
    },
    context,
  )
  return { ...identity, ...ready, logFile }
}

/**
 * Stops exactly the process that was launched, and no later one with its number. Resolves when it is gone: true where it
 * ran. May be repeated.
 */
export async function stopLaunched(identity: ProcessIdentity, context: Context): Promise<boolean> {
  return stopProcess(identity, what, context)
}

/** The server's address and token, once it says that it is ready and answers. */
async function answering(dataDir: string, identity: ProcessIdentity, context: Context) {
  const said = await readServerFile(dataDir)
  if (said?.pid !== identity.pid || said.startTime !== identity.startTime) return undefined
  // a certificate for its own name proves nothing about a server that this very process started
  if (said.url.startsWith('http:')) {
    const http = openHttp({ baseUrl: said.url, deadlineMs: 10_000 }, context)
    await http.send({ method: 'GET', path: '/healthz' })
  }
  return { url: said.url, token: (await readFile(tokenFile(dataDir), 'utf8')).trim() }
}

function endpointText({ host, port }: LaunchOptions): string {
  if (host === undefined) return String(port)
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

async function readServerFile(dataDir: string) {
  try {
    const text = await readFile(join(dataDir, serverFileName), 'utf8')
    const said = v.safeParse(v.pipe(v.string(), v.parseJson(), serverFileSchema), text)
    return said.success ? said.output : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
