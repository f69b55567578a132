import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  readEvent,
  readFleetPolicy,
  requireMergedServer
} from "./chunks/chunk-YQ43OYVG.mjs";
import {
  gatherFacts,
  openServer,
  requireDevices,
  serverAddress,
  silentDevices,
  writeFacts
} from "./chunks/chunk-RHKVDADJ.mjs";
import "./chunks/chunk-BOAVFDHL.mjs";
import {
  runAction
} from "./chunks/chunk-JMANRWDO.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/gather-facts/server.ts
async function serverIn(fleet, given) {
  const { server } = await readFleetPolicy(fleet);
  const { pullRequest } = await readEvent();
  if (server && given === void 0 && pullRequest)
    await requireMergedServer(fleet, server, pullRequest.targetCommit);
  return server;
}

// actions/gather-facts/summary.ts
var maxRows = 50;
function factsSummary(facts, silent) {
  const groups = Map.groupBy(
    facts.devices,
    ({ deviceType, release }) => [deviceType ?? "unknown", release ?? "none reported"].map(escapeMarkdown).join(" | ")
  );
  const rows = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const reported = facts.devices.flatMap(({ reportedAt }) => reportedAt ?? []).sort();
  return [
    `### ${facts.devices.length} devices, ${silent.length} silent, ${facts.openDeployments.length} open deployments`,
    "",
    "| device type | release | devices | oldest facts |",
    "|---|---|---:|---|",
    ...rows.slice(0, maxRows).map(([name, devices]) => `| ${name} | ${devices.length} | ${oldest(devices)} |`),
    ...rows.length > maxRows ? [`| … | ${rows.length - maxRows} more | | |`] : [],
    "",
    `Oldest facts: ${reported[0] ?? "none"}.`,
    ...listOf(silent),
    ""
  ].join("\n");
}
function oldest(devices) {
  const times = devices.flatMap(({ reportedAt }) => reportedAt ?? []).sort();
  return times.length < devices.length ? "never reported" : times[0] ?? "";
}
function listOf(silent) {
  if (silent.length === 0) return [];
  const names = silent.slice(0, maxRows).map(({ id, reportedAt }) => `- ${escapeMarkdown(id)}: ${reportedAt ?? "never"}`);
  const more = silent.length > maxRows ? [`- … and ${silent.length - maxRows} more`] : [];
  return ["", "Silent since:", "", ...names, ...more];
}

// actions/gather-facts/main.ts
await runAction("gather-facts", async (action) => {
  const { input } = action;
  const fleet = input.path("fleet");
  const given = { url: input.optional("server"), type: input.optional("server-type") };
  const address = serverAddress(given, fleet === void 0 ? void 0 : await serverIn(fleet, given.url));
  const token = input.secret("token") ?? input.required("token");
  const server = openServer({ ...address, token }, action);
  const facts = await action.log.group(
    `Reading facts from ${server.url}`,
    async () => requireDevices(await gatherFacts(server, action))
  );
  const output = input.path("output") ?? input.required("output");
  await writeFacts(output, facts);
  const maxAgeMs = input.durationMs("max-age") ?? Infinity;
  const silent = silentDevices(facts, maxAgeMs, action.clock.now());
  await action.summary(factsSummary(facts, silent));
  return { facts: output, devices: facts.devices.length, silent: silent.length };
});
