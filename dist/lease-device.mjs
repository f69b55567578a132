import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-UQ52ZS2R.mjs";
import "./chunks/chunk-7UCZKUXH.mjs";
import {
  leaseDevice,
  openServer
} from "./chunks/chunk-W7R4KM5Y.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/lease-device/main.ts
await runAction("lease-device", async (action) => {
  const server = openServer(serverOf(action.input), action);
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action);
  action.saveState("device", isNew ? "" : device);
  action.saveState("lease", isNew ? "" : lease);
  return { device, lease, expires, changed: isNew };
});
