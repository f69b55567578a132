import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  fileIn,
  isRecord,
  parseFleetPolicy,
  parseSource,
  policyFileName,
  readFleetPolicy,
  releaseFor,
  warningsFor
} from "./chunk-HEAYTRHI.mjs";
import {
  gatherFacts,
  isInLab,
  isOpenState
} from "./chunk-W7R4KM5Y.mjs";
import {
  Failure,
  array,
  canonicalJson,
  description,
  digestOf,
  guard,
  hexOf,
  integer,
  isDigest,
  isoTimestamp,
  lastWords,
  literal,
  minValue,
  nonEmpty,
  number,
  oneLine,
  optional,
  parseYaml,
  picklist,
  pipe,
  plainContext,
  readText,
  regex,
  run,
  safeParse,
  start,
  strictObject,
  string,
  variant,
  writeAtomically
} from "./chunk-I22TAEI5.mjs";

// src/plan/limits.ts
var epsilon = 1e-9;
function allowed(limit, total) {
  return limit.kind === "count" ? limit.count : Math.floor(limit.share * total + epsilon);
}
function needed(share, total) {
  return Math.ceil(share * total - epsilon);
}
var clockSkewMs = 5 * 6e4;
function isFresh(reportedAt, limitMs, now) {
  if (reportedAt === void 0) return false;
  const ageMs = now.getTime() - Date.parse(reportedAt);
  return ageMs <= limitMs && ageMs >= -clockSkewMs;
}

// src/plan/budget.ts
function overBudget(plan, stage) {
  const { budget } = stage;
  const updates = plan.changes.filter((change2) => change2.kind === "update");
  const types = new Set(updates.map(({ deviceType }) => deviceType));
  const missing = plan.changes.filter(
    (change2) => change2.kind === "blocked" && change2.by === "not-on-server"
  ).length;
  const over = [];
  if (budget.devices !== void 0 && updates.length > budget.devices)
    over.push(`${updates.length} devices would change; budget.devices allows ${budget.devices}`);
  if (budget.deviceTypes !== void 0 && types.size > budget.deviceTypes)
    over.push(`${types.size} device types would change; budget.device-types allows ${budget.deviceTypes}`);
  if (budget.missing !== void 0 && missing > allowed(budget.missing, plan.counts.inGit))
    over.push(
      `${missing} of ${plan.counts.inGit} devices are not on the server; budget.missing allows ${allowed(budget.missing, plan.counts.inGit)}`
    );
  return over;
}

// src/plan/releases.ts
function contentOf(releases, release, deviceType) {
  return combined(
    (releases.get(release)?.artifacts ?? []).filter(({ deviceTypes }) => deviceTypes.includes(deviceType)).map(({ contentDigest }) => contentDigest)
  );
}
function desiredDigest(stage, devices, releases) {
  const all = (release) => combined((releases.get(release)?.artifacts ?? []).map(({ contentDigest }) => contentDigest));
  const wanted = devices.map((device) => {
    if (device.isRetired) return [device.id, "retired"];
    const images = device.images.filter(
      ({ deviceType }) => deviceType === void 0 || (device.deviceType ?? deviceType) === deviceType
    ).map(({ deviceType, release }) => {
      const type = deviceType ?? device.deviceType;
      const content = type === void 0 ? all(release) : contentOf(releases, release, type);
      return [type ?? "*", content ?? `missing:${release}`];
    });
    return [device.id, Object.fromEntries(images)];
  });
  return digestOf(canonicalJson({ stage, devices: Object.fromEntries(wanted) }));
}
function combined(digests) {
  const [first, ...others] = [...new Set(digests)].sort();
  return others.length === 0 ? first : digestOf(canonicalJson([first, ...others]));
}

// src/plan/window.ts
function zonesOf({ devices }) {
  return new Map(devices.map(({ id, timeZone }) => [id, timeZone]));
}
function isWindowOpen(window, own, at) {
  const zone = window.timeZone === "device" ? own : window.timeZone;
  return zone !== void 0 && isOpen(window, zone, at);
}
function windowAt(window, timeZone, now) {
  if (isOpen(window, timeZone, now)) return { isOpen: true };
  let at = Math.ceil(now.getTime() / minuteMs) * minuteMs;
  for (let steps = 0; steps < 9 * 96 && !isOpen(window, timeZone, new Date(at)); steps++) at += 15 * minuteMs;
  while (isOpen(window, timeZone, new Date(at - minuteMs)) && at - minuteMs > now.getTime()) at -= minuteMs;
  return { isOpen: false, opensAt: new Date(at) };
}
var minuteMs = 6e4;
function isOpen({ days, fromMinute, toMinute }, timeZone, at) {
  const { day, minute } = localTime(timeZone, at);
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
  if (minute >= fromMinute) return days.includes(day);
  return minute < toMinute && days.includes((day + 6) % 7);
}
var formats = /* @__PURE__ */ new Map();
var dayOf = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 };
function localTime(timeZone, at) {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23"
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: dayOf[parts["weekday"] ?? ""] ?? 0,
    minute: Number(parts["hour"]) * 60 + Number(parts["minute"])
  };
}

// src/plan/times.ts
function withTimes(planned, fleet, stage, now) {
  const zones = new Map(fleet.devices.map(({ id, timeZone }) => [id, timeZone]));
  const openings = new Openings(stage, planned.changes, zones, now);
  const changes = planned.changes.map((change2) => {
    const notBefore = change2.kind === "update" ? openings.of(change2)?.local : void 0;
    return notBefore === void 0 ? change2 : { ...change2, notBefore };
  });
  const waves2 = planned.waves.map((wave2) => {
    const found = openings.earliest(wave2.wave);
    const begins = words(wave2, planned.waves, stage, found, now);
    return found === void 0 ? wave2 : { ...wave2, begins, notBefore: found.at.toISOString() };
  });
  return { changes, waves: waves2 };
}
var Openings = class {
  #stage;
  #zones;
  #byPlace = /* @__PURE__ */ new Map();
  #gates = /* @__PURE__ */ new Map();
  constructor(stage, changes, zones, now) {
    this.#stage = stage;
    this.#zones = zones;
    const moving = changes.filter((change2) => change2.kind !== "blocked");
    for (const members of Map.groupBy(moving, groupOf).values()) {
      const [first] = members;
      if (first) this.#gates.set(groupOf(first), this.#gatesOf(members, now));
    }
  }
  /** When a device could begin; undefined where its window opens in its own time zone, and none is known. */
  of(change2) {
    const gate = this.#gates.get(groupOf(change2))?.[change2.wave - 1];
    return gate && this.#openingAt(change2, gate);
  }
  /** The first device of a wave that could begin. */
  earliest(wave2) {
    return [...this.#byPlace].flatMap(([key, opening]) => opening && key.startsWith(`${wave2}\0`) ? [opening] : []).reduce((a, b) => a && a.at <= b.at ? a : b, void 0);
  }
  /** When the gate before each wave of one release and device type could open. */
  #gatesOf(members, now) {
    const byWave = Map.groupBy(members, ({ wave: wave2 }) => wave2);
    let gate = now;
    return this.#stage.waves.map((_step, index) => {
      const opens = gate;
      const inWave = byWave.get(index + 1) ?? [];
      const begins = inWave.flatMap(
        (change2) => change2.kind === "update" ? [this.#openingAt(change2, opens)?.at.getTime() ?? Infinity] : []
      );
      const hasMore = begins.length > 0 && begins.length === inWave.length;
      const first = hasMore ? begins.reduce((a, b) => Math.min(a, b)) : -Infinity;
      if (Number.isFinite(first)) gate = new Date(Math.max(gate.getTime(), first + this.#stage.gate.soakMs));
      return opens;
    });
  }
  #openingAt(change2, gate) {
    const { window } = this.#stage;
    const own = this.#zones.get(change2.device);
    const zone = window && window.timeZone !== "device" ? window.timeZone : own;
    const key = `${change2.wave}\0${gate.getTime()}\0${zone}\0${own}`;
    if (this.#byPlace.has(key)) return this.#byPlace.get(key);
    const opening = window && zone === void 0 ? void 0 : this.#open(gate, zone, own);
    this.#byPlace.set(key, opening);
    return opening;
  }
  #open(gate, zone, own) {
    const { window } = this.#stage;
    const state = window && zone !== void 0 ? windowAt(window, zone, gate) : { isOpen: true };
    const at = state.isOpen ? gate : state.opensAt;
    const shown = own ?? zone ?? "UTC";
    return { at, zone: shown, local: localTime2(at, shown) };
  }
};
var groupOf = ({ to, deviceType }) => `${deviceType}\0${to}`;
function words({ wave: wave2 }, waves2, stage, found, now) {
  const before = waves2.findLast((other) => other.wave < wave2 && other.updates > 0);
  const { soakMs } = stage.gate;
  const gate = before ? `${soakMs > 0 ? `${duration(soakMs)} ` : ""}after wave ${before.wave} runs it` : stage.after === void 0 ? "after the merge" : `after the merge, once ${stage.after} runs it`;
  if (!stage.window || !found) return gate;
  if (found.at <= now) return `${gate}; the window is open`;
  return `${gate}; not before ${found.local.slice(0, 16).replace("T", " ")} (${found.zone})`;
}
function duration(ms) {
  const minutes = Math.round(ms / 6e4);
  if (minutes >= 2880 && minutes % 1440 === 0) return `${minutes / 1440} d`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}
