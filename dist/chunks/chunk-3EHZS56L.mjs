import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  fileIn,
  is32Bit,
  isRecord,
  parseFleetPolicy,
  parseSource,
  policyFileName,
  readFleetPolicy,
  releaseFor,
  warningsFor
} from "./chunk-RTAWKCSZ.mjs";
import {
  canBeConfigured,
  configurationContent,
  configurationName,
  fingerprintIn,
  gatherFacts,
  imagesIn,
  isFingerprint,
  isInLab,
  isKey,
  isLabArtifact,
  isOpenState,
  otherImageOf,
  provideConfiguration,
  reportedConfiguration,
  tellingLines,
  withoutSigner
} from "./chunk-5FZYLKFJ.mjs";
import {
  signingKeyOf
} from "./chunk-OCPNMXBO.mjs";
import {
  Failure,
  array,
  canonicalJson,
  counted,
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
} from "./chunk-J6UCEAK3.mjs";

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
  const updates = plan.changes.filter((change2) => change2.kind === "update" || change2.kind === "configure");
  const types = new Set(updates.map(({ deviceType }) => deviceType));
  const missing = plan.changes.filter(
    (change2) => change2.kind === "blocked" && change2.by === "not-on-server"
  ).length;
  const over = [];
  if (budget.devices !== void 0 && updates.length > budget.devices)
    over.push(`${counted(updates.length, "device")} would change; budget.devices allows ${budget.devices}`);
  if (budget.deviceTypes !== void 0 && types.size > budget.deviceTypes)
    over.push(
      `${counted(types.size, "device type")} would change; budget.device-types allows ${budget.deviceTypes}`
    );
  if (budget.missing !== void 0 && missing > allowed(budget.missing, plan.counts.inGit))
    over.push(
      `${missing} of ${plan.counts.inGit} devices are not on the server; budget.missing allows ${allowed(budget.missing, plan.counts.inGit)}`
    );
  const { retires } = plan.counts;
  if (retires > budget.retire)
    over.push(`${counted(retires, "device")} would be retired; budget.retire allows ${budget.retire}`);
  return over;
}

// src/plan/counts.ts
function countsOf(changes) {
  const counts = {
    inGit: changes.length,
    updates: 0,
    configures: 0,
    enrolls: 0,
    retires: 0,
    alreadyPending: 0,
    alreadyThere: 0,
    alreadyRetired: 0,
    blocked: 0
  };
  for (const change2 of changes) counts[standing(change2)] += 1;
  return counts;
}
function changesIn({ updates, configures, enrolls, retires }) {
  return updates + configures + enrolls + retires;
}
var noOps = {
  "already-pending": "alreadyPending",
  "already-there": "alreadyThere",
  "already-retired": "alreadyRetired"
};
function standing(change2) {
  switch (change2.kind) {
    case "update":
      return "updates";
    case "configure":
      return "configures";
    case "enroll":
      return "enrolls";
    case "retire":
      return "retires";
    case "no-op":
      return noOps[change2.why];
    case "blocked":
      return "blocked";
  }
}

// src/plan/held.ts
function heldBy(facts, { switches }, now) {
  const { freeze } = switches;
  if (freeze && (freeze.until === void 0 || freeze.until > now)) {
    const until = freeze.until?.toISOString();
    return {
      by: "frozen",
      why: `the fleet is frozen: ${freeze.reason}`,
      ...until === void 0 ? {} : { until }
    };
  }
  const { lease } = facts;
  if (lease && Date.parse(lease.until) > now.getTime()) {
    return { by: "leased", why: whyLeased(lease), until: lease.until };
  }
  return void 0;
}
function whyLeased({ holder }) {
  return `is leased to ${oneLine(holder)}: it gets nothing until that is over`;
}
function busyWith({ release, name }) {
  return {
    by: "busy",
    why: `has an open order of ${release} (${name}): wait for it, or abort it on the server`
  };
}
function openOrders(open) {
  const orders = /* @__PURE__ */ new Map();
  for (const deployment of open) {
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
  "other-content",
  "no-image",
  "wrong-device-type",
  "release-missing",
  "known-bad",
  "lab-artifact",
  "busy",
  "leased",
  "frozen",
  "retired"
];
function hasTurn(change2) {
  return change2.kind !== "blocked" && "wave" in change2;
}
function isMoving(change2) {
  if (change2.kind !== "blocked") return hasTurn(change2);
  return change2.wave !== void 0 && change2.to !== void 0 && change2.deviceType !== void 0;
}
function releaseOf(change2) {
  return change2.kind === "configure" ? change2.on : change2.to;
}
function releaseWaveOf(change2) {
  return change2.kind === "configure" ? change2.releaseWave : change2.wave;
}
function configurationOf(change2) {
  if (change2.kind === "configure") return { template: change2.template, to: change2.to, wave: change2.wave };
  return "configuration" in change2 ? change2.configuration : void 0;
}

// src/plan/configuring.ts
function artifactOf({ template, to }, release) {
  return configurationName(template, to, release);
}
function wantedOnServer(change2) {
  const release = releaseOf(change2);
  const configuration2 = configurationOf(change2);
  const runsIt = change2.kind === "blocked" ? change2.from === change2.to : change2.kind !== "update";
  return configuration2 && runsIt ? [release, artifactOf(configuration2, release)] : [release];
}
function plannedOf({ configuration: configuration2 }) {
  return configuration2 && { template: configuration2.template, to: fingerprintIn(configuration2) };
}
function isConfigured(facts, { to }) {
  return reportedConfiguration(facts) === to;
}
function standingThere(device, facts, { fleet, orders, deviceType, release, now }) {
  const planned = plannedOf(device);
  const wanted = planned ? [release, artifactOf(planned, release)] : [release];
  const other = orders.find((order) => !wanted.includes(withoutSigner(order.release)));
  if (other) return busyWith(other);
  if (!planned || !device.configuration || isConfigured(facts, planned)) return "already-there";
  if (isKnownBad(device.configuration, wanted.at(-1) ?? "", deviceType, fleet))
    return {
      by: "known-bad",
      why: `has a configuration in Git (made of ${planned.template}) that is listed in known-bad: change what it is made of`
    };
  if (orders.length > 0) return "already-pending";
  return problemOf(facts, fleet) ?? heldBy(facts, fleet, now) ?? "configure";
}
function isKnownBad(configuration2, artifact, deviceType, { switches: { knownBad } }) {
  if (knownBad.size === 0) return false;
  const names3 = [artifact, fingerprintIn(configuration2), configurationContent(configuration2, deviceType)];
  return [...knownBad].some((bad) => names3.includes(withoutSigner(bad)));
}
function problemOf(facts, fleet) {
  if (fleet.server?.type !== "hawkbit" && !canBeConfigured(facts))
    return {
      by: "no-release-fact",
      why: "does not report its release as rootfs-image.version, which its configuration depends on: it has to get an update of its system first"
    };
  return void 0;
}
function withoutSecrets(text2, configuration2) {
  const secrets = [...configuration2?.secretKeys ?? []].flatMap(
    (key) => configuration2?.values.get(key) ?? []
  );
  return secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]).filter((secret) => secret.trim().length >= 3).sort((a, b) => b.length - a.length).reduce((shown, secret) => shown.replaceAll(secret, "(secret)"), text2);
}
function shownFact(facts, { configuration: configuration2 }) {
  const reported = reportedConfiguration(facts);
  const isPlain = reported?.startsWith("sha256:") === true;
  if (isPlain && (configuration2?.secretKeys.size ?? 0) > 0) return "sha256:…";
  if (reported === void 0 || isFingerprint(reported)) return reported;
  return reported.slice(0, 100);
}

