import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requireMergedServer
} from "./chunks/chunk-3EHZS56L.mjs";
import {
  allowedBy,
  loadFleet,
  readFleetPolicy
} from "./chunks/chunk-RTAWKCSZ.mjs";
import {
  readEvent
} from "./chunks/chunk-Y6KGFFVN.mjs";
import {
  devicesInGit,
  gatherFacts,
  openServer,
  redact,
  redactedPath,
  requireDevices,
  requireFresh,
  serverAddress,
  silentDevices,
  unmatched,
  writeFacts
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/gather-facts/fleet.ts
async function fleetIn(folder, allowed, given, context) {
  if (folder === void 0) return {};
  const { server } = await readFleetPolicy(folder);
  const { pullRequest } = await readEvent();
  if (server && given === void 0 && pullRequest)
    await requireMergedServer(folder, server, pullRequest.targetCommit);
  const inGit = await inventoryOf(folder, allowed, context);
  return { ...server ? { address: server } : {}, ...inGit ? { inGit: { inGit } } : {} };
}
async function inventoryOf(folder, allowed, context) {
  try {
    return devicesInGit(await loadFleet(folder, context, allowed));
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== "file-missing") throw error;
    context.log.info(`${error.message}. Which devices Git names is not known`);
    return void 0;
  }
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
    ...listOf(
      "Silent since:",
      silent.map(({ id, reportedAt }) => `${escapeMarkdown(id)}: ${reportedAt ?? "never"}`)
    ),
    ...unmatchedLists(facts),
    ""
  ].join("\n");
}
function oldest(devices) {
  const times = devices.flatMap(({ reportedAt }) => reportedAt ?? []).sort();
  return times.length < devices.length ? "never reported" : times[0] ?? "";
}
function unmatchedLists(facts) {
  const { missing = [], strangers = [] } = unmatched(facts);
  return [
    ...listOf(
      "In Git and not on the server:",
      missing.map(({ id, host = id }) => [host, id].map(escapeMarkdown).join(": "))
    ),
    ...listOf("On the server and not in Git:", strangers.map(escapeMarkdown))
  ];
}
function listOf(title, lines) {
  if (lines.length === 0) return [];
  const more = lines.length > maxRows ? [`- … and ${lines.length - maxRows} more`] : [];
  return ["", title, "", ...lines.slice(0, maxRows).map((line) => `- ${line}`), ...more];
}

// actions/gather-facts/main.ts
var dayMs = 24 * 36e5;
await runAction("gather-facts", async (action) => {
  const { input } = action;
  const given = { url: input.optional("server"), type: input.optional("server-type") };
  const allowed = allowedBy(input.optional("inventory"), input.list("allow-env"));
  const { address, inGit } = await fleetIn(input.path("fleet"), allowed, given.url, action);
  const token = input.secret("token") ?? input.required("token");
  const server = openServer({ ...serverAddress(given, address), token }, action);
  const facts = await action.log.group(`Reading facts from ${server.url}`, async () => ({
    ...requireDevices(await gatherFacts(server, action)),
    ...inGit
  }));
  const output = input.path("output") ?? input.required("output");
  await writeFacts(output, facts);
  await writeFacts(redactedPath(output), redact(facts));
  const silent = silentDevices(facts, input.durationMs("max-age") ?? dayMs, action.clock.now());
  await action.output({ facts: output, devices: facts.devices.length, silent: silent.length });
  await action.summary(factsSummary(facts, silent));
  requireFresh(silent, input.optional("max-age"));
  return {};
});
