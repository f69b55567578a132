import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdOptions,
  folderName
} from "./chunks/chunk-VC35HOMV.mjs";
import "./chunks/chunk-6YVUVJQR.mjs";
import {
  launchCrowd
} from "./chunks/chunk-EFXEDWEY.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import "./chunks/chunk-I22TAEI5.mjs";
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
