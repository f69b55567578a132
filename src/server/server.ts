// The embedded OTA server: Mender's device and management API over one SQLite file and a folder of artifacts. For a lab, a
// demonstration and tens of devices on one machine.
export { type LaunchOptions, type Launched, launchServer, stopLaunched } from './launch.ts'
export { tokenFile } from './secrets.ts'
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts'
