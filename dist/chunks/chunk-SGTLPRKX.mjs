import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverFileName,
  serverFileSchema
} from "./chunk-FJFUTSZC.mjs";
import {
  tokenFile
} from "./chunk-7YCNJQWT.mjs";
import {
  Failure,
  failureReasons,
  hasCode,
  isRunning,
  messageOf,
  openHttp,
  parseJson,
  pipe,
  safeParse,
  startTimeOf,
  storageFailure,
  string
} from "./chunk-PWZ4J5Q2.mjs";

// src/server/launch.ts
import { spawn } from "node:child_process";
import { mkdir, open, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
var readyWithinMs = 3e4;
var stopWithinMs = 15e3;
var maxLogBytes = 10 << 20;
async function launchServer(options, context) {
  const { dataDir, onStarted } = options;
  const { path: logFile, offset, handle } = await openLog(dataDir);
  const debug = options.isVerbose === true ? ["debug"] : [];
  const args = [options.script, dataDir, String(options.port), options.accept, ...debug];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", handle.fd, handle.fd],
    cwd: dataDir,
    env: environment()
  });
  await handle.close();
  let ended;
  child.once("error", (error) => ended = error);
  child.once("exit", () => ended ??= new Error("it ended at once"));
  child.unref();
  const pid = child.pid ?? 0;
  const identity = { pid, startTime: startTimeOf(pid) ?? "" };
  try {
    if (pid > 0) onStarted?.(identity);
    const url = await readyUrl(dataDir, identity, () => ended, context);
    await openHttp({ baseUrl: url, deadlineMs: 1e4 }, context).send({ method: "GET", path: "/healthz" });
    const token = (await readFile(tokenFile(dataDir), "utf8")).trim();
    return { ...identity, url, token, logFile };
  } catch (error) {
    await stopLaunched(identity, { ...context, signal: new AbortController().signal });
    throw ended && !(error instanceof Failure && error.reason === "cancelled") ? await lastFailure(logFile, offset, error) : error;
  }
}
async function stopLaunched(identity, { clock, signal }) {
  if (identity.pid <= 0 || !isRunning(identity)) return false;
  for (const [name, withinMs] of [
    ["SIGTERM", stopWithinMs],
    ["SIGKILL", 5e3]
  ]) {
    try {
      process.kill(identity.pid, name);
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
      if (!isRunning(identity)) return true;
      await clock.sleep(20, signal);
    }
  }
  throw new Failure("internal", `the OTA server (process ${identity.pid}) does not end`);
}
async function readyUrl(dataDir, identity, ended, { clock, signal }) {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline; ) {
    const said = await readServerFile(dataDir);
    if (said?.pid === identity.pid && said.startTime === identity.startTime) return said.url;
    const error = ended();
    if (error)
      throw new Failure("internal", `the OTA server did not start: ${error.message}`, { cause: error });
    await clock.sleep(10, signal);
  }
  throw new Failure("internal", `the OTA server was not ready within ${readyWithinMs / 1e3} s`);
}
async function readServerFile(dataDir) {
  try {
    const text = await readFile(join(dataDir, serverFileName), "utf8");
    const said = safeParse(pipe(string(), parseJson(), serverFileSchema), text);
    return said.success ? said.output : void 0;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return void 0;
    throw error;
  }
}
async function openLog(dataDir) {
  const path = join(dataDir, "server.log");
  try {
    await mkdir(dataDir, { recursive: true, mode: 448 });
    const handle = await open(path, "a", 384);
    const { size } = await handle.stat();
    if (size > maxLogBytes) await truncate(path, 0);
    return { path, handle, offset: size > maxLogBytes ? 0 : size };
  } catch (error) {
    const isForbidden = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].some((code) => hasCode(error, code));
    if (!isForbidden) throw storageFailure(error, path);
    throw new Failure("missing-rights", `can't write to the data-dir ${dataDir}: ${messageOf(error)}`, {
      cause: error
    });
  }
}
async function lastFailure(logFile, offset, cause) {
  const { size } = await stat(logFile);
  const handle = await open(logFile);
  try {
    const { buffer, bytesRead } = await handle.read({
      position: Math.max(offset, size - 16384),
      length: 16384
    });
    const last = buffer.subarray(0, bytesRead).toString("utf8").trim().split("\n").at(-1) ?? "";
    const match = /^error: ([a-z-]+): (.*)$/.exec(last);
    if (match && isReason(match[1])) return new Failure(match[1], match[2] ?? "", { cause });
    return new Failure("internal", `the OTA server did not start; its log is ${logFile}: ${last}`, { cause });
  } finally {
    await handle.close();
  }
}
function isReason(text) {
  return failureReasons.some((reason) => reason === text);
}
function environment() {
  const secret = /^(INPUT_|STATE_|DROVER_|ACTIONS_|GITHUB_TOKEN|GH_TOKEN)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.test(name)));
}

// src/server/server.ts
async function startServer(options) {
  const server = await import("./start-server-S5H46O7U.mjs");
  return await server.startServer(options);
}

export {
  launchServer,
  stopLaunched,
  startServer
};