function localTime2(at, zone) {
  let format = formats2.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      timeZoneName: "longOffset"
    });
    formats2.set(zone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const offset = (part["timeZoneName"] ?? "").replace(/^GMT/, "") || "Z";
  return `${part["year"]}-${part["month"]}-${part["day"]}T${part["hour"]}:${part["minute"]}:${part["second"]}${offset}`;
}
var formats2 = /* @__PURE__ */ new Map();

// src/plan/waves.ts
import { createHash } from "node:crypto";
function waves(members, release, steps) {
  const byType = /* @__PURE__ */ new Map();
  for (const { device, deviceType } of members) {
    const devices = byType.get(deviceType);
    if (devices) devices.push(device);
    else byType.set(deviceType, [device]);
  }
  const placed = /* @__PURE__ */ new Map();
  for (const devices of byType.values()) cut(devices, release, steps, placed);
  return placed;
}
function waveLabel(step) {
  return step.kind === "per-device-type" ? `${step.count} per device type` : `${Number((step.share * 100).toFixed(3))}%`;
}
function cut(devices, release, steps, placed) {
  const queue = devices.map((device) => ({ device, place: placeOf(release, device) })).sort((a, b) => a.place - b.place || (a.device < b.device ? -1 : 1));
  let next = 0;
  steps.forEach((step, index) => {
    const start2 = next;
    const isIn = (at) => step.kind === "share" ? (queue[at]?.place ?? 1) < step.share || step.share >= 1 : at - start2 < step.count;
    while (next < queue.length && (next === start2 || isIn(next))) {
      placed.set(queue[next]?.device ?? "", index + 1);
      next += 1;
    }
  });
}
function placeOf(release, device) {
  const hash = createHash("sha256").update(`${release}\0${device}`).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48;
}

// src/plan/make-plan.ts
function makePlan(fleet, stageName, facts, now) {
  const stage = stageOf(fleet, stageName);
  const devices = fleet.devices.filter((device) => device.stage === stage.name);
  if (devices.length === 0 && !stage.mayBeEmpty)
    throw new Failure(
      "no-device-matched",
      `no device subscribes to ${stage.branch}, the branch of ${stage.name}`
    );
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  const world = { fleet, releases, facts: byId(facts), orders: openOrders(facts), now };
  const drafts = devices.map((device) => draft(device, world));
  if (drafts.length > 0 && drafts.every(({ change: change2 }) => change2?.by === "not-on-server")) {
    const names2 = devices.slice(0, 5).map(({ host, id }) => host === id ? id : `${host} (${id})`);
    throw new Failure(
      "no-device-matched",
      `${facts.server} knows none of the ${devices.length} devices of ${stage.name} (${names2.join(", ")}): check their device_id and the server`
    );
  }
  const placed = withWaves(drafts, stage);
  const planned = { changes: placed, waves: plannedWaves(stage, placed) };
  const { changes, waves: waves2 } = withTimes(planned, fleet, stage, now);
  return {
    schema: "drover/plan/v1",
    stage: stage.name,
    branch: stage.branch,
    server: facts.server,
    createdAt: now.toISOString(),
    factsAt: facts.gatheredAt,
    digest: desiredDigest(stage.name, devices, releases),
    counts: {
      inGit: devices.length,
      updates: changes.filter(({ kind }) => kind === "update").length,
      alreadyPending: changes.filter((change2) => change2.kind === "no-op" && change2.why === "already-pending").length,
      alreadyThere: changes.filter((change2) => change2.kind === "no-op" && change2.why === "already-there").length,
      blocked: changes.filter(({ kind }) => kind === "blocked").length
    },
    waves: waves2,
    changes
  };
}
function stageOf(fleet, name) {
  const stage = fleet.stages.get(name);
  if (stage) return stage;
  throw new Failure(
    "not-a-stage",
    `there is no stage ${name}; the fleet has ${[...fleet.stages.keys()].join(", ")}`
  );
}
function draft(device, world) {
  const { file, line } = device.at();
  const cause = { file, line };
  const facts = world.facts.get(device.id);
  const block = (by, why, to2) => ({
    device,
    cause,
    change: {
      kind: "blocked",
      device: device.id,
      host: device.host,
      cause,
      from: facts?.release,
      to: to2,
      by,
      why,
      until: void 0
    }
  });
  if (device.isRetired) return block("retired", "is retired in Git: it gets no orders");
  if (!facts) return block("not-on-server", "is not on the server: let it connect, or correct its device_id");
  if (facts.status !== "accepted")
    return block("not-accepted", `is ${facts.status} on the server: accept it there first`);
  const deviceType = facts.deviceType ?? device.deviceType;
  if (deviceType === void 0) return block("no-release-fact", "has never reported its device type");
  if (device.deviceType !== void 0 && device.deviceType !== deviceType)
    return block("wrong-device-type", `reports the device type ${deviceType}; Git says ${device.deviceType}`);
  const to = releaseFor(device, deviceType);
  if (to === void 0) return block("no-image", `os_image has no image for the device type ${deviceType}`);
  if (facts.release === void 0)
    return block(
      "no-release-fact",
      "does not report which release it runs: look at its inventory on the server",
      to
    );
  const target = { deviceType, from: facts.release, to };
  if (facts.release === to) {
    const order = otherOrder(device, to, world);
    return { device, cause, target: { ...target, state: order ? busy(order) : "already-there" } };
  }
  const problem = releaseProblem(to, deviceType, world);
  if (problem) return block(problem.by, problem.why, to);
  return { device, cause, target: { ...target, state: stateOf(device, facts, to, world) } };
}
function releaseProblem(release, deviceType, { fleet, releases }) {
  const content = contentOf(releases, release, deviceType);
  const { knownBad } = fleet.switches;
  if (knownBad.has(release) || content !== void 0 && knownBad.has(content))
    return { by: "known-bad", why: `${release} is listed in known-bad: choose another release` };
  if (!releases.has(release))
    return { by: "release-missing", why: `the server has no release ${release}: upload its artifact` };
  if (content === void 0)
    return {
      by: "release-missing",
      why: `${release} has no artifact for the device type ${deviceType}: upload one`
    };
  return void 0;
}
function stateOf(device, facts, to, world) {
  const other = otherOrder(device, to, world);
  if (other) return busy(other);
  if ((world.orders.get(device.id) ?? []).some((order) => order.release === to)) return "already-pending";
  const { freeze } = world.fleet.switches;
  if (freeze && (freeze.until === void 0 || freeze.until > world.now)) {
    const until = freeze.until?.toISOString();
    return {
      by: "frozen",
      why: `the fleet is frozen: ${freeze.reason}`,
      ...until === void 0 ? {} : { until }
    };
  }
  const { lease } = facts;
  if (lease && Date.parse(lease.until) > world.now.getTime()) {
    const why = `is leased to ${oneLine(lease.holder)}: it gets nothing until that is over`;
    return { by: "leased", why, until: lease.until };
  }
  return "update";
}
var otherOrder = (device, to, { orders }) => (orders.get(device.id) ?? []).find((order) => order.release !== to);
var busy = (order) => ({
  by: "busy",
  why: `has an open order of ${order.release} (${order.name}): wait for it, or abort it on the server`
});
function withWaves(drafts, stage) {
  const byRelease = /* @__PURE__ */ new Map();
  for (const { device, target } of drafts) {
    if (!target) continue;
    const members = byRelease.get(target.to) ?? [];
    members.push({ device: device.id, deviceType: target.deviceType });
    byRelease.set(target.to, members);
  }
  const placed = new Map(
    [...byRelease].map(([release, members]) => [release, waves(members, release, stage.waves)])
  );
  return drafts.flatMap(({ device, cause, change: change2, target }) => {
    if (change2) return [change2];
    if (!target) return [];
    const about2 = { device: device.id, host: device.host, cause };
    const { deviceType, from, to, state } = target;
    const wave2 = placed.get(to)?.get(device.id) ?? stage.waves.length;
    if (state === "update")
      return [{ kind: "update", ...about2, deviceType, site: device.site, from, to, wave: wave2 }];
    if (typeof state === "string")
      return [{ kind: "no-op", ...about2, deviceType, site: device.site, to, why: state, wave: wave2 }];
    const { by, why, until } = state;
    const place = { wave: wave2, deviceType, ...device.site === void 0 ? {} : { site: device.site } };
    return [{ kind: "blocked", ...about2, from, to, by, why, until, ...place }];
  });
}
function plannedWaves(stage, changes) {
  return stage.waves.map((step, index) => {
    const members = changes.filter((change2) => change2.kind !== "blocked" && change2.wave === index + 1);
    return {
      wave: index + 1,
      share: waveLabel(step),
      devices: members.length,
      updates: members.filter(({ kind }) => kind === "update").length
    };
  });
}
var byId = (facts) => new Map(facts.devices.map((device) => [device.id, device]));
function openOrders(facts) {
  const orders = /* @__PURE__ */ new Map();
  for (const deployment of facts.openDeployments) {
    for (const [device, state] of deployment.devices) {
      if (!isOpenState(state)) continue;
      const list = orders.get(device);
      if (list) list.push(deployment);
      else orders.set(device, [deployment]);
    }
  }
  return orders;
}

