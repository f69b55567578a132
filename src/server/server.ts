// The embedded OTA server: Mender's device and management API over one SQLite file and a folder of artifacts. For a lab, a
// demonstration and tens of devices on one machine.
import type { RunningServer, ServerOptions } from './start-server.ts'

export { type Endpoint, parseEndpoint } from './endpoint.ts'
export { type LaunchOptions, type Launched, launchServer, stopLaunched } from './launch.ts'
export { tokenFile } from './secrets.ts'
export type { RunningServer, ServerOptions } from './start-server.ts'

/**
 * Starts the server, on the loopback interface unless told otherwise, and resolves when it answers. It speaks TLS where the
 * data dir has `tls.crt` and `tls.key`. Throws `bad-input` where the data dir or the port is in use, `missing-rights`, `disk-full`, and `invalid-file` or `bad-key` where the data dir's content is damaged.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  // loaded only here: who launches the server as a process of its own needs neither SQLite nor the routes
  const server = await import('./start-server.ts')
  return await server.startServer(options)
}