// src/plan/rollout.ts
var maxNameLength = 256;
var hexDigits = 12;
function rolloutId(stage, content, commit) {
  return `${shortStage(stage)}/${hexOf(content).slice(0, hexDigits)}/${commit.slice(0, hexDigits)}`;
}
function orderName(rollout, attempt, wave2, part) {
  return `drover/${rollout.id}/${attempt}/w${wave2}${part > 1 ? `.${part}` : ""}${configurationPart(rollout)}`;
}
function isOrderIn(rollout, name) {
  const isOfConfiguration = configurationOrder.test(name);
  const part = configurationPart(rollout);
  return name.startsWith(`drover/${rollout.id}/`) && (part === "" ? !isOfConfiguration : name.endsWith(part) && isOfConfiguration);
}
var configurationOrder = /\/c-[0-9a-f]{12}-([0-9a-f]{8})$/;
function isConfigurationOrder(name) {
  return configurationOrder.test(name);
}
function isConfigurationOn(release, name) {
  return configurationOrder.exec(name)?.[1] === digitsOf(release, 8);
}
function configurationPart({ configuration: configuration2 }) {
  if (!configuration2) return "";
  const { template, fingerprint: fingerprint2, on, deviceType } = configuration2;
  const which = canonicalJson([template, fingerprint2, on, deviceType]);
  return `/c-${digitsOf(which, hexDigits)}-${digitsOf(on, 8)}`;
}
var digitsOf = (text2, count2) => hexOf(digestOf(text2)).slice(0, count2);
function isOrderOf(stage, name) {
  return name.startsWith(`drover/${shortStage(stage)}/`);
}
var partsAtOnce = ({ configuration: configuration2 }) => configuration2 ? 1 : 2;
async function findPlaced(server, rollouts, waveCount, there = () => []) {
  const placed = new Map(rollouts.map((rollout) => [rollout, []]));
  let steps = rollouts.flatMap(
    (rollout) => Array.from(
      { length: rollout.attempt },
      (_a, a) => Array.from({ length: waveCount }, (_w, w) => ({ rollout, attempt: a + 1, wave: w + 1, part: 1 }))
    ).flat()
  );
  while (steps.length > 0) {
    const asked = steps.flatMap(
      (step) => Array.from({ length: partsAtOnce(step.rollout) }, (_, i) => ({ ...step, part: step.part + i }))
    );
    const believed = new Map(
      asked.flatMap((one) => {
        const devices = there(one.rollout, one.wave);
        return devices.length === 0 ? [] : [[nameOf(one), devices]];
      })
    );
    const found = await server.findDeployments(asked.map(nameOf), believed);
    for (const one of asked) {
      const { rollout, ...place2 } = one;
      const deployment = found.get(nameOf(one));
      if (deployment) placed.get(rollout)?.push({ ...place2, deployment });
    }
    steps = steps.map((step) => ({ ...step, part: step.part + partsAtOnce(step.rollout) })).filter((next) => found.has(nameOf({ ...next, part: next.part - 1 })));
  }
  for (const orders of placed.values()) orders.sort(byAge);
  return placed;
}
function byAge(a, b) {
  const age = Date.parse(a.deployment.createdAt) - Date.parse(b.deployment.createdAt);
  return age || a.attempt - b.attempt || a.part - b.part;
}
var nameOf = ({ rollout, attempt, wave: wave2, part }) => orderName(rollout, attempt, wave2, part);
var reportMarginMs = 5 * 6e4;
function outcomeOf(facts, rollout, placed, gate, now) {
  const own = placed.filter(({ deployment: deployment2 }) => deployment2.devices.has(facts.id));
  const last = own.at(-1);
  const state = last?.deployment.devices.get(facts.id);
  if (state !== void 0 && isOpenState(state)) return { kind: "pending" };
  if (rollout.configuration && facts.release !== rollout.configuration.on) return { kind: "not-ordered" };
  const reportedAt = facts.reportedAt === void 0 ? 0 : Date.parse(facts.reportedAt);
  const finishedAt = last?.deployment.finishedAt?.get(facts.id);
  if (isThere(facts, rollout)) {
    if (!isFresh(facts.reportedAt, gate.factsYoungerThanMs, now)) return { kind: "pending" };
    const isInDoubt = own.some(
      ({ deployment: { devices, finishedAt: ended } }) => devices.get(facts.id) === "failure" && reportedAt < Date.parse(ended?.get(facts.id) ?? "")
    );
    if (isInDoubt) return { kind: "pending" };
    return {
      kind: "success",
      since: last ? lastEnd(own, facts.id, new Date(finishedAt ?? now)) : rollout.commit.at
    };
  }
  if (!last || state === void 0 || last.attempt !== rollout.attempt) return { kind: "not-ordered" };
  const deployment = last.deployment.id;
  if (state === "aborted" || state === "decommissioned") return { kind: "aborted", deployment };
  if (state === "failure") return { kind: "failure", deployment, why: "the update failed" };
  if (state === "no-artifact")
    return { kind: "failure", deployment, why: "the server had no artifact for this device" };
  if (finishedAt === void 0 || reportedAt <= Date.parse(finishedAt) + reportMarginMs)
    return { kind: "pending" };
  return {
    kind: "failure",
    deployment,
    why: `its update ended with ${state}, but the device reports ${instead(facts, rollout)}`
  };
}
function instead(facts, { release, configuration: configuration2 }) {
  if (configuration2) return "another configuration";
  return facts.release === release ? `other content as ${release}` : facts.release ?? "no release";
}
function lastEnd(own, device, least) {
  const ends = own.flatMap(({ deployment }) => deployment.finishedAt?.get(device) ?? []);
  return new Date(Math.max(least.getTime(), ...ends.map((at) => Date.parse(at))));
}
function isThere(facts, { release, images, configuration: configuration2 }) {
  if (otherImageOf(facts, images) !== void 0) return false;
  if (!configuration2) return facts.release === release;
  return facts.release === configuration2.on && reportedConfiguration(facts) === configuration2.fingerprint;
}
function shortStage(stage) {
  const limit = maxNameLength - "drover////w100000.100000/999/c-123456789012-12345678".length - 2 * hexDigits;
  return stage.length <= limit ? stage : `${stage.slice(0, limit - 13)}-${hexOf(digestOf(stage)).slice(0, 12)}`;
}

// src/plan/membership.ts
function retirementOf(facts, ground) {
  if (!facts || !hasAccess(facts)) return { kind: "no-op", why: "already-retired" };
  const { fleet, stage, orders, now } = ground;
  if (stage.isInEmergency)
    return { kind: "blocked", by: "retired", why: "is retired in Git: it is removed after the emergency" };
  const begun = orders.find(({ devices }) => devices.get(facts.id) !== "pending");
  if (begun) {
    const why = `is retired in Git, and in the middle of ${begun.release} (${begun.name}): it is removed after that; where the device is lost, abort the order on the server`;
    return { kind: "blocked", by: "busy", why };
  }
  const other = orders.find(({ name }) => !isOrderOf(stage.name, name));
  const held = other ? busyWith(other) : heldBy(facts, fleet, now);
  if (held) return { kind: "blocked", ...held };
  return {
    kind: "retire",
    ...facts.deviceType === void 0 ? {} : { deviceType: facts.deviceType },
    ...facts.release === void 0 ? {} : { from: facts.release }
  };
}
function admissionOf(device, facts, ground) {
  if (facts.status === "accepted") return void 0;
  const block = (why) => ({ kind: "blocked", by: "not-accepted", why });
  const { fleet, stage, now } = ground;
  switch (facts.status) {
    case "rejected":
      return block("was rejected on the server: accept it there, or retire it in Git");
    case "preauthorized":
      return block("is preauthorized: the server lets it in when it first connects with its key");
    case "noauth":
      return block("has no key on the server: let it connect first");
    case "pending":
      break;
  }
  if (stage.isInEmergency) return block("is pending on the server: it is let in after the emergency");
  if (!stage.isEnrolling)
    return block(
      `is pending on the server: accept it there first, or set enroll: in-git for ${stage.name} in fleet.yml`
    );
  const held = heldBy(facts, fleet, now);
  if (held) return { kind: "blocked", ...held };
  const deviceType = device.deviceType ?? facts.deviceType;
  const to = releaseFor(device, deviceType);
  return {
    kind: "enroll",
    ...deviceType === void 0 ? {} : { deviceType },
    ...device.site === void 0 ? {} : { site: device.site },
    ...to === void 0 ? {} : { to }
  };
}
var hasAccess = ({ status }) => status === "accepted" || status === "preauthorized";

// src/plan/releases.ts
function artifactsFor(releases, release, deviceType) {
  const artifacts = releases.get(release)?.artifacts ?? [];
  return artifacts.filter(({ deviceTypes }) => deviceTypes.includes(deviceType));
}
function contentOf(releases, release, deviceType) {
  return combined(artifactsFor(releases, release, deviceType).map(({ contentDigest }) => contentDigest));
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
    const planned = plannedOf(device);
    const runs = Object.fromEntries(images);
    return [device.id, planned ? { images: runs, configuration: planned.to } : runs];
  });
  return digestOf(canonicalJson({ stage, devices: Object.fromEntries(wanted) }));
}
function combined(digests) {
  const [first, ...others] = [...new Set(digests)].sort();
  return others.length === 0 ? first : digestOf(canonicalJson([first, ...others]));
}

