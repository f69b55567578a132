import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serveOptions
} from "./chunks/chunk-E7SV3JRT.mjs";
import {
  launchServer
} from "./chunks/chunk-DNDUTTEZ.mjs";
import "./chunks/chunk-M5SXEEWM.mjs";
import "./chunks/chunk-GYPLRWSG.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/serve-ota/main.ts
import { join } from "node:path";
await runAction("serve-ota", async (action) => {
  const options = serveOptions(action.input);
  const launch = {
    ...options,
    script: join(import.meta.dirname, "ota-server.mjs"),
    isVerbose: process.env["RUNNER_DEBUG"] === "1",
    onStarted: ({ pid, startTime }) => {
      action.saveState("pid", String(pid));
      action.saveState("start-time", startTime);
      action.saveState("data-dir", options.dataDir);
    }
  };
  const server = await action.log.group("Starting the OTA server", () => launchServer(launch, action));
  action.mask(server.token);
  action.log.info(`the OTA server answers at ${server.url}; its log is ${server.logFile}`);
  await action.summary(
    `### OTA server

Ran at ${server.url} with its data in ${escapeMarkdown(options.dataDir)}.
`
  );
  return { url: server.url, token: server.token, changed: true };
});
