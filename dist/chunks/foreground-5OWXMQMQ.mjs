import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunk-UQ52ZS2R.mjs";
import "./chunk-7UCZKUXH.mjs";
import {
  leaseDevice,
  openServer
} from "./chunk-W7R4KM5Y.mjs";
import "./chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunk-4XIRM6HF.mjs";
import "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";

// actions/lease-device/foreground.ts
await runAction("lease-device", async (action) => {
  const server = openServer(serverOf(action.input), action);
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action);
  if (!isNew) {
    await server.returnLease(device, lease);
    action.log.info(`the lease of ${device} is returned`);
  }
  return { device, lease, expires, changed: true };
});
