import type { Context } from '../platform/platform.ts'
import { openHawkbitClient } from './hawkbit-client.ts'
import { deploy } from './hawkbit-deploy.ts'
import * as deployments from './hawkbit-deployments.ts'
import * as devices from './hawkbit-devices.ts'
import { listed } from './hawkbit-groups.ts'
import * as leases from './hawkbit-leases.ts'
import { readLog } from './hawkbit-log.ts'
import { preauthorise } from './hawkbit-preauthorise.ts'
import { findRelease, listReleases } from './hawkbit-releases.ts'
import { uploadArtifact } from './hawkbit-upload.ts'
import { withdraw } from './hawkbit-withdraw.ts'
import type { OtaServer } from './ota-server.ts'

/**
 * An Eclipse hawkBit server. A release is one distribution set for each artifact, an order distribution sets of its own over
 * the same software modules, a device a target. What differs from other servers is in docs/servers.md.
 */
export function hawkbitServer(url: string, token: string, context: Context): OtaServer {
  const client = openHawkbitClient(url, token, context)
  return {
    url,
    within: (other) => hawkbitServer(url, token, other),
    devices: () => devices.listDevices(client),
    device: (id) => devices.readDevice(client, id),
    releases: () => listReleases(client),
    release: (name) => findRelease(client, name),
    upload: (path, verifyKeys) => uploadArtifact(client, path, verifyKeys),
    deploy: async (order) => deploy(client, await listed(client, order)),
    findDeployment: (name) => deployments.findDeployment(client, name),
    findDeployments: (names) => deployments.findDeployments(client, names),
    deployment: (id) => deployments.readDeployment(client, id),
    lastTaken: (devices) => deployments.lastTaken(client, devices),
    openDeployments: () => deployments.openDeployments(client),
    withdraw: (id, ended, from) => withdraw(client, id, ended, from),
    preauthorise: (newcomer) => preauthorise(client, newcomer),
    accept: (device) => devices.acceptDevice(client, device),
    retire: (device) => devices.retireDevice(client, device),
    leaseOf: (device) => leases.leaseOf(client, device),
    takeLease: (device, lease) => leases.takeLease(client, device, lease),
    returnLease: (device, id) => leases.returnLease(client, device, id),
    log: (id, device) => readLog(client, id, device),
  }
}