// src/plan/draft.ts
function draftOf(device, world) {
  const { file, line } = device.at();
  const cause = { file, line };
  const about2 = { device: device.id, host: device.host, cause };
  const facts = world.facts.get(device.id);
  const block = (by, why, to2, until) => ({
    device,
    cause,
    change: { kind: "blocked", ...about2, from: facts?.release, to: to2, by, why, until }
  });
  const memberOf = (membership) => {
    if (membership.kind === "blocked")
      return block(membership.by, membership.why, void 0, membership.until);
    const place2 = device.memberAt?.() ?? device.at();
    const change2 = { ...about2, ...membership, cause: { file: place2.file, line: place2.line } };
    return { device, cause, change: change2 };
  };
  const orders = world.orders.get(device.id) ?? [];
  if (device.isRetired) return memberOf(retirementOf(facts, { ...world, orders }));
  if (!facts) return block("not-on-server", "is not on the server: let it connect, or correct its device_id");
  const admission = admissionOf(device, facts, { ...world, orders });
  if (admission) return memberOf(admission);
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
  const target = { deviceType, from: facts.release, to, configuration: plannedOf(device) };
  if (facts.release === to) {
    const { fleet, now } = world;
    const state2 = otherContent(facts, to, deviceType, world) ?? standingThere(device, facts, { fleet, orders, deviceType, release: to, now });
    return { device, cause, target: { ...target, state: state2 } };
  }
  const problem = releaseProblem(device, to, deviceType, world);
  if (problem) return block(problem.by, problem.why, to);
  const other = orders.find((order) => order.release !== to);
  const isPending = orders.some((order) => order.release === to);
  const state = other ? busyWith(other) : isPending ? "already-pending" : heldBy(facts, world.fleet, world.now) ?? "update";
  return { device, cause, target: { ...target, state } };
}
function otherContent(facts, release, deviceType, { releases }) {
  const images = imagesIn(artifactsFor(releases, release, deviceType));
  const runs = otherImageOf(facts, images);
  if (runs === void 0) return void 0;
  const [wanted] = images;
  return {
    by: "other-content",
    why: `reports ${release}, but its image is ${short(runs)}, and the server's of that name ${short(wanted ?? "")}: give the newer build a name of its own`
  };
}
var short = (checksum) => `${checksum.slice(0, 12)}…`;
function releaseProblem({ isLab }, release, deviceType, { fleet, releases }) {
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
  if (!isLab && artifactsFor(releases, release, deviceType).some(isLabArtifact))
    return {
      by: "lab-artifact",
      why: `${release} is of the variant lab for the device type ${deviceType}, and Git says no lab: true: choose a release for the field`
    };
  return void 0;
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
  if (isOpen(window, timeZone, new Date(at))) return { isOpen: false, opensAt: new Date(at) };
  for (const last = at + 15 * 24 * 60 * minuteMs; at < last; at += strideMinutes * minuteMs) {
    if (!mayOpen(window, timeZone, at)) continue;
    for (let minute = 1; minute <= strideMinutes; minute++) {
      const opensAt = new Date(at + minute * minuteMs);
      if (isOpen(window, timeZone, opensAt)) return { isOpen: false, opensAt };
    }
  }
  return { isOpen: false, opensAt: new Date(at) };
}
var strideMinutes = 15;
function mayOpen({ fromMinute }, timeZone, at) {
  const minuteAt = (time2) => localTime(timeZone, new Date(time2)).minute;
  const begin = minuteAt(at);
  const passed = (to) => (to - begin + dayMinutes) % dayMinutes;
  const isClockChange = passed(minuteAt(at + strideMinutes * minuteMs)) !== strideMinutes;
  const until = passed(fromMinute);
  return isClockChange || until > 0 && until <= strideMinutes;
}
function windowEnd(window, timeZone, now) {
  const isAlways = window.fromMinute === window.toMinute && window.days.length === 7;
  if (isAlways || !isOpen(window, timeZone, now)) return void 0;
  let at = Math.floor(now.getTime() / minuteMs) * minuteMs;
  const last = at + 9 * 24 * 60 * minuteMs;
  while (at < last && isOpen(window, timeZone, new Date(at))) at += minuteMs;
  return at < last ? new Date(at) : void 0;
}
var minuteMs = 6e4;
var dayMinutes = 24 * 60;
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
    const notBefore2 = isUpdate(change2) ? openings.of(change2)?.local : void 0;
    return notBefore2 === void 0 ? change2 : { ...change2, notBefore: notBefore2 };
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
    const moving = changes.filter(hasTurn);
    for (const [key, members] of Map.groupBy(moving, releaseGroup))
      this.#gates.set(key, this.#gatesOf(members, "update", now));
    const configured = moving.filter((change2) => change2.kind !== "update" && configurationOf(change2));
    for (const [key, members] of Map.groupBy(configured, templateGroup))
      this.#gates.set(key, this.#gatesOf(members, "configure", now));
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
  /** When the gate before each wave of one release or template and device type could open. */
  #gatesOf(members, kind, now) {
    const waveOf = (change2) => (kind === "update" ? releaseWaveOf(change2) : configurationOf(change2)?.wave) ?? change2.wave;
    const byWave = Map.groupBy(members, waveOf);
    let gate = now;
    return this.#stage.waves.map((_step, index) => {
      const opens = gate;
      const inWave = byWave.get(index + 1) ?? [];
      const begins = inWave.flatMap(
        (change2) => isUpdate(change2) && change2.kind === kind ? [this.#openingAt(change2, opens)?.at.getTime() ?? Infinity] : []
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
var isUpdate = (change2) => change2.kind === "update" || change2.kind === "configure";
var releaseGroup = (change2) => `${change2.deviceType}\0release\0${releaseOf(change2)}`;
var templateGroup = (change2) => `${change2.deviceType}\0template\0${configurationOf(change2)?.template}`;
var groupOf = (change2) => change2.kind === "update" ? releaseGroup(change2) : templateGroup(change2);
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
  const orders = openOrders(facts.openDeployments);
  const world = { fleet, stage, releases, facts: byId(facts), orders, now };
  const drafts = devices.map((device) => draftOf(device, world));
  requireKnown(drafts, facts.server, stage.name);
  const placed = withWaves(drafts, stage, world.facts);
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
    counts: countsOf(changes),
    waves: waves2,
    changes,
    notInGit: strangersOf(fleet, facts)
  };
}
function requireKnown(drafts, server, stage) {
  const wanted = drafts.flatMap(({ device }) => device.isRetired ? [] : [device]);
  const isKnown = ({ device, change: change2 }) => device.isRetired ? change2?.kind !== "no-op" : !(change2?.kind === "blocked" && change2.by === "not-on-server");
  if (wanted.length === 0 || drafts.some(isKnown)) return;
  const names3 = wanted.slice(0, 5).map(({ host, id }) => host === id ? id : `${host} (${id})`);
  throw new Failure(
    "no-device-matched",
    `${server} knows none of the ${counted(wanted.length, "device")} of ${stage} (${names3.join(", ")}): check their device_id and the server`
  );
}
function strangersOf(fleet, { devices }) {
  const named = new Set(fleet.devices.map(({ id }) => id));
  return devices.flatMap(
    ({ id, status, deviceType }) => named.has(id) ? [] : [{ device: id, status, ...deviceType === void 0 ? {} : { deviceType } }]
  );
}
function stageOf(fleet, name) {
  const stage = fleet.stages.get(name);
  if (stage) return stage;
  throw new Failure(
    "not-a-stage",
    `there is no stage ${name}; the fleet has ${[...fleet.stages.keys()].join(", ")}`
  );
}
function withWaves(drafts, stage, facts) {
  const targets = drafts.flatMap(({ device, target }) => target ? [{ device: device.id, ...target }] : []);
  const releaseWaves = wavesBy(targets, stage, () => "");
  const configured = targets.filter(({ configuration: configuration2 }) => configuration2);
  const templateWaves = wavesBy(configured, stage, ({ configuration: configuration2 }) => configuration2?.template ?? "");
  return drafts.flatMap(({ device, cause, change: change2, target }) => {
    if (change2) return [change2];
    if (!target) return [];
    const about2 = { device: device.id, host: device.host, cause };
    const { deviceType, from, to, state, configuration: configuration2 } = target;
    const wave2 = releaseWaves.get(device.id) ?? stage.waves.length;
    const own = { ...about2, deviceType, site: device.site };
    const planned = configuration2 && {
      ...configuration2,
      wave: templateWaves.get(device.id) ?? stage.waves.length
    };
    const follows = planned ? { configuration: planned } : {};
    if (state === "update") return [{ kind: "update", ...own, from, to, wave: wave2, ...follows }];
    if (state === "configure")
      return [configureOf(device, own, { on: to, releaseWave: wave2, planned }, facts)];
    if (typeof state === "string") return [{ kind: "no-op", ...own, to, why: state, wave: wave2, ...follows }];
    const { by, why, until } = state;
    const place2 = { wave: wave2, deviceType, ...device.site === void 0 ? {} : { site: device.site } };
    return [{ kind: "blocked", ...about2, from, to, by, why, until, ...place2, ...follows }];
  });
}
function wavesBy(targets, stage, group) {
  const groups = Map.groupBy(targets, (target) => JSON.stringify([target.to, group(target)]));
  return new Map(
    [...groups.values()].flatMap((members) => [...waves(members, members[0]?.to ?? "", stage.waves)])
  );
}
function configureOf(device, own, {
  on,
  releaseWave,
  planned
}, facts) {
  const reported = facts.get(device.id);
  if (!planned || !device.configuration || !reported)
    throw new Failure("internal", `${device.host} is to be configured, and nothing says with what`);
  const { file, line } = device.configuration.at();
  const from = shownFact(reported, device);
  const { template, to, wave: wave2 } = planned;
  return { kind: "configure", ...own, cause: { file, line }, template, from, to, on, wave: wave2, releaseWave };
}
function plannedWaves(stage, changes) {
  return stage.waves.map((step, index) => {
    const members = changes.filter((change2) => hasTurn(change2) && change2.wave === index + 1);
    return {
      wave: index + 1,
      share: waveLabel(step),
      devices: members.length,
      updates: members.filter(({ kind }) => kind === "update" || kind === "configure").length
    };
  });
}
var byId = (facts) => new Map(facts.devices.map((device) => [device.id, device]));

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
function whyFailed({ why, said }) {
  return said === void 0 ? why : `${why}; its log says: ${said}`;
}
function nextDue(tick) {
  const held = tick.waiting.map(({ nextDue: nextDue2 }) => nextDue2);
  const times = [tick.windowEnd, ...held].flatMap((time2) => time2 ? [time2.getTime()] : []);
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
    enrolled: [],
    retired: [],
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
  const written = ordered + tick.withdrawn.length + tick.enrolled.length + tick.retired.length;
  return {
    state: tick.state,
    scheduled: tick.isDryRun ? 0 : ordered,
    wave: tick.wave > 0 ? tick.wave : void 0,
    waves: tick.waves > 0 ? tick.waves : void 0,
    "halted-by": tick.haltedBy ?? "",
    "next-due": nextDue(tick)?.toISOString() ?? "",
    changed: !tick.isDryRun && written > 0
  };
}
function requireNotHalted(tick) {
  if (tick.state !== "halted") return;
  const devices = tick.failures.slice(0, 5).map((failed) => `${failed.host}: ${whyFailed(failed)}`);
  const retries = new Map(
    tick.failures.flatMap(({ retry: retry2 }) => retry2 ? [[retry2.rollout, retry2.attempt]] : [])
  );
  const retry = [...retries].map(([rollout, attempt]) => `${rollout}: ${attempt}`).join(", ");
  const again = retry === "" ? "raise retry in fleet.yml" : `set retry: { ${retry} } in fleet.yml`;
  throw new Failure(
    "halted",
    `stage ${tick.stage} is halted, nothing new starts: ${tick.haltedBy}. ${devices.join("; ")}. Change what failed in Git (os_image, or what a configuration is made of), or ${again}`
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
    isInEmergency: true,
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
        const moved = { ...device, images, configuration: void 0 };
        return device.stage === stage.name && !device.isRetired ? moved : device;
      })
    },
    stage: quick,
    git: {
      head: git2.head,
      tips: () => git2.tips(),
      requireCommitted: () => git2.requireCommitted(),
      switchesAt: (tips, branch) => git2.switchesAt(tips, branch),
      textCommits: (files) => git2.textCommits(files),
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
async function textCommits(repository, files) {
  const paths = new Map(files.map((file) => [file, fileIn(repository.folder, file)]));
  const history = await historyOf(repository, pathsOf(new Set(paths.values())));
  const found = /* @__PURE__ */ new Map();
  for (const [file, path] of paths) {
    const commits = history.get(path) ?? [];
    const text2 = await readAt(repository, repository.head, path);
    for (const commit of text2 === void 0 ? [] : commits) {
      if (await readAt(repository, commit.id, path) !== text2) break;
      found.set(file, commit);
    }
    if (!found.has(file))
      throw new Failure("bad-input", `${path} is in no commit of this branch: commit it first`);
  }
  return found;
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
    introducingCommits: (wanted) => introducingCommits(repository, wanted),
    textCommits: (files) => textCommits(repository, files)
  };
}

