import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serveOptions
} from "./chunk-E7SV3JRT.mjs";
import {
  startServer
} from "./chunk-DNDUTTEZ.mjs";
import "./chunk-M5SXEEWM.mjs";
import {
  tokenFile
} from "./chunk-GYPLRWSG.mjs";
import {
  runAction
} from "./chunk-AWI2SVCX.mjs";
import "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

// actions/serve-ota/foreground.ts
import { once } from "node:events";
await runAction("serve-ota", async (action) => {
  const { log, signal } = action;
  const options = serveOptions(action.input);
  const server = await startServer({ ...options, log });
  action.mask(server.token);
  log.info(
    `the OTA server answers at ${server.url} until it is interrupted; its token: ${tokenFile(options.dataDir)}`
  );
  await action.ready({ url: server.url, token: server.token, changed: true });
  if (!signal.aborted) await once(signal, "abort");
  log.info("ending");
  await server.close();
  return {};
});