// src/plan/model.ts
var blockers = [
  "not-on-server",
  "not-accepted",
  "no-release-fact",
  "no-image",
  "wrong-device-type",
  "release-missing",
  "known-bad",
  "busy",
  "leased",
  "frozen",
  "retired"
];

// src/plan/plan-file.ts
var maxPlanBytes = 256 << 20;
var count = pipe(number(), integer(), minValue(0));
var wave = pipe(number(), integer(), minValue(1));
var time = pipe(string(), isoTimestamp());
var about = {
  device: pipe(string(), nonEmpty(), description("The device's id on the OTA server.")),
  host: pipe(string(), nonEmpty(), description("Its name in the inventory.")),
  cause: pipe(
    strictObject({ file: string(), line: wave }),
    description("The line in Git that the change comes from.")
  )
};
var digest = pipe(
  string(),
  regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits"),
  guard((value) => isDigest(value)),
  description(
    "Over the stage's desired state alone: the same before and after the merge. What a review approves."
  )
);
var change = variant("kind", [
  strictObject({
    kind: literal("update"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    from: string(),
    to: string(),
    wave,
    notBefore: optional(
      pipe(
        time,
        description("The earliest time at which it could begin, with the offset of its time zone.")
      )
    )
  }),
  strictObject({
    kind: literal("no-op"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    to: string(),
    why: picklist(["already-there", "already-pending"]),
    wave
  }),
  strictObject({
    kind: literal("blocked"),
    ...about,
    from: optional(string()),
    to: optional(string()),
    by: picklist(blockers),
    why: string(),
    until: optional(time),
    wave: optional(
      pipe(wave, description("Its place in the waves, where it is blocked for now alone."))
    ),
    deviceType: optional(string()),
    site: optional(string())
  })
]);
var planFile = strictObject({
  schema: literal("drover/plan/v1"),
  stage: pipe(string(), nonEmpty()),
  branch: string(),
  server: pipe(string(), description("URL of the OTA server.")),
  createdAt: time,
  factsAt: pipe(time, description("When the facts were read.")),
  digest,
  counts: pipe(
    strictObject({
      inGit: count,
      updates: count,
      alreadyPending: count,
      alreadyThere: count,
      blocked: count
    }),
    description("Every device of the stage in Git is in one of these: the others add up to inGit.")
  ),
  waves: array(
    strictObject({
      wave,
      share: pipe(string(), description("How much of the stage has its turn by its end.")),
      devices: pipe(count, description("Devices in it, also those that are there already.")),
      updates: count,
      begins: optional(pipe(string(), description("When it begins, in words."))),
      notBefore: optional(
        pipe(time, description("The earliest time at which it could begin, if all goes well."))
      )
    })
  ),
  changes: pipe(
    array(change),
    description("One for each device of the stage, in the order of the inventory.")
  )
});
async function writePlan(path, plan) {
  await writeAtomically(path, `${JSON.stringify(plan, void 0, 2)}
`);
}
async function readPlan(path) {
  const text2 = await readText(path, maxPlanBytes);
  const plan = parsePlan(text2, path);
  const { counts, changes } = plan;
  const sum = counts.updates + counts.alreadyPending + counts.alreadyThere + counts.blocked;
  if (sum !== counts.inGit || changes.length !== counts.inGit)
    throw new Failure("invalid-file", `${path}: the plan's counts don't add up: plan again`);
  return plan;
}
function parsePlan(text2, path) {
  let raw;
  try {
    raw = JSON.parse(text2);
  } catch (error) {
    throw new Failure("invalid-file", `${path} is no plan file: it is not JSON`, { cause: error });
  }
  const result = safeParse(planFile, raw);
  if (result.success) return normal(result.output);
  parseYaml(text2, path, planFile);
  throw new Failure("invalid-file", `${path} is no plan file of version 1: plan again`);
}
function normal(plan) {
  return {
    ...plan,
    changes: plan.changes.map((change2) => {
      if (change2.kind === "blocked")
        return {
          ...change2,
          from: change2.from,
          to: change2.to,
          until: change2.until
        };
      return { ...change2, site: change2.site };
    })
  };
}

// src/plan/git.ts
var remoteDeadlineMs = 12e4;
async function openCheckout(folder) {
  const head = await git(folder, ["rev-parse", "--verify", "HEAD^{commit}"]);
  if (head.code !== 0) {
    const why = lastWords(head.stderr, "git", head.code);
    throw new Failure("bad-input", `${folder} is in no Git repository with a commit: ${why}`);
  }
  const branch = await git(folder, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  const remotes = (await text(folder, ["remote"])).split("\n").filter(Boolean);
  return {
    folder,
    head: head.stdout.trim(),
    branch: branch.code === 0 ? branch.stdout.trim() : void 0,
    remote: remotes.includes("origin") ? "origin" : remotes[0]
  };
}
async function openRepository(folder) {
  const repository = await openCheckout(folder);
  if ((await text(folder, ["rev-parse", "--is-shallow-repository"])).trim() === "true")
    throw new Failure(
      "shallow-clone",
      "the checkout has no history, which tells when a release was introduced: check out with fetch-depth: 0"
    );
  return repository;
}
async function readTips(repository, context) {
  const { folder, remote } = repository;
  if (remote === void 0) {
    const refs = await text(folder, ["for-each-ref", "--format=%(objectname)	%(refname)", "refs/heads"]);
    const byBranch = branchesIn(refs);
    const defaultBranch = ["main", "master"].find((name) => byBranch.has(name)) ?? repository.branch;
    return { byBranch, defaultBranch };
  }
  const listed = await overNetwork(folder, ["ls-remote", "--symref", remote, "HEAD", "refs/heads/*"], context);
  const head = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed);
  return { byBranch: branchesIn(listed), defaultBranch: head?.[1] };
}
async function readAtTip(repository, tips, branch, file, context) {
  const { folder, remote } = repository;
  const commit = tips.byBranch.get(branch);
  if (commit === void 0) return void 0;
  if (remote !== void 0 && !await hasCommit(repository, commit))
    await overNetwork(
      folder,
      ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, commit],
      context
    );
  return await readAt(repository, commit, file);
}
var isPassedOver = /(^|\/)\.[^/]*"?$|(~|\.(bak|orig|retry|swp|rpm|md|txt|rst|cfg|py[co]))"?$/;
async function uncommitted(repository, paths) {
  const status = await text(repository.folder, [
    "status",
    "--porcelain",
    "--untracked-files=all",
    "--ignored=matching",
    "--",
    ...paths
  ]);
  return status.split("\n").filter((line) => line !== "" && !(line.startsWith("!!") && isPassedOver.test(line.slice(3)))).map((line) => line.slice(3));
}
async function historyOf(repository, paths) {
  const log = await text(repository.folder, [
    "log",
    "--first-parent",
    "--diff-merges=first-parent",
    "--no-renames",
    "--relative",
    "--name-only",
    "-z",
    "--format=%x01%H %ct",
    "HEAD",
    "--",
    ...paths
  ]);
  const history = /* @__PURE__ */ new Map();
  for (const entry of log.split("").slice(1)) {
    const [head = "", ...files] = entry.split("\0");
    const [id = "", seconds = "0"] = head.trim().split(" ");
    const commit = { id, at: new Date(Number(seconds) * 1e3) };
    for (const file of files.map((name) => name.replace(/^\n+/, "")).filter(Boolean)) {
      const commits = history.get(file);
      if (commits) commits.push(commit);
      else history.set(file, [commit]);
    }
  }
  return history;
}
async function hasCommit({ folder }, commit) {
  return (await git(folder, ["cat-file", "-e", `${commit}^{commit}`])).code === 0;
}
async function readAt(repository, commit, file) {
  const shown = await git(repository.folder, ["show", `${commit}:./${file}`]);
  if (shown.code === 0) return shown.stdout;
  const listed = await text(repository.folder, ["ls-tree", "--name-only", commit, "--", file]);
  if (listed.trim() === "") return void 0;
  throw new Failure(
    "bad-input",
    `can't read ${file} at ${commit}: ${lastWords(shown.stderr, "git", shown.code)}`
  );
}
function branchesIn(listing) {
  return new Map(
    [...listing.matchAll(/^([0-9a-f]{40,64})\trefs\/heads\/(.+)$/gm)].map((match) => [
      match[2] ?? "",
      match[1] ?? ""
    ])
  );
}
var environment = { GIT_TERMINAL_PROMPT: "0", GIT_PAGER: "cat", GIT_OPTIONAL_LOCKS: "0" };
var git = (folder, args) => run("git", ["-C", folder, ...args], { env: environment });
async function text(folder, args) {
  const { code, stdout, stderr } = await git(folder, args);
  if (code === 0) return stdout;
  throw new Failure("bad-input", `git ${args[0]} failed in ${folder}: ${lastWords(stderr, "git", code)}`);
}
async function overNetwork(folder, args, context) {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(remoteDeadlineMs)]);
  try {
    const { code, stdout, stderr } = await start("git", ["-C", folder, ...args], { env: environment, signal }).done;
    if (code === 0) return stdout;
    throw new Failure(
      "unreachable",
      `can't read the branches of the remote: git ${args[0]} failed: ${lastWords(stderr, "git", code)}`
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw new Failure("unreachable", `the Git remote did not answer within ${remoteDeadlineMs / 1e3} s`, {
      cause: error
    });
  }
}