// src/plan/after.ts
function afterState(fleet, stage, { release, images, configuration: configuration2 }, deviceType, facts, now) {
  const earlier = stage.after === void 0 ? void 0 : fleet.stages.get(stage.after);
  if (!earlier) return stage.after === void 0 ? { isOpen: true } : unknownStage(stage.after);
  const fresh = fleet.devices.flatMap((device) => {
    const reported = facts.get(device.id);
    if (device.stage !== earlier.name || device.isRetired || reported?.status !== "accepted") return [];
    if ((reported.deviceType ?? device.deviceType) !== deviceType) return [];
    if (configuration2 && device.configuration?.template !== configuration2.template) return [];
    return isFresh(reported.reportedAt, earlier.gate.factsYoungerThanMs, now) ? [{ device, reported }] : [];
  });
  const there = fresh.filter(
    ({ device, reported }) => otherImageOf(reported, images) === void 0 && (configuration2 ? hasOwn(device, reported) : reported.release === release)
  ).length;
  if (there > 0 && there >= needed(earlier.gate.minSuccess, fresh.length)) return { isOpen: true };
  const what = configuration2 ? `what ${configuration2.template} gives them` : release;
  const why = fresh.length === 0 ? `stage ${earlier.name} has no device of type ${deviceType} with fresh facts${configuration2 ? ` and a configuration made of ${configuration2.template}` : ""}: nothing shows that ${configuration2 ? "it" : release} works there` : `${there} of ${fresh.length} devices of type ${deviceType} in stage ${earlier.name} report ${what}`;
  return { isOpen: false, why, nextDue: void 0 };
}
var unknownStage = (name) => ({
  isOpen: false,
  why: `there is no stage ${name}, after which this one comes`,
  nextDue: void 0
});
function hasOwn(device, reported) {
  const planned = plannedOf(device);
  return planned !== void 0 && isConfigured(reported, planned);
}

