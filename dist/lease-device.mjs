import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-7RMP4L2F.mjs";
import "./chunks/chunk-Y6KGFFVN.mjs";
import {
  leaseDevice,
  openServer
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/lease-device/main.ts
await runAction("lease-device", async (action) => {
  const server = openServer(serverOf(action.input), action);
  const { device, lease, expires, isNew } = await leaseDevice(server, requestOf(action), action);
  action.saveState("device", isNew ? "" : device);
  action.saveState("lease", isNew ? "" : lease);
  return { device, lease, expires, changed: isNew };
});