// src/plan/locate.ts
async function locateStage(folder, hint, context) {
  if (hint.stage !== void 0) return hint.stage;
  const policy = await readFleetPolicy(folder);
  if (hint.target !== void 0) return stageOfBranch(policy, hint.target);
  const checkout = await openCheckout(folder);
  if (checkout.branch !== void 0) return stageOfBranch(policy, checkout.branch);
  if (hint.branch !== void 0) return stageOfBranch(policy, hint.branch);
  const { byBranch } = await readTips(checkout, context);
  const stages = policy.stages ? [...policy.stages.values()].map(({ branch }) => branch) : [...byBranch.keys()];
  const here = stages.filter((branch) => byBranch.get(branch) === checkout.head);
  const [only, ...others] = here;
  if (only !== void 0 && others.length === 0) return stageOfBranch(policy, only);
  throw new Failure(
    "not-a-stage",
    `no branch is checked out (HEAD is detached at ${checkout.head.slice(0, 12)}), and it is the tip of ${here.length === 0 ? "no stage" : `several stages: ${here.join(", ")}`}: name one as \`stage\``
  );
}
function requireServer(fleet) {
  if (fleet.server) return fleet.server;
  throw new Failure("bad-input", "fleet.yml names no server: add `server: { type: mender, url: … }`");
}
async function requireMergedServer(folder, server, targetCommit) {
  const merged = await serverOf(folder, targetCommit);
  if (merged?.url === server.url && merged.type === server.type) return;
  const change2 = merged ? `changes the server from ${merged.url} to` : "is the first to name a server,";
  throw new Failure(
    "bad-input",
    `this pull request ${change2} ${server.url}, and the token isn't sent to a server that nobody merged: merge that alone, or plan with a facts file`
  );
}
async function serverOf(folder, commit) {
  const checkout = await openCheckout(folder);
  if (!await hasCommit(checkout, commit))
    throw new Failure(
      "shallow-clone",
      `the checkout lacks ${commit.slice(0, 12)}, which tells the server that was merged: check out with fetch-depth: 0`
    );
  const text2 = await readAt(checkout, commit, policyFileName);
  return text2 === void 0 ? void 0 : parseFleetPolicy(text2, `${commit.slice(0, 12)}:${policyFileName}`).server;
}
function stageOfBranch(policy, branch) {
  if (!policy.stages) return branch;
  const stages = [...policy.stages.values()];
  const stage = stages.find((one) => one.branch === branch);
  if (stage) return stage.name;
  const known = stages.map((one) => `${one.name} (${one.branch})`).join(", ");
  throw new Failure("not-a-stage", `the branch ${branch} is no stage of fleet.yml, which has ${known}`);
}

// src/plan/tick.ts
function nextDue(tick) {
  const times = tick.waiting.flatMap(({ nextDue: nextDue2 }) => nextDue2 ? [nextDue2.getTime()] : []);
  return times.length > 0 ? new Date(Math.min(...times)) : void 0;
}
function supersededTick(stage, commit, isDryRun) {
  return {
    stage,
    commit,
    state: "superseded",
    isDryRun,
    plan: void 0,
    counts: void 0,
    orders: [],
    withdrawn: [],
    pending: 0,
    wave: 0,
    waves: 0,
    haltedBy: void 0,
    failures: [],
    waiting: []
  };
}

// src/plan/outputs.ts
function tickOutputs(tick) {
  const ordered = tick.orders.reduce((sum, { devices }) => sum + devices.length, 0);
  return {
    state: tick.state,
    scheduled: tick.isDryRun ? 0 : ordered,
    wave: tick.wave > 0 ? tick.wave : void 0,
    waves: tick.waves > 0 ? tick.waves : void 0,
    "halted-by": tick.haltedBy ?? "",
    "next-due": nextDue(tick)?.toISOString() ?? "",
    changed: !tick.isDryRun && (ordered > 0 || tick.withdrawn.length > 0)
  };
}
function requireNotHalted(tick) {
  if (tick.state !== "halted") return;
  const devices = tick.failures.slice(0, 5).map(({ host, why, log }) => {
    const lastLine = log?.trimEnd().split("\n").at(-1);
    return `${host}: ${why}${lastLine ? ` (its log ends with: ${lastLine})` : ""}`;
  });
  const retries = new Map(
    tick.failures.flatMap(({ retry: retry2 }) => retry2 ? [[retry2.rollout, retry2.attempt]] : [])
  );
  const retry = [...retries].map(([rollout, attempt]) => `${rollout}: ${attempt}`).join(", ");
  const again = retry === "" ? "raise retry in fleet.yml" : `set retry: { ${retry} } in fleet.yml`;
  throw new Failure(
    "halted",
    `stage ${tick.stage} is halted, nothing new starts: ${tick.haltedBy}. ${devices.join("; ")}. Set os_image to another release, or ${again}`
  );
}

// src/plan/emergency.ts
function emergencyOf({ emergency }, stage, now) {
  return emergency?.stage === stage.name && emergency.until > now ? emergency : void 0;
}
function inEmergency({ fleet, stage, git: git2 }, emergency) {
  if (!emergency) return { fleet, stage, git: git2 };
  const { release } = emergency;
  const images = [{ deviceType: void 0, release }];
  const quick = {
    ...stage,
    after: void 0,
    needsReview: false,
    window: void 0,
    waves: [
      { kind: "per-device-type", count: 1 },
      { kind: "share", share: 1 }
    ],
    gate: { ...stage.gate, soakMs: 0 }
  };
  const id = hexOf(digestOf(canonicalJson({ ...emergency, until: emergency.until.toISOString() })));
  const commit = { id, at: /* @__PURE__ */ new Date(0) };
  return {
    fleet: {
      ...fleet,
      stages: new Map(fleet.stages).set(stage.name, quick),
      devices: fleet.devices.map((device) => {
        return device.stage === stage.name && !device.isRetired ? { ...device, images } : device;
      })
    },
    stage: quick,
    git: {
      head: git2.head,
      tips: () => git2.tips(),
      requireCommitted: () => git2.requireCommitted(),
      switchesAt: (tips, branch) => git2.switchesAt(tips, branch),
      introducingCommits: async (wanted) => new Map(wanted.map(({ device }) => [device.id, commit]))
    }
  };
}

// src/plan/introduced.ts
async function introducingCommits(repository, wanted) {
  const files = new Set(wanted.map(({ device }) => fileIn(repository.folder, device.imageSource.file)));
  const history = files.size > 0 ? await historyOf(repository, pathsOf(files)) : /* @__PURE__ */ new Map();
  const known = /* @__PURE__ */ new Map();
  const byDevice = /* @__PURE__ */ new Map();
  for (const { device, deviceType, release } of wanted) {
    const file = fileIn(repository.folder, device.imageSource.file);
    const key = JSON.stringify([file, device.imageSource.path, deviceType, release]);
    let commit = known.get(key);
    if (!commit) {
      commit = await introducing(
        repository,
        { file, path: device.imageSource.path, deviceType, release },
        history.get(file) ?? []
      );
      known.set(key, commit);
    }
    byDevice.set(device.id, commit);
  }
  return byDevice;
}
async function introducing(repository, line, commits) {
  let introduced;
  for (const commit of commits) {
    const text2 = await readAt(repository, commit.id, line.file);
    if (text2 === void 0 || !names(parseSource(text2, line.file).data, line)) break;
    introduced = commit;
  }
  if (introduced) return introduced;
  throw new Failure(
    "bad-input",
    `${line.file} names ${line.release}, but no commit of this branch does: commit it first`
  );
}
function names(data, { path, deviceType, release }) {
  let value = data;
  for (const key of path) {
    if (!isRecord(value)) return false;
    value = value[String(key)];
  }
  if (!Array.isArray(value)) return value === release;
  return value.some(
    (item) => isRecord(item) && item["device_type"] === deviceType && item["image_name"] === release
  );
}
function pathsOf(files) {
  return files.size <= 200 ? [...files] : [...new Set([...files].map((file) => file.split("/")[0] ?? file))];
}

