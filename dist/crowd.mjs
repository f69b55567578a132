import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdFile,
  keepReport,
  startCrowd
} from "./chunks/chunk-FFBWVHVW.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  Failure,
  messageOf,
  onClosedOutput,
  onEndSignal,
  plainContext,
  startTimeOf
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// src/simulator/crowd-process.ts
import { readFile } from "node:fs/promises";
import { join } from "node:path";
var reportEveryMs = 2e3;
var [folder = ""] = process.argv.slice(2);
process.umask(63);
process.on("SIGHUP", () => {
});
onClosedOutput(() => {
});
try {
  const options = crowdFile.parse(await readFile(join(folder, crowdFile.name), "utf8"));
  const crowd = startCrowd({ ...options, onEvent: tell }, plainContext());
  const self = { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
  const keep = () => keepReport(folder, self, crowd.report());
  const timer = setInterval(() => void keep().catch(fail), reportEveryMs);
  const end = () => {
    clearInterval(timer);
    void crowd.stop().then(keep).then(() => process.exit(0), fail);
  };
  onEndSignal(["SIGTERM", "SIGINT"], end, (line) => process.stdout.write(`${line}
`));
  await keep();
} catch (error) {
  fail(error);
}
function tell(event) {
  process.stdout.write(
    `${event.at} ${event.device} ${event.event}${event.detail ? `: ${event.detail}` : ""}
`
  );
}
function fail(error) {
  const failure = error instanceof Failure ? error : new Failure("internal", messageOf(error), { cause: error });
  process.stderr.write(`error: ${failure.reason}: ${failure.message.replaceAll("\n", " ")}
`);
  process.exit(1);
}
