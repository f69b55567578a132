import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdOptions,
  folderName
} from "./chunk-VC35HOMV.mjs";
import "./chunk-6YVUVJQR.mjs";
import {
  reportLines,
  startCrowd
} from "./chunk-EFXEDWEY.mjs";
import "./chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunk-4XIRM6HF.mjs";
import {
  writeAtomically
} from "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";

// actions/simulate-fleet/foreground.ts
import { once } from "node:events";
import { resolve } from "node:path";
var tellEveryMs = 1e4;
await runAction("simulate-fleet", async (action) => {
  const { log, signal } = action;
  const options = await crowdOptions(action.input);
  const onEvent = ({ device, event, detail = "" }) => log.debug(`${device} ${event} ${detail}`.trimEnd());
  const crowd = startCrowd({ ...options, onEvent }, { ...action, signal: new AbortController().signal });
  const report = resolve(folderName, "report.json");
  log.info(`the devices are on their way to ${options.url} until this is interrupted`);
  await action.ready({ report, changed: true });
  const tell = () => reportLines(crowd.report()).forEach((line) => log.info(line));
  const timer = setInterval(tell, tellEveryMs);
  if (!signal.aborted) await once(signal, "abort");
  clearInterval(timer);
  await crowd.stop();
  tell();
  await writeAtomically(report, `${JSON.stringify(crowd.report(), void 0, 2)}
`);
  return {};
});
