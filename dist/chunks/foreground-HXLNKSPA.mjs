import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunk-WSUATRLN.mjs";
import "./chunk-SJ7KEMZE.mjs";
import {
  leaseDevice,
  openServer
} from "./chunk-JOLNOYGV.mjs";
import "./chunk-HJQPBUAX.mjs";
import {
  runAction
} from "./chunk-KOZKDOD3.mjs";
import "./chunk-DMJCOLXI.mjs";
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