// src/plan/at-once.ts
function withinSites(due, fleet, stage, facts, waiting) {
  const { perSite } = stage.budget;
  if (perSite === void 0) return due;
  const siteOf = new Map(
    fleet.devices.flatMap(({ id, site }) => site === void 0 ? [] : [[id, site]])
  );
  const size = countBy([...siteOf.values()]);
  const busy = new Set(
    facts.openDeployments.flatMap(
      ({ devices }) => [...devices].filter(([, state]) => isOpenState(state)).map(([id]) => id)
    )
  );
  const used = countBy([...busy].flatMap((id) => siteOf.get(id) ?? []));
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
var maxSingleOrders = 200;
function withinSingles(due, stage, facts, waiting) {
  const isSingle = ({ state }) => state.rollout.configuration !== void 0 && state.devices.size === 1;
  const single = due.filter(isSingle);
  const open = facts.openDeployments.filter(
    ({ name, devices }) => devices.size === 1 && isOrderOf(stage.name, name) && isConfigurationOrder(name)
  );
  const free = Math.max(0, maxSingleOrders - open.length);
  if (single.length <= free) return due;
  const reportedAt = new Map(facts.devices.map((device) => [device.id, device.reportedAt ?? ""]));
  const latest = single.toSorted((a, b) => {
    const [x, y] = [reportedAt.get(a.device) ?? "", reportedAt.get(b.device) ?? ""];
    return x < y ? 1 : x > y ? -1 : 0;
  });
  const held = new Set(latest.slice(free).map(({ device }) => device));
  for (const { wave: wave2 } of latest.slice(free))
    waiting.add(
      `${maxSingleOrders} orders of a configuration for one device may be open at once`,
      void 0,
      wave2
    );
  return due.filter((member) => !isSingle(member) || !held.has(member.device));
}
function countBy(names3) {
  const counts = /* @__PURE__ */ new Map();
  for (const name of names3) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

// src/plan/gate.ts
function gateOf(wave2, deviceType, members, gate, now, what = "the release") {
  for (let earlier = 1; earlier < wave2; earlier++) {
    const inWave = membersIn(earlier, deviceType, members);
    const ofType = inWave.filter((member) => member.deviceType === deviceType);
    if (ofType.length === 0) continue;
    const closed2 = withoutSuccess(ofType, earlier, deviceType, what) ?? tooFewSuccesses(inWave, earlier, gate) ?? tooManyPending(inWave, earlier, gate) ?? soaking(ofType, earlier, deviceType, gate, now);
    if (closed2) return closed2;
  }
  return { isOpen: true };
}
function membersIn(wave2, deviceType, members) {
  const inWave = members.filter((member) => member.wave === wave2);
  if (inWave.some((member) => member.deviceType === deviceType)) return inWave;
  const moved = members.filter((member) => member.planned === wave2 && member.deviceType === deviceType);
  return [...inWave, ...moved];
}
function tooManyFailures(members, gate) {
  const failed = members.filter(({ outcome }) => outcome.kind === "failure").length;
  const limit = allowed(gate.maxFailures, members.length);
  return failed > limit ? `${failed} of ${members.length} devices failed; max-failures allows ${limit}` : void 0;
}
var closed = (why, nextDue2) => ({ isOpen: false, why, nextDue: nextDue2 });
function withoutSuccess(ofType, wave2, deviceType, what) {
  if (ofType.some(({ outcome }) => outcome.kind === "success")) return void 0;
  return closed(`no device of type ${deviceType} in wave ${wave2} reports ${what} with fresh facts yet`);
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
  const counted2 = Math.min(successes.length, Math.max(1, needed(gate.minSuccess, reported)));
  const last = successes.sort((a, b) => a - b)[counted2 - 1] ?? now.getTime();
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

// src/plan/waiting-list.ts
var WaitingList = class {
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

// src/plan/due.ts
function whatIsDue(fleet, stage, plan, states, facts, now) {
  const byId2 = new Map(facts.devices.map((device) => [device.id, device]));
  const zones = zonesOf(fleet);
  const all = membersOf(plan, states, byId2, stage, zones, now);
  const members = nextOf(all);
  const bySubject = Map.groupBy(all, ({ subject }) => subject);
  const rules = [...bySubject].flatMap(([subject, group]) => {
    const rule = tooManyFailures([...group, ...failedAndBlocked(plan, states, subject)], stage.gate);
    return rule === void 0 ? [] : [{ subject, rule: `${subject}: ${rule}` }];
  });
  if (rules.length > 0) {
    const haltedBy = rules.map(({ rule }) => rule).join("; ");
    const subjects = new Set(rules.map(({ subject }) => subject));
    const halted = states.filter(({ rollout }) => subjects.has(subjectOf(rollout)));
    const names3 = halted.map(({ rollout }) => rollout.release);
    return { members, due: [], waiting: [], haltedBy, halted: names3 };
  }
  const waiting = new WaitingList();
  const due = [];
  const gates = /* @__PURE__ */ new Map();
  for (const member of all) {
    if (!isDue(member) || !mayBeOrdered(member, waiting)) continue;
    const key = JSON.stringify([member.subject, member.deviceType, member.wave]);
    let gate = gates.get(key);
    if (!gate) {
      const group = bySubject.get(member.subject) ?? [];
      gate = gateFor(member, group, fleet, stage, byId2, now);
      gates.set(key, gate);
    }
    const window = gate.isOpen ? windowFor(member, zones.get(member.device), stage, now) : gate;
    if (window.isOpen) due.push(member);
    else waiting.add(window.why, window.nextDue, member.wave);
  }
  const within = withinSingles(withinSites(due, fleet, stage, facts, waiting), stage, facts, waiting);
  return { members, due: within, waiting: waiting.list(), haltedBy: void 0, halted: [] };
}
function subjectOf({ release, configuration: configuration2 }) {
  return configuration2 ? `configurations of ${configuration2.template}` : release;
}
function isDue({ change: change2, state }) {
  return change2.kind === (state.rollout.configuration ? "configure" : "update");
}
function nextOf(all) {
  const next = /* @__PURE__ */ new Map();
  for (const member of all) {
    const release = next.get(member.device);
    const runsIt = release === void 0 || release.outcome.kind === "success" || isDue(member);
    if (!member.state.rollout.configuration || runsIt) next.set(member.device, member);
  }
  return [...next.values()];
}
function membersOf(plan, states, facts, stage, zones, now) {
  const statesOf = Map.groupBy(
    states.flatMap((state) => [...state.devices].map((device) => ({ device, state }))),
    ({ device }) => device
  );
  const found = plan.changes.flatMap(
    (change2) => (statesOf.get(change2.device) ?? []).map(({ state }) => ({ change: change2, state }))
  );
  return found.flatMap(({ change: change2, state }) => {
    const reported = facts.get(change2.device);
    if (!isMoving(change2) || !reported) return [];
    const { device, deviceType } = change2;
    const placed = state.left.has(device) ? [] : state.placed;
    const ordered = placed.filter(({ deployment }) => deployment.devices.has(device));
    const judged = outcomeOf(reported, state.rollout, placed, stage.gate, now);
    const endedAt = ordered.at(-1)?.deployment.finishedAt?.get(device);
    const outcome = withinWindow(judged, reported, endedAt, stage, zones.get(device));
    const own = state.rollout.configuration ? configurationOf(change2)?.wave : releaseWaveOf(change2);
    const planned = own ?? change2.wave;
    const wave2 = Math.min(planned, ...ordered.map((order) => order.wave));
    const place2 = { device, deviceType, wave: wave2, planned, subject: subjectOf(state.rollout) };
    return [{ ...place2, outcome: pendingElsewhere(change2, outcome), change: change2, state }];
  });
}
var skewMs = 5 * 6e4;
function withinWindow(outcome, facts, endedAt, { window }, zone) {
  if (outcome.kind !== "aborted" || !window || endedAt === void 0) return outcome;
  const at = Date.parse(endedAt);
  if ([at, at + skewMs].every((time2) => isWindowOpen(window, zone, new Date(time2)))) return outcome;
  return Date.parse(facts.reportedAt ?? endedAt) > at ? { kind: "not-ordered" } : { kind: "missed" };
}
function failedAndBlocked(plan, states, subject) {
  const orders = states.filter(({ rollout }) => subjectOf(rollout) === subject).flatMap(({ rollout, placed }) => placed.filter(({ attempt }) => attempt === rollout.attempt));
  return plan.changes.flatMap((change2) => {
    if (isMoving(change2) || isLeaving(change2)) return [];
    const isOfRelease = states.some(({ rollout }) => !rollout.configuration && rollout.release === subject);
    if (isOfRelease && "to" in change2 && (change2.to ?? subject) !== subject) return [];
    const { device } = change2;
    const order = orders.find(({ deployment }) => isFailed(deployment.devices.get(device)));
    if (!order) return [];
    const outcome = { kind: "failure", why: "the update failed", deployment: order.deployment.id };
    return [{ device, deviceType: "", wave: order.wave, outcome }];
  });
}
function isLeaving(change2) {
  if (change2.kind === "blocked") return change2.by === "retired";
  return change2.kind === "retire" || change2.kind === "no-op" && change2.why === "already-retired";
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
  const { rollout } = member.state;
  const after = afterState(fleet, stage, rollout, member.deviceType, facts, now);
  if (!after.isOpen) return after;
  const what = rollout.configuration ? "its configuration" : "the release";
  return gateOf(member.wave, member.deviceType, group, stage.gate, now, what);
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

// src/plan/failed-devices.ts
async function failedDevices(due, facts, fleet, server) {
  const reported = new Map(facts.devices.map(({ id, release }) => [id, release]));
  const inGit = new Map(fleet.devices.map((device) => [device.id, device]));
  const failed = [];
  for (const { device, change: change2, outcome, state } of due.members) {
    if (outcome.kind !== "failure") continue;
    const told = outcome.deployment !== void 0 && failed.length < 5 ? await server.log(outcome.deployment, device) : void 0;
    const log = told === void 0 ? void 0 : withoutSecrets(told, inGit.get(device)?.configuration);
    const lines = log?.trimEnd().split("\n").slice(-12).join("\n");
    const said = log === void 0 ? void 0 : tellingLines(log);
    const { content, release, configuration: configuration2 } = state.rollout;
    const from = configuration2 ? void 0 : reported.get(device);
    const retry = { rollout: state.rollout.id, attempt: state.rollout.attempt + 1 };
    const { why } = outcome;
    failed.push({ device, host: change2.host, why, said, retry, log: lines, content, release, from });
  }
  return failed;
}

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
  const groups = Map.groupBy(
    due,
    ({ state: { rollout }, wave: wave2 }) => JSON.stringify([rollout.id, rollout.release, rollout.configuration?.deviceType, wave2])
  );
  return [...groups.values()].flatMap((members) => {
    const [first] = members;
    if (!first) return [];
    const { wave: wave2, state } = first;
    const { rollout, placed } = state;
    const taken = placed.filter((order) => order.wave === wave2 && order.attempt === rollout.attempt).length;
    const { template, on, deviceType } = rollout.configuration ?? {};
    const isConfiguration = template !== void 0 && on !== void 0 && deviceType !== void 0;
    const chunks = Math.ceil(members.length / maxDevicesPerOrder);
    return Array.from({ length: chunks }, (_, index) => ({
      name: orderName(rollout, rollout.attempt, wave2, taken + index + 1),
      release: rollout.release,
      wave: wave2,
      devices: members.slice(index * maxDevicesPerOrder, (index + 1) * maxDevicesPerOrder).map(({ device }) => device).sort(),
      ...isConfiguration ? { configuration: { template, on, deviceType } } : {}
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
    if (change2.kind !== "blocked" && !hasTurn(change2)) continue;
    const member = known.get(change2.device);
    const place2 = member?.wave ?? ("wave" in change2 ? change2.wave : void 0);
    const wave2 = place2 === void 0 ? void 0 : waves2.get(place2);
    if (!wave2) continue;
    const { deviceType = "", site } = change2;
    const key = `${deviceType}\0${site ?? ""}`;
    let group = wave2.groups.get(key);
    if (!group) {
      group = { deviceType, site, there: 0, pending: 0, failed: 0, toCome: 0, blocked: 0 };
      wave2.groups.set(key, group);
    }
    group[ordered.has(change2.device) ? "pending" : standing2(change2, member?.outcome)] += 1;
  }
  return [...waves2.values()].map(({ groups, ...wave2 }) => ({ ...wave2, groups: [...groups.values()] }));
}
function standing2(change2, outcome) {
  if (change2.kind === "blocked") return "blocked";
  if (outcome?.kind === "failure") return "failed";
  if (change2.kind === "no-op") return change2.why === "already-there" ? "there" : "pending";
  return outcome?.kind === "pending" ? "pending" : "toCome";
}

// src/plan/provide.ts
function requireSigning(orders, facts, signing) {
  if (isKey(signing)) return;
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  for (const { configuration: configuration2, devices } of orders) {
    if (!configuration2) continue;
    const { on, deviceType } = configuration2;
    if (!artifactsFor(releases, on, deviceType).some(({ isSigned }) => isSigned)) continue;
    throw new Failure(
      "artifact-unsigned",
      `${counted(devices.length, "device", ["is", "are"])} to be configured, and ${on} for ${deviceType} is signed: give the key that signs configurations in DROVER_SIGNING_KEY, or its devices refuse them`
    );
  }
}
function signedOrders(orders, fleet, signing) {
  if (!orders.some(({ configuration: configuration2 }) => configuration2)) return [...orders];
  const signer = signingKeyOf(signing);
  const byId2 = new Map(fleet.devices.map((device) => [device.id, device]));
  return orders.map((order) => {
    const planned = byId2.get(order.devices[0] ?? "")?.configuration;
    if (!order.configuration || !planned) return order;
    const { on } = order.configuration;
    return { ...order, release: configurationName(planned.template, fingerprintIn(planned), on, signer) };
  });
}
async function provideFor({ configuration: configuration2, release: name, devices }, { fleet, facts, server }, signing, context) {
  if (!configuration2) return false;
  const device = fleet.devices.find(({ id }) => id === devices[0]);
  if (!device?.configuration)
    throw new Failure("internal", `${name} is ordered for a device without configuration`);
  const { on, deviceType } = configuration2;
  const byName = new Map(facts.releases.map((release) => [release.name, release]));
  const [os] = artifactsFor(byName, on, deviceType);
  const target = { configuration: device.configuration, release: on, deviceType, name, format: os?.format };
  const known = byName.get(name);
  return await provideConfiguration(server, target, known, signing, context);
}
function isMissing({ configuration: configuration2, release }, facts) {
  if (!configuration2) return false;
  const releases = new Map(
    facts.releases.filter(({ name }) => name === release).map((one) => [one.name, one])
  );
  return artifactsFor(releases, release, configuration2.deviceType).length === 0;
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
  const known = new Map(reviewed.changes.map((change2) => [change2.device, change2]));
  const changed = plan.changes.filter((change2) => !isApproved(change2, known.get(change2.device)));
  if (changed.length === 0 && reviewed.digest === plan.digest) return;
  const what = changed.length > 0 ? `${counted(changed.length, "device")} changed (${changed.slice(0, 5).map(({ host }) => host).join(", ")}${changed.length > 5 ? ", …" : ""})` : "what the stage should run changed";
  throw new Failure("plan-changed", `${what} since ${reviewed.createdAt}: plan again and have it reviewed`);
}
function isApproved(change2, reviewed) {
  switch (change2.kind) {
    case "update":
      return reviewed?.kind === "enroll" || runsThen(reviewed) === change2.to;
    case "configure":
      return reviewed?.kind === "enroll" || runsThen(reviewed) === change2.on && reviewed !== void 0 && configurationOf(reviewed)?.to === change2.to;
    case "enroll":
    case "retire":
      return reviewed?.kind === change2.kind;
    default:
      return true;
  }
}
var runsThen = (reviewed) => reviewed !== void 0 && hasTurn(reviewed) ? releaseOf(reviewed) : void 0;

// src/plan/configuration-rollouts.ts
async function configurationRollouts(plan, releases, fleet, stage, git2) {
  const moved = new Set(
    plan.changes.flatMap((change2) => {
      const isMoved = change2.kind === "configure" || change2.kind === "no-op" && change2.why === "already-pending";
      return isMoved ? [configurationOf(change2)?.template] : [];
    })
  );
  const devices = new Map(fleet.devices.map((device) => [device.id, device]));
  const members = plan.changes.flatMap((change2) => {
    const planned = configurationOf(change2);
    const configuration2 = devices.get(change2.device)?.configuration;
    if (!isMoving(change2) || !planned || !configuration2 || !moved.has(planned.template)) return [];
    return [{ change: change2, planned, configuration: configuration2 }];
  });
  const files = new Set(members.map(({ configuration: configuration2 }) => configuration2.source.file));
  const commits = files.size > 0 ? await git2.textCommits([...files]) : /* @__PURE__ */ new Map();
  const rollouts = /* @__PURE__ */ new Map();
  for (const { change: change2, planned, configuration: configuration2 } of members) {
    const { source } = configuration2;
    const commit = commits.get(source.file);
    if (!commit) continue;
    const [on, { deviceType, device }] = [releaseOf(change2), change2];
    const release = artifactOf(planned, on);
    const key = JSON.stringify([release, deviceType]);
    const known = rollouts.get(key);
    if (known) {
      known.devices.add(device);
      continue;
    }
    const id = rolloutId(stage.name, digestOf(canonicalJson([planned.template, source.digest])), commit.id);
    const attempt = fleet.switches.retry.get(id) ?? 1;
    const content = configurationContent(configuration2, deviceType);
    const which = { template: planned.template, fingerprint: planned.to, on, deviceType };
    const images = imagesIn(artifactsFor(releases, on, deviceType));
    const rollout = { id, release, commit, attempt, content, images, configuration: which };
    rollouts.set(key, { rollout, devices: /* @__PURE__ */ new Set([device]) });
  }
  return [...rollouts.values()];
}

// src/plan/rollouts.ts
async function rolloutsOf(plan, facts, fleet, stage, git2, server, now) {
  const { updates, configures, alreadyPending } = plan.counts;
  if (updates + configures + alreadyPending === 0) return [];
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  const members = [
    ...await membersByRollout(plan, releases, fleet, stage, git2),
    ...await configurationRollouts(plan, releases, fleet, stage, git2)
  ];
  const byId2 = new Map(facts.devices.map((device) => [device.id, device]));
  const waveOf = new Map(plan.changes.map((change2) => [change2.device, configurationOf(change2)?.wave]));
  const there = new Map(
    members.flatMap(({ rollout, devices }) => {
      const [device, ...others] = devices;
      const reported = byId2.get(device ?? "");
      const isAlone = rollout.configuration && reported && others.length === 0;
      const isThere2 = isAlone && outcomeOf(reported, rollout, [], stage.gate, now).kind === "success";
      return isThere2 ? [[rollout, reported.id]] : [];
    })
  );
  const placedIn = await findPlaced(
    server,
    members.map(({ rollout }) => rollout),
    stage.waves.length,
    (rollout, wave2) => {
      const device = there.get(rollout);
      return device !== void 0 && waveOf.get(device) === wave2 ? [device] : [];
    }
  );
  const states = [];
  for (const { rollout, devices } of members) {
    const placed = placedIn.get(rollout) ?? [];
    const ended = [...devices].filter((device) => {
      const reported = byId2.get(device);
      return reported && hasEndedBadly(outcomeOf(reported, rollout, placed, stage.gate, now));
    });
    states.push({ rollout, devices, placed, ended });
  }
  const taken = await server.lastTaken(states.flatMap(({ ended }) => ended));
  return states.map(({ ended, ...state }) => {
    const left = ended.filter((device) => hasLeft(taken.get(device), state.rollout, stage));
    return { ...state, left: new Set(left) };
  });
}
var hasEndedBadly = ({ kind }) => kind === "failure" || kind === "aborted";
function hasLeft(lastTaken, rollout, stage) {
  if (lastTaken === void 0 || !isOrderOf(stage.name, lastTaken) || isOrderIn(rollout, lastTaken))
    return false;
  return rollout.configuration !== void 0 || !isConfigurationOn(rollout.release, lastTaken);
}
async function membersByRollout(plan, releases, fleet, stage, git2) {
  const devices = new Map(fleet.devices.map((device) => [device.id, device]));
  const moving = plan.changes.flatMap((change2) => {
    const device = devices.get(change2.device);
    if (!isMoving(change2) || !device) return [];
    return [{ device, deviceType: change2.deviceType, release: releaseOf(change2) }];
  });
  const commits = await git2.introducingCommits(moving);
  const members = /* @__PURE__ */ new Map();
  for (const { device, deviceType, release } of moving) {
    const commit = commits.get(device.id);
    const content = contentOf(releases, release, deviceType);
    if (!commit || !content) continue;
    const id = rolloutId(stage.name, content, commit.id);
    let member = members.get(id);
    if (!member) {
      const attempt = fleet.switches.retry.get(id) ?? 1;
      const images = imagesIn(artifactsFor(releases, release, deviceType));
      member = { rollout: { id, release, commit, attempt, content, images }, devices: /* @__PURE__ */ new Set() };
      members.set(id, member);
    }
    member.devices.add(device.id);
  }
  return members.values();
}

// src/plan/required-releases.ts
function requireReleases({ changes, stage }) {
  const missing = changes.filter((change2) => change2.kind === "blocked" && change2.by === "release-missing");
  const [first] = missing;
  if (first?.kind !== "blocked") return;
  const others = missing.length > 1 ? ` and ${counted(missing.length - 1, "more device")}` : "";
  throw new Failure("release-missing", `${stage}: ${first.host}${others} can't be updated: ${first.why}`);
}
function lacksRelease({ changes }) {
  return changes.some((change2) => change2.kind === "blocked" && change2.by === "release-missing");
}

// src/plan/tick-members.ts
async function admit({ changes }, turn) {
  const due = changes.filter(({ kind }) => kind === "enroll");
  return await each(due, "let in", turn, ({ device }) => turn.server.accept(device));
}
async function remove({ changes }, { openDeployments }, turn) {
  const orders = openOrders(openDeployments);
  const due = changes.filter(
    ({ kind, device }) => kind === "retire" && (turn.isDryRun || !orders.has(device))
  );
  return await each(due, "remove", turn, async ({ device }) => {
    const lease = await turn.server.leaseOf(device);
    if (lease) throw new Failure("device-busy", `it is leased to ${oneLine(lease.holder)}`);
    await turn.server.retire(device);
  });
}
var ofOneDevice = [
  "device-missing",
  "device-not-accepted",
  "device-busy",
  "server-refused"
];
async function each(changes, verb, { context, isDryRun, mayWrite }, write) {
  const done = [];
  const waiting = [];
  for (const change2 of changes) {
    if (!await mayWrite()) break;
    context.log.info(`${isDryRun ? `would ${verb}` : verb}: ${oneLine(change2.host)} (${change2.device})`);
    try {
      if (!isDryRun) await write(change2);
      done.push(change2.device);
    } catch (error) {
      if (!(error instanceof Failure) || !ofOneDevice.includes(error.reason)) throw error;
      const why = `could not ${verb} ${oneLine(change2.host)}: ${error.message}`;
      context.log.warn(why);
      waiting.push({ why, devices: 1, nextDue: void 0 });
    }
  }
  return { done, waiting };
}

// src/plan/tick-orders.ts
async function withdrawAll(withdrawals, turn) {
  const { server, context, isDryRun, mayWrite } = turn;
  const names3 = [];
  for (const { id, name, devices } of withdrawals) {
    if (!await mayWrite()) break;
    context.log.info(
      `${isDryRun ? "would withdraw" : "withdrawing"} ${name} from ${counted(devices.length, "device")} where it has not begun`
    );
    if (isDryRun) continue;
    const begun = (await server.withdraw(id, [], devices)).filter((device) => devices.includes(device));
    if (begun.length > 0)
      context.log.warn(`${begun.join(", ")} began ${name} before it was taken back, and will finish it`);
    names3.push(name);
  }
  return names3;
}
async function placeAll(orders, turn) {
  const { context, isDryRun, mayWrite, fleet, facts, signing } = turn;
  const signed = signedOrders(orders, fleet, signing);
  requireSigning(signed, facts, signing);
  const placed = [];
  for (const order of signed) {
    if (!await provide(order, turn) || !await mayWrite()) break;
    const { name, release, devices } = order;
    context.log.info(
      `${isDryRun ? "would order" : "ordering"} ${release} for ${counted(devices.length, "device")}: ${name}`
    );
    if (!isDryRun && !await place(order, turn)) break;
    placed.push(order);
  }
  return placed;
}
async function withoutLeased(due, fleet, facts, server) {
  const inGit = fleet.devices.filter(({ isLab }) => isLab);
  const lab = new Set([...facts.devices.filter(isInLab), ...inGit].map(({ id }) => id));
  const held = /* @__PURE__ */ new Map();
  for (const { device } of due.due.filter(({ device: device2 }) => lab.has(device2))) {
    const lease = await server.leaseOf(device);
    if (!lease) continue;
    held.set(device, { why: whyLeased(lease), devices: 1, nextDue: new Date(lease.until) });
  }
  const free = due.due.filter(({ device }) => !held.has(device));
  return { ...due, due: free, waiting: [...due.waiting, ...held.values()] };
}
async function provide(order, turn) {
  if (!order.configuration) return true;
  const { context, isDryRun, mayWrite, facts, signing } = turn;
  const isNew = isMissing(order, facts);
  if (isNew && !await mayWrite()) return false;
  if (isNew) context.log.info(`${isDryRun ? "would upload" : "uploading"} ${order.release}`);
  if (isNew && isDryRun) return true;
  await provideFor(order, turn, signing, context);
  return true;
}
async function place(order, turn) {
  try {
    await turn.server.deploy(order);
    return true;
  } catch (error) {
    if (!(error instanceof Failure) || !await isTaken(order, turn)) throw error;
    return false;
  }
}
async function isTaken({ name, release, devices }, { server, context }) {
  const found = await server.findDeployment(name);
  if (!found) return false;
  const isFor = found.devices.size === devices.length && devices.every((id) => found.devices.has(id));
  if (isFor && found.release === release) return false;
  const otherwise = isFor ? `with ${oneLine(found.release)}` : "for other devices";
  context.log.warn(`another run has just ordered ${name} ${otherwise}: the next one goes on from there`);
  return true;
}

// src/plan/window-end.ts
function windowEndOf(fleet, stage, facts, orders, now) {
  const { window } = stage;
  if (!window) return void 0;
  const waiting = facts.openDeployments.flatMap(
    ({ name, devices: devices2 }) => isOrderOf(stage.name, name) ? [...devices2].flatMap(([id, state]) => state === "pending" ? [id] : []) : []
  );
  const own = zonesOf(fleet);
  const devices = [...waiting, ...orders.flatMap(({ devices: devices2 }) => devices2)];
  const zones = new Set(devices.map((id) => window.timeZone === "device" ? own.get(id) : window.timeZone));
  const ends = [...zones].flatMap((zone) => {
    const end = zone === void 0 ? void 0 : windowEnd(window, zone, now);
    return end ? [end.getTime()] : [];
  });
  return ends.length > 0 ? new Date(Math.min(...ends)) : void 0;
}

// src/plan/withdrawals.ts
var refused = ["known-bad", "lab-artifact"];
function withdrawalsOf(fleet, stage, plan, facts, halted, now) {
  const wanted = new Map(
    plan.changes.map((change2) => {
      const isRefused = change2.kind === "blocked" && refused.includes(change2.by);
      return [change2.device, isRefused ? [] : namesWanted(change2)];
    })
  );
  const zones = zonesOf(fleet);
  const isClosed = (device) => stage.window && !isWindowOpen(stage.window, zones.get(device), now);
  return facts.openDeployments.flatMap(({ id, name, release: signed, devices: all }) => {
    if (!isOrderOf(stage.name, name)) return [];
    const release = withoutSigner(signed);
    const devices = [...all].flatMap(([device, state]) => {
      if (state !== "pending") return [];
      return !(wanted.get(device) ?? []).includes(release) || halted.has(release) || isClosed(device) ? [device] : [];
    });
    return devices.length > 0 ? [{ id, name, devices }] : [];
  });
}
function namesWanted(change2) {
  if (isMoving(change2)) return wantedOnServer(change2);
  return "to" in change2 && change2.to !== void 0 ? [change2.to] : [];
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
    if (changesIn(look.plan.counts) > 0 || look.withdrawals.length > 0)
      await requireReview(look.plan, this.#stage, this.#git.head, this.#options.review ?? {});
    const over = overBudget(look.plan, this.#stage);
    if (over.length > 0)
      throw new Failure("over-budget", `${over.join("; ")}: raise the budget in a reviewed change`);
    const withdrawn = await withdrawAll(look.withdrawals, this.#turn);
    if (look.due.haltedBy === void 0 && !this.#stage.isInEmergency) requireReleases(look.plan);
    requireSigning(ordersFor(look.due.due), look.facts, this.#options.signing);
    const admitted = await admit(look.plan, this.#turn);
    const hasChanged = withdrawn.length + admitted.done.length > 0 && !this.#isDryRun;
    if (hasChanged && !this.#isOvertaken) look = await this.#look();
    const removed = await remove(look.plan, look.facts, this.#turn);
    const due = await withoutLeased(look.due, this.#fleet, look.facts, this.#server);
    const orders = await placeAll(ordersFor(due.due), {
      ...this.#turn,
      fleet: this.#fleet,
      facts: look.facts,
      signing: this.#options.signing
    });
    const written = { enrolled: admitted.done, retired: removed.done, orders, withdrawn };
    if (this.#isOvertaken)
      return { ...supersededTick(this.#stage.name, this.#git.head, this.#isDryRun), ...written };
    return await this.#tick({ ...look, due }, written, [...admitted.waiting, ...removed.waiting]);
  }
  get #turn() {
    return {
      server: this.#server,
      context: this.#context,
      isDryRun: this.#isDryRun,
      mayWrite: () => this.#mayWrite()
    };
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
  get #isDryRun() {
    return this.#options.isDryRun ?? false;
  }
  #now() {
    return this.#context.clock.now();
  }
  async #tick({ plan, facts, due }, { orders, withdrawn, enrolled, retired }, held) {
    const pending = due.members.filter(({ outcome }) => outcome.kind === "pending").length;
    const placed = due.members.flatMap(({ state }) => state.placed.map(({ wave: wave2 }) => wave2));
    const waves2 = Math.max(1, ...plan.changes.map((change2) => hasTurn(change2) ? change2.wave : 1));
    const waiting = [...due.waiting, ...held, ...heldByPlan(plan)];
    for (const { why, devices } of waiting)
      this.#context.log.info(`waits: ${counted(devices, "device")}: ${oneLine(why)}`);
    const isAtWork = orders.length + pending + enrolled.length + retired.length > 0;
    const isDone = !isAtWork && waiting.length === 0;
    return {
      stage: this.#stage.name,
      commit: this.#git.head,
      state: due.haltedBy !== void 0 ? "halted" : isAtWork ? "in-progress" : isDone ? "done" : "waiting",
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
      enrolled,
      retired,
      pending,
      wave: isDone ? waves2 : Math.max(0, ...placed, ...orders.map(({ wave: wave2 }) => wave2)),
      waves: waves2,
      haltedBy: due.haltedBy,
      windowEnd: windowEndOf(this.#fleet, this.#stage, facts, this.#isDryRun ? [] : orders, this.#now()),
      failures: await failedDevices(due, facts, this.#fleet, this.#server),
      waiting
    };
  }
};
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
var fingerprint = pipe(
  string(),
  regex(/^(hmac-sha256|sha256):[0-9a-f]{64}$/),
  description("Equal exactly where the configuration is; keyed where it has secrets.")
);
var configuration = pipe(
  optional(strictObject({ template: string(), to: fingerprint, wave })),
  description("What it is to be configured with once it runs its release.")
);
var notBefore = optional(
  pipe(time, description("The earliest time at which it could begin, with the offset of its time zone."))
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
    configuration,
    notBefore
  }),
  strictObject({
    kind: literal("configure"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    template: pipe(string(), description("What its configuration is made of.")),
    from: optional(pipe(string(), description("The fingerprint that it reports, or a word."))),
    to: fingerprint,
    on: pipe(string(), description("The release that it was planned for, and that the device runs.")),
    wave,
    releaseWave: pipe(wave, description("Its wave among all that are to run the release.")),
    notBefore
  }),
  strictObject({
    kind: literal("enroll"),
    ...about,
    deviceType: optional(string()),
    site: optional(string()),
    to: optional(pipe(string(), description("What it is to run then, where Git alone tells.")))
  }),
  strictObject({
    kind: literal("retire"),
    ...about,
    deviceType: optional(string()),
    from: optional(string())
  }),
  strictObject({
    kind: literal("no-op"),
    ...about,
    why: literal("already-retired")
  }),
  strictObject({
    kind: literal("no-op"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    to: string(),
    why: picklist(["already-there", "already-pending"]),
    wave,
    configuration
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
    site: optional(string()),
    configuration
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
      configures: count,
      enrolls: count,
      retires: count,
      alreadyPending: count,
      alreadyThere: count,
      alreadyRetired: count,
      blocked: count
    }),
    description("Every device of the stage in Git is in one of these: the others add up to inGit.")
  ),
  waves: array(
    strictObject({
      wave,
      share: pipe(string(), description("How much of the stage has its turn by its end.")),
      devices: pipe(count, description("Devices in it, also those that are there already.")),
      updates: pipe(count, description("Devices that something is to be ordered for.")),
      begins: optional(pipe(string(), description("When it begins, in words."))),
      notBefore: optional(
        pipe(time, description("The earliest time at which it could begin, if all goes well."))
      )
    })
  ),
  changes: pipe(
    array(change),
    description("One for each device of the stage, in the order of the inventory.")
  ),
  notInGit: pipe(
    array(
      strictObject({
        device: string(),
        status: picklist(["accepted", "pending", "rejected", "preauthorized", "noauth"]),
        deviceType: optional(string())
      })
    ),
    description("Devices on the server that no stage has. Nothing touches them.")
  )
});
async function writePlan(path, plan) {
  await writeAtomically(path, `${JSON.stringify(plan, void 0, 2)}
`);
}
async function readPlan(path) {
  const text2 = await readText(path, maxPlanBytes);
  const plan = parsePlan(text2, path);
  const counts = countsOf(plan.changes);
  if (canonicalJson({ ...plan.counts }) !== canonicalJson({ ...counts }))
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
      if (change2.kind === "configure") return { ...change2, site: change2.site, from: change2.from };
      if (change2.kind !== "update" && change2.kind !== "no-op") return change2;
      return "wave" in change2 ? { ...change2, site: change2.site } : change2;
    })
  };
}

// src/plan/runner-warnings.ts
var names2 = ["arch", "architecture", "machine", "cpu_architecture"];
function runnerWarnings({ devices }, stage, facts) {
  const runners = devices.filter((device) => device.stage === stage && device.isRunner);
  if (runners.length === 0) return [];
  const byId2 = new Map(facts.devices.map((device) => [device.id, device.attributes]));
  return runners.flatMap((device) => {
    const reported = byId2.get(device.id) ?? {};
    const told = names2.map((name) => reported[name]).find((value) => value !== void 0 && is32Bit(value));
    if (told === void 0) return [];
    const { file, line } = device.memberAt?.() ?? device.at();
    const message = `roles: ${device.host} reports a 32-bit system (${oneLine(told)}), and so can't be a runner`;
    return [{ file, line, message, stage }];
  });
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
async function switchesInClone(folder, branch, context) {
  const repository = await checkoutOf(folder, context);
  if (!repository) return void 0;
  const { remote } = repository;
  const ref = remote === void 0 ? `refs/heads/${branch}` : `refs/remotes/${remote}/${branch}`;
  if (!await hasCommit(repository, ref)) return void 0;
  const text2 = await readAt(repository, ref, policyFileName);
  return parseFleetPolicy(text2 ?? "", `${branch}:${policyFileName}`).switches;
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
  changesIn,
  hasTurn,
  releaseOf,
  makePlan,
  stageOf,
  writePlan,
  readPlan,
  progressOf,
  locateStage,
  requireServer,
  requireMergedServer,
  whyFailed,
  nextDue,
  tickOutputs,
  requireNotHalted,
  requireReleases,
  lacksRelease,
  runnerWarnings,
  schedule,
  readSwitches,
  switchesInClone
};
