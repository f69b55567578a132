import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverFileName,
  serverFileSchema
} from "./chunk-M5SXEEWM.mjs";
import {
  tokenFile
} from "./chunk-GYPLRWSG.mjs";
import {
  hasCode,
  launch,
  openHttp,
  parseJson,
  pipe,
  safeParse,
  stopProcess,
  string
} from "./chunk-J6UCEAK3.mjs";

// src/server/launch.ts
import { readFile } from "node:fs/promises";
import { join } from "node:path";
var what = "the OTA server";
async function launchServer(options, context) {
  const { dataDir, script, onStarted } = options;
  const logFile = join(dataDir, "server.log");
  const debug = options.isVerbose === true ? ["debug"] : [];
  const { ready, ...identity } = await launch(
    {
      what,
      script,
      args: [dataDir, endpointText(options), options.accept, ...debug],
      cwd: dataDir,
      logFile,
      onStarted,
      ready: (started) => answering(dataDir, started, context)
    },
    context
  );
  return { ...identity, ...ready, logFile };
}
async function stopLaunched(identity, context) {
  return stopProcess(identity, what, context);
}
async function answering(dataDir, identity, context) {
  const said = await readServerFile(dataDir);
  if (said?.pid !== identity.pid || said.startTime !== identity.startTime) return void 0;
  if (said.url.startsWith("http:")) {
    const http = openHttp({ baseUrl: said.url, deadlineMs: 1e4 }, context);
    await http.send({ method: "GET", path: "/healthz" });
  }
  return { url: said.url, token: (await readFile(tokenFile(dataDir), "utf8")).trim() };
}
function endpointText({ host, port }) {
  if (host === void 0) return String(port);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
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

// src/server/server.ts
async function startServer(options) {
  const server = await import("./start-server-KHMTXOZE.mjs");
  return await server.startServer(options);
}

export {
  launchServer,
  stopLaunched,
  startServer
};