// src/plan/fleet-git.ts
var fleetPaths = [
  ...["inventory", "hosts"].flatMap(
    (name) => ["", ".yml", ".yaml", ".ini", ".json"].map((extension) => `${name}${extension}`)
  ),
  "group_vars",
  "host_vars",
  "templates",
  "roles",
  policyFileName
];
async function openFleetGit(folder, context) {
  const repository = await openRepository(folder);
  return {
    head: repository.head,
    tips: () => readTips(repository, context),
    requireCommitted: async () => {
      const changed = await uncommitted(repository, fleetPaths);
      if (changed.length > 0)
        throw new Failure(
          "bad-input",
          `the fleet's files have changes that are not committed (${changed.slice(0, 5).join(", ")}): a tick acts on commits alone`
        );
    },
    switchesAt: async (tips, branch) => {
      const text2 = await readAtTip(repository, tips, branch, policyFileName, context);
      return parseFleetPolicy(text2 ?? "", `${branch}:${policyFileName}`).switches;
    },
    introducingCommits: (wanted) => introducingCommits(repository, wanted)
  };
}

// src/plan/after.ts
function afterState(fleet, stage, release, deviceType, facts, now) {
  const earlier = stage.after === void 0 ? void 0 : fleet.stages.get(stage.after);
  if (!earlier) return { isOpen: true };
  const fresh = fleet.devices.flatMap((device) => {
    const reported = facts.get(device.id);
    if (device.stage !== earlier.name || device.isRetired || reported?.status !== "accepted") return [];
    if ((reported.deviceType ?? device.deviceType) !== deviceType) return [];
    return isFresh(reported.reportedAt, earlier.gate.factsYoungerThanMs, now) ? [reported] : [];
  });
  const there = fresh.filter((device) => device.release === release).length;
  if (there > 0 && there >= needed(earlier.gate.minSuccess, fresh.length)) return { isOpen: true };
  const why = fresh.length === 0 ? `stage ${earlier.name} has no device of type ${deviceType} with fresh facts: nothing shows that ${release} works there` : `${there} of ${fresh.length} devices of type ${deviceType} in stage ${earlier.name} report ${release}`;
  return { isOpen: false, why, nextDue: void 0 };
}

// src/plan/gate.ts
function gateOf(wave2, deviceType, members, gate, now) {
  for (let earlier = 1; earlier < wave2; earlier++) {
    const inWave = members.filter((member) => member.wave === earlier);
    const ofType = inWave.filter((member) => member.deviceType === deviceType);
    if (ofType.length === 0) continue;
    const closed2 = withoutSuccess(ofType, earlier, deviceType) ?? tooFewSuccesses(inWave, earlier, gate) ?? tooManyPending(inWave, earlier, gate) ?? soaking(ofType, earlier, deviceType, gate, now);
    if (closed2) return closed2;
  }
  return { isOpen: true };
}
function tooManyFailures(members, gate) {
  const failed = members.filter(({ outcome }) => outcome.kind === "failure").length;
  const limit = allowed(gate.maxFailures, members.length);
  return failed > limit ? `${failed} of ${members.length} devices failed; max-failures allows ${limit}` : void 0;
}
var closed = (why, nextDue2) => ({ isOpen: false, why, nextDue: nextDue2 });
function withoutSuccess(ofType, wave2, deviceType) {
  if (ofType.some(({ outcome }) => outcome.kind === "success")) return void 0;
  return closed(`no device of type ${deviceType} in wave ${wave2} reports the release with fresh facts yet`);
}
function tooFewSuccesses(inWave, wave2, gate) {
  const { successes, reported } = reportedIn(inWave);
  if (successes.length >= needed(gate.minSuccess, reported)) return void 0;
  return closed(
    `${successes.length} of ${reported} devices of wave ${wave2} that reported succeeded; min-success asks for ${percent(gate.minSuccess)}`
  );
}
function tooManyPending(inWave, wave2, gate) {
  if (!gate.maxPending) return void 0;
  const pending = inWave.filter(
    ({ outcome }) => ["pending", "missed", "not-ordered"].includes(outcome.kind)
  ).length;
  const limit = allowed(gate.maxPending, inWave.length);
  return pending > limit ? closed(`${pending} devices of wave ${wave2} are pending; max-pending allows ${limit}`) : void 0;
}
function soaking(ofType, wave2, deviceType, gate, now) {
  const { successes, reported } = reportedIn(ofType);
  const counted = Math.min(successes.length, Math.max(1, needed(gate.minSuccess, reported)));
  const last = successes.sort((a, b) => a - b)[counted - 1] ?? now.getTime();
  const until = new Date(last + gate.soakMs);
  if (until <= now) return void 0;
  return closed(`wave ${wave2} soaks until ${until.toISOString()} for the device type ${deviceType}`, until);
}
function reportedIn(members) {
  const successes = members.flatMap(
    ({ outcome }) => outcome.kind === "success" ? [outcome.since.getTime()] : []
  );
  const failures = members.filter(({ outcome }) => outcome.kind === "failure").length;
  return { successes, reported: successes.length + failures };
}
var percent = (share) => `${Number((share * 100).toFixed(3))}%`;

// src/plan/rollout.ts
var maxNameLength = 256;
var hexDigits = 12;
function rolloutId(stage, content, commit) {
  return `${shortStage(stage)}/${hexOf(content).slice(0, hexDigits)}/${commit.slice(0, hexDigits)}`;
}
function orderName(rollout, attempt, wave2, part) {
  return `drover/${rollout.id}/${attempt}/w${wave2}${part > 1 ? `.${part}` : ""}`;
}
function isOrderOf(stage, name) {
  return name.startsWith(`drover/${shortStage(stage)}/`);
}
async function findPlaced(server, rollout, waveCount) {
  const placed = [];
  for (let attempt = 1; attempt <= rollout.attempt; attempt++) {
    for (let wave2 = 1; wave2 <= waveCount; wave2++) {
      for (let part = 1; ; part++) {
        const deployment = await server.findDeployment(orderName(rollout, attempt, wave2, part));
        if (!deployment) break;
        placed.push({ attempt, wave: wave2, part, deployment });
      }
    }
  }
  return placed.sort((a, b) => Date.parse(a.deployment.createdAt) - Date.parse(b.deployment.createdAt));
}
var reportMarginMs = 5 * 6e4;
function outcomeOf(facts, rollout, placed, gate, now) {
  const own = placed.filter(({ deployment: deployment2 }) => deployment2.devices.has(facts.id));
  const last = own.at(-1);
  const state = last?.deployment.devices.get(facts.id);
  if (state !== void 0 && isOpenState(state)) return { kind: "pending" };
  const reportedAt = facts.reportedAt === void 0 ? 0 : Date.parse(facts.reportedAt);
  const finishedAt = last?.deployment.finishedAt?.get(facts.id);
  if (facts.release === rollout.release) {
    if (!isFresh(facts.reportedAt, gate.factsYoungerThanMs, now)) return { kind: "pending" };
    const isOlder = finishedAt !== void 0 && reportedAt < Date.parse(finishedAt);
    if (state === "failure" && isOlder) return { kind: "pending" };
    return { kind: "success", since: last ? new Date(finishedAt ?? now) : rollout.commit.at };
  }
  if (!last || state === void 0 || last.attempt !== rollout.attempt) return { kind: "not-ordered" };
  const deployment = last.deployment.id;
  if (state === "aborted" || state === "decommissioned") return { kind: "aborted", deployment };
  if (state === "failure") return { kind: "failure", deployment, why: "the update failed" };
  if (state === "no-artifact")
    return { kind: "failure", deployment, why: "the server had no artifact for this device" };
  if (finishedAt === void 0 || reportedAt <= Date.parse(finishedAt) + reportMarginMs)
    return { kind: "pending" };
  const why = `its update ended with ${state}, but the device reports ${facts.release ?? "no release"}`;
  return { kind: "failure", deployment, why };
}
function shortStage(stage) {
  const limit = maxNameLength - "drover////w100000.100000/999".length - 2 * hexDigits;
  return stage.length <= limit ? stage : `${stage.slice(0, limit - 13)}-${hexOf(digestOf(stage)).slice(0, 12)}`;
}

