import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-WSUATRLN.mjs";
import "./chunks/chunk-SJ7KEMZE.mjs";
import {
  leaseDevice,
  openServer
} from "./chunks/chunk-JOLNOYGV.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runAction
} from "./chunks/chunk-KOZKDOD3.mjs";
import "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/lease-device/main.ts
await runAction("lease-device", async (action) => {
  const server = openServer(serverOf(action.input), action);
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action);
  action.saveState("device", isNew ? "" : device);
  action.saveState("lease", isNew ? "" : lease);
  return { device, lease, expires, changed: isNew };
});
