import type { Context } from '../platform/platform.ts'
import { openMenderClient } from './mender-client.ts'
import { menderDeployments } from './mender-deployments.ts'
import * as devices from './mender-devices.ts'
import * as leases from './mender-leases.ts'
import { readLog } from './mender-log.ts'
import { deploy, withdraw } from './mender-orders.ts'
import { preauthorise } from './mender-preauthorise.ts'
import { findRelease, listReleases } from './mender-releases.ts'
import { uploadArtifact } from './mender-upload.ts'
import type { OtaServer } from './ota-server.ts'

/** Hosted Mender, its open-source server, and the embedded server: they speak one protocol. */
export function menderServer(url: string, token: string, context: Context): OtaServer {
  const client = openMenderClient(url, token, context)
  const deployments = menderDeployments(client)
  return {
    url,
    within: (other) => menderServer(url, token, other),
    devices: () => devices.listDevices(client),
    device: (id) => devices.readDevice(client, id),
    releases: () => listReleases(client),
    release: (name) => findRelease(client, name),
    upload: (path, verifyKeys) => uploadArtifact(client, path, verifyKeys),
    deploy: (order) => deploy(client, deployments, order),
    findDeployment: (name) => deployments.find(name),
    findDeployments: (names, believed) => deployments.findAll(names, believed),
    deployment: (id) => deployments.read(id),
    lastTaken: (devices) => deployments.lastTaken(devices),
    openDeployments: () => deployments.open(),
    withdraw: (id, ended, from) => withdraw(client, deployments, id, ended, from),
    preauthorise: (newcomer) => preauthorise(client, newcomer),
    accept: (device) => devices.acceptDevice(client, device),
    retire: (device) => devices.retireDevice(client, device),
    leaseOf: (device) => leases.leaseOf(client, device),
    takeLease: (device, lease) => leases.takeLease(client, device, lease),
    returnLease: (device, id) => leases.returnLease(client, device, id),
    log: (id, device) => readLog(client, id, device),
  }
}