// src/plan/due.ts
function isMoving(change2) {
  if (change2.kind !== "blocked") return true;
  return change2.wave !== void 0 && change2.to !== void 0 && change2.deviceType !== void 0;
}
function whatIsDue(fleet, stage, plan, states, facts, now) {
  const byId2 = new Map(facts.devices.map((device) => [device.id, device]));
  const zones = zonesOf(fleet);
  const members = membersOf(plan, states, byId2, stage, zones, now);
  const byRelease = Map.groupBy(members, ({ change: change2 }) => change2.to);
  const rules = [...byRelease].flatMap(([release, group]) => {
    const rule = tooManyFailures([...group, ...failedAndBlocked(plan, states, release)], stage.gate);
    return rule === void 0 ? [] : [{ release, rule: `${release}: ${rule}` }];
  });
  if (rules.length > 0) {
    const haltedBy = rules.map(({ rule }) => rule).join("; ");
    return { members, due: [], waiting: [], haltedBy, halted: rules.map(({ release }) => release) };
  }
  const waiting = new Held();
  const due = [];
  const gates = /* @__PURE__ */ new Map();
  for (const member of members) {
    if (member.change.kind !== "update" || !mayBeOrdered(member, waiting)) continue;
    const key = JSON.stringify([member.change.to, member.deviceType, member.wave]);
    let gate = gates.get(key);
    if (!gate) {
      const group = byRelease.get(member.change.to) ?? [];
      gate = gateFor(member, group, fleet, stage, byId2, now);
      gates.set(key, gate);
    }
    const window = gate.isOpen ? windowFor(member, zones.get(member.device), stage, now) : gate;
    if (window.isOpen) due.push(member);
    else waiting.add(window.why, window.nextDue, member.wave);
  }
  const within = withinSites(due, fleet, stage, facts, waiting);
  return { members, due: within, waiting: waiting.list(), haltedBy: void 0, halted: [] };
}
function membersOf(plan, states, facts, stage, zones, now) {
  const stateOf2 = new Map(
    states.flatMap((state) => [...state.devices].map((device) => [device, state]))
  );
  return plan.changes.flatMap((change2) => {
    const state = stateOf2.get(change2.device);
    const reported = facts.get(change2.device);
    if (!isMoving(change2) || !state || !reported) return [];
    const { device, deviceType } = change2;
    const placed = state.left.has(device) ? [] : state.placed;
    const ordered = placed.filter(({ deployment }) => deployment.devices.has(device));
    const judged = outcomeOf(reported, state.rollout, placed, stage.gate, now);
    const endedAt = ordered.at(-1)?.deployment.finishedAt?.get(device);
    const outcome = withinWindow(judged, reported, endedAt, stage, zones.get(device));
    const wave2 = Math.min(change2.wave, ...ordered.map((order) => order.wave));
    return [{ device, deviceType, wave: wave2, outcome: pendingElsewhere(change2, outcome), change: change2, state }];
  });
}
var skewMs = 5 * 6e4;
function withinWindow(outcome, facts, endedAt, { window }, zone) {
  if (outcome.kind !== "aborted" || !window || endedAt === void 0) return outcome;
  const at = Date.parse(endedAt);
  if ([at, at + skewMs].every((time2) => isWindowOpen(window, zone, new Date(time2)))) return outcome;
  return Date.parse(facts.reportedAt ?? endedAt) > at ? { kind: "not-ordered" } : { kind: "missed" };
}
function failedAndBlocked(plan, states, release) {
  const orders = states.filter(({ rollout }) => rollout.release === release).flatMap(({ rollout, placed }) => placed.filter(({ attempt }) => attempt === rollout.attempt));
  return plan.changes.flatMap((change2) => {
    if (isMoving(change2) || change2.by === "retired" || (change2.to ?? release) !== release) return [];
    const { device } = change2;
    const order = orders.find(({ deployment }) => isFailed(deployment.devices.get(device)));
    if (!order) return [];
    const outcome = { kind: "failure", why: "the update failed", deployment: order.deployment.id };
    return [{ device, deviceType: "", wave: order.wave, outcome }];
  });
}
var isFailed = (state) => state === "failure" || state === "no-artifact";
function pendingElsewhere(change2, outcome) {
  const isPending = change2.kind === "no-op" && change2.why === "already-pending";
  return isPending && outcome.kind === "not-ordered" ? { kind: "pending" } : outcome;
}
function mayBeOrdered({ outcome, state }, waiting) {
  if (outcome.kind === "not-ordered") return true;
  const again = `set retry: { ${state.rollout.id}: ${state.rollout.attempt + 1} } in fleet.yml to order again`;
  if (outcome.kind === "failure") waiting.add(`failed: ${again}`, void 0);
  if (outcome.kind === "missed")
    waiting.add("the window closed before it began: it is ordered again once it has reported", void 0);
  if (outcome.kind === "aborted") waiting.add(`the order was aborted: ${again}`, void 0);
  return false;
}
function gateFor(member, group, fleet, stage, facts, now) {
  const after = afterState(fleet, stage, member.change.to, member.deviceType, facts, now);
  return after.isOpen ? gateOf(member.wave, member.deviceType, group, stage.gate, now) : after;
}
function windowFor(member, own, stage, now) {
  if (!stage.window) return { isOpen: true };
  const { timeZone } = stage.window;
  const zone = timeZone === "device" ? own : timeZone;
  if (zone === void 0)
    return { isOpen: false, why: `${member.change.host} has no time zone`, nextDue: void 0 };
  const state = windowAt(stage.window, zone, now);
  if (state.isOpen) return state;
  return {
    isOpen: false,
    why: `the window in ${zone} opens at ${state.opensAt.toISOString()}`,
    nextDue: state.opensAt
  };
}
function withinSites(due, fleet, stage, facts, waiting) {
  const { perSite } = stage.budget;
  if (perSite === void 0) return due;
  const siteOf = new Map(
    fleet.devices.flatMap(({ id, site }) => site === void 0 ? [] : [[id, site]])
  );
  const size = countBy([...siteOf.values()]);
  const busy2 = new Set(
    facts.openDeployments.flatMap(
      ({ devices }) => [...devices].filter(([, state]) => isOpenState(state)).map(([id]) => id)
    )
  );
  const used = countBy([...busy2].flatMap((id) => siteOf.get(id) ?? []));
  return due.filter(({ device }) => {
    const site = siteOf.get(device);
    if (site === void 0) return true;
    const limit = Math.max(1, allowed({ kind: "share", share: perSite }, size.get(site) ?? 0));
    const count2 = used.get(site) ?? 0;
    if (count2 >= limit) {
      waiting.add(
        `site ${site} has ${limit} devices on their way, all that budget.per-site allows`,
        void 0
      );
      return false;
    }
    used.set(site, count2 + 1);
    return true;
  });
}
function countBy(names2) {
  const counts = /* @__PURE__ */ new Map();
  for (const name of names2) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
var Held = class {
  #reasons = /* @__PURE__ */ new Map();
  add(why, nextDue2, wave2) {
    const reason = this.#reasons.get(why) ?? { devices: 0, nextDue: nextDue2, waves: /* @__PURE__ */ new Set() };
    this.#reasons.set(why, reason);
    reason.devices += 1;
    if (wave2 !== void 0) reason.waves.add(wave2);
  }
  list() {
    return [...this.#reasons].map(([why, { devices, nextDue: nextDue2, waves: waves2 }]) => ({
      why,
      devices,
      nextDue: nextDue2,
      waves: [...waves2].sort((a, b) => a - b)
    }));
  }
};

// src/plan/orders.ts
var maxDevicesPerOrder = 5e3;
function heldByPlan(plan) {
  const held = plan.changes.filter((change2) => change2.kind === "blocked" && change2.by !== "retired");
  return [...Map.groupBy(held, (change2) => change2.kind === "blocked" ? change2.why : "")].map(
    ([why, changes]) => {
      const [first] = changes;
      const until = first?.kind === "blocked" ? first.until : void 0;
      return { why, devices: changes.length, nextDue: until === void 0 ? void 0 : new Date(until) };
    }
  );
}
function ordersFor(due) {
  return [
    ...Map.groupBy(due, ({ state, wave: wave2 }) => JSON.stringify([state.rollout.id, wave2])).values()
  ].flatMap((members) => {
    const [first] = members;
    if (!first) return [];
    const { wave: wave2, state } = first;
    const { rollout, placed } = state;
    const taken = placed.filter((order) => order.wave === wave2 && order.attempt === rollout.attempt).length;
    const chunks = Math.ceil(members.length / maxDevicesPerOrder);
    return Array.from({ length: chunks }, (_, index) => ({
      name: orderName(rollout, rollout.attempt, wave2, taken + index + 1),
      release: rollout.release,
      wave: wave2,
      devices: members.slice(index * maxDevicesPerOrder, (index + 1) * maxDevicesPerOrder).map(({ device }) => device).sort()
    }));
  });
}

