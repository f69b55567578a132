import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serveOptions
} from "./chunk-GGFWL4DB.mjs";
import {
  startServer
} from "./chunk-QYEEUHMZ.mjs";
import "./chunk-7YBT553D.mjs";
import {
  tokenFile
} from "./chunk-JHPLHLBK.mjs";
import {
  runAction
} from "./chunk-4XIRM6HF.mjs";
import "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";

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
