import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdOptions,
  folderName
} from "./chunk-4INOENRF.mjs";
import "./chunk-RSGIA35Y.mjs";
import {
  reportLines,
  startCrowd
} from "./chunk-FFBWVHVW.mjs";
import "./chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunk-AWI2SVCX.mjs";
import {
  writeAtomically
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

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
