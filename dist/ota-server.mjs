import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  startServer
} from "./chunks/chunk-4Q524XSY.mjs";
import {
  parseEndpoint,
  serverFileName
} from "./chunks/chunk-M5SXEEWM.mjs";
import "./chunks/chunk-GYPLRWSG.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  Failure,
  messageOf,
  onClosedOutput,
  onEndSignal,
  startTimeOf,
  writeAtomically
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// src/server/process.ts
import { rm } from "node:fs/promises";
import { join } from "node:path";
var [dataDir = "", endpoint = "0", accept = "none", verbosity = ""] = process.argv.slice(2);
process.umask(63);
process.on("SIGHUP", () => {
});
onClosedOutput(() => {
});
try {
  const listenAt = parseEndpoint(endpoint);
  if (!dataDir || listenAt === void 0)
    throw new Failure("bad-input", "give a data dir, a port and none or all");
  const log = lines(verbosity === "debug");
  const server = await startServer({
    dataDir,
    ...listenAt,
    accept: accept === "all" ? "all" : "none",
    log
  });
  const path = join(dataDir, serverFileName);
  const self = { url: server.url, pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
  const end = () => {
    void rm(path, { force: true }).then(() => server.close()).then(() => process.exit(0));
  };
  onEndSignal(["SIGTERM", "SIGINT"], end, (line) => log.info(line));
  await writeAtomically(path, `${JSON.stringify(self)}
`, 384);
} catch (error) {
  const failure = error instanceof Failure ? error : new Failure("internal", messageOf(error), { cause: error });
  process.stderr.write(`error: ${failure.reason}: ${failure.message.replaceAll("\n", " ")}
`);
  process.exit(1);
}
function lines(isVerbose) {
  const say = (line) => process.stdout.write(`${(/* @__PURE__ */ new Date()).toISOString()} ${line}
`);
  return {
    info: say,
    warn: (line) => say(`warning: ${line}`),
    debug: (line) => {
      if (isVerbose) say(line);
    },
    group: (_title, work) => work()
  };
}
