import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdOptions,
  folderName
} from "./chunks/chunk-4INOENRF.mjs";
import "./chunks/chunk-RSGIA35Y.mjs";
import {
  launchCrowd
} from "./chunks/chunk-FFBWVHVW.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/simulate-fleet/main.ts
import { join, resolve } from "node:path";
await runAction("simulate-fleet", async (action) => {
  const options = await crowdOptions(action.input);
  const folder = resolve(process.env["GITHUB_WORKSPACE"] ?? ".", folderName);
  const place = {
    script: join(import.meta.dirname, "crowd.mjs"),
    folder,
    onStarted: ({ pid, startTime }) => {
      action.saveState("pid", String(pid));
      action.saveState("start-time", startTime);
      action.saveState("folder", folder);
    }
  };
  const { report, logFile } = await launchCrowd(options, place, action);
  action.log.info(`the devices are on their way to ${options.url}; what happens to each: ${logFile}`);
  return { report, changed: true };
});
