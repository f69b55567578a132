import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunk-7RMP4L2F.mjs";
import "./chunk-Y6KGFFVN.mjs";
import {
  leaseDevice,
  openServer
} from "./chunk-5FZYLKFJ.mjs";
import "./chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunk-AWI2SVCX.mjs";
import "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

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