// src/plan/progress.ts
function progressOf(plan, members = [], ordered = /* @__PURE__ */ new Set()) {
  const known = new Map(members.map((member) => [member.device, member]));
  const waves2 = new Map(
    plan.waves.map(({ wave: wave2, share }) => [wave2, { wave: wave2, share, groups: /* @__PURE__ */ new Map() }])
  );
  for (const change2 of plan.changes) {
    const member = known.get(change2.device);
    const place = member?.wave ?? change2.wave;
    const wave2 = place === void 0 ? void 0 : waves2.get(place);
    if (!wave2) continue;
    const { deviceType = "", site } = change2;
    const key = `${deviceType}\0${site ?? ""}`;
    let group = wave2.groups.get(key);
    if (!group) {
      group = { deviceType, site, there: 0, pending: 0, failed: 0, toCome: 0, blocked: 0 };
      wave2.groups.set(key, group);
    }
    group[ordered.has(change2.device) ? "pending" : standing(change2, member?.outcome)] += 1;
  }
  return [...waves2.values()].map(({ groups, ...wave2 }) => ({ ...wave2, groups: [...groups.values()] }));
}
function standing(change2, outcome) {
  if (change2.kind === "blocked") return "blocked";
  if (change2.kind === "no-op") return change2.why === "already-there" ? "there" : "pending";
  if (outcome?.kind === "failure") return "failed";
  return outcome?.kind === "pending" ? "pending" : "toCome";
}

// src/plan/review.ts
async function requireReview(plan, stage, commit, review) {
  if (review.plan) return requireSame(plan, review.plan);
  if (!stage.needsReview) return;
  const digest2 = await review.digestFor?.(commit);
  if (digest2 === plan.digest) return;
  if (digest2 === void 0)
    throw new Failure(
      "not-reviewed",
      `stage ${stage.name} needs a review, and no merged pull request of ${commit.slice(0, 12)} has a plan: merge a pull request with a plan, or hand over the reviewed plan file as \`plan\``
    );
  throw new Failure(
    "plan-changed",
    `the plan that was reviewed for ${commit.slice(0, 12)} has the digest ${digest2}, this one ${plan.digest}: plan again and have it reviewed`
  );
}
function requireSame(plan, reviewed) {
  if (reviewed.stage !== plan.stage)
    throw new Failure("plan-changed", `the plan file is for stage ${reviewed.stage}, not ${plan.stage}`);
  const known = new Set(
    reviewed.changes.flatMap(
      (change2) => change2.kind === "blocked" ? [] : [`${change2.device}\0${change2.to}`]
    )
  );
  const changed = plan.changes.filter(
    (change2) => change2.kind === "update" && !known.has(`${change2.device}\0${change2.to}`)
  );
  if (changed.length === 0 && reviewed.digest === plan.digest) return;
  const what = changed.length > 0 ? `${changed.length} device${changed.length === 1 ? "" : "s"} changed (${changed.slice(0, 5).map(({ host }) => host).join(", ")}${changed.length > 5 ? ", …" : ""})` : "what the stage should run changed";
  throw new Failure("plan-changed", `${what} since ${reviewed.createdAt}: plan again and have it reviewed`);
}

// src/plan/rollouts.ts
async function rolloutsOf(plan, facts, fleet, stage, git2, server, now) {
  if (plan.counts.updates === 0 && plan.counts.alreadyPending === 0) return [];
  const members = await membersByRollout(plan, facts, fleet, stage, git2);
  const byId2 = new Map(facts.devices.map((device) => [device.id, device]));
  const states = [];
  for (const { rollout, devices } of members) {
    const placed = await findPlaced(server, rollout, stage.waves.length);
    const left = /* @__PURE__ */ new Set();
    for (const device of devices) {
      const reported = byId2.get(device);
      if (reported && await hasLeft(reported, rollout, placed, stage, server, now)) left.add(device);
    }
    states.push({ rollout, devices, placed, left });
  }
  return states;
}
async function hasLeft(facts, rollout, placed, stage, server, now) {
  const outcome = outcomeOf(facts, rollout, placed, stage.gate, now);
  if (outcome.kind !== "failure" && outcome.kind !== "aborted") return false;
  const last = await server.lastTaken(facts.id);
  return last !== void 0 && isOrderOf(stage.name, last) && !last.startsWith(`drover/${rollout.id}/`);
}
async function membersByRollout(plan, facts, fleet, stage, git2) {
  const devices = new Map(fleet.devices.map((device) => [device.id, device]));
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  const moving = plan.changes.flatMap((change2) => {
    const device = devices.get(change2.device);
    if (!isMoving(change2) || !device) return [];
    return [{ device, deviceType: change2.deviceType, release: change2.to }];
  });
  const commits = await git2.introducingCommits(moving);
  const members = /* @__PURE__ */ new Map();
  for (const { device, deviceType, release } of moving) {
    const commit = commits.get(device.id);
    const content = contentOf(releases, release, deviceType);
    if (!commit || !content) continue;
    const id = rolloutId(stage.name, content, commit.id);
    const attempt = fleet.switches.retry.get(id) ?? 1;
    const member = members.get(id) ?? {
      rollout: { id, release, commit, attempt, content },
      devices: /* @__PURE__ */ new Set()
    };
    member.devices.add(device.id);
    members.set(id, member);
  }
  return members.values();
}

// src/plan/withdrawals.ts
function withdrawalsOf(fleet, stage, plan, facts, halted, now) {
  const wanted = new Map(
    plan.changes.map((change2) => {
      const isBad = change2.kind === "blocked" && change2.by === "known-bad";
      return [change2.device, isBad ? void 0 : change2.to];
    })
  );
  const zones = zonesOf(fleet);
  const isClosed = (device) => stage.window && !isWindowOpen(stage.window, zones.get(device), now);
  return facts.openDeployments.flatMap(({ id, name, release, devices: all }) => {
    if (!isOrderOf(stage.name, name)) return [];
    const devices = [...all].flatMap(([device, state]) => {
      if (state !== "pending") return [];
      return wanted.get(device) !== release || halted.has(release) || isClosed(device) ? [device] : [];
    });
    return devices.length > 0 ? [{ id, name, devices }] : [];
  });
}

