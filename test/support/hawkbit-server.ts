// The real hawkBit server, on loopback, with a database in memory. One serves all tests of a file: each gets a tenant.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, start } from '../../src/platform/platform.ts'
import { needs } from './needs.ts'
import { until } from './until.ts'

/** The last version that runs on Java 17. */
const version = '1.0.4'
const artifact = `org.eclipse.hawkbit:hawkbit-update-server:${version}`
const jar = join(homedir(), '.cache', 'drover', 'hawkbit', `hawkbit-update-server-${version}.jar`)
/** Ends the server when the test's own process is killed. */
const launcher = ['--pdeathsig', 'KILL', 'java']
// quick to start, and small: it serves a few devices
const javaOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m']

export interface Tenant {
  name: string
  /** Tokens: of its administrator, of one who has the rights that docs/servers.md asks for, and of one who sees devices. */
  admin: string
  token: string
  reader: string
}

export interface HawkbitServer {
  url: string
  /** An empty tenant that no other test has. */
  tenant(): Tenant
  stop(): Promise<void>
}

/**
 * For `skip`: false where the server can be started here, else what is missing. Has Maven fetch the server where it isn't
 * on this machine yet, so call it once for a file.
 */
export async function lacksHawkbit(): Promise<false | string> {
  const missing = existsSync(jar) ? needs('java', 'setpriv') : needs('mvn', 'java', 'setpriv')
  if (missing !== false || existsSync(jar)) return missing
  const folder = await mkdtemp(join(tmpdir(), 'drover-hawkbit-'))
  try {
    const wanted = [`-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]
    // asks again even where Maven remembers that it was not there
    const options = ['--batch-mode', '--quiet', '--update-snapshots']
    const { code, stdout, stderr } = await run('mvn', [...options, 'dependency:copy', ...wanted])
    if (code !== 0) return `needs ${artifact}, ${whyNot(stdout + stderr)}`
    await mkdir(join(jar, '..'), { recursive: true })
    await rename(join(folder, `hawkbit-update-server-${version}.jar`), `${jar}.${process.pid}`)
    await rename(`${jar}.${process.pid}`, jar)
    return false
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What Maven says of a file that it didn't get, in a few words. */
function whyNot(said: string): string {
  if (/could not find artifact|was not found in/i.test(said))
    return 'which the repository that Maven asks here does not have'
  const [first] = said.split('\n').filter((line) => line.includes('[ERROR]'))
  return `which Maven could not fetch: ${first?.slice(0, 200) ?? 'it says nothing'}`
}

/** Starts a server with so many tenants; resolves when it answers. */
export async function startHawkbit(tenants: number): Promise<HawkbitServer> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-hawkbit-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const users = Array.from({ length: tenants }, (_, i) => `t${i + 1}`)
  const said: string[] = []
  const java = start('setpriv', [...launcher, ...javaOptions, '-jar', jar, ...settings(port, users)], {
    // it keeps its files in the folder where it is started
    cwd: folder,
    onLine: (line) => said.push(line),
  })
  const stop = async () => {
    await java.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await until(
      'hawkBit answers',
      () => answers(url),
      240_000,
      () => said.slice(-5).join('\n'),
    )
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    tenant: () => {
      const name = users.pop()
      if (name === undefined) throw new Error(`all ${tenants} tenants are in use: start with more`)
      const [admin, token, reader] = [tokenOf(name), tokenOf(`${name}ci`), tokenOf(`${name}r`)]
      return { name: name.toUpperCase(), admin, token, reader }
    },
    stop,
  }
}

/** What docs/servers.md says that a token needs, the last three only to let in and retire devices. */
const rights = [
  'READ_TARGET',
  'UPDATE_TARGET',
  'READ_SOFTWARE_MODULE',
  'CREATE_SOFTWARE_MODULE',
  'UPDATE_SOFTWARE_MODULE',
  'READ_DISTRIBUTION_SET',
  'CREATE_DISTRIBUTION_SET',
  'UPDATE_DISTRIBUTION_SET',
  'DELETE_TARGET',
  'CREATE_TARGET',
  'READ_TARGET_SECURITY_TOKEN',
]

const tokenOf = (user: string) => `${user}:secret of ${user}`

function settings(port: number, users: readonly string[]): string[] {
  return [
    '--server.address=127.0.0.1',
    `--server.port=${port}`,
    '--hawkbit.server.ddi.security.authentication.targettoken.enabled=true',
    '--hawkbit.controller.minPollingTime=00:00:01',
    '--hawkbit.controller.pollingTime=00:00:02',
    '--springdoc.api-docs.enabled=false',
    ...users.flatMap((user) => [
      ...account(user, user.toUpperCase(), 'roles=TENANT_ADMIN'),
      ...account(`${user}ci`, user.toUpperCase(), `permissions=${rights.join(',')}`),
      ...account(`${user}r`, user.toUpperCase(), 'permissions=READ_TARGET'),
    ]),
  ]
}

function account(name: string, tenant: string, rights: string): string[] {
  const own = `--hawkbit.security.user.${name}`
  return [`${own}.tenant=${tenant}`, `${own}.password={noop}secret of ${name}`, `${own}.${rights}`]
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await asUser(url, tokenOf('t1'), 'GET', '/userinfo')).ok
  } catch {
    return false
  }
}

/** A request to the management API, as an operator would send it. */
export async function asUser(
  url: string,
  token: string,
  method: string,
  path: string,
  json?: unknown,
): Promise<Response> {
  return fetch(`${url}/rest/v1${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(token).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
