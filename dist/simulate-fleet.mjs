import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdOptions,
  folderName
} from "./chunks/chunk-GMIRZWE5.mjs";
import "./chunks/chunk-2IWFXYYQ.mjs";
import {
  launchCrowd
} from "./chunks/chunk-GHNJYWLQ.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runAction
} from "./chunks/chunk-KOZKDOD3.mjs";
import "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

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