// src/plan/tick-run.ts
var TickRun = class {
  #fleet;
  #stage;
  #server;
  #options;
  #context;
  #git;
  /** Whether the branch has moved on since this tick began. */
  #isOvertaken = false;
  constructor({ fleet, stage, git: git2 }, server, options, context) {
    this.#fleet = fleet;
    this.#stage = stage;
    this.#server = server;
    this.#options = options;
    this.#context = context;
    this.#git = git2;
  }
  async run() {
    let look = await this.#look();
    requireReleases(look.plan);
    if (look.plan.counts.updates > 0 || look.withdrawals.length > 0)
      await requireReview(look.plan, this.#stage, this.#git.head, this.#options.review ?? {});
    const over = overBudget(look.plan, this.#stage);
    if (over.length > 0)
      throw new Failure("over-budget", `${over.join("; ")}: raise the budget in a reviewed change`);
    const withdrawn = await this.#withdraw(look.withdrawals);
    if (withdrawn.length > 0 && !this.#isOvertaken) look = await this.#look();
    const due = await this.#withoutLeased(look.due, look.facts);
    const orders = await this.#order(ordersFor(due.due));
    if (!this.#isOvertaken) return await this.#tick(look.plan, due, orders, withdrawn);
    return { ...supersededTick(this.#stage.name, this.#git.head, this.#isDryRun), orders, withdrawn };
  }
  /** What is, and what follows from it. */
  async #look() {
    const facts = await gatherFacts(this.#server, this.#context);
    const plan = makePlan(this.#fleet, this.#stage.name, facts, this.#now());
    const now = this.#now();
    const states = await rolloutsOf(plan, facts, this.#fleet, this.#stage, this.#git, this.#server, now);
    const due = whatIsDue(this.#fleet, this.#stage, plan, states, facts, now);
    const halted = new Set(due.halted);
    const withdrawals = withdrawalsOf(this.#fleet, this.#stage, plan, facts, halted, this.#now());
    return { facts, plan, due, withdrawals };
  }
  /**
   * Whether this tick may write its next thing. The branch is looked at before each: what was merged meanwhile must not be
   * overtaken. Between this look and the write a moment remains; what is placed in it is taken back by the next tick.
   */
  async #mayWrite() {
    this.#isOvertaken ||= isBehind(this.#git, await this.#git.tips(), this.#stage);
    return !this.#isOvertaken;
  }
  /** Takes orders back; returns the names of those that were. */
  async #withdraw(withdrawals) {
    const names2 = [];
    for (const { id, name, devices } of withdrawals) {
      if (!await this.#mayWrite()) break;
      const from = devices.length === 1 ? "1 device" : `${devices.length} devices`;
      this.#context.log.info(
        `${this.#isDryRun ? "would withdraw" : "withdrawing"} ${name} from ${from} where it has not begun`
      );
      if (this.#isDryRun) continue;
      const begun = (await this.#server.withdraw(id, [], devices)).filter(
        (device) => devices.includes(device)
      );
      if (begun.length > 0)
        this.#context.log.warn(
          `${begun.join(", ")} began ${name} before it was taken back, and will finish it`
        );
      names2.push(name);
    }
    return names2;
  }
  /** Places orders; returns those that were placed, or would have been. */
  async #order(orders) {
    const placed = [];
    for (const order of orders) {
      if (!await this.#mayWrite()) break;
      const { name, release, devices } = order;
      const number2 = devices.length === 1 ? "1 device" : `${devices.length} devices`;
      this.#context.log.info(
        `${this.#isDryRun ? "would order" : "ordering"} ${release} for ${number2}: ${name}`
      );
      if (!this.#isDryRun && await this.#isTaken(order)) break;
      if (!this.#isDryRun) await this.#server.deploy(order);
      placed.push(order);
    }
    return placed;
  }
  /** Whether a run beside this one was first with an order of this name for other devices: then the next tick goes on. */
  async #isTaken({ name, devices }) {
    const found = await this.#server.findDeployment(name);
    if (!found || found.devices.size === devices.length && devices.every((id) => found.devices.has(id)))
      return false;
    this.#context.log.warn(
      `another run has just ordered ${name} for other devices: the next one goes on from there`
    );
    return true;
  }
  /** A run may have taken a lab device since the facts were read; lab devices are few, so each is looked at again. */
  async #withoutLeased(due, facts) {
    const inGit = this.#fleet.devices.filter(({ isLab }) => isLab);
    const lab = new Set([...facts.devices.filter(isInLab), ...inGit].map(({ id }) => id));
    const held = /* @__PURE__ */ new Map();
    for (const { device } of due.due.filter(({ device: device2 }) => lab.has(device2))) {
      const lease = await this.#server.leaseOf(device);
      if (!lease) continue;
      const why = `is leased to ${oneLine(lease.holder)}: it gets nothing until that is over`;
      held.set(device, { why, devices: 1, nextDue: new Date(lease.until) });
    }
    const free = due.due.filter(({ device }) => !held.has(device));
    return { ...due, due: free, waiting: [...due.waiting, ...held.values()] };
  }
  get #isDryRun() {
    return this.#options.isDryRun ?? false;
  }
  #now() {
    return this.#context.clock.now();
  }
  async #tick(plan, due, orders, withdrawn) {
    const pending = due.members.filter(({ outcome }) => outcome.kind === "pending").length;
    const placed = due.members.flatMap(({ state }) => state.placed.map(({ wave: wave2 }) => wave2));
    const waves2 = Math.max(1, ...plan.changes.map((change2) => change2.kind === "blocked" ? 1 : change2.wave));
    const waiting = [...due.waiting, ...heldByPlan(plan)];
    const isDone = orders.length === 0 && pending === 0 && waiting.length === 0;
    return {
      stage: this.#stage.name,
      commit: this.#git.head,
      state: due.haltedBy !== void 0 ? "halted" : orders.length > 0 || pending > 0 ? "in-progress" : isDone ? "done" : "waiting",
      isDryRun: this.#isDryRun,
      plan,
      counts: plan.counts,
      progress: progressOf(
        plan,
        due.members,
        new Set(this.#isDryRun ? [] : orders.flatMap(({ devices }) => devices))
      ),
      orders,
      withdrawn,
      pending,
      wave: isDone ? waves2 : Math.max(0, ...placed, ...orders.map(({ wave: wave2 }) => wave2)),
      waves: waves2,
      haltedBy: due.haltedBy,
      failures: await this.#failures(due),
      waiting
    };
  }
  async #failures(due) {
    const failed = [];
    for (const { device, change: change2, outcome, state } of due.members) {
      if (outcome.kind !== "failure") continue;
      const log = outcome.deployment !== void 0 && failed.length < 5 ? await this.#server.log(outcome.deployment, device) : void 0;
      const lines = log?.trimEnd().split("\n").slice(-12).join("\n");
      const { content, release } = state.rollout;
      const from = change2.kind === "update" ? change2.from : void 0;
      const retry = { rollout: state.rollout.id, attempt: state.rollout.attempt + 1 };
      failed.push({ device, host: change2.host, why: outcome.why, retry, log: lines, content, release, from });
    }
    return failed;
  }
};
function requireReleases({ changes, counts, stage }) {
  const missing = changes.filter((change2) => change2.kind === "blocked" && change2.by === "release-missing");
  const [first] = missing;
  if (first?.kind !== "blocked" || counts.updates > 0 || counts.alreadyPending > 0) return;
  const others = missing.length > 1 ? ` and ${missing.length - 1} more devices` : "";
  throw new Failure("release-missing", `${stage}: ${first.host}${others} can't be updated: ${first.why}`);
}
function isBehind({ head }, { byBranch }, stage) {
  const tip = byBranch.get(stage.branch);
  if (tip === void 0)
    throw new Failure(
      "not-a-stage",
      `the branch ${stage.branch} of stage ${stage.name} does not exist: push it`
    );
  return tip !== head;
}

// src/plan/schedule.ts
async function schedule(fleet, stageName, server, options = {}, context = plainContext(), git2) {
  const stage = stageOf(fleet, stageName);
  const history = git2 ?? await openFleetGit(fleet.folder, context);
  const tips = await history.tips();
  if (isBehind(history, tips, stage))
    return supersededTick(stage.name, history.head, options.isDryRun ?? false);
  await history.requireCommitted();
  for (const { file, line, message } of warningsFor(fleet, stage.name))
    context.log.info(`warning: ${file}:${line ?? 1}: ${message}`);
  const switches = await switchesFor(fleet, stage, history, tips);
  const emergency = emergencyOf(switches, stage, context.clock.now());
  const ground = inEmergency({ fleet: { ...fleet, switches }, stage, git: history }, emergency);
  if (!emergency) return await new TickRun(ground, server, options, context).run();
  const { release, reason, until } = emergency;
  context.log.warn(
    `emergency: stage ${stage.name} goes to ${oneLine(release)} until ${until.toISOString()}: ${oneLine(reason)}`
  );
  const { review: _, ...others } = options;
  return await new TickRun(ground, server, others, context).run();
}
async function switchesFor(fleet, stage, git2, tips) {
  const { defaultBranch } = tips;
  if (defaultBranch === void 0 || defaultBranch === stage.branch) return fleet.switches;
  return await git2.switchesAt(tips, defaultBranch);
}

// src/plan/switches.ts
import { existsSync } from "node:fs";
import { join } from "node:path";
async function readSwitches(folder, context) {
  const repository = await checkoutOf(folder, context);
  if (repository === void 0) {
    if (!existsSync(join(folder, policyFileName))) {
      const what = `${folder} is in no Git repository and has no ${policyFileName}`;
      throw new Failure("file-missing", `${what}: give the folder of the fleet repository`);
    }
    return await switchesHere(folder, context);
  }
  const tips = await readTips(repository, context);
  if (tips.defaultBranch === void 0) {
    context.log.warn(`${folder}: no default branch is known, so its own ${policyFileName} counts`);
    return await switchesHere(folder, context);
  }
  const from = `${tips.defaultBranch}:${policyFileName}`;
  const text2 = await readAtTip(repository, tips, tips.defaultBranch, policyFileName, context);
  if (text2 === void 0) context.log.warn(`there is no ${from}: nothing is known to be bad`);
  return { switches: parseFleetPolicy(text2 ?? "", from).switches, from };
}
async function switchesHere(folder, { log }) {
  const from = join(folder, policyFileName);
  const { switches } = await readFleetPolicy(folder);
  if (!existsSync(from)) log.warn(`there is no ${from}: nothing is known to be bad`);
  return { switches, from };
}
async function checkoutOf(folder, context) {
  try {
    return await openCheckout(folder);
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== "bad-input") throw error;
    context.log.warn(`${error.message}; its own ${policyFileName} counts`);
    return void 0;
  }
}

export {
  overBudget,
  makePlan,
  stageOf,
  writePlan,
  readPlan,
  progressOf,
  locateStage,
  requireServer,
  requireMergedServer,
  nextDue,
  tickOutputs,
  requireNotHalted,
  schedule,
  readSwitches
};
