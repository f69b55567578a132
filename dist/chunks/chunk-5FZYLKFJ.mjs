import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  contentDigestOf,
  isLabVariant,
  namesVariant,
  openArtifact,
  scriptsProvide,
  writeMender,
  writeRauc,
  writeSwupdate
} from "./chunk-OCPNMXBO.mjs";
import {
  Failure,
  array,
  boolean,
  canonicalJson,
  counted,
  description,
  digestOf,
  guard,
  hexOf,
  integer,
  is,
  isDigest,
  isoTimestamp,
  literal,
  markFile,
  maxLength,
  maxValue,
  messageOf,
  minLength,
  minValue,
  multipart,
  nonEmpty,
  nullable,
  nullish,
  number,
  object,
  oneLine,
  openHttp,
  optional,
  parse,
  picklist,
  pipe,
  readText,
  record,
  regex,
  safeParse,
  seconds,
  shorten,
  silentLog,
  string,
  union,
  unknown,
  variant,
  writeAtomically
} from "./chunk-J6UCEAK3.mjs";

// src/ota/hawkbit-client.ts
var pageSize = 500;
var maxPages = 2e3;
var root = "/rest/v1";
function openHawkbitClient(url, token, context) {
  const authorization = token.includes(":") ? `Basic ${Buffer.from(token).toString("base64")}` : `Bearer ${token}`;
  const http = openHttp({ baseUrl: `${url}${root}`, authorization, isFinal: isQuota }, context);
  const pages = async function* (path2, { sort, query, mayBeGone = false }, item) {
    const page = object({
      content: array(item),
      total: pipe(number(), integer(), minValue(0))
    });
    for (let offset = 0, count2 = 0; ; count2++) {
      if (count2 >= maxPages) throw endless(url, path2);
      const search = new URLSearchParams({ offset: String(offset), limit: String(pageSize), sort });
      if (query !== void 0) search.set("q", query);
      search.set("representation", "full");
      const found = await http.find({ method: "GET", path: `${path2}?${search.toString()}` }, page);
      if (!found && mayBeGone) return;
      if (!found) throw noList(url, path2);
      const { content, total } = found.value;
      yield { entries: content, total };
      offset += content.length;
      if (content.length === 0 || offset >= total) return;
    }
  };
  return {
    url,
    http,
    context,
    pages,
    list: async (path2, list, item) => {
      const all = [];
      for await (const { entries } of pages(path2, list, item)) all.push(...entries);
      return all;
    },
    find: async (path2, schema) => (await http.find({ method: "GET", path: path2 }, schema))?.value
  };
}
function targetPath(id3) {
  return `/targets/${encodeURIComponent(id3)}`;
}
function quoted(text4) {
  return `"${text4.replace(/["\\*]/g, (found) => `\\${found}`)}"`;
}
var queryChunk = 40;
var errorReply = object({ errorCode: string() });
function errorCodeOf(reply) {
  try {
    const result = safeParse(errorReply, JSON.parse(reply.text));
    return result.success ? result.output.errorCode.replace(/^hawkbit\.server\.error\./, "") : void 0;
  } catch {
    return void 0;
  }
}
function isQuota(reply) {
  return reply.status === 429 && errorCodeOf(reply)?.startsWith("quota") === true;
}
function noList(url, path2) {
  return new Failure(
    "unexpected-reply",
    `${url}${root} has no ${path2}: is that a hawkBit server's URL, and server-type right?`
  );
}
function endless(url, path2) {
  return new Failure(
    "unexpected-reply",
    `${url}${root}${path2} has more than ${maxPages} pages: something is wrong with it`
  );
}

// src/ota/at-a-time.ts
var width = 8;
function chunksOf(all, size) {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
async function forEach(items, work) {
  const results = /* @__PURE__ */ new Map();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      for (const item of items.slice(at, at + 1)) results.set(at, await work(item));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result);
}

// src/ota/hawkbit-schemas.ts
var text = pipe(string(), maxLength(4096));
var id = pipe(number(), integer(), minValue(0));
var time = pipe(number(), integer(), minValue(0), maxValue(864e13));
var links = nullish(record(string(), unknown()), {});
var target = object({
  controllerId: pipe(string(), nonEmpty(), maxLength(256)),
  createdAt: time,
  installedAt: nullish(time),
  lastControllerRequestAt: nullish(time),
  /** Whether the server asks the device for its attributes, because it has none that are new enough. */
  requestAttributes: nullish(boolean()),
  group: nullish(text),
  targetTypeName: nullish(text)
});
var attributes = record(string(), nullish(string(), ""));
var metadata = object({ key: string(), value: nullish(string(), "") });
var softwareModule = object({
  id,
  name: text,
  version: text,
  deleted: nullish(boolean())
});
var moduleArtifact = object({
  id,
  providedFilename: text,
  size: pipe(number(), integer(), minValue(0)),
  hashes: object({ sha256: nullish(string()) })
});
var distributionSet = object({
  id,
  name: text,
  version: text,
  type: nullish(text),
  description: nullish(text),
  createdAt: time,
  deleted: nullish(boolean()),
  valid: nullish(boolean()),
  modules: nullish(array(softwareModule), [])
});
var targetType = object({ id, name: text, key: nullish(text) });
var setType = object({ id, key: text });
var action = object({
  id,
  active: boolean(),
  status: text,
  createdAt: time,
  lastModifiedAt: nullish(time),
  _links: links
});
var actionStatus = object({
  id,
  type: text,
  messages: nullish(array(string()), []),
  /** When the device says that it was; `timestamp` is when the server heard of it. */
  reportedAt: nullish(time),
  timestamp: nullish(time)
});
var created = pipe(array(object({ id })), minLength(1));

// src/ota/hawkbit-actions.ts
async function listActions(client, query) {
  const all = await client.list("/actions", { sort: "id:ASC", query }, action);
  return all.map((one) => ({
    ...one,
    device: idIn(client, one, "target", /\/targets\/([^/?]+)$/),
    set: Number(idIn(client, one, "distributionset", /\/distributionsets\/(\d+)$/))
  }));
}
async function readHistory(client, { device, id: id3 }, maxEntries = 1e3) {
  const history = [];
  const path2 = `${actionPath({ device, id: id3 })}/status`;
  for await (const { entries } of client.pages(path2, { sort: "id:DESC", mayBeGone: true }, actionStatus)) {
    history.push(...entries);
    if (history.length >= maxEntries) break;
  }
  return history.slice(0, maxEntries).toReversed();
}
function actionPath({ device, id: id3 }) {
  return `${targetPath(device)}/actions/${id3}`;
}
function stateOf(client, action2, wasPresent2) {
  switch (action2.status) {
    case "scheduled":
    case "wait_for_confirmation":
      return "pending";
    case "running":
      return (action2.lastModifiedAt ?? action2.createdAt) > action2.createdAt ? "downloading" : "pending";
    case "retrieved":
    case "download":
    case "downloaded":
    case "warning":
    case "canceling":
    case "cancel_rejected":
      return action2.active ? "downloading" : "success";
    case "finished":
      return wasPresent2 ? "already-installed" : "success";
    case "error":
      return "failure";
    case "canceled":
      return "aborted";
    default:
      throw new Failure(
        "unexpected-reply",
        `${client.url} has an action in the unknown state "${action2.status.slice(0, 80)}"`
      );
  }
}
var byDevice = ["retrieved", "download", "downloaded", "warning", "error", "finished", "cancel_rejected"];
function hasBegun(history) {
  return history.some(({ type }) => byDevice.includes(type));
}
function idIn(client, action2, link, pattern) {
  const found = action2._links?.[link];
  const href = typeof found === "object" && found !== null && "href" in found ? String(found.href) : "";
  const id3 = pattern.exec(href)?.[1];
  if (id3 !== void 0) return decodeURIComponent(id3);
  throw new Failure("unexpected-reply", `${client.url} lists action ${action2.id} without its ${link}`);
}

// src/ota/hawkbit-orders.ts
import { createHash } from "node:crypto";
var prefix = "order-";
var maxDescription = 512;
function versionOf(name2) {
  return `${prefix}${hash(name2).slice(0, 24)}`;
}
function setVersionOf(name2, artifactId, isThere) {
  return `${versionOf(name2)}-${artifactId}${isThere ? presentSuffix : ""}`;
}
var presentSuffix = "-present";
function wasPresent({ version }) {
  return version.endsWith(presentSuffix);
}
function describe(name2, devices) {
  const text4 = `Drover order ${name2} (${devices.length} devices, ${digestOfDevices(devices)})`;
  return text4.length > maxDescription ? void 0 : text4;
}
function isOrder(set) {
  return noteOf(set) !== void 0;
}
function noteOf({ version, description: description2 }) {
  const match = /^Drover order (?<name>.*) \((?<count>\d+) devices, (?<digest>[0-9a-f]{16})\)$/s.exec(
    description2 ?? ""
  );
  const { name: name2, count: count2, digest: digest2 } = match?.groups ?? {};
  if (name2 === void 0 || digest2 === void 0 || !version.startsWith(versionOf(name2))) return void 0;
  return { name: name2, count: Number(count2), digest: digest2 };
}
function digestOfDevices(devices) {
  return hash(JSON.stringify([...devices].sort())).slice(0, 16);
}
function hash(text4) {
  return createHash("sha256").update(text4).digest("hex");
}

// src/ota/hawkbit-target-types.ts
async function targetTypesFor(client, type) {
  const types = await client.list("/targettypes", { sort: "id:ASC" }, targetType);
  const all = await forEach(types, async ({ id: id3, name: name2 }) => {
    const path2 = `/targettypes/${id3}/compatibledistributionsettypes`;
    const setTypes = await client.find(path2, array(setType)) ?? [];
    return { name: name2, isCompatible: setTypes.some(({ key }) => key === type) };
  });
  const names2 = (wanted) => all.filter(({ isCompatible }) => isCompatible === wanted).map(({ name: name2 }) => name2);
  return { compatible: names2(true), others: names2(false) };
}
async function checkTargetTypes(client, type, devices) {
  const { others } = await targetTypesFor(client, type);
  if (others.length === 0) return;
  const found = await forEach(chunksOf(devices, queryChunk), (ids) => {
    const query = `controllerid=in=(${ids.map(quoted).join(",")})`;
    return client.list("/targets", { sort: "controllerId:ASC", query }, target);
  });
  const wrong = found.flat().filter(({ targetTypeName }) => others.includes(targetTypeName ?? ""));
  if (wrong.length === 0) return;
  const list = wrong.slice(0, 5).map(({ controllerId, targetTypeName }) => `${controllerId} (${targetTypeName})`);
  throw new Failure(
    "wrong-device-type",
    `${counted(wrong.length, "device", ["has a target type", "have target types"])} on ${client.url} that no distribution set of the type ${type} may go to: ${list.join(", ")}. Make these types compatible with it there`
  );
}

// src/ota/hawkbit-releases.ts
var keys = {
  contentDigest: "drover.content-digest",
  sha256: "drover.sha256",
  deviceTypes: "drover.device-types",
  signed: "drover.signed",
  provides: "drover.provides",
  format: "drover.format",
  /** Only of RAUC bundles: the one device type that they are for. */
  bundleFor: "drover.rauc"
};
async function listReleases(client) {
  const sets = await listSets(client);
  const byName = Map.groupBy(await forEach(sets, (set) => artifactOf(client, set)), ({ release: release2 }) => release2);
  return [...byName].map(([name2, found]) => ({ name: name2, artifacts: found.map(({ artifact: artifact2 }) => published(artifact2)) })).sort((a, b) => a.name < b.name ? -1 : 1);
}
async function findRelease(client, name2) {
  const artifacts = await findArtifacts(client, name2);
  return artifacts.length === 0 ? void 0 : { name: name2, artifacts: artifacts.map(published) };
}
async function findArtifacts(client, name2) {
  const at = name2.lastIndexOf(":");
  const sets = [
    ...await listSets(client, `name==${quoted(name2)}`),
    ...at < 1 ? [] : await listSets(client, `name==${quoted(name2.slice(0, at))};version==${quoted(name2.slice(at + 1))}`)
  ];
  const found = await forEach(sets, (set) => artifactOf(client, set));
  return found.filter(({ release: release2 }) => release2 === name2).map(({ artifact: artifact2 }) => artifact2);
}
async function listSets(client, query) {
  const sets = await client.list("/distributionsets", { sort: "id:ASC", query }, distributionSet);
  return sets.filter((set) => set.deleted !== true && set.valid !== false && !isOrder(set));
}
function published({ set, files, sha256, ...artifact2 }) {
  void set;
  void files;
  void sha256;
  return artifact2;
}
async function artifactOf(client, set) {
  const [module, ...more] = set.modules ?? [];
  const facts = module && more.length === 0 ? await readModuleFacts(client, module.id) : void 0;
  const files = await forEach(set.modules ?? [], (one) => listFiles(client, one.id));
  const all = files.flat();
  const common = {
    id: String(set.id),
    sizeBytes: all.reduce((sum, { size }) => sum + size, 0),
    set,
    files: all
  };
  if (facts) return { release: set.name, artifact: { ...common, ...facts } };
  return {
    release: `${set.name}:${set.version}`,
    artifact: {
      ...common,
      deviceTypes: (await targetTypesFor(client, set.type ?? void 0)).compatible,
      isSigned: false,
      format: formatOf(all),
      contentDigest: digestOfFiles(all)
    }
  };
}
var provides = record(string(), string());
var formats = ["mender", "swupdate", "rauc"];
var extensions = { mender: "mender", swupdate: "swu", rauc: "raucb" };
async function readModuleFacts(client, id3) {
  const page = object({ content: array(metadata) });
  const found = await client.find(`/softwaremodules/${id3}/metadata`, page);
  const value = (key) => found?.content.find((one) => one.key === key)?.value ?? "";
  const contentDigest = value(keys.contentDigest);
  if (!isDigest(contentDigest)) return void 0;
  const sha256 = value(keys.sha256);
  return {
    contentDigest,
    sha256: isDigest(sha256) ? sha256 : void 0,
    deviceTypes: textsIn(client, id3, value(keys.deviceTypes)),
    isSigned: value(keys.signed) === "true",
    format: formats.find((one) => one === value(keys.format)),
    provides: parsed(client, id3, value(keys.provides) || "{}", provides)
  };
}
async function listFiles(client, module) {
  return await client.find(`/softwaremodules/${module}/artifacts`, array(moduleArtifact)) ?? [];
}
function textsIn(client, id3, text4) {
  return parsed(client, id3, text4, array(string()));
}
function parsed(client, id3, text4, schema) {
  try {
    return parse(schema, JSON.parse(text4));
  } catch (error) {
    throw new Failure(
      "unexpected-reply",
      `${client.url}: the metadata drover.… of software module ${id3} was changed by somebody: upload the release under a new name`,
      { cause: error }
    );
  }
}
function formatOf(files) {
  const [file, ...more] = files;
  if (file === void 0 || more.length > 0) return void 0;
  return formats.find((format) => file.providedFilename.endsWith(`.${extensions[format]}`));
}
function digestOfFiles(files) {
  return digestOf(canonicalJson(files.map(({ hashes }) => (hashes.sha256 ?? "").toLowerCase()).sort()));
}

// src/ota/ota-server.ts
function leaseNote({ holder, until, number: number2 }) {
  return { holder, until: new Date(until).toISOString(), number: number2 };
}
function isOpenState(state2) {
  return ["pending", "downloading", "installing", "rebooting"].includes(state2);
}

// src/ota/hawkbit-deployments.ts
async function readDeployment(client, id3) {
  return published2(await readWithActions(client, id3));
}
async function readWithActions(client, id3) {
  const isSet = /^\d+$/.test(id3);
  const set = isSet ? await client.find(`/distributionsets/${id3}`, distributionSet) : void 0;
  const sets = set ? [set] : isSet ? [] : await listOrderSets(client, [id3]);
  const [found] = sets.length > 0 ? await withAllActions(client, [{ id: id3, sets }]) : [];
  if (found) return found;
  throw new Failure("server-refused", `${client.url} knows no deployment ${id3}`);
}
async function findDeployment(client, name2) {
  const found = await findOrder(client, name2);
  return found && published2(found);
}
async function findOrder(client, name2) {
  return (await readOrders(client, [versionOf(name2)]))[0];
}
async function findDeployments(client, names2) {
  const found = await readOrders(client, [...new Set(names2.map(versionOf))]);
  const wanted = new Set(names2);
  return new Map(found.filter(({ name: name2 }) => wanted.has(name2)).map((one) => [one.name, published2(one)]));
}
async function lastTaken(client, devices) {
  const lists = await forEach(
    chunksOf(devices, queryChunk),
    (ids) => listActions(client, `target.controllerid=in=(${ids.map(quoted).join(",")})`)
  );
  const newest = /* @__PURE__ */ new Map();
  for (const action2 of lists.flat()) {
    if (!["pending", "aborted"].includes(stateOf(client, action2, false)))
      newest.set(action2.device, action2.set);
  }
  const sets = new Map((await listSets2(client, [...newest.values()])).map((set) => [set.id, set]));
  return new Map(
    devices.flatMap((device) => {
      const set = sets.get(newest.get(device) ?? -1);
      return set ? [[device, noteOf(set)?.name ?? `${set.name}:${set.version}`]] : [];
    })
  );
}
async function openDeployments(client) {
  const active = await listActions(client, "active==true");
  const sets = await listSets2(
    client,
    active.map(({ set }) => set)
  );
  const orders = new Set(sets.flatMap((set) => noteOf(set)?.name ?? []).map(versionOf));
  const foreign = sets.filter((set) => noteOf(set) === void 0);
  const open = [
    ...await readOrders(client, [...orders]),
    ...await withAllActions(
      client,
      foreign.map((set) => ({ id: String(set.id), sets: [set] }))
    )
  ].map(published2);
  return open.filter(({ isFinished }) => !isFinished).sort((a, b) => a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1);
}
async function readOrders(client, versions2) {
  const byOrder = Map.groupBy(await listOrderSets(client, versions2), orderOf);
  return withAllActions(
    client,
    [...byOrder].flatMap(([id3, sets]) => id3 === void 0 ? [] : [{ id: id3, sets }])
  );
}
async function listSets2(client, ids) {
  const lists = await forEach(
    chunksOf([...new Set(ids)], queryChunk),
    (some) => client.list("/distributionsets", { sort: "id:ASC", query: `id=in=(${some.join(",")})` }, distributionSet)
  );
  return lists.flat();
}
async function listOrderSets(client, versions2) {
  const wanted = new Set(versions2.filter((version) => /^order-[0-9a-f]+$/.test(version)));
  const lists = await forEach(chunksOf([...wanted], queryChunk), (some) => {
    const query = some.map((version) => `version==${version}*`).join(",");
    return client.list("/distributionsets", { sort: "id:ASC", query }, distributionSet);
  });
  return lists.flat().filter((set) => wanted.has(orderOf(set) ?? ""));
}
function orderOf(set) {
  const note2 = noteOf(set);
  return note2 && versionOf(note2.name);
}
async function withAllActions(client, orders) {
  const ids = orders.flatMap(({ sets }) => sets.map(({ id: id3 }) => id3));
  const lists = await forEach(
    chunksOf(ids, queryChunk),
    (some) => listActions(client, `distributionset.id=in=(${some.join(",")})`)
  );
  const bySet = Map.groupBy(lists.flat(), ({ set }) => set);
  const installed = await installedOnce(
    client,
    orders.flatMap(({ sets }) => sets),
    bySet
  );
  const all = [];
  for (const { id: id3, sets } of orders) all.push(await withActions(client, id3, sets, { bySet, installed }));
  return all;
}
async function installedOnce(client, sets, bySet) {
  const installers = (set) => (bySet.get(set.id) ?? []).filter(({ status }) => status === "finished").map(({ device }) => device);
  const count2 = /* @__PURE__ */ new Map();
  for (const device of sets.flatMap(installers)) count2.set(device, (count2.get(device) ?? 0) + 1);
  const alone = sets.filter((set) => {
    const devices = installers(set);
    return isOrder(set) && devices.length > 0 && devices.every((device) => count2.get(device) === 1);
  });
  if (alone.length < 2) return /* @__PURE__ */ new Map();
  const lists = await forEach(chunksOf(alone, queryChunk), (some) => {
    const query = `installedds.version=in=(${some.map(({ version }) => quoted(version)).join(",")})`;
    return client.list("/targets", { sort: "controllerId:ASC", query }, target);
  });
  const at = new Map(lists.flat().map(({ controllerId, installedAt }) => [controllerId, installedAt]));
  return new Map(
    alone.map((set) => {
      const own = installers(set).flatMap((device) => {
        const time5 = at.get(device);
        return time5 ? [[device, isoTime(time5)]] : [];
      });
      return [set.id, new Map(own)];
    })
  );
}
async function withActions(client, id3, sets, { bySet, installed }) {
  const devices = /* @__PURE__ */ new Map();
  const actions = /* @__PURE__ */ new Map();
  const finishedAt = /* @__PURE__ */ new Map();
  for (const set of sets) {
    const own = bySet.get(set.id) ?? [];
    for (const action2 of own) {
      actions.set(action2.device, action2);
      devices.set(action2.device, stateOf(client, action2, wasPresent(set)));
    }
    const done = own.filter(({ device }) => !isOpenState(devices.get(device) ?? "pending"));
    for (const [device, at] of await timesOf(client, set, done, installed.get(set.id)))
      finishedAt.set(device, at);
  }
  const [first] = sets;
  const note2 = first && noteOf(first);
  return {
    id: id3,
    name: note2?.name ?? `${first?.name}:${first?.version}`,
    release: first ? await releaseOf(client, first) : "",
    createdAt: isoTime(Math.min(...sets.map(({ createdAt }) => createdAt))),
    isFinished: [...actions.values()].every(({ active }) => !active),
    devices,
    finishedAt,
    sets,
    actions
  };
}
async function timesOf(client, set, done, known2) {
  const times = new Map(known2);
  const hasInstalled = done.some(({ status }) => status === "finished");
  if (hasInstalled && !known2) {
    const query = `installedds.name==${quoted(set.name)};installedds.version==${quoted(set.version)}`;
    const targets = await client.list("/targets", { sort: "controllerId:ASC", query }, target);
    for (const { controllerId, installedAt } of targets) {
      if (installedAt) times.set(controllerId, isoTime(installedAt));
    }
  }
  await forEach(
    done.filter(({ device }) => !times.has(device)),
    async (action2) => {
      const last = (await readHistory(client, action2, 1)).at(-1);
      const at = last?.timestamp ?? last?.reportedAt;
      if (at) times.set(action2.device, isoTime(at));
    }
  );
  return times;
}
async function releaseOf(client, set) {
  const [module] = set.modules ?? [];
  const isOurs = noteOf(set) !== void 0 || module && await readModuleFacts(client, module.id);
  return isOurs ? set.name : `${set.name}:${set.version}`;
}
function published2({ sets, actions, ...deployment3 }) {
  void sets;
  void actions;
  return deployment3;
}
function isoTime(ms) {
  return new Date(ms).toISOString();
}

// src/ota/hawkbit-lease-entries.ts
var leasePrefix = "drover.lease.";
var text2 = pipe(string(), maxLength(4096));
var stored = object({ id: text2, holder: text2, until: text2 });
function leaseEntries(all) {
  return all.filter(({ key }) => key.startsWith(leasePrefix) && /^\d{1,15}$/.test(key.slice(leasePrefix.length))).map(({ key, value }) => ({ number: Number(key.slice(leasePrefix.length)), lease: leaseIn(value) })).sort((a, b) => a.number - b.number);
}
function heldBy(entry, now) {
  if (!entry?.lease || !(Date.parse(entry.lease.until) > now.getTime())) return void 0;
  return { ...entry.lease, number: entry.number };
}
function leaseIn(value) {
  try {
    const result = safeParse(stored, JSON.parse(value));
    return result.success ? result.output : void 0;
  } catch {
    return void 0;
  }
}

// src/ota/hawkbit-facts.ts
var noteKey = "drover.facts";
var time2 = pipe(string(), isoTimestamp());
var note = object({
  /** When the attributes were asked for last. */
  asked: optional(time2),
  /** How new those were that it had by then. */
  had: optional(time2)
});
async function factsOf(client, target2, freshness) {
  const path2 = targetPath(target2.controllerId);
  const [reported = {}, notes] = await Promise.all([
    client.find(`${path2}/attributes`, attributes),
    readMetadata(client, target2.controllerId)
  ]);
  if (notes === void 0) return void 0;
  const reportedAt = Object.keys(reported).length > 0 ? timeOf(target2, noteIn(notes)) : void 0;
  await askAfresh(client, target2, { reportedAt, asked: noteIn(notes).asked, ...freshness });
  const lease = heldBy(leaseEntries(notes).at(-1), client.context.clock.now());
  return {
    id: target2.controllerId,
    status: "accepted",
    reportedAt,
    deviceType: reported["device_type"] || target2.targetTypeName || void 0,
    release: reported["rootfs-image.version"] || reported["image_version"] || reported["artifact_name"] || void 0,
    group: target2.group || void 0,
    identity: { controllerId: target2.controllerId },
    attributes: reported,
    ...seenAt(target2, reportedAt),
    ...lease ? { lease: leaseNote(lease) } : {}
  };
}
function seenAt({ lastControllerRequestAt }, reportedAt) {
  const polledAt = lastControllerRequestAt ? new Date(lastControllerRequestAt).toISOString() : void 0;
  const lastSeen = [polledAt ?? "", reportedAt ?? ""].sort().at(-1);
  return lastSeen ? { lastSeen } : {};
}
async function readMetadata(client, id3) {
  const page = object({ content: array(metadata) });
  return (await client.find(`${targetPath(id3)}/metadata`, page))?.content;
}
function timeOf(target2, { asked, had }) {
  const createdAt = new Date(target2.createdAt).toISOString();
  const known2 = (target2.requestAttributes === true ? had : asked) ?? "";
  return known2 > createdAt ? known2 : createdAt;
}
async function askAfresh(client, target2, { reportedAt, asked, maxAgeMs, isWaitedFor }) {
  const now = client.context.clock.now().getTime();
  const isRecent = (at) => at !== void 0 && Math.abs(now - Date.parse(at)) < maxAgeMs;
  if (isRecent(reportedAt) || isRecent(asked)) return;
  if (target2.requestAttributes === true && !isWaitedFor) return;
  const path2 = targetPath(target2.controllerId);
  try {
    const request = { method: "PUT", path: path2, json: { requestAttributes: true } };
    const asks = await client.http.find(request, object({ requestAttributes: literal(true) }));
    const [date = ""] = [asks?.headers["date"] ?? []].flat();
    const at = Date.parse(date);
    if (Number.isNaN(at)) return;
    const value = JSON.stringify({ asked: new Date(at).toISOString(), had: reportedAt });
    await client.http.send({
      method: "PUT",
      path: `${path2}/metadata/${noteKey}`,
      json: { value },
      accept: [200, 201, 204, 404]
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== "bad-credentials") throw error;
    client.context.log.debug(`${target2.controllerId} can't be asked for fresh facts: ${error.message}`);
  }
}
function noteIn(all) {
  const text4 = all.find(({ key }) => key === noteKey)?.value;
  if (text4 === void 0) return {};
  try {
    const result = safeParse(note, JSON.parse(text4));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}

// src/ota/hawkbit-devices.ts
var maxRounds = 3;
var ofMany = { maxAgeMs: 10 * 6e4, isWaitedFor: false };
var ofOne = { maxAgeMs: 5e3, isWaitedFor: true };
async function* listDevices(client) {
  const seen2 = /* @__PURE__ */ new Set();
  for (let round = 1; ; round++) {
    let total = 0;
    for await (const page of client.pages("/targets", { sort: "controllerId:ASC" }, target)) {
      total = page.total;
      const fresh = page.entries.filter(({ controllerId }) => !seen2.has(controllerId));
      for (const { controllerId } of fresh) seen2.add(controllerId);
      const facts = await forEach(fresh, (one) => factsOf(client, one, ofMany));
      const known2 = facts.filter((one) => one !== void 0);
      if (known2.length > 0) yield known2;
    }
    if (seen2.size >= total) return;
    if (round === maxRounds) {
      throw new Failure(
        "unexpected-reply",
        `${client.url} says it has ${total} devices, but lists ${seen2.size}: try again when fewer come and go`
      );
    }
  }
}
async function readDevice(client, id3) {
  const found = await client.find(targetPath(id3), target);
  const facts = found && await factsOf(client, found, ofOne);
  if (facts) return facts;
  throw missingDevice(client, id3);
}
async function acceptDevice(client, id3) {
  if (await client.find(targetPath(id3), target) === void 0) throw missingDevice(client, id3);
}
async function retireDevice(client, id3) {
  await client.http.send({ method: "DELETE", path: targetPath(id3), accept: [200, 204, 404] });
  if (await client.find(targetPath(id3), target) === void 0) return;
  throw new Failure(
    "server-refused",
    `${client.url} still knows device ${id3}: a device that has the gateway token comes back by itself`
  );
}
function missingDevice(client, id3) {
  return new Failure(
    "device-missing",
    `${client.url} knows no device ${id3}: give its controller id, or create a target of this id there`
  );
}

// src/ota/configuration-kind.ts
var configurationType = "mender-configure";
var configurationFilesystem = "data-partition";
var configurationProvide = `${configurationFilesystem}.${configurationType}.version`;
var configurationFact = "configuration";

// src/ota/hawkbit-kinds.ts
var typesOf = {
  os: { module: "os", set: "os" },
  configuration: { module: "application", set: "app" }
};
var versions = [configurationProvide, `${configurationType}.version`];
function kindOf({ name: name2, payloads, scripts }) {
  const content = payloads.filter(({ files: [file] }) => file === void 0 || !scripts.includes(file.name));
  const configurations = content.filter(isConfiguration);
  if (configurations.length === 0) return "os";
  if (configurations.length === content.length) return "configuration";
  throw new Failure(
    "bad-input",
    `${name2} brings a configuration together with something else: package them as an artifact each, so that each can be ordered by itself`
  );
}
function isConfiguration({ type, provides: provides2 }) {
  return type === configurationType || Object.hasOwn(provides2, `${configurationType}.version`);
}
function providesOf(info) {
  if (!info.payloads.some(isConfiguration)) return info.provides;
  const [fingerprint = info.bundle?.build] = versions.flatMap((name2) => info.provides[name2] ?? []);
  return fingerprint === void 0 ? info.provides : { ...info.provides, [configurationFact]: fingerprint };
}
function isDecisive(name2) {
  return name2 === configurationFact || namesVariant(name2);
}

// src/ota/hawkbit-settled.ts
var settlingMs = 36e5;
async function checkSettled(client, devices) {
  const chunks = chunksOf(devices, queryChunk);
  const unsettled = (await forEach(chunks, (chunk) => unsettledOf(client, chunk))).flat();
  if (unsettled.length === 0) return;
  throw new Failure(
    "device-busy",
    `${counted(unsettled.length, "device", ["has", "have"])} an OS release on ${client.url} that they don't report yet: ${unsettled.slice(0, 5).join(", ")}. A configuration is ordered once they do`
  );
}
async function unsettledOf(client, devices) {
  const query = `controllerid=in=(${devices.map(({ id: id3 }) => quoted(id3)).join(",")})`;
  const targets = await client.list("/targets", { sort: "controllerId:ASC", query }, target);
  const byId = new Map(targets.map((one) => [one.controllerId, one]));
  const unsettled = await forEach(devices, async (device) => {
    const installedAt = byId.get(device.id)?.installedAt;
    if (installedAt === void 0 || installedAt === null) return [];
    const isRecent = client.context.clock.now().getTime() - installedAt < settlingMs;
    const hasReported = Date.parse(device.reportedAt ?? "") > installedAt;
    if (hasReported && !isRecent) return [];
    const release2 = await installedOs(client, device.id);
    if (release2 === void 0 || device.release === release2) return [];
    return [`${device.id} (${release2}, reports ${device.release ?? "no release"})`];
  });
  return unsettled.flat();
}
async function installedOs(client, device) {
  const set = await client.find(`${targetPath(device)}/installedDS`, distributionSet);
  const isOs = set?.type === typesOf.os.set && noteOf(set) !== void 0;
  return isOs ? set.name : void 0;
}

// src/ota/hawkbit-updaters.ts
async function checkFormat(client, info) {
  if (info.format === "rauc") return;
  const bundles = await forEach(info.deviceTypes, (type2) => bundleFor(client, type2));
  const [type, bundle] = [info.deviceTypes, bundles].map((list) => list[bundles.findIndex(Boolean)]);
  if (type === void 0 || bundle === void 0) return;
  throw new Failure(
    "wrong-device-type",
    `${info.name} is a .${extensions[info.format]} file, and devices of the type ${type} use RAUC (${client.url} has the bundle ${bundle} for them): package it with format rauc, or for a device type of its own`
  );
}
async function checkFiles(client, release2, { artifact: artifact2, deviceTypes }) {
  const { id: id3, files, set } = artifact2;
  const fileNames = files.map(({ providedFilename }) => providedFilename);
  const isBundle = (file) => file.endsWith(`.${extensions.rauc}`);
  const modules = set.modules?.length ?? 0;
  if (fileNames.length === 1 && modules === 1 && fileNames.every(isBundle)) return;
  const bundles = fileNames.some(isBundle) ? [release2] : await forEach(deviceTypes, (type) => bundleFor(client, type));
  if (!bundles.some(Boolean)) return;
  throw new Failure(
    "bad-input",
    `${release2} (distribution set ${id3} on ${client.url}) has ${fileNames.length} files in ${modules} modules (${fileNames.slice(0, 5).join(", ") || "none"}), and RAUC takes one bundle in one module: put everything into one .raucb`
  );
}
async function bundleFor(client, deviceType) {
  const query = `metadata.${keys.bundleFor}==${quoted(deviceType)}`;
  const path2 = "/softwaremodules";
  for await (const { entries } of client.pages(path2, { sort: "id:DESC", query }, softwareModule)) {
    const found = entries.find(({ deleted: deleted2 }) => deleted2 !== true);
    if (found) return found.name;
  }
  return void 0;
}

// src/ota/order-size.ts
var maxDevices = 2e4;
function checkSize({ name: name2, release: release2 }, devices) {
  if (devices.length === 0) {
    throw new Failure("no-device-matched", `the order ${name2} of ${release2} has no device`);
  }
  if (devices.length > maxDevices) {
    throw new Failure(
      "bad-input",
      `the order ${name2} has ${devices.length} devices; at most ${maxDevices} fit into one: order in waves`
    );
  }
}

// src/ota/watch.ts
var enoughReports = 2;
var maxRestarts = 1;
function startWatch(order, { at, state: state2, finishedAt, facts }) {
  const hasRebooted = state2 === "rebooting";
  return { ...order, ...changed(at, state2, facts), finishedAt, hasRebooted, restarts: 0 };
}
function seen(watch, { at, state: state2, finishedAt, facts }) {
  if (state2 !== watch.state) {
    const hasRebooted = watch.hasRebooted || state2 === "rebooting";
    const restarts = watch.restarts + (watch.hasRebooted && state2 === "downloading" ? 1 : 0);
    return { ...watch, ...changed(at, state2, facts), finishedAt, hasRebooted, restarts };
  }
  const isNews = (facts.reportedAt ?? "") > (watch.facts.reportedAt ?? "");
  return { ...watch, facts, finishedAt, reports: watch.reports + (isNews ? 1 : 0) };
}
function changed(at, state2, facts) {
  return { state: state2, stateSince: at, facts, reportedAtChange: facts.reportedAt ?? "", reports: 0 };
}
function verdictOf(watch) {
  const { state: state2, facts, release: release2, orderedAt, finishedAt = "" } = watch;
  const isFresh = (facts.reportedAt ?? "") > (finishedAt > orderedAt ? finishedAt : orderedAt);
  const isThere = isFresh && reportsRelease(facts, release2, watch.artifact) && !isStillRunning(watch);
  switch (state2) {
    case "success":
    case "already-installed":
      if (isThere) return { kind: "success", isChanged: state2 === "success" };
      return watch.reports >= enoughReports ? wrongRelease(watch) : { kind: "wait" };
    case "no-artifact":
      return failed(
        "wrong-device-type",
        `the release has no artifact for its device type ${facts.deviceType ?? ""}`
      );
    case "aborted":
      return failed("update-failed", "somebody aborted the deployment on the server");
    case "decommissioned":
      return failed("device-missing", "the device was removed from the server");
    case "failure":
      return failed("update-failed", "the device reported that the update failed");
    default:
      return stillOpen(watch, isThere);
  }
}
function stillOpen(watch, isThere) {
  const { state: state2, facts, reports, restarts } = watch;
  if (restarts > maxRestarts) {
    return failed("rolled-back", `it went back ${restarts} times without a word and has begun once more`);
  }
  if (state2 === "pending" || state2 === "downloading" || reports < enoughReports) return { kind: "wait" };
  if (isThere) {
    const warning = `it reports the release, but never reported its end: the server still says ${state2}`;
    return { kind: "success", isChanged: true, warning };
  }
  if (isStillRunning(watch)) return wrongRelease(watch);
  const is2 = `reports ${facts.release ?? "no release"} again and never said why; the server still says ${state2}`;
  return watch.hasRebooted ? failed("rolled-back", `it went back: it ${is2}`) : failed("update-failed", `it has ended the update: it ${is2}`);
}
var bootId = "boot_id";
function bootIdOf({ attributes: attributes2 }) {
  return attributes2[bootId] || void 0;
}
function isStillRunning({ state: state2, facts, artifact: artifact2, bootBefore, hasRebooted }) {
  if (bootBefore === void 0 || state2 === "already-installed") return false;
  const needsRestart = hasRebooted || artifact2?.provides?.["rootfs-image.version"] !== void 0;
  return needsRestart && bootIdOf(facts) === bootBefore;
}
function wrongRelease(watch) {
  const { state: state2, facts, before, release: release2 } = watch;
  if (isStillRunning(watch) && reportsRelease(facts, release2, watch.artifact)) {
    const why = `it reports ${release2}, but has not restarted since it took the order: its ${bootId} is still ${watch.bootBefore}`;
    return failed("wrong-release", why);
  }
  const said = `the server says ${state2}, but the device itself reports ${facts.release ?? "no release"}`;
  if (facts.attributes["artifact_name"] === release2) {
    const why = `the client installed it, but the image in it calls itself ${facts.release}: package it under that name`;
    return failed("wrong-release", why);
  }
  return state2 === "success" && facts.release === before && before !== release2 ? failed("rolled-back", `it went back after it had reported success: ${said}`) : failed("wrong-release", said);
}
function failed(reason, why) {
  return { kind: "failed", reason, why };
}
function reportsRelease(facts, release2, artifact2) {
  const provided = Object.entries(artifact2?.provides ?? {}).filter(
    ([name2]) => name2 !== "artifact_name" && name2 !== "artifact_group" && Object.hasOwn(facts.attributes, name2)
  );
  const isTold = provided.some(([name2]) => !namesVariant(name2)) || facts.release === release2;
  return isTold && provided.every(([name2, value]) => facts.attributes[name2] === value);
}

// src/ota/hawkbit-deploy.ts
var attempts = 3;
var chunkSize = 500;
var maxName = 128;
var believedMs = 24 * 36e5;
async function deploy(client, order) {
  const { context } = client;
  for (let attempt = 1; ; attempt++) {
    try {
      return await place(client, order);
    } catch (error) {
      const mayPass = error instanceof Failure && error.reason === "unreachable";
      if (!mayPass || attempt === attempts) throw error;
      context.log.warn(`order ${order.name}, try ${attempt} of ${attempts}: ${error.message}`);
      await context.clock.sleep(500 * 2 ** attempt, context.signal);
    }
  }
}
async function place(client, order) {
  const devices = [...new Set(order.devices)].sort();
  const description2 = checkOrder(client, order, devices);
  const existing = await findOrder(client, order.name);
  if (existing) checkSame(client, existing, order, devices);
  const missing = devices.filter((id3) => !existing?.devices.has(id3));
  if (existing && missing.length === 0) return published2(existing);
  const artifacts = await findArtifacts(client, order.release);
  if (artifacts.length === 0) {
    const message = `${client.url} has no release ${order.release}: upload its artifact first`;
    throw new Failure("release-missing", message);
  }
  const facts = await forEach(missing, (id3) => readDevice(client, id3));
  const parts = split(client, order, artifacts, facts);
  await forEach(parts, async (part) => {
    await checkFiles(client, order.release, part);
    await checkTargetTypes(client, typeOf(part), part.devices);
  });
  await checkFree(client, missing);
  if (artifacts.some(({ set }) => set.type === typesOf.configuration.set)) await checkSettled(client, facts);
  for (const part of parts) await assign(client, order, description2, part);
  const placed = await findOrder(client, order.name);
  if (!placed) {
    throw new Failure("unexpected-reply", `${client.url} took the order ${order.name}, but does not list it`);
  }
  checkDevices(client, placed, order, devices);
  return published2(placed);
}
function checkOrder(client, order, devices) {
  checkSize(order, devices);
  const description2 = describe(order.name, devices);
  if (description2 !== void 0 && order.release.length <= maxName) return description2;
  throw new Failure(
    "bad-input",
    `the order ${order.name.slice(0, 100)}… of ${order.release.slice(0, 100)}: a name is longer than ${client.url} stores`
  );
}
function checkSame(client, found, order, devices) {
  const digest2 = digestOfDevices(devices);
  const isSame = found.sets.every((set) => noteOf(set)?.digest === digest2);
  if (found.release === order.release && isSame) return;
  const missing = devices.filter((id3) => !found.devices.has(id3));
  const extra = [...found.devices.keys()].filter((id3) => !devices.includes(id3));
  const differs = found.release === order.release ? `${counted(missing.length, "device")} missing (${missing.slice(0, 5).join(", ")}), ${extra.length} too many (${extra.slice(0, 5).join(", ")})` : `it orders ${found.release} instead of ${order.release}`;
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? "device-missing" : "server-refused",
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and cancel it`
  );
}
function split(client, order, artifacts, facts) {
  const parts = /* @__PURE__ */ new Map();
  const refused = [];
  for (const device of facts) {
    const artifact2 = artifacts.find(({ deviceTypes }) => deviceTypes.includes(device.deviceType ?? "")) ?? artifacts.find(({ deviceTypes }) => deviceTypes.length === 0);
    if (!artifact2) {
      refused.push(`${device.id} (${device.deviceType ?? "reports no device_type"})`);
      continue;
    }
    const isRecent = client.context.clock.now().getTime() - Date.parse(device.reportedAt ?? "") < believedMs;
    const isThere = isRecent && reportsRelease(device, order.release, artifact2);
    const key = `${artifact2.id} ${isThere}`;
    const part = parts.get(key) ?? { artifact: artifact2, isThere, devices: [], deviceTypes: [] };
    part.devices.push(device.id);
    const type = device.deviceType;
    if (type !== void 0 && !part.deviceTypes.includes(type)) part.deviceTypes.push(type);
    parts.set(key, part);
  }
  if (refused.length === 0) return [...parts.values()];
  const types = artifacts.flatMap(({ deviceTypes }) => deviceTypes);
  throw new Failure(
    "wrong-device-type",
    `${order.release} on ${client.url} is for ${types.join(", ")}, and not for ${counted(refused.length, "device")} of the order: ${refused.slice(0, 5).join(", ")}`
  );
}
async function checkFree(client, devices) {
  const chunks = chunksOf(devices, queryChunk);
  const active = await forEach(
    chunks,
    (ids) => listActions(client, `active==true;target.controllerid=in=(${ids.map(quoted).join(",")})`)
  );
  const asked = new Set(devices);
  const busy = active.flat().filter(({ device }) => asked.has(device));
  if (busy.length === 0) return;
  const list = busy.slice(0, 5).map(({ device, set }) => `${device} (distribution set ${set})`);
  throw new Failure(
    "device-busy",
    `${counted(busy.length, "device", ["has", "have"])} another order on ${client.url}, which a new one would cancel: ${list.join(", ")}. Wait for it, or withdraw it`
  );
}
async function assign(client, order, description2, part) {
  const set = await findOrCreateSet(client, order, description2, part);
  const path2 = `/distributionsets/${set}/assignedTargets${part.isThere ? "?offline=true" : ""}`;
  for (const ids of chunksOf(part.devices, chunkSize)) {
    client.context.signal.throwIfAborted();
    await client.http.send({
      method: "POST",
      path: path2,
      json: ids.map((id3) => ({ id: id3, type: "forced" })),
      // who has this set already gets it no second time
      repeatable: true,
      accept: [200, 201]
    });
  }
}
function typeOf({ artifact: artifact2 }) {
  return artifact2.set.type ?? typesOf.os.set;
}
async function findOrCreateSet(client, order, description2, { artifact: artifact2, isThere }) {
  const version = setVersionOf(order.name, artifact2.id, isThere);
  const modules = (artifact2.set.modules ?? []).map(({ id: id3 }) => ({ id: id3 }));
  const set = {
    name: order.release,
    version,
    type: typeOf({ artifact: artifact2 }),
    description: description2,
    modules
  };
  const find = async () => {
    const query = `name==${quoted(order.release)};version==${quoted(version)}`;
    const all = await client.list("/distributionsets", { sort: "id:ASC", query }, distributionSet);
    return all.find((one) => one.version === version);
  };
  const existing = await find();
  if (existing) return existing.id;
  const { status } = await client.http.send({
    method: "POST",
    path: "/distributionsets",
    json: [set],
    accept: [200, 201, 409]
  });
  const made = await find();
  if (made) return made.id;
  throw new Failure(
    "server-refused",
    status === 409 ? `the order ${order.name} was deleted on ${client.url}, which never gives its name away again: order under another name` : `${client.url} took the order ${order.name}, but does not list it`
  );
}
function checkDevices(client, placed, order, devices) {
  const left = devices.filter((id3) => !placed.devices.has(id3));
  if (left.length === 0) return;
  throw new Failure(
    "device-missing",
    `${client.url} left ${counted(left.length, "device")} out of ${order.name} (${left.slice(0, 5).join(", ")}): is their target type compatible with the distribution set?`
  );
}

// src/ota/hawkbit-groups.ts
async function listed(client, order) {
  if (!("group" in order)) return order;
  const { group, ...rest } = order;
  const list = { sort: "controllerId:ASC", query: `group==${quoted(group)}` };
  const members = (await client.list("/targets", list, target)).filter((one) => one.group === group);
  if (members.length > 0) return { ...rest, devices: members.map(({ controllerId }) => controllerId) };
  throw new Failure("no-device-matched", `${client.url} has no target in its group ${group}: put some there`);
}

// src/ota/hawkbit-leases.ts
var attempts2 = 5;
async function leaseOf(client, device) {
  return heldBy((await readEntries(client, device)).at(-1), client.context.clock.now());
}
async function takeLease(client, device, wish) {
  for (let attempt = 1; attempt <= attempts2; attempt++) {
    const entries = await readEntries(client, device);
    const last = entries.at(-1);
    const holder = heldBy(last, client.context.clock.now());
    if (holder && holder.id !== wish.id) return holder;
    const number2 = holder ? last?.number ?? 0 : (last?.number ?? 0) + 1;
    const isWritten = holder ? await overwrite(client, device, number2, JSON.stringify(wish)) : await create(client, device, number2, wish);
    if (!isWritten) continue;
    const now = await readEntries(client, device);
    if (now.at(-1)?.number === number2) {
      await removeBelow(client, device, now, number2);
      return { ...wish, number: number2 };
    }
    await remove(client, device, number2);
  }
  throw new Failure(
    "device-busy",
    `the leases of device ${device} change faster than one can be taken: try again`
  );
}
async function returnLease(client, device, id3) {
  const last = (await readEntries(client, device)).at(-1);
  if (last?.lease?.id !== id3) return;
  await overwrite(client, device, last.number, "returned");
  if ((await leaseOf(client, device))?.id === id3) {
    client.context.log.warn(`the lease of device ${device} could not be returned; it ends by itself`);
  }
}
async function readEntries(client, device) {
  const all = await readMetadata(client, device);
  if (all === void 0) throw missingDevice(client, device);
  return leaseEntries(all);
}
var entryPath = (device, number2) => `${targetPath(device)}/metadata/${leasePrefix}${number2}`;
async function create(client, device, number2, wish) {
  try {
    const { status } = await client.http.send({
      method: "POST",
      path: `${targetPath(device)}/metadata`,
      json: [{ key: `${leasePrefix}${number2}`, value: JSON.stringify(wish) }],
      accept: [200, 201, 204, 409]
    });
    return status !== 409;
  } catch (error) {
    if (error instanceof Failure && error.reason === "unreachable") return false;
    throw error;
  }
}
async function overwrite(client, device, number2, value) {
  const request = { method: "PUT", path: entryPath(device, number2), json: { value } };
  const { status } = await client.http.send({ ...request, accept: [200, 201, 204, 404, 409] });
  return status < 300;
}
async function removeBelow(client, device, entries, number2) {
  for (const entry of entries) if (entry.number < number2) await remove(client, device, entry.number);
}
async function remove(client, device, number2) {
  await client.http.send({
    method: "DELETE",
    path: entryPath(device, number2),
    accept: [200, 204, 404, 409]
  });
}

// src/ota/hawkbit-log.ts
var maxCharacters = 1 << 20;
var byServer = /^(Update Server: |Assignment initiated by )/;
async function readLog(client, id3, device) {
  const { actions } = await readWithActions(client, id3);
  const action2 = actions.get(device);
  if (!action2) return void 0;
  const lines = (await readHistory(client, action2)).flatMap(({ type, messages, reportedAt, timestamp }) => {
    const at = new Date(timestamp ?? reportedAt ?? 0).toISOString();
    const level = type === "error" ? "error" : type === "warning" ? "warning" : "info";
    return (messages ?? []).filter((line) => !byServer.test(line)).map((line) => `${at} ${level}: ${line}`);
  });
  return lines.length === 0 ? void 0 : `${lines.join("\n")}
`.slice(-maxCharacters);
}

// src/ota/hawkbit-preauthorise.ts
var maxToken = 128;
var secured = object({ securityToken: nullish(string()) });
async function preauthorise(client, { identity, key }) {
  const { controllerId: id3, ...others } = identity;
  if (!id3 || Object.keys(others).length > 0) {
    const message = "on hawkBit a device identifies itself by its controllerId, and by nothing else";
    throw new Failure("bad-input", message);
  }
  if (key === "" || key.length > maxToken || key.includes("-----BEGIN")) {
    const message = `the key of ${id3} is no security token of up to ${maxToken} characters, which is what hawkBit takes`;
    throw new Failure("bad-key", message);
  }
  const { status } = await client.http.send({
    method: "POST",
    path: "/targets",
    json: [{ controllerId: id3, name: id3, securityToken: key }],
    // the same again is refused, and what is there then tells
    repeatable: true,
    accept: [200, 201, 409]
  });
  const found = await client.find(targetPath(id3), secured);
  if (found?.securityToken === key) return id3;
  if (found && !found.securityToken && status !== 409) return id3;
  throw notSame(client, id3, found);
}
function notSame(client, id3, found) {
  if (!found)
    return new Failure("unexpected-reply", `${client.url} took the target ${id3}, but does not show it`);
  if (found.securityToken) {
    const message2 = `${client.url} knows the device ${id3} with another security token: where it is the same device with a new one, retire it there first`;
    return new Failure("device-not-accepted", message2);
  }
  const message = `${client.url} has a target ${id3}, and its user may not see with which token: it needs READ_TARGET_SECURITY_TOKEN`;
  return new Failure("bad-credentials", message);
}

// src/ota/artifact-file.ts
async function openArtifactFile(path2, verifyKeys, { log, signal }) {
  const mark = await markFile(path2);
  const info = await openArtifact(path2, { verifyKeys, signal });
  log.info(
    `${path2} is whole: ${info.name} for ${info.deviceTypes.join(", ") || "any device"}, ${info.sizeBytes} bytes, content ${info.contentDigest}, signature ${info.signature}`
  );
  return { path: path2, info, mark };
}
function requireSignedThere(url, info, isSigned, verifyKeys) {
  if (verifyKeys.length === 0 || isSigned !== false) return;
  throw new Failure(
    "artifact-conflict",
    `${url} has ${info.name} unsigned, and devices would be given that: give what is signed a new name, or delete the other there where no device has it`
  );
}

// src/ota/hawkbit-module-file.ts
function checkFile(where, info, files) {
  const [file, ...more] = files;
  if (!file)
    throw new Failure("upload-incomplete", `${where} has no file after the upload: look at the server's log`);
  if (more.length > 0) throw tooMany(where, files);
  if (digestOf2(file) !== info.sha256) {
    throw new Failure(
      "artifact-conflict",
      `${where} has another file, ${digestOf2(file)}; this one is ${info.sha256}. ${remedy}`
    );
  }
  if (file.size !== info.sizeBytes) {
    throw new Failure(
      "upload-incomplete",
      `${where} lists ${file.size} bytes, but the file has ${info.sizeBytes}: delete the module there and run again`
    );
  }
}
function hasItsFile(where, info, { files, sha256 }) {
  const [file, ...more] = files;
  if (!file) return false;
  if (more.length > 0) throw tooMany(where, files);
  const isThis = digestOf2(file) === info.sha256 && file.size === info.sizeBytes;
  if (isThis || digestOf2(file) === sha256) return true;
  throw new Failure(
    "artifact-conflict",
    `${where} has the file ${digestOf2(file)} of ${file.size} bytes, which is neither this one, ${info.sha256}, nor the one that was uploaded, ${sha256 ?? "of which nothing is noted"}. ${remedy}`
  );
}
var remedy = "Delete the module there, or give the release a new name";
function tooMany(where, files) {
  return new Failure(
    "artifact-conflict",
    `${where} has ${files.length} files, and updaters take one only: delete the module there, or give the release a new name`
  );
}
function digestOf2({ hashes }) {
  return `sha256:${(hashes.sha256 ?? "").toLowerCase()}`;
}

// src/ota/lab-artifact.ts
function isLabArtifact({ provides: provides2 = {} }) {
  return isLabVariant(provides2);
}
function requireSameVariant(url, info, listed2) {
  const isLab = isLabVariant(info.provides);
  if (isLab === isLabArtifact(listed2)) return;
  const [there, file] = isLab ? ["for all devices", "of the variant lab"] : ["of the variant lab", "not"];
  throw new Failure(
    "artifact-conflict",
    `${url} has ${info.name} with the same content ${there}, and this file is ${file}: give the new release a new name`
  );
}

// src/ota/hawkbit-upload.ts
var attempts3 = 3;
var [maxName2, maxVersion, maxValue2] = [128, 64, 4e3];
async function uploadArtifact(client, path2, verifyKeys = []) {
  const { context } = client;
  const file = await openArtifactFile(path2, verifyKeys, context);
  const { info } = file;
  checkName(path2, info.name);
  if (kindOf(info) === "configuration") {
    context.log.info(`${info.name} is a configuration, and no release of the OS`);
  }
  for (let attempt = 1; ; attempt++) {
    const existing = await findSame(client, info);
    if (existing && isWhole(client, info, existing)) {
      requireSignedThere(client.url, info, existing.isSigned, verifyKeys);
      return uploaded(client, info, existing, attempt > 1);
    }
    await checkFormat(client, info);
    const failure = await store(client, file);
    if (failure === void 0) break;
    if (attempt === attempts3) throw failure;
    context.log.warn(`upload ${attempt} of ${attempts3} broke: ${failure.message}`);
    await context.clock.sleep(1e3 * 2 ** (attempt - 1), context.signal);
  }
  const stored2 = await findSame(client, info);
  if (stored2 && isWhole(client, info, stored2)) return uploaded(client, info, stored2, true);
  throw new Failure(
    "upload-incomplete",
    `${client.url} took the upload of ${info.name}, but does not list it: look at the server's own log`
  );
}
function checkName(path2, name2) {
  if (name2 !== "" && name2.length <= maxName2) return;
  throw new Failure(
    "bad-input",
    name2 === "" ? `${path2} has no release name, and hawkBit needs one: package it with a name` : `${path2}: hawkBit takes names of ${maxName2} characters, and this release's has ${name2.length}: shorten it`
  );
}
async function store(client, file) {
  const { info } = file;
  try {
    const module = await findOrCreateModule(client, info);
    const files = await listFiles(client, module);
    if (files.length === 0) await send(client, file, module);
    const where = placeOf(client, info.name, versionOf2(info), module);
    checkFile(where, info, files.length === 0 ? await listFiles(client, module) : files);
    await describe2(client, info, module);
    await createSet(client, info, module);
    return void 0;
  } catch (error) {
    if (error instanceof Failure && error.reason === "unreachable") return error;
    throw error;
  }
}
async function findOrCreateModule(client, info) {
  const found = await findModule(client, info);
  if (found !== void 0) return found;
  const module = {
    name: info.name,
    version: versionOf2(info),
    type: typesOf[kindOf(info)].module,
    description: infoText(info)
  };
  const { status } = await client.http.send({
    method: "POST",
    path: "/softwaremodules",
    json: [module],
    accept: [200, 201, 409]
  });
  const made = await findModule(client, info);
  if (made !== void 0) return made;
  throw status === 409 ? deleted(client, "software module", info) : unlisted(client, info);
}
async function findModule(client, info) {
  const version = versionOf2(info);
  const query = `name==${quoted(info.name)};version==${quoted(version)};type==${typesOf[kindOf(info)].module}`;
  const all = await client.list("/softwaremodules", { sort: "id:ASC", query }, softwareModule);
  return all.find((one) => one.name === info.name && one.version === version && one.deleted !== true)?.id;
}
async function send(client, { path: path2, info, mark }, module) {
  const fileName = fileNameOf(info);
  const { headers, body } = multipart(
    {
      fields: [],
      field: "file",
      path: path2,
      fileName,
      contentType: "application/octet-stream",
      sizeBytes: info.sizeBytes,
      mark
    },
    client.context
  );
  const search = new URLSearchParams({ filename: fileName, sha256sum: hexOf(info.sha256) });
  const target2 = `/softwaremodules/${module}/artifacts?${search.toString()}`;
  const request = { method: "POST", path: target2, headers, body, repeatable: false };
  const reply = await client.http.send({ ...request, accept: [200, 201, 400, 409, 423] });
  if (reply.status === 400) {
    const code = errorCodeOf(reply) ?? "bad request";
    throw new Failure(
      code.startsWith("artifact.uploadFailed") ? "upload-incomplete" : "server-refused",
      `${client.url} refused the file of ${info.name} (${code}): it arrived otherwise than it was sent. Run again`
    );
  }
  if (reply.status === 423) {
    throw new Failure(
      "artifact-conflict",
      `${client.url} has ${info.name} locked, without a file: somebody ordered it before it was whole. Give the release a new name`
    );
  }
}
async function describe2(client, info, module) {
  const provides2 = providesText(info);
  const entries = [
    [keys.contentDigest, info.contentDigest],
    [keys.sha256, info.sha256],
    [keys.deviceTypes, JSON.stringify(info.deviceTypes)],
    [keys.signed, String(info.signature !== "none")],
    [keys.format, info.format],
    [keys.provides, provides2],
    ...info.format === "rauc" ? info.deviceTypes.map((type) => [keys.bundleFor, type]) : []
  ];
  const [tooLong] = entries.find(([, value]) => value.length > maxValue2) ?? [];
  if (tooLong !== void 0) {
    const what = tooLong === keys.provides ? "variants" : "device types";
    throw new Failure("bad-input", `${info.name}: its ${what} don't fit into hawkBit's metadata`);
  }
  await client.http.send({
    method: "POST",
    path: `/softwaremodules/${module}/metadata`,
    json: entries.map(([key, value]) => ({ key, value, targetVisible: false })),
    repeatable: true,
    accept: [200, 201, 204, 409]
  });
  const stored2 = await readModuleFacts(client, module);
  if (stored2?.contentDigest === info.contentDigest) return;
  throw new Failure(
    "upload-incomplete",
    `${client.url} did not keep the content digest of ${info.name}: its software module ${module} says ${stored2?.contentDigest ?? "nothing"}`
  );
}
function providesText(info) {
  const all = providesOf(info);
  const text4 = JSON.stringify(all);
  if (text4.length <= maxValue2) return text4;
  const kept = Object.entries(all).filter(([name2]) => isDecisive(name2));
  return JSON.stringify(Object.fromEntries(kept));
}
async function createSet(client, info, module) {
  const set = {
    name: info.name,
    version: versionOf2(info),
    type: typesOf[kindOf(info)].set,
    description: infoText(info),
    modules: [{ id: module }]
  };
  const { status } = await client.http.send({
    method: "POST",
    path: "/distributionsets",
    json: [set],
    accept: [200, 201, 409]
  });
  if (status !== 409 || await findSame(client, info)) return;
  throw deleted(client, "distribution set", info);
}
async function findSame(client, info) {
  const listed2 = await findArtifacts(client, info.name);
  const isFor = ({ deviceTypes: types }) => types.length === 0 || info.deviceTypes.length === 0 || types.some((type) => info.deviceTypes.includes(type));
  const rivals = listed2.filter(isFor);
  const other = rivals.find(({ contentDigest }) => contentDigest !== info.contentDigest);
  if (other) {
    throw new Failure(
      "artifact-conflict",
      `${client.url} has another ${info.name} for ${other.deviceTypes.join(", ") || "any device"}: its content is ${other.contentDigest}, this file's is ${info.contentDigest}. Give the new release a new name`
    );
  }
  for (const rival of rivals) requireSameVariant(client.url, info, rival);
  return rivals[0];
}
function isWhole(client, info, { set, ...artifact2 }) {
  const where = placeOf(client, set.name, set.version, set.modules?.[0]?.id);
  if (hasItsFile(where, info, artifact2)) return true;
  const isSamePlace = set.name === info.name && set.version === versionOf2(info);
  if (!isSamePlace) {
    throw new Failure(
      "artifact-conflict",
      `${where} has no file any more: upload the one for ${artifact2.deviceTypes.join(", ")} again, or give the release a new name`
    );
  }
  client.context.log.warn(`${where} has no file any more: somebody removed it. It is uploaded again`);
  return false;
}
function placeOf({ url }, name2, version, module) {
  return `${url}: software module ${module ?? "?"} (${name2} ${version})`;
}
function uploaded({ url, context }, info, stored2, isNew) {
  if (!isNew) context.log.info(`the server has it: distribution set ${stored2.id}`);
  if (stored2.isSigned !== (info.signature !== "none")) {
    context.log.warn(
      `the server's ${info.name} is ${stored2.isSigned ? "" : "not "}signed, this file is${stored2.isSigned ? " not" : ""}; it stays as it is`
    );
  }
  return {
    artifactId: stored2.id,
    release: info.name,
    contentDigest: info.contentDigest,
    sha256: info.sha256,
    url: `${url}/rest/v1/distributionsets/${stored2.id}`,
    isNew
  };
}
function versionOf2({ deviceTypes }) {
  const types = [...new Set(deviceTypes)].sort();
  const readable = types.join("+") || "any";
  const isPlain = readable.length <= maxVersion && types.every((type) => /^[A-Za-z0-9._-]+$/.test(type));
  return isPlain ? readable : `types-${hexOf(digestOf(JSON.stringify(types))).slice(0, 24)}`;
}
function fileNameOf(info) {
  return `${info.name.replace(/[^A-Za-z0-9._-]/g, "_")}.${extensions[info.format]}`;
}
function infoText({ contentDigest, format }) {
  return `${format} artifact, content ${contentDigest}`;
}
function deleted(client, what, info) {
  return new Failure(
    "artifact-conflict",
    `${client.url} had a ${what} ${info.name} ${versionOf2(info)} that was deleted, and never gives its name away again: give the release a new name`
  );
}
function unlisted(client, info) {
  return new Failure(
    "unexpected-reply",
    `${client.url} took the software module ${info.name} ${versionOf2(info)}, but does not list it`
  );
}

// src/ota/hawkbit-withdraw.ts
async function withdraw(client, id3, ended = [], from) {
  const before = await readWithActions(client, id3);
  const open = [...before.actions.values()].filter(({ device, active }) => {
    return active && isOpenState(before.devices.get(device) ?? "aborted");
  });
  const asked = from && new Set(from);
  const free = open.filter(
    ({ device }) => (asked?.has(device) ?? true) && (before.devices.get(device) === "pending" || ended.includes(device))
  );
  await forEach(free, (action2) => takeBack(client, action2, ended.includes(action2.device)));
  const { devices } = await readWithActions(client, id3);
  const left = free.find(({ device }) => devices.get(device) === "pending");
  if (left) {
    throw new Failure(
      "unexpected-reply",
      `${client.url} said that it took ${before.name} back from ${left.device}, but still has it there: cancel it on the server`
    );
  }
  return [...devices].filter(([, state2]) => isOpenState(state2)).map(([device]) => device);
}
async function takeBack(client, action2, hasEnded) {
  if (!hasEnded && hasBegun(await readHistory(client, action2))) return;
  const request = { method: "DELETE", path: actionPath(action2), accept: [200, 204, 404, 405] };
  await client.http.send(request);
  if (!hasEnded && hasBegun(await readHistory(client, action2))) return;
  await client.http.send({ ...request, path: `${actionPath(action2)}?force=true` });
}

// src/ota/hawkbit.ts
function hawkbitServer(url, token, context) {
  const client = openHawkbitClient(url, token, context);
  return {
    url,
    within: (other) => hawkbitServer(url, token, other),
    devices: () => listDevices(client),
    device: (id3) => readDevice(client, id3),
    releases: () => listReleases(client),
    release: (name2) => findRelease(client, name2),
    upload: (path2, verifyKeys) => uploadArtifact(client, path2, verifyKeys),
    deploy: async (order) => deploy(client, await listed(client, order)),
    findDeployment: (name2) => findDeployment(client, name2),
    findDeployments: (names2) => findDeployments(client, names2),
    deployment: (id3) => readDeployment(client, id3),
    lastTaken: (devices) => lastTaken(client, devices),
    openDeployments: () => openDeployments(client),
    withdraw: (id3, ended, from) => withdraw(client, id3, ended, from),
    preauthorise: (newcomer) => preauthorise(client, newcomer),
    accept: (device) => acceptDevice(client, device),
    retire: (device) => retireDevice(client, device),
    leaseOf: (device) => leaseOf(client, device),
    takeLease: (device, lease) => takeLease(client, device, lease),
    returnLease: (device, id3) => returnLease(client, device, id3),
    log: (id3, device) => readLog(client, id3, device)
  };
}

// src/ota/mender-client.ts
var pageSize2 = 500;
var maxPages2 = 2e3;
function openMenderClient(url, token, context) {
  const http = openHttp({ baseUrl: url, authorization: `Bearer ${token}` }, context);
  const all = async function* (path2, requestOf, item) {
    for (let page = 1; ; page++) {
      if (page > maxPages2) throw endless2(url, path2);
      const request = requestOf(`page=${page}&per_page=${pageSize2}`);
      const { value, headers } = await http.read(request, array(item));
      yield value;
      if (!hasNext(value.length, headers["link"])) return;
    }
  };
  const pages = (path2, query, item) => {
    const entries = Object.entries(query).flatMap(
      ([name2, values]) => [values].flat().map((one) => [name2, one])
    );
    const filter = new URLSearchParams(entries).toString();
    const prefix3 = filter === "" ? "" : `${filter}&`;
    return all(path2, (page) => ({ method: "GET", path: `${path2}?${prefix3}${page}` }), item);
  };
  return {
    url,
    http,
    context,
    pages,
    search: (path2, wanted, item) => all(
      path2,
      (page) => ({ method: "POST", path: `${path2}?${page}`, json: wanted, repeatable: true }),
      item
    ),
    list: async (path2, query, item) => {
      const items = [];
      for await (const page of pages(path2, query, item)) items.push(...page);
      return items;
    },
    find: async (path2, schema) => (await http.find({ method: "GET", path: path2 }, schema))?.value
  };
}
function hasNext(length, link) {
  if (length === 0) return false;
  return length >= pageSize2 || [link ?? []].flat().some((line) => /rel="?next"?/.test(line));
}
function endless2(url, path2) {
  return new Failure(
    "unexpected-reply",
    `${url}${path2} has more than ${maxPages2} pages: something is wrong with it`
  );
}

// src/ota/mender-schemas.ts
var name = pipe(string(), maxLength(4096));
var time3 = pipe(string(), isoTimestamp());
var scalar = union([string(), number(), boolean()]);
var inventoryDevice = object({
  id: pipe(string(), nonEmpty(), maxLength(256)),
  updated_ts: nullish(time3),
  attributes: nullish(
    array(
      object({
        name,
        scope: optional(string(), "inventory"),
        value: nullish(union([scalar, array(nullable(scalar))]))
      })
    )
  )
});
var deviceStatus = picklist(["accepted", "pending", "rejected", "preauthorized", "noauth"]);
var authDevice = object({
  id: pipe(string(), nonEmpty(), maxLength(256)),
  status: deviceStatus,
  identity_data: nullish(record(string(), union([scalar, array(scalar)]))),
  check_in_time: nullish(string()),
  decommissioning: nullish(boolean()),
  auth_sets: nullish(array(object({ id: string(), status: string() })))
});
var artifact = object({
  id: pipe(string(), nonEmpty()),
  name: pipe(string(), nonEmpty()),
  device_types_compatible: array(name),
  signed: nullish(boolean()),
  size: nullish(pipe(number(), integer(), minValue(0))),
  updates: nullish(
    array(
      object({
        type_info: nullish(object({ type: nullish(string()) })),
        files: nullish(
          array(
            object({ name, checksum: string(), size: nullish(pipe(number(), minValue(0))) })
          )
        ),
        metadata: nullish(unknown()),
        // an object on older servers, a list without a use on newer ones
        meta_data: nullish(unknown())
      })
    )
  ),
  artifact_provides: nullish(record(string(), string()))
});
var count = pipe(number(), integer(), minValue(0));
var counts = record(string(), count);
var deploymentStatistics = object({ id: string(), stats: counts });
var deployment = object({
  id: pipe(string(), nonEmpty()),
  name,
  statistics: nullish(object({ status: nullish(counts) })),
  /** Devices that have asked for it, and all that it is for. */
  device_count: nullish(count),
  max_devices: nullish(count),
  artifact_name: nullish(string()),
  created: time3,
  finished: nullish(time3),
  status: picklist(["scheduled", "pending", "inprogress", "finished"])
});
var deviceOfDeployment = object({
  status: string(),
  started: nullish(time3),
  finished: nullish(time3)
});
var deploymentOfDevice = object({
  deployment: object({ name, created: time3 }),
  device: nullish(deviceOfDeployment)
});
var deploymentDevice = object({
  id: pipe(string(), nonEmpty()),
  ...deviceOfDeployment.entries
});
var deviceIds = array(pipe(string(), nonEmpty()));

// src/ota/mender-deployment-devices.ts
var deploymentsPath = "/api/management/v1/deployments/deployments";
var path = deploymentsPath;
var maxCounted = 100;
var states = {
  pending: "pending",
  downloading: "downloading",
  pause_before_installing: "downloading",
  installing: "installing",
  pause_before_rebooting: "installing",
  rebooting: "rebooting",
  pause_before_committing: "rebooting",
  success: "success",
  "already-installed": "already-installed",
  failure: "failure",
  aborted: "aborted",
  noartifact: "no-artifact",
  decommissioned: "decommissioned"
};
async function counted2(client, found) {
  const ids = found.filter((one) => !one.statistics?.status).map(({ id: id3 }) => id3);
  const counts2 = /* @__PURE__ */ new Map();
  for (let at = 0; at < ids.length; at += maxCounted) {
    const json = { deployment_ids: ids.slice(at, at + maxCounted) };
    const request = { method: "POST", path: `${path}/statistics/list`, json, repeatable: true };
    const reply = await client.http.find(request, array(deploymentStatistics));
    for (const { id: id3, stats } of reply?.value ?? []) counts2.set(id3, stats);
  }
  return found.map((one) => {
    const status = counts2.get(one.id);
    return status ? { ...one, statistics: { status } } : one;
  });
}
async function devicesOf(client, found, known2, isAfresh) {
  const { statistics, device_count: askedFor, max_devices: max } = found;
  const status = statistics?.status;
  const counts2 = status ? canonicalJson([status, askedFor ?? null, max ?? null]) : "";
  if (known2 && !isAfresh && counts2 !== "" && known2.counts === counts2) return known2;
  const own = `${path}/${encodeURIComponent(found.id)}`;
  const asked = /* @__PURE__ */ new Map();
  const hasBegun2 = Object.entries(status ?? {}).some(([name2, n]) => name2 !== "pending" && n > 0);
  if (isAfresh || !status || hasBegun2 || askedFor !== 0) {
    for await (const page of client.pages(`${own}/devices/list`, {}, deploymentDevice)) {
      for (const device of page) asked.set(device.id, device);
    }
  }
  const isAll = max != null && max > 0 && asked.size === max;
  const all = isAll ? [...asked.keys()] : max != null && known2?.all.length === max ? known2.all : await client.http.json({ method: "GET", path: `${own}/device_list` }, deviceIds);
  return { counts: counts2, all, asked };
}
function alreadyKnown(client, found, believed = []) {
  const { success = 0, "already-installed": before = 0 } = found.statistics?.status ?? {};
  const { length } = believed;
  const isWell = length > 0 && success + before === length && found.max_devices === length;
  if (!isWell || found.status !== "finished" || !found.finished) return void 0;
  return withDevices(client, found, {
    counts: "",
    all: believed,
    asked: new Map(believed.map((id3) => [id3, { id: id3, status: "success", finished: found.finished }]))
  });
}
function withDevices(client, found, { all, asked }) {
  const unlisted2 = found.status === "finished" ? "aborted" : "pending";
  const devices = new Map(all.map((id3) => [id3, unlisted2]));
  const over = found.finished ? [new Date(found.finished).toISOString()] : [];
  const finishedAt = new Map(over.flatMap((at) => all.map((id3) => [id3, at])));
  for (const { id: id3, status, finished } of asked.values()) {
    devices.set(id3, stateOf2(client, status));
    if (finished) finishedAt.set(id3, new Date(finished).toISOString());
  }
  return {
    id: found.id,
    name: found.name,
    release: found.artifact_name ?? "",
    createdAt: new Date(found.created).toISOString(),
    isFinished: found.status === "finished",
    devices,
    finishedAt
  };
}
function stateOf2(client, status) {
  const state2 = Object.hasOwn(states, status) ? states[status] : void 0;
  if (state2) return state2;
  throw new Failure(
    "unexpected-reply",
    `${client.url} has a device in the unknown state "${status.slice(0, 80)}"`
  );
}

// src/ota/mender-deployments.ts
var searchPath = "/api/management/v2/deployments/deployments";
var maxQuery = 4e3;
function menderDeployments(client) {
  const known2 = /* @__PURE__ */ new Map();
  const look = async (found, isAfresh = false) => {
    const devices = await devicesOf(client, found, known2.get(found.id), isAfresh);
    known2.set(found.id, devices);
    return devices;
  };
  const whole = async (found) => withDevices(client, found, await look(found));
  const afresh = async (found) => withDevices(client, found, await look(found, true));
  const list = async (query) => counted2(client, await client.list(searchPath, query, deployment));
  return {
    read: async (id3) => {
      const found = await client.find(`${deploymentsPath}/${encodeURIComponent(id3)}`, deployment);
      if (found) return afresh(found);
      throw new Failure("server-refused", `${client.url} knows no deployment ${id3}`);
    },
    find: async (name2) => {
      const found = newestByName(await client.list(searchPath, { name: name2 }, deployment)).get(name2);
      return found && afresh(found);
    },
    findAll: async (names2, believed) => {
      const lists = await forEach(chunksOf2(names2), (some) => list({ name: some }));
      const newest = newestByName(lists.flat());
      const found = [...new Set(names2)].flatMap((name2) => newest.get(name2) ?? []);
      const all = await forEach(
        found,
        async (one) => alreadyKnown(client, one, believed?.get(one.name)) ?? await whole(one)
      );
      return new Map(all.map((one) => [one.name, one]));
    },
    open: async () => {
      const byId = /* @__PURE__ */ new Map();
      for (const status of ["pending", "inprogress"]) {
        for (const one of await list({ status })) byId.set(one.id, one);
      }
      const open = [];
      for (const one of byId.values()) open.push(await whole(one));
      return open.sort((a, b) => a.createdAt < b.createdAt ? -1 : 1);
    },
    lastTaken: (devices) => lastTaken2(client, devices, { look, isKnown: ({ id: id3 }) => known2.has(id3) })
  };
}
async function lastTaken2(client, devices, { look, isKnown }) {
  const left = new Set(devices);
  const taken = /* @__PURE__ */ new Map();
  if (left.size > 1) {
    const request = { method: "GET", path: `${searchPath}?sort=desc&page=1&per_page=${pageSize2}` };
    const { value } = await client.http.read(request, array(deployment));
    let budget = left.size;
    for (const found of newestFirst(await counted2(client, value))) {
      if (found.device_count === 0) continue;
      if (left.size === 0 || budget <= 0) break;
      if (!isKnown(found)) budget--;
      const { asked } = await look(found);
      for (const [id3, device] of asked) {
        if (hasTaken(device) && left.delete(id3)) taken.set(id3, found.name);
      }
    }
  }
  for (const id3 of left) {
    const own = `${deploymentsPath}/devices/${encodeURIComponent(id3)}?page=1&per_page=20`;
    const history = await client.find(own, array(deploymentOfDevice)) ?? [];
    const [newest] = newestFirst(
      history.filter(({ device }) => !device || hasTaken(device)).map((one) => one.deployment)
    );
    if (newest) taken.set(id3, newest.name);
  }
  return taken;
}
function hasTaken({ status, started }) {
  return started != null || status !== "aborted" && status !== "decommissioned";
}
function newestFirst(all) {
  return [...all].sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
}
function newestByName(all) {
  return new Map(
    newestFirst(all).toReversed().map((one) => [one.name, one])
  );
}
function chunksOf2(names2) {
  const chunks = [];
  let length = Infinity;
  for (const name2 of new Set(names2)) {
    const size = encodeURIComponent(name2).length + "&name=".length;
    if (length + size > maxQuery) {
      chunks.push([]);
      length = 0;
    }
    chunks.at(-1)?.push(name2);
    length += size;
  }
  return chunks;
}

// src/ota/mender-lease-tags.ts
var names = {
  id: "drover-lease",
  holder: "drover-lease-holder",
  until: "drover-lease-until",
  number: "drover-lease-number"
};
var ours = new Set(Object.values(names));
function isLeaseTag({ name: name2 }) {
  return ours.has(name2);
}
function tagsOf({ id: id3, holder, until, number: number2 }) {
  return [
    { name: names.id, value: id3 },
    { name: names.holder, value: holder },
    { name: names.until, value: until },
    numberTag(number2)
  ];
}
function numberTag(number2) {
  return { name: names.number, value: String(number2) };
}
function lastNumber(tags) {
  const text4 = textOf(tags, names.number);
  return /^\d{1,15}$/.test(text4) ? Number(text4) : 0;
}
function leaseAmong(tags, now) {
  const [id3, holder, until] = [names.id, names.holder, names.until].map((name2) => textOf(tags, name2));
  if (!id3 || !until || !(Date.parse(until) > now.getTime())) return void 0;
  return { id: id3, holder: holder ?? "", until, number: lastNumber(tags) };
}
function textOf(tags, wanted) {
  const value = tags.find(({ name: name2 }) => name2 === wanted)?.value;
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

// src/ota/mender-devices.ts
var authPath = "/api/management/v2/devauth/devices";
var inventoryPath = "/api/management/v1/inventory/devices";
var searchPath2 = "/api/management/v2/inventory/filters/search";
var maxRounds2 = 3;
async function* listDevices2(client) {
  const others = /* @__PURE__ */ new Map();
  const notAccepted = { status: ["pending", "rejected", "preauthorized", "noauth"] };
  for await (const page of client.search(`${authPath}/search`, notAccepted, authDevice)) {
    for (const device of page) others.set(device.id, device);
  }
  const seen2 = /* @__PURE__ */ new Set();
  for (let round = 1; ; round++) {
    let total = 0;
    for await (const page of searchInventory(client)) {
      total = page.total ?? total;
      const fresh = page.devices.filter(({ id: id3 }) => !seen2.has(id3));
      for (const { id: id3 } of fresh) seen2.add(id3);
      if (fresh.length > 0)
        yield fresh.map((device) => factsOf2(client, device.id, others.get(device.id), device));
    }
    if (seen2.size >= total) break;
    if (round === maxRounds2) {
      throw new Failure(
        "unexpected-reply",
        `${client.url} says it has ${total} devices, but lists ${seen2.size}: try again when fewer come and go`
      );
    }
  }
  const known2 = [...others.values(), ...await unlistedAccepted(client, seen2, others)];
  const unlisted2 = known2.filter(({ id: id3 }) => !seen2.has(id3));
  if (unlisted2.length > 0) yield unlisted2.map((device) => factsOf2(client, device.id, device, void 0));
}
async function unlistedAccepted(client, seen2, others) {
  const listed2 = [...seen2].filter((id3) => !others.has(id3)).length;
  const counted3 = await client.find(`${authPath}/count?status=accepted`, object({ count: number() }));
  return counted3 && counted3.count <= listed2 ? [] : client.list(authPath, { status: "accepted" }, authDevice);
}
async function* searchInventory(client, filters = []) {
  const order = [{ scope: "system", attribute: "created_ts", order: "asc" }];
  for (let page = 1, count2 = 0; ; page++) {
    if (page > maxPages2) throw endless2(client.url, searchPath2);
    const { value, headers } = await client.http.read(
      {
        method: "POST",
        path: searchPath2,
        json: { page, per_page: pageSize2, sort: order, ...filters.length > 0 ? { filters } : {} },
        repeatable: true
      },
      array(inventoryDevice)
    );
    const header = Number(headers["x-total-count"] ?? Number.NaN);
    const total = Number.isSafeInteger(header) ? header : void 0;
    count2 += value.length;
    yield { devices: value, total };
    if (value.length === 0 || count2 >= (total ?? Infinity)) return;
    if (total === void 0 && value.length < pageSize2) return;
  }
}
async function readDevice2(client, id3) {
  const path2 = `/${encodeURIComponent(id3)}`;
  const [auth, inventory] = await Promise.all([
    client.find(authPath + path2, authDevice),
    client.find(inventoryPath + path2, inventoryDevice)
  ]);
  if (!auth) throw missingDevice2(client, id3);
  return factsOf2(client, id3, auth, inventory);
}
async function acceptDevice2(client, id3) {
  const path2 = `${authPath}/${encodeURIComponent(id3)}`;
  const device = await client.find(path2, authDevice);
  if (!device) throw missingDevice2(client, id3);
  if (device.status === "accepted") return;
  const waiting = device.auth_sets?.filter(({ status }) => status === "pending") ?? [];
  if (waiting.length > 1) {
    const what = `${waiting.length} keys wait under the identity of device ${id3}, and one may be an impostor's`;
    throw new Failure("device-not-accepted", `${what}: accept the right one on ${client.url}`);
  }
  const set = waiting[0] ?? device.auth_sets?.[0];
  if (!set) {
    throw new Failure("device-not-accepted", `device ${id3} has sent no key yet: it has to connect first`);
  }
  await client.http.send({
    method: "PUT",
    path: `${path2}/auth/${encodeURIComponent(set.id)}/status`,
    json: { status: "accepted" },
    accept: [200, 204]
  });
  const now = await client.find(path2, authDevice);
  if (now?.status === "accepted") return;
  throw new Failure(
    "server-refused",
    `${client.url} did not accept device ${id3}: it is ${now?.status ?? "gone"}`
  );
}
async function retireDevice2(client, id3) {
  const path2 = `${authPath}/${encodeURIComponent(id3)}`;
  await client.http.send({ method: "DELETE", path: path2, accept: [200, 202, 204, 404] });
  const left = await client.find(path2, authDevice);
  if (left === void 0 || left.decommissioning) return;
  throw new Failure("server-refused", `${client.url} did not remove device ${id3}: it is still ${left.status}`);
}
function missingDevice2(client, id3) {
  return new Failure(
    "device-missing",
    `${client.url} knows no device ${id3}: give the id that the server shows for it, not its serial number`
  );
}
function factsOf2(client, id3, auth, inventory) {
  const reported = scopeOf(inventory, "inventory");
  const { status, ...identity } = scopeOf(inventory, "identity");
  const tags = inventory?.attributes?.filter(({ scope }) => scope === "tags") ?? [];
  const lease = leaseAmong(tags, client.context.clock.now());
  const hasReported = Object.keys(reported).length > 0;
  const reportedAt = hasReported && inventory?.updated_ts ? isoTime2(inventory.updated_ts) : void 0;
  const lastSeen = [scopeOf(inventory, "system")["check_in_time"], auth?.check_in_time, reportedAt].flatMap((at) => at && !Number.isNaN(Date.parse(at)) ? [isoTime2(at)] : []).sort().at(-1);
  return {
    id: id3,
    // device authentication decides; a device that it did not name among the others is accepted
    status: auth?.status ?? knownStatus(status),
    reportedAt,
    ...lastSeen === void 0 ? {} : { lastSeen },
    deviceType: reported["device_type"] || void 0,
    release: reported["rootfs-image.version"] || reported["image_version"] || reported["artifact_name"] || void 0,
    group: scopeOf(inventory, "system")["group"] || void 0,
    identity: auth?.identity_data ? texts(Object.entries(auth.identity_data)) : identity,
    attributes: reported,
    ...lease ? { lease: leaseNote(lease) } : {}
  };
}
function knownStatus(text4) {
  const known2 = ["pending", "rejected", "preauthorized", "noauth"].find((one) => one === text4);
  return known2 ?? "accepted";
}
function scopeOf(device, scope) {
  const inScope = device?.attributes?.filter((attribute2) => attribute2.scope === scope) ?? [];
  return texts(inScope.map(({ name: name2, value }) => [name2, value]));
}
function texts(entries) {
  const present = entries.filter(([, value]) => value !== null && value !== void 0);
  return Object.fromEntries(
    present.map(([name2, value]) => [name2, Array.isArray(value) ? value.join(",") : String(value)])
  );
}
function isoTime2(text4) {
  return new Date(text4).toISOString();
}

// src/ota/mender-leases.ts
var attempts4 = 5;
var taggedDevice = object({
  id: string(),
  attributes: nullish(
    array(
      object({
        name: string(),
        scope: optional(string(), "inventory"),
        value: unknown(),
        description: nullish(string())
      })
    )
  )
});
async function leaseOf2(client, device) {
  return leaseAmong((await readTags(client, device)).all, client.context.clock.now());
}
async function takeLease2(client, device, wish) {
  for (let attempt = 1; attempt <= attempts4; attempt++) {
    const tags = await readTags(client, device);
    const current = leaseAmong(tags.all, client.context.clock.now());
    if (current && current.id !== wish.id) return current;
    const lease = { ...wish, number: current?.number ?? lastNumber(tags.all) + 1 };
    if (!await writeTags(client, device, tags, tagsOf(lease))) continue;
    if (tags.etag === void 0) await client.context.clock.sleep(1e3, client.context.signal);
    const now = await leaseOf2(client, device);
    if (now) return now;
    if (Date.parse(lease.until) <= client.context.clock.now().getTime()) return lease;
  }
  throw new Failure(
    "device-busy",
    `the tags of device ${device} change faster than a lease can be written: try again`
  );
}
async function returnLease2(client, device, id3) {
  for (let attempt = 1; attempt <= attempts4; attempt++) {
    const tags = await readTags(client, device);
    if (leaseAmong(tags.all, /* @__PURE__ */ new Date(0))?.id !== id3) return;
    if (await writeTags(client, device, tags, [numberTag(lastNumber(tags.all))])) return;
  }
  client.context.log.warn(`the lease of device ${device} could not be returned; it ends by itself`);
}
async function readTags(client, device) {
  const path2 = `/api/management/v1/inventory/devices/${encodeURIComponent(device)}`;
  const found = await client.http.find({ method: "GET", path: path2 }, taggedDevice);
  if (!found) throw missingDevice2(client, device);
  const [etag] = [found.headers["etag"] ?? []].flat();
  const all = (found.value.attributes ?? []).filter(({ scope }) => scope === "tags").map(({ name: name2, value, description: description2 }) => ({ name: name2, value, ...description2 ? { description: description2 } : {} }));
  return { all, etag: etag || void 0 };
}
async function writeTags(client, device, tags, lease) {
  const { status } = await client.http.send({
    method: "PUT",
    path: `/api/management/v1/inventory/devices/${encodeURIComponent(device)}/tags`,
    json: [...tags.all.filter((tag) => !isLeaseTag(tag)), ...lease],
    ...tags.etag === void 0 ? {} : { headers: { "if-match": tags.etag } },
    accept: [200, 204, 412]
  });
  return status !== 412;
}

// src/ota/mender-log.ts
var maxLogCharacters = 1 << 20;
async function readLog2(client, id3, device) {
  const reply = await client.http.send({
    method: "GET",
    path: `${deploymentsPath}/${encodeURIComponent(id3)}/devices/${encodeURIComponent(device)}/log`,
    headers: { accept: "text/plain, application/json" },
    accept: [200, 404]
  });
  if (/^\s*<!doctype html|^\s*<html/i.test(reply.text)) {
    throw new Failure("unexpected-reply", `${client.url} answered with a web page instead of a log`);
  }
  return reply.status === 404 || reply.text === "" ? void 0 : reply.text.slice(-maxLogCharacters);
}

// src/ota/mender-groups.ts
var attempts5 = 5;
var anId = object({ id: string() });
async function acceptedInGroup(client, group) {
  for (let attempt = 1; ; attempt++) {
    const members = await membersOf(client, group);
    const accepted = new Set(await acceptedAmong(client, [...members.keys()]));
    const differing = [...members].filter(([id3, isAccepted]) => isAccepted !== accepted.has(id3));
    if (differing.length === 0 && accepted.size > 0) return [...accepted].sort();
    if (differing.length === 0) {
      throw new Failure(
        "no-device-matched",
        `${client.url} has no accepted device in its group ${group}: put some there`
      );
    }
    if (attempt === attempts5) {
      const named = differing.slice(0, 5).map(([id3]) => id3);
      throw new Failure(
        "device-not-accepted",
        `${client.url} is not at one with itself whether ${differing.length} devices of group ${group} are accepted (${named.join(", ")}): try again in a minute`
      );
    }
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal);
  }
}
async function membersOf(client, group) {
  const members = /* @__PURE__ */ new Map();
  const filters = [{ scope: "system", attribute: "group", type: "$eq", value: group }];
  for await (const { devices } of searchInventory(client, filters)) {
    for (const { id: id3, attributes: attributes2 } of devices) {
      const status = attributes2?.find(({ scope, name: name2 }) => scope === "identity" && name2 === "status")?.value;
      members.set(id3, status === "accepted");
    }
  }
  return members;
}
async function acceptedAmong(client, ids) {
  const accepted = [];
  for (let at = 0; at < ids.length; at += pageSize2) {
    const wanted = { status: ["accepted"], id: ids.slice(at, at + pageSize2) };
    for await (const page of client.search(`${authPath}/search`, wanted, anId))
      accepted.push(...page.map(({ id: id3 }) => id3));
  }
  return accepted;
}

// src/ota/mender-orders.ts
var attempts6 = 3;
async function deploy2(client, deployments, order) {
  const devices = "group" in order ? await acceptedInGroup(client, order.group) : [...new Set(order.devices)].sort();
  checkSize(order, devices);
  for (let attempt = 1; ; attempt++) {
    const existing = await deployments.find(order.name);
    if (existing) return checked(client, existing, order, devices);
    const failure = await create2(client, order, devices);
    const created2 = await deployments.find(order.name);
    if (created2) return checked(client, created2, order, devices);
    if (attempt === attempts6) throw failure;
    client.context.log.warn(`order ${order.name}, try ${attempt} of ${attempts6}: ${failure.message}`);
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal);
  }
}
async function create2(client, order, devices) {
  const wanted = { name: order.name, artifact_name: order.release, force_installation: false };
  try {
    const { status } = await client.http.send({
      method: "POST",
      ..."group" in order ? { path: `${deploymentsPath}/group/${encodeURIComponent(order.group)}`, json: wanted } : { path: deploymentsPath, json: { ...wanted, devices } },
      repeatable: false,
      accept: [201, 409, 422]
    });
    if (status === 422) throw missingRelease(client, order.release);
    const said = status === 201 ? "took the order" : "says that an equal order is open";
    return new Failure("unexpected-reply", `${client.url} ${said} ${order.name}, but does not list it`);
  } catch (error) {
    if (error instanceof Failure && error.reason === "unreachable") return error;
    throw error;
  }
}
async function checked(client, found, order, devices) {
  const asked = new Set(devices);
  const missing = devices.filter((id3) => !found.devices.has(id3));
  const extra = [...found.devices.keys()].filter((id3) => !asked.has(id3));
  if (found.release === order.release && missing.length === 0 && extra.length === 0) return found;
  const differs = found.release === order.release ? `${counted(missing.length, "device")} missing (${missing.slice(0, 5).join(", ")}), ${extra.length} too many (${extra.slice(0, 5).join(", ")})` : `it orders ${found.release} instead of ${order.release}`;
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? "device-missing" : "server-refused",
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and abort it`
  );
}
async function withdraw2(client, deployments, id3, ended = [], from) {
  const before = await deployments.read(id3);
  const open = devicesIn(before, isOpenState);
  const asked = from && new Set(from);
  const free = open.filter(
    (device) => (asked?.has(device) ?? true) && (before.devices.get(device) === "pending" || ended.includes(device))
  );
  if (free.length === 0) return open;
  const isWhole2 = free.length === open.length;
  if (isWhole2) {
    const request = { method: "PUT", path: `${deploymentsPath}/${encodeURIComponent(id3)}/status` };
    await client.http.send({ ...request, json: { status: "aborted" }, accept: [200, 204, 422] });
  }
  const taken = isWhole2 ? free : await withdrawEach(client, deployments, before, free);
  const left = devicesIn(await deployments.read(id3), isOpenState);
  const still = taken.find((device) => left.includes(device));
  if (still === void 0) return left;
  throw new Failure(
    "unexpected-reply",
    `${client.url} said that it took ${before.name} back from ${still}, but still has it there: abort it on the server`
  );
}
async function withdrawEach(client, deployments, { id: id3, devices: before }, free) {
  const taken = [];
  const others = (await deployments.open()).filter((one) => one.id !== id3);
  for (const device of free) {
    const other = others.find((one) => isOpenState(one.devices.get(device) ?? "aborted"));
    if (other) {
      client.context.log.warn(`${device} keeps its order: withdrawing it would take back ${other.name} too`);
      continue;
    }
    const { devices } = await deployments.read(id3);
    if (devices.get(device) !== before.get(device)) continue;
    const request = { method: "DELETE", path: `${deploymentsPath}/devices/${encodeURIComponent(device)}` };
    await client.http.send({ ...request, accept: [200, 204] });
    taken.push(device);
  }
  return taken;
}
function devicesIn(deployment3, has) {
  return [...deployment3.devices].filter(([, state2]) => has(state2)).map(([id3]) => id3);
}
function missingRelease(client, release2) {
  return new Failure("release-missing", `${client.url} has no release ${release2}: upload its artifact first`);
}

// src/ota/mender-preauthorise.ts
import { createPublicKey } from "node:crypto";
var knownDevice = object({
  ...authDevice.entries,
  auth_sets: nullish(
    array(object({ id: string(), status: string(), pubkey: nullish(string()) }))
  )
});
async function preauthorise2(client, { identity, key }) {
  const pubkey = publicPem(key);
  if (pubkey === void 0) {
    throw new Failure(
      "bad-key",
      "the key of a device that is to be let in is no public key in PEM: give the public half, the other stays on the device"
    );
  }
  const reply = await client.http.send({
    method: "POST",
    path: authPath,
    json: { identity_data: identity, pubkey, force: false },
    // the same again is answered with what is there
    repeatable: true,
    accept: [201, 409]
  });
  const path2 = reply.status === 201 ? madeAt(reply) : void 0;
  const made = path2 === void 0 ? void 0 : await client.find(`${authPath}/${path2}`, knownDevice);
  const device = made ?? known(client, reply);
  const set = device.auth_sets?.find(({ pubkey: other }) => publicPem(other ?? "") === pubkey);
  if (set?.status === "preauthorized" || set?.status === "accepted") return device.id;
  if (set?.status !== "pending") throw notSame2(client, device, set?.status);
  await client.http.send({
    method: "PUT",
    path: `${authPath}/${encodeURIComponent(device.id)}/auth/${encodeURIComponent(set.id)}/status`,
    json: { status: "accepted" },
    accept: [200, 204]
  });
  const now = await client.find(`${authPath}/${encodeURIComponent(device.id)}`, knownDevice);
  if (now?.auth_sets?.some(({ id: id3, status }) => id3 === set.id && status === "accepted")) return device.id;
  throw new Failure(
    "server-refused",
    `${client.url} did not accept the key that device ${device.id} waits with`
  );
}
function publicPem(text4) {
  if (text4.includes("PRIVATE KEY")) return void 0;
  try {
    return createPublicKey(text4).export({ type: "spki", format: "pem" }).toString();
  } catch {
    return void 0;
  }
}
function madeAt({ headers }) {
  const [location = ""] = [headers["location"] ?? []].flat();
  return /\/([^/?]+)$/.exec(location)?.[1];
}
function known(client, { status, text: text4 }) {
  try {
    return parse(knownDevice, JSON.parse(text4));
  } catch (error) {
    throw new Failure(
      "unexpected-reply",
      `${client.url} answered ${status} to a device that was to be let in, and does not say which one that is`,
      { cause: error }
    );
  }
}
function notSame2(client, { id: id3, status }, ofKey) {
  return new Failure(
    "device-not-accepted",
    ofKey === void 0 ? `${client.url} knows the device with another key (${id3}, ${status}): where it is the same device with a new key, retire it there first` : `the key of device ${id3} is ${ofKey} on ${client.url}: accept it there, where that was a mistake`
  );
}

// src/ota/mender-releases.ts
var artifactsPath = "/api/management/v1/deployments/artifacts";
async function listArtifacts(client, name2) {
  const query = name2 === void 0 ? {} : { name: name2 };
  const path2 = "/api/management/v2/deployments/artifacts";
  const page = new URLSearchParams({ ...query, page: "1", per_page: String(pageSize2) });
  const request = { method: "GET", path: `${path2}?${page.toString()}` };
  const first = await client.http.find(request, array(artifact));
  const all = first === void 0 ? await client.list(`${artifactsPath}/list`, {}, artifact) : hasNext(first.value.length, first.headers["link"]) ? await client.list(path2, query, artifact) : first.value;
  return name2 === void 0 ? all : all.filter((one) => one.name === name2);
}
async function listReleases2(client) {
  const byName = Map.groupBy(await listArtifacts(client), ({ name: name2 }) => name2);
  return [...byName].map(([name2, artifacts]) => ({ name: name2, artifacts: artifacts.map(releaseArtifact) })).sort((a, b) => a.name < b.name ? -1 : 1);
}
async function findRelease2(client, name2) {
  const artifacts = await listArtifacts(client, name2);
  return artifacts.length === 0 ? void 0 : { name: name2, artifacts: artifacts.map(releaseArtifact) };
}
function releaseArtifact(listed2) {
  const provides2 = listed2.artifact_provides ?? {};
  return {
    id: listed2.id,
    deviceTypes: listed2.device_types_compatible,
    sizeBytes: listed2.size ?? 0,
    isSigned: listed2.signed ?? false,
    provides: provides2,
    contentDigest: contentDigestOf({
      deviceTypes: listed2.device_types_compatible,
      scriptsDigest: provides2[scriptsProvide],
      payloads: (listed2.updates ?? []).map(({ type_info, files, metadata: metadata2, meta_data }) => ({
        type: type_info?.type ?? "",
        metaData: objectOf(metadata2) ?? objectOf(meta_data),
        files: files ?? []
      }))
    })
  };
}
var anObject = record(string(), unknown());
function objectOf(value) {
  return is(anObject, value) && !Array.isArray(value) ? value : void 0;
}

// src/ota/mender-upload.ts
import { createHash as createHash2 } from "node:crypto";
var attempts7 = 3;
var proxyMs = 2e4;
async function uploadArtifact2(client, path2, verifyKeys = []) {
  const { context } = client;
  const file = await openArtifactFile(path2, verifyKeys, context);
  const { info } = file;
  for (let attempt = 1; ; attempt++) {
    const existing = await findSame2(client, info);
    if (existing) {
      requireSignedThere(client.url, info, existing.signed ?? void 0, verifyKeys);
      context.log.info(`the server has it: artifact ${existing.id}`);
      if ((existing.signed ?? false) !== (info.signature !== "none")) {
        context.log.warn(
          `the server's ${info.name} is ${existing.signed ? "" : "not "}signed, this file is${existing.signed ? " not" : ""}; it stays as it is`
        );
      }
      return uploaded2(client, info, existing, attempt > 1);
    }
    const failure = await send2(client, file);
    if (failure === void 0) break;
    if (attempt === attempts7) throw failure;
    context.log.warn(`upload ${attempt} of ${attempts7} broke: ${failure.message}`);
    await context.clock.sleep(1e3 * 2 ** (attempt - 1), context.signal);
  }
  const stored2 = await findSame2(client, info);
  if (stored2) return uploaded2(client, info, stored2, true);
  throw new Failure(
    "upload-incomplete",
    `${client.url} took the upload of ${info.name}, but does not list it: look at the server's own log`
  );
}
async function send2(client, { path: path2, info, mark }) {
  const { headers, body } = multipart(
    {
      // the server's order: its parser wants the file last
      fields: [
        ["size", String(info.sizeBytes)],
        ["artifact_id", artifactIdOf(info)]
      ],
      field: "artifact",
      path: path2,
      fileName: "artifact.mender",
      contentType: "application/octet-stream",
      sizeBytes: info.sizeBytes,
      mark
    },
    client.context
  );
  const { clock } = client.context;
  const startedAt = clock.now().getTime();
  try {
    const request = { method: "POST", path: artifactsPath, headers, body };
    const { status } = await client.http.send({ ...request, repeatable: false, accept: [201, 409] });
    return status === 409 ? await conflict(client, info) : void 0;
  } catch (error) {
    if (!(error instanceof Failure && error.reason === "unreachable")) throw error;
    const tookMs = clock.now().getTime() - startedAt;
    if (tookMs < proxyMs) return error;
    const hint = "where each try breaks after the same time, a proxy on the way limits how long it may take";
    return new Failure("unreachable", `${error.message} (after ${seconds(tookMs)}; ${hint})`, {
      cause: error
    });
  }
}
async function conflict(client, info) {
  if (await findSame2(client, info)) return void 0;
  return new Failure(
    "artifact-conflict",
    `${client.url} refuses ${info.name} for what another artifact there already claims, and does not list which`
  );
}
async function findSame2(client, info) {
  const listed2 = await listArtifacts(client, info.name);
  const rivals = listed2.filter(
    (one) => one.device_types_compatible.some((type) => info.deviceTypes.includes(type))
  );
  for (const rival of rivals) {
    const listed3 = releaseArtifact(rival);
    const { contentDigest } = listed3;
    if (contentDigest === info.contentDigest) {
      requireSameVariant(client.url, info, listed3);
      continue;
    }
    const isOurs = rival.id === artifactIdOf(info);
    throw new Failure(
      isOurs ? "upload-incomplete" : "artifact-conflict",
      isOurs ? `${client.url} lists the artifact ${rival.id} with content ${contentDigest}, but the file has ${info.contentDigest}: delete it there and run again` : `${client.url} has another ${info.name} for ${rival.device_types_compatible.join(", ")}: its content is ${contentDigest}, this file's is ${info.contentDigest}. Give the new release a new name`
    );
  }
  const [same] = rivals;
  if (same) checkSize2(client, info, same);
  return same;
}
function checkSize2(client, info, listed2) {
  if (listed2.id !== artifactIdOf(info) || listed2.size === info.sizeBytes) return;
  throw new Failure(
    "upload-incomplete",
    `${client.url} lists ${listed2.size ?? "no"} bytes for the artifact ${listed2.id}, but the file has ${info.sizeBytes}: delete it there and run again`
  );
}
function uploaded2(client, info, listed2, isNew) {
  return {
    artifactId: listed2.id,
    release: info.name,
    contentDigest: info.contentDigest,
    sha256: info.sha256,
    url: `${client.url}/ui/releases/${encodeURIComponent(info.name)}`,
    isNew
  };
}
var idSpace = Buffer.from("6d3f1f9e4c0b4f0e9a3a5b1d2c7e8f90", "hex");
function artifactIdOf(info) {
  const hash2 = createHash2("sha1").update(idSpace).update(hexOf(info.sha256)).digest();
  hash2.writeUInt8(hash2.readUInt8(6) & 15 | 80, 6);
  hash2.writeUInt8(hash2.readUInt8(8) & 63 | 128, 8);
  const hex = hash2.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-"
  );
}

// src/ota/mender.ts
function menderServer(url, token, context) {
  const client = openMenderClient(url, token, context);
  const deployments = menderDeployments(client);
  return {
    url,
    within: (other) => menderServer(url, token, other),
    devices: () => listDevices2(client),
    device: (id3) => readDevice2(client, id3),
    releases: () => listReleases2(client),
    release: (name2) => findRelease2(client, name2),
    upload: (path2, verifyKeys) => uploadArtifact2(client, path2, verifyKeys),
    deploy: (order) => deploy2(client, deployments, order),
    findDeployment: (name2) => deployments.find(name2),
    findDeployments: (names2, believed) => deployments.findAll(names2, believed),
    deployment: (id3) => deployments.read(id3),
    lastTaken: (devices) => deployments.lastTaken(devices),
    openDeployments: () => deployments.open(),
    withdraw: (id3, ended, from) => withdraw2(client, deployments, id3, ended, from),
    preauthorise: (newcomer) => preauthorise2(client, newcomer),
    accept: (device) => acceptDevice2(client, device),
    retire: (device) => retireDevice2(client, device),
    leaseOf: (device) => leaseOf2(client, device),
    takeLease: (device, lease) => takeLease2(client, device, lease),
    returnLease: (device, id3) => returnLease2(client, device, id3),
    log: (id3, device) => readLog2(client, id3, device)
  };
}

// src/ota/server-url.ts
import { isIP } from "node:net";
function checkedServerUrl(text4) {
  const url = URL.parse(text4.trim());
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Failure("bad-input", `server is "${shown(text4)}"; write a URL such as https://hosted.mender.io`);
  }
  if (url.username || url.password) {
    throw new Failure("bad-input", "server has a user or a password in its URL: give the input token instead");
  }
  if (url.search || url.hash) {
    throw new Failure("bad-input", `server is "${shown(text4)}"; it can't have a query or a fragment`);
  }
  if (url.protocol === "http:" && !isNear(url.hostname)) {
    throw new Failure(
      "bad-input",
      `server is "${shown(text4)}": the token would travel in the clear. Use https://; http:// is only for localhost and private addresses`
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
function shown(text4) {
  return text4.replace(/\/\/.*@/, "//…@").slice(0, 200);
}
function isNear(host) {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  const bare = host.replace(/^\[|\]$/g, "");
  if (isIP(bare) === 4) return /^(127|10)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(bare);
  return isIP(bare) === 6 && /^(::1$|f[cd]|fe[89ab])/i.test(bare);
}

// src/ota/open-server.ts
var serverTypes = ["mender", "hawkbit"];
function openServer({ type, url, token }, context) {
  const isPassword = type === "hawkbit" && new RegExp("^[^\\p{Cc}:]+:\\P{Cc}+$", "u").test(token);
  if (!isPassword && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure("bad-input", "token has a character that no token has: copy it again, without spaces");
  }
  const open = type === "hawkbit" ? hawkbitServer : menderServer;
  return open(checkedServerUrl(url), token, context);
}
function serverAddress(given, fleet) {
  const url = given.url ?? fleet?.url;
  if (url === void 0) {
    throw new Failure("bad-input", "no server: give the input server, or one in fleet.yml (server: { url })");
  }
  const wanted = given.type ?? fleet?.type ?? serverTypes[0];
  const type = serverTypes.find((one) => one === wanted);
  if (type) return { url, type };
  throw new Failure("bad-input", `server-type is "${wanted}"; it can be ${serverTypes.join(" or ")}`);
}

// src/ota/facts.ts
async function gatherFacts(server, context) {
  const gatheredAt = context.clock.now().toISOString();
  const openDeployments2 = await server.openDeployments();
  const releases = await server.releases();
  const devices = [];
  for await (const page of server.devices()) {
    devices.push(...page);
    context.log.info(`${counted(devices.length, "device")} read`);
  }
  return { server: server.url, gatheredAt, devices, releases, openDeployments: openDeployments2 };
}
function requireDevices(facts) {
  if (facts.devices.length > 0) return facts;
  throw new Failure(
    "no-device-matched",
    `${facts.server} has no device that this token may see: connect one, or check the token's rights`
  );
}
function silentDevices({ devices, inGit = [] }, maxAgeMs, now) {
  const retired = new Set(inGit.flatMap(({ id: id3, isRetired }) => isRetired ? [id3] : []));
  return devices.filter(({ id: id3, status, reportedAt }) => {
    if (status !== "accepted" || retired.has(id3)) return false;
    return reportedAt === void 0 || !(now.getTime() - Date.parse(reportedAt) <= maxAgeMs);
  });
}
var maxNamed = 20;
function requireFresh(silent, maxAge) {
  if (silent.length === 0 || maxAge === void 0) return;
  const named = silent.slice(0, maxNamed).map(({ id: id3, reportedAt }) => `${id3} (${reportedAt ?? "never"})`);
  const more = silent.length > maxNamed ? ` and ${silent.length - maxNamed} more` : "";
  const who = counted(silent.length, "device", ["has", "have"]);
  throw new Failure(
    "device-silent",
    `${who} no facts younger than ${maxAge}, by when they last reported: ${named.join(", ")}${more}. Are they on, and do they reach the server?`
  );
}

// src/ota/address.ts
import { isIP as isIP2 } from "node:net";
function addressOf({ attributes: attributes2 }) {
  const names2 = Object.keys(attributes2).filter((name2) => /^ipv[46]_/.test(name2)).sort();
  return ["address", "ip_address", "ipv4", ...names2, "ipv6"].flatMap((name2) => (attributes2[name2] ?? "").split(/[\s,]+/)).map((text4) => text4.replace(/\/\d+$/, "")).find((text4) => isIP2(text4) !== 0 && !/^(127\.|169\.254\.|::1$|fe80:)/i.test(text4));
}

// src/ota/facts-schema.ts
var maxFactsBytes = 256 << 20;
var text3 = pipe(string(), maxLength(65536));
var id2 = pipe(string(), nonEmpty(), maxLength(256));
var time4 = pipe(string(), isoTimestamp());
var digest = pipe(
  string(),
  regex(/^sha256:[0-9a-f]{64}$/),
  guard((value) => isDigest(value))
);
var texts2 = record(string(), text3);
var state = picklist([
  "pending",
  "downloading",
  "installing",
  "rebooting",
  "success",
  "already-installed",
  "failure",
  "aborted",
  "no-artifact",
  "decommissioned"
]);
var seconds2 = optional(pipe(number(), integer(), minValue(0)));
var git = {
  inGit: pipe(
    optional(boolean()),
    description("Whether Git names it; missing where no fleet was read.")
  ),
  host: pipe(optional(text3), description("Its name in the inventory.")),
  stage: pipe(optional(text3), description("The stage that Git puts it in.")),
  isRetired: pipe(optional(boolean()), description("Whether Git calls it retired."))
};
var knownDevice2 = object({
  id: pipe(id2, description("The device's id on the OTA server.")),
  status: picklist(["accepted", "pending", "rejected", "preauthorized", "noauth"]),
  reportedAt: pipe(
    optional(time4),
    description(
      "When it last reported, by which all that it reported is as old; missing where it never did."
    )
  ),
  lastSeen: pipe(
    optional(time4),
    description(
      "When it last asked the server for anything, as far as the server tells; never before reportedAt."
    )
  ),
  ageSeconds: pipe(
    optional(object({ reported: seconds2, seen: seconds2 })),
    description("How old reportedAt and lastSeen were at gatheredAt.")
  ),
  deviceType: optional(text3),
  release: pipe(optional(text3), description("The OS release that it runs.")),
  group: pipe(optional(text3), description("The group on the server that operators put it in.")),
  identity: texts2,
  attributes: pipe(texts2, description("Everything else it reported.")),
  provides: pipe(optional(texts2), description("What it reports of the software that it has.")),
  configuration: pipe(optional(texts2), description("What it reports of its configuration.")),
  address: pipe(optional(text3), description("The address that it claims, for ssh.")),
  claimedStage: pipe(optional(text3), description("The stage that it claims; Git decides.")),
  lease: pipe(
    optional(object({ holder: text3, until: time4, number: pipe(number(), integer()) })),
    description("Who held it at gatheredAt.")
  ),
  pending: pipe(
    optional(object({ deployment: id2, name: text3, release: text3, state, since: time4 })),
    description("The oldest open deployment that has it, and how it stands there.")
  ),
  ...git
});
var missingDevice3 = object({
  id: pipe(id2, description("The id that Git gives it.")),
  status: pipe(literal("not-on-server"), description("Git names it, and the server does not know it.")),
  ...git
});
var release = object({
  name: text3,
  artifacts: array(
    object({
      id: id2,
      deviceTypes: array(text3),
      sizeBytes: pipe(number(), integer(), minValue(0)),
      isSigned: boolean(),
      format: optional(
        pipe(
          picklist(["mender", "swupdate", "rauc"]),
          description("Format of its file, where the server takes several.")
        )
      ),
      contentDigest: pipe(digest, description("Digest of what it holds, whatever it is signed with.")),
      provides: optional(texts2)
    })
  )
});
var deployment2 = object({
  id: id2,
  name: text3,
  release: text3,
  createdAt: time4,
  devices: pipe(record(id2, state), description("How each device stands, by its id.")),
  finishedAt: pipe(
    optional(record(id2, time4), {}),
    description("When each device was done, where the server says so.")
  )
});
var factsFile = object({
  schema: literal("drover/facts/v1"),
  server: pipe(text3, description("URL of the OTA server.")),
  gatheredAt: pipe(time4, description("When reading began.")),
  isRedacted: pipe(
    optional(literal(true)),
    description("A copy without identities, addresses and what devices report beyond their software.")
  ),
  isComparedWithGit: pipe(
    optional(literal(true)),
    description("Whether it was compared with a fleet repository.")
  ),
  devices: array(variant("status", [knownDevice2, missingDevice3])),
  releases: array(release),
  openDeployments: array(deployment2)
});

// src/ota/known-facts.ts
function providesOf2({ attributes: attributes2 }, names2) {
  return pick(
    attributes2,
    (name2) => names2.has(name2) || /^(artifact_(name|group)|image_version|.+\.(version|checksum))$/.test(name2)
  );
}
function providedNames({ releases }) {
  return new Set(
    releases.flatMap(({ artifacts }) => artifacts.flatMap(({ provides: provides2 = {} }) => Object.keys(provides2)))
  );
}
function configurationOf({ attributes: attributes2 }) {
  return pick(attributes2, (name2) => /^(configuration|data-partition\.mender-configure)(\.|$)/.test(name2));
}
var claimNames = ["subscribed_branch", "stage"];
function claimOf({ attributes: attributes2 }) {
  return pick(attributes2, (name2) => claimNames.includes(name2));
}
function pendingOrders(open) {
  const pending = /* @__PURE__ */ new Map();
  for (const { id: id3, name: name2, release: release2, createdAt, devices } of open) {
    for (const [device, state2] of devices) {
      if (!isOpenState(state2) || pending.has(device)) continue;
      pending.set(device, { deployment: id3, name: name2, release: release2, state: state2, since: createdAt });
    }
  }
  return pending;
}
function pick(all, has) {
  return Object.fromEntries(Object.entries(all).filter(([name2]) => has(name2)));
}

// src/ota/facts-file.ts
async function writeFacts(path2, facts) {
  const file = {
    schema: "drover/facts/v1",
    server: facts.server,
    gatheredAt: facts.gatheredAt,
    ...facts.isRedacted ? { isRedacted: true } : {},
    ...facts.inGit ? { isComparedWithGit: true } : {},
    devices: deviceEntries(facts),
    releases: facts.releases.map(({ name: name2, artifacts }) => ({
      name: name2,
      artifacts: artifacts.map(({ provides: provides2, ...artifact2 }) => ({
        ...artifact2,
        deviceTypes: [...artifact2.deviceTypes],
        ...provides2 ? { provides: { ...provides2 } } : {}
      }))
    })),
    openDeployments: facts.openDeployments.map(({ id: id3, name: name2, release: release2, createdAt, devices, finishedAt }) => ({
      id: id3,
      name: name2,
      release: release2,
      createdAt,
      devices: Object.fromEntries(devices),
      finishedAt: Object.fromEntries(finishedAt ?? [])
    }))
  };
  await writeAtomically(path2, `${JSON.stringify(file, void 0, 1)}
`);
}
async function readFacts(path2, name2 = path2) {
  const file = parseFacts(await readText(path2, maxFactsBytes, name2), name2);
  return {
    server: file.server,
    gatheredAt: file.gatheredAt,
    devices: file.devices.flatMap((device) => device.status === "not-on-server" ? [] : [factsIn(device)]),
    releases: file.releases.map(({ name: name3, artifacts }) => ({
      name: name3,
      artifacts: artifacts.map(({ provides: provides2, ...artifact2 }) => ({
        ...artifact2,
        ...provides2 ? { provides: provides2 } : {}
      }))
    })),
    openDeployments: file.openDeployments.map((deployment3) => ({
      ...deployment3,
      isFinished: false,
      devices: new Map(Object.entries(deployment3.devices)),
      finishedAt: new Map(Object.entries(deployment3.finishedAt))
    })),
    ...file.isComparedWithGit ? { inGit: file.devices.flatMap(gitDeviceIn) } : {},
    ...file.isRedacted ? { isRedacted: true } : {}
  };
}
function deviceEntries(facts) {
  const inGit = facts.inGit && new Map(facts.inGit.map((device) => [device.id, device]));
  const names2 = providedNames(facts);
  const pending = pendingOrders(facts.openDeployments);
  const gatheredAt = Date.parse(facts.gatheredAt);
  const onServer = new Set(facts.devices.map(({ id: id3 }) => id3));
  const missing = (facts.inGit ?? []).filter(({ id: id3 }) => !onServer.has(id3));
  return [
    ...facts.devices.map((device) => ({
      ...entryOf(device, pending.get(device.id), gatheredAt),
      provides: { ...providesOf2(device, names2) },
      ...inGit ? { inGit: inGit.has(device.id) } : {},
      ...placeInGit(inGit?.get(device.id))
    })),
    ...missing.map((device) => ({
      id: device.id,
      status: "not-on-server",
      inGit: true,
      ...placeInGit(device)
    }))
  ];
}
function placeInGit(device) {
  if (!device) return {};
  const { host, stage, isRetired } = device;
  return { ...host === void 0 ? {} : { host }, stage, ...isRetired ? { isRetired } : {} };
}
function entryOf(device, pending, gatheredAt) {
  const { lease, reportedAt, lastSeen } = device;
  const age = (at) => at === void 0 ? void 0 : Math.max(0, Math.round((gatheredAt - Date.parse(at)) / 1e3));
  return {
    ...device,
    identity: { ...device.identity },
    attributes: { ...device.attributes },
    lease: lease && { ...lease },
    configuration: { ...configurationOf(device) },
    address: addressOf(device),
    claimedStage: Object.values(claimOf(device))[0],
    pending: pending && { ...pending },
    ageSeconds: { reported: age(reportedAt), seen: age(lastSeen) }
  };
}
function factsIn(entry) {
  const { id: id3, status, reportedAt, lastSeen, deviceType, release: release2, group, identity, attributes: attributes2, lease } = entry;
  return {
    id: id3,
    status,
    reportedAt,
    deviceType,
    release: release2,
    group,
    identity,
    attributes: attributes2,
    ...lastSeen === void 0 ? {} : { lastSeen },
    ...lease ? { lease } : {}
  };
}
function gitDeviceIn({ id: id3, host, stage, inGit, isRetired = false }) {
  return inGit === true && stage !== void 0 ? [{ id: id3, host, stage, isRetired }] : [];
}
function parseFacts(text4, name2) {
  let raw;
  try {
    raw = JSON.parse(text4);
  } catch (error) {
    throw new Failure("invalid-file", `${name2} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const result = safeParse(factsFile, raw);
  if (result.success) return result.output;
  const problems = result.issues.slice(0, 100).map((issue) => {
    const path2 = (issue.path ?? []).map(({ key }) => String(key)).join(".");
    return { file: name2, message: `${path2}: ${issue.message}` };
  });
  throw new Failure(
    "invalid-file",
    `${name2} is not a facts file of this version: ${problems[0]?.message ?? ""}. Gather the facts again`,
    { problems }
  );
}

// src/ota/facts-redacted.ts
import { basename, dirname as dirname2, join as join3 } from "node:path";

// src/ota/configuration-artifact.ts
import { mkdtemp, rm, writeFile as writeFile2 } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as join2 } from "node:path";

// src/ota/configuration-update.ts
import { chmod, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
var usualPlace = {
  program: "/usr/lib/drover/configure",
  file: "/run/drover/configuration.json"
};
async function writeConfigurationUpdate(format, update2, { folder, signing, place: place2 = usualPlace, bundleFormat }, context) {
  const { name: name2, deviceType, fingerprint, release: release2, salt, values } = update2;
  const source = join(folder, "configuration.json");
  const told = { configuration: Object.fromEntries(values), fingerprint, release: release2, salt };
  await writeFile(source, canonicalJson(told), { mode: 384 });
  const script = join(folder, "configure");
  const output = join(folder, format === "rauc" ? "configuration.raucb" : "configuration.swu");
  const request = { source, output, name: name2, deviceTypes: [deviceType], signing };
  if (format === "rauc") {
    const file = `"$RAUC_BUNDLE_MOUNT_POINT/${configurationType}.img"`;
    await writeScript(script, `exec ${quoted2(place2.program)} ${file}`);
    const rauc = { slot: configurationType, handler: { file: script }, build: fingerprint };
    return writeRauc({ ...request, ...rauc, bundleFormat, compression: "gzip" }, context);
  }
  await writeScript(
    script,
    `FILE=${quoted2(place2.file)}`,
    `FOLDER=${quoted2(dirname(place2.file))}`,
    'if [ "$1" = preinst ]; then',
    '  mkdir -p "$FOLDER" && exec chmod 700 "$FOLDER"',
    "fi",
    `trap 'rm -f "$FILE"' EXIT`,
    `[ "$1" != postinst ] || ${quoted2(place2.program)} "$FILE"`
  );
  const says = { type: "rawfile", name: configurationType, version: fingerprint, path: place2.file };
  const items = [{ list: "scripts", source: script, says: { type: "shellscript" } }];
  return writeSwupdate({ ...request, says, items, compression: "none", verify: true }, context);
}
async function writeScript(path2, ...lines) {
  await writeFile(path2, ["#!/bin/sh", ...lines, ""].join("\n"));
  await chmod(path2, 493);
}
function quoted2(path2) {
  return `'${path2.replaceAll("'", String.raw`'\''`)}'`;
}

// src/ota/configuration-artifact.ts
var plannedForProvide = "rootfs-image.version";
var saltFile = "salt";
function configurationName(template, fingerprint, release2, signer) {
  const stem = template.replace(/\.[A-Za-z0-9]+$/, "").replace(/[^A-Za-z0-9._+-]+/g, "-");
  const digits = fingerprint.slice(fingerprint.indexOf(":") + 1).slice(0, 16);
  const by = signer === void 0 ? "" : `-by-${hexOf(signer).slice(0, 8)}`;
  const on = /^[A-Za-z0-9._+-]{1,52}$/.test(release2) ? release2 : hexOf(digestOf(release2)).slice(0, 16);
  return `configuration-${stem.slice(0, 29)}-${digits}${by}-on-${on}`;
}
function withoutSigner(name2) {
  return name2.replace(/^(configuration-.{0,29}-[0-9a-f]{16})-by-[0-9a-f]{8}(?=-on-)/, "$1");
}
function configurationContent({ values, salt }, deviceType) {
  const files = salt === void 0 ? [] : [{ name: saltFile, checksum: hexOf(digestOf(salt)) }];
  const payload = { type: configurationType, metaData: Object.fromEntries(values), files };
  return contentDigestOf({ deviceTypes: [deviceType], payloads: [payload] });
}
async function provideConfiguration(server, target2, known2, signing, context) {
  const { configuration, deviceType, name: name2, format } = target2;
  const content = configurationContent(configuration, deviceType);
  const there = known2?.artifacts.find(({ deviceTypes }) => deviceTypes.includes(deviceType));
  if (there) {
    const fingerprint = fingerprintIn(configuration);
    requireSame(there, { name: name2, content, fingerprint, isSigned: isKey(signing) }, server);
    return false;
  }
  const folder = await mkdtemp(join2(tmpdir(), "drover-configuration-"));
  try {
    const made = { ...target2, folder };
    const written = await (format === "swupdate" || format === "rauc" ? writeUpdate(format, made, signing, context) : write(made, signing, context));
    const uploaded3 = await server.upload(written.path);
    if (uploaded3.contentDigest === written.contentDigest) return uploaded3.isNew;
    throw new Failure(
      "internal",
      `${name2} was to have the content ${written.contentDigest}, not ${uploaded3.contentDigest}`
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
function fingerprintIn({ template, fingerprint, secretKeys }) {
  if (fingerprint !== void 0) return fingerprint;
  const keys2 = [...secretKeys].slice(0, 5).join(", ");
  throw new Failure(
    "bad-input",
    `a configuration made of ${template} has secret values (${keys2}): give a key to compare them with in DROVER_CONFIGURATION_KEY, the same wherever this fleet is planned and scheduled (openssl rand -hex 32 makes one)`
  );
}
function isKey(signing) {
  return signing?.key !== void 0 || signing?.command !== void 0;
}
async function writeUpdate(format, { configuration, release: release2, deviceType, name: name2, folder }, signing, context) {
  const { values, salt } = configuration;
  const update2 = { name: name2, deviceType, values, salt, release: release2, fingerprint: fingerprintIn(configuration) };
  return writeConfigurationUpdate(format, update2, { folder, signing }, { ...context, log: silentLog });
}
async function write({ configuration, release: release2, deviceType, name: name2, folder }, signing, { signal, clock }) {
  const { values, salt } = configuration;
  const saltPath = join2(folder, saltFile);
  if (salt !== void 0) await writeFile2(saltPath, salt, { mode: 384 });
  return writeMender(
    {
      source: saltPath,
      // not read: the payload has none
      output: join2(folder, "configuration.mender"),
      name: name2,
      deviceTypes: [deviceType],
      compression: "gzip",
      payload: {
        kind: "module-image",
        type: configurationType,
        hasSource: false,
        files: salt === void 0 ? [] : [saltPath],
        metaData: Object.fromEntries(values)
      },
      depends: { [plannedForProvide]: release2 },
      software: { filesystem: configurationFilesystem, version: fingerprintIn(configuration) },
      signing
    },
    { signal, clock, log: silentLog }
  );
}
function requireSame(there, wanted, { url }) {
  const { name: name2, content, fingerprint, isSigned } = wanted;
  const isOther = there.format !== void 0 && there.format !== "mender";
  if (isOther ? there.provides?.[configurationFact] !== fingerprint : there.contentDigest !== content)
    throw new Failure(
      "artifact-conflict",
      `${url} has another ${name2} for ${there.deviceTypes.join(", ")}: its content is ${there.contentDigest}, that of the configuration ${content}. Delete it there`
    );
  if (isSigned && !there.isSigned)
    throw new Failure(
      "artifact-conflict",
      `${url} has ${name2} unsigned, and configurations are to be signed: delete it there`
    );
}

// src/ota/configuration-fact.ts
function reportedConfiguration({ attributes: attributes2 }) {
  const applied = attributes2[configurationFact] ?? "";
  const isOurs = isFingerprint(applied) || applied === "none" || applied === "not-applied";
  return (isOurs ? applied : attributes2[configurationProvide]) || void 0;
}
function canBeConfigured({ attributes: attributes2, release: release2 }) {
  return release2 !== void 0 && attributes2[plannedForProvide] === release2;
}
function publicConfiguration({ attributes: attributes2 }, provided) {
  const applied = attributes2[configurationFact];
  if (applied === void 0) return {};
  const isKeyed = applied.startsWith("hmac-sha256:") && isFingerprint(applied);
  const isKnown = isKeyed || applied === "none" || applied === "not-applied" || provided.has(applied);
  return { [configurationFact]: isKnown ? applied : "other" };
}
function isFingerprint(text4) {
  return /^(hmac-sha256|sha256):[0-9a-f]{64}$/.test(text4);
}

// src/ota/facts-redacted.ts
function redact(facts) {
  const names2 = providedNames(facts);
  const provided = new Set(
    facts.releases.flatMap(
      ({ artifacts }) => artifacts.flatMap(({ provides: provides2 = {} }) => Object.values(provides2))
    )
  );
  return {
    ...facts,
    isRedacted: true,
    devices: facts.devices.map((device) => ({
      ...device,
      identity: {},
      attributes: {
        ...providesOf2(device, names2),
        ...claimOf(device),
        ...publicConfiguration(device, provided)
      }
    })),
    ...facts.inGit ? { inGit: facts.inGit.map((device) => ({ ...device, host: void 0 })) } : {}
  };
}
function redactedPath(path2) {
  return join3(dirname2(path2), `${basename(path2).replace(/\.json$/, "")}.redacted.json`);
}

// src/ota/take-back.ts
function undoneOf({ facts, lease, isLent }, order) {
  return { device: facts.id, lease: lease.id, number: lease.number, isLent, order };
}
async function undoDispatch(server, undone, context) {
  await takeBack2(server, undone, context);
  if (!undone.isLent) await server.returnLease(undone.device, undone.lease);
}
async function takeBack2(server, { device, number: number2, order }, context, ended = []) {
  const found = order === void 0 ? void 0 : await server.findDeployment(order);
  if (!found || found.isFinished || found.devices.size !== 1 || !found.devices.has(device)) return;
  const holder = await server.leaseOf(device);
  if (holder && holder.number !== number2) {
    context.log.warn(`deployment ${found.id} is left: ${oneLine(holder.holder)} holds the device by now`);
    return;
  }
  const begun = await server.withdraw(found.id, ended);
  context.log.info(
    begun.length === 0 ? `deployment ${found.id} is withdrawn` : `${begun.join(", ")} has begun and is left to finish deployment ${found.id}: look at the server for its end`
  );
}

// src/ota/host-key.ts
var attribute = "ssh_host_key";
function hostKeysOf({ attributes: attributes2 }) {
  const keys2 = (attributes2[attribute] ?? "").split(",").map((key) => key.trim());
  return keys2.flatMap(
    (key) => /^((?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]{40,}={0,3})(?: |$)/.exec(key)?.[1] ?? []
  );
}

// src/ota/keep-lease.ts
var aboutToEndMs = 9e4;
var prolongedMs = 5 * 6e4;
async function keepLease(server, { id: device, lease: seen2 }, lease, context) {
  if (seen2 && seen2.number !== lease.number) throw lost(device, lease, seen2);
  const now = context.clock.now().getTime();
  if (seen2 && Date.parse(seen2.until) - now > aboutToEndMs) return lease;
  const until = new Date(now + prolongedMs).toISOString();
  const taken = await server.takeLease(device, { id: lease.id, holder: lease.holder, until });
  if (taken.id !== lease.id) throw lost(device, lease, taken);
  if (taken.number > lease.number + 1) {
    await server.returnLease(device, taken.id);
    const message = `the lease of device ${device} ended at ${lease.until}, and others have held it since: what became of it they know`;
    throw new Failure("device-busy", message);
  }
  context.log.info(`the lease of ${oneLine(device)} is prolonged until ${taken.until}`);
  return taken;
}
function lost(device, lease, { holder, until }) {
  return new Failure(
    "device-busy",
    `${oneLine(holder)} holds device ${device} now, until ${until}: the lease of this run ended at ${lease.until}. What it waited for is left to them`
  );
}

// src/ota/order-name.ts
import { createHash as createHash3 } from "node:crypto";
var prefix2 = "dispatch-";
var maxOrders = 100;
function isDispatchName(name2) {
  return name2.startsWith(prefix2);
}
async function freeName(server, release2, facts, runId) {
  const digests = release2.artifacts.map(({ contentDigest }) => contentDigest).sort();
  const text4 = JSON.stringify([release2.name, digests, facts.id, runId]);
  const hash2 = createHash3("sha256").update(text4).digest("hex").slice(0, 16);
  for (let number2 = 1; number2 <= maxOrders; number2++) {
    const name2 = `${prefix2}${release2.name.slice(0, 180)}-${hash2}${number2 === 1 ? "" : `-${number2}`}`;
    const found = await server.findDeployment(name2);
    const state2 = found?.devices.get(facts.id);
    if (!found || state2 && isOpenState(state2)) return name2;
    if (state2 === "success" && reportsRelease(facts, release2.name, void 0)) return name2;
  }
  throw new Failure(
    "server-refused",
    `${server.url} has ${maxOrders} orders of ${release2.name} by this run already`
  );
}

// src/ota/outcome.ts
import { relative } from "node:path";

// src/ota/device-log.ts
import { basename as basename2, resolve } from "node:path";

// src/ota/poll.ts
var firstPauseMs = 500;
var growth = 1.4;
var longestPauseMs = 1e4;
var oddReplies = 10;
async function poll(context, endsAt, look) {
  const now = () => context.clock.now().getTime();
  let pauseMs = firstPauseMs;
  let last = "";
  let mayBeOdd = 0;
  for (; ; ) {
    const found = await patiently(context, look, mayBeOdd > 0);
    if (!(found instanceof Failure)) {
      mayBeOdd = oddReplies;
      if ("done" in found) return found.done;
      pauseMs = found.stands === last ? Math.min(pauseMs * growth, longestPauseMs) : firstPauseMs;
      last = found.stands;
    } else {
      if (found.reason !== "unreachable") mayBeOdd -= 1;
      pauseMs = Math.min(pauseMs * growth, longestPauseMs);
      if (last !== found.message)
        context.log.warn(`${found.message}; going on to wait for ${seconds(Math.max(0, endsAt - now()))}`);
      last = found.message;
    }
    const leftMs = endsAt - now();
    if (leftMs <= 0 && found instanceof Failure) throw found;
    if (leftMs <= 0) return void 0;
    await context.clock.sleep(Math.min(pauseMs, leftMs), context.signal);
  }
}
async function patiently(context, look, mayBeOdd) {
  try {
    return await look();
  } catch (error) {
    context.signal.throwIfAborted();
    const reasons = mayBeOdd ? ["unreachable", "server-refused", "unexpected-reply"] : ["unreachable"];
    if (error instanceof Failure && reasons.includes(error.reason)) return error;
    throw error;
  }
}

// src/ota/device-log.ts
var waitMs = 1e4;
var maxShownLines = 40;
async function keepLog(server, { deployment: deployment3, device, isExpected }, folder, context) {
  const text4 = await fetchLog(server, deployment3, device, isExpected ? waitMs : 0, context);
  if (text4 === void 0) {
    context.log.info(`the device sent no log of deployment ${deployment3.id}`);
    return void 0;
  }
  const path2 = resolve(folder, `deployment-${fileNameOf2(deployment3.id)}-${fileNameOf2(device)}.log`);
  await writeAtomically(path2, text4);
  const lines = text4.trimEnd().split("\n");
  const tail = lines.slice(-maxShownLines).map((line) => oneLine(shorten(line, 500)));
  await context.log.group(`log of ${device}, its last lines (all ${lines.length} in ${path2})`, async () => {
    for (const line of tail) context.log.info(line);
  });
  return { path: path2, text: text4, tail: tail.join("\n"), wasInstalled: /after-reboot \[|ArtifactCommit/.test(text4) };
}
var maxTellingCharacters = 200;
function tellingLines(text4) {
  const entries = entriesOf(text4);
  const errors = entries.filter(({ level }) => /^(error|fatal|critical|panic)$/.test(level));
  const scripts = entries.filter(({ message }) => isFailedScript(message, errors));
  const telling = [scripts.flatMap(({ more }) => more), errors.map(({ message }) => message)].find(
    (lines2) => lines2.length > 0
  );
  const lines = telling ?? entries.slice(-1).map(({ message }) => message);
  return shorten([...new Set(lines.map(oneLine))].join(" / "), maxTellingCharacters);
}
function entriesOf(text4) {
  const entries = [];
  for (const line of text4.split("\n")) {
    const match = /^\d{4}-\d\d-\d\d[T ].{0,40}?\s(?<level>[a-z]+):\s(?<message>.*)$/.exec(line);
    const last = entries.at(-1);
    if (match?.groups) {
      entries.push({ level: match.groups["level"] ?? "", message: match.groups["message"] ?? "", more: [] });
    } else if (/[A-Za-z]/.test(line) && !/^-+ end of script output$/.test(line)) {
      if (last) last.more.push(line);
      else entries.push({ level: "", message: line, more: [] });
    }
  }
  return entries;
}
function isFailedScript(message, errors) {
  const path2 = /^Collected output \(stderr\) while running script (\S+)/.exec(message)?.[1];
  return path2 !== void 0 && errors.some((error) => error.message.includes(basename2(path2)));
}
async function fetchLog(server, { id: id3 }, device, waitMs2, context) {
  try {
    return await poll(context, context.clock.now().getTime() + waitMs2, async () => {
      const text4 = await server.log(id3, device);
      return text4 === void 0 ? { stands: "" } : { done: text4 };
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === "cancelled") throw error;
    context.log.warn(`the device's log can't be had: ${error.message}`);
    return void 0;
  }
}
function fileNameOf2(text4) {
  return text4.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100);
}

// src/ota/outcome.ts
var aftermathMs = 6e4;
function timedOut(url, order, watch, after) {
  const state2 = watch?.state ?? "pending";
  const reportedAt = watch?.facts.reportedAt;
  const place2 = `${url}, deployment ${order.id}`;
  if (state2 === "pending" && (reportedAt ?? "") <= order.createdAt) {
    return new Failure(
      "device-silent",
      `the device has not asked the server for anything in ${after}; it last reported ${reportedAt ?? "never"}: is it on, and does it reach ${place2}?`
    );
  }
  const seen2 = watch?.facts.lastSeen ?? reportedAt ?? "never";
  return new Failure(
    "update-timeout",
    `after ${after} the device is ${state2} since ${watch?.stateSince ?? "the order"}; it was last seen at ${seen2}, and last reported at ${reportedAt ?? "no time"} that it runs ${oneLine(watch?.facts.release ?? "nothing")} (${place2})`
  );
}
async function failureOf(server, request, { order, watch, verdict }, context) {
  if (!watch || verdict.kind !== "failed")
    return new Failure("internal", "a dispatch ended without a verdict");
  const { id: id3 } = watch.facts;
  await request.tell?.({ result: watch.state });
  const isExpected = watch.state === "failure";
  const log = await keepLog(server, { deployment: order, device: id3, isExpected }, request.logFolder, context);
  if (log) {
    await request.tell?.({ log: log.path });
    await request.showLog?.(id3, log.tail);
  }
  const wasInstalled = watch.hasRebooted || log?.wasInstalled === true;
  const back = watch.state === "failure" && wasInstalled ? await wentBack(server, watch, context) : void 0;
  const tail = log ? `: ${tellingLines(log.text)} (whole log: ${shown2(log.path)})` : ` (deployment ${order.id})`;
  const why = `${verdict.why}${back ?? ""}${tail}`;
  return new Failure(back === void 0 ? verdict.reason : "rolled-back", oneLine(why));
}
function shown2(path2) {
  const fromHere = relative("", path2);
  return fromHere.startsWith("..") ? path2 : fromHere;
}
async function wentBack(server, watch, context) {
  context.log.info("waiting for the device to report what it runs now");
  const endsAt = context.clock.now().getTime() + aftermathMs;
  const facts = await poll(context, endsAt, async () => {
    const facts2 = await server.device(watch.facts.id);
    const isNews = (facts2.reportedAt ?? "") > watch.reportedAtChange;
    return isNews ? { done: facts2 } : { stands: "" };
  });
  if (!facts) return " after it was installed; what the device runs now it has not reported yet";
  if (reportsRelease(facts, watch.release, watch.artifact)) return void 0;
  return ` after it was installed; the device is back on ${facts.release ?? "an unknown release"}`;
}

// src/ota/target.ts
import { randomUUID } from "node:crypto";
var labGroup = "lab";
var freshMs = 45 * 6e4;
var leaseMarginMs = 12e4;
function isInLab({ group }) {
  return group === labGroup;
}
async function holdTarget(server, wanted, context) {
  const lab = labOf(wanted.device);
  const say = onChange(context);
  let last = "";
  const held = await poll(context, wanted.endsAt, async () => {
    const look = lab === void 0 ? await lookAtOne(server, wanted, context) : await lookAtLab(server, wanted, lab, context);
    if ("stands" in look) {
      last = look.stands;
      say(`waiting: ${last}`);
    }
    return look;
  });
  if (held) return held;
  throw new Failure(
    last.startsWith(silence) ? "device-silent" : "device-busy",
    `${wanted.device} did not become free in time: ${last}`
  );
}
var silence = "no fresh facts";
function labOf(device) {
  const [, type, except = ""] = /^lab:(.+?)(?:\s+except(?:\s+(.*))?)?$/s.exec(device) ?? [];
  if (type === void 0) return void 0;
  return { type: type.trim(), except: new Set(except.split(/[\s,]+/).filter(Boolean)) };
}
async function lookAtOne(server, wanted, context) {
  const facts = await server.device(wanted.device);
  checkDevice(server, facts, wanted.release);
  return hold(server, wanted, facts, await server.openDeployments(), context);
}
async function lookAtLab(server, wanted, { type, except }, context) {
  const now = context.clock.now();
  const lab = [];
  for await (const page of server.devices()) {
    lab.push(...page.filter((device) => isInLab(device) && device.status === "accepted"));
  }
  const isCandidate = ({ id: id3, deviceType }) => !except.has(id3) && (deviceType === type || deviceType === void 0);
  const devices = lab.filter(isCandidate).sort((a, b) => a.id < b.id ? -1 : 1);
  if (devices.length === 0) {
    throw new Failure(
      "no-device-matched",
      `${server.url} has no accepted device of type ${type} in its group "${labGroup}" (${lab.length} that will not do, of other types or excepted): put one there`
    );
  }
  const isFresh = ({ reportedAt }) => reportedAt !== void 0 && now.getTime() - Date.parse(reportedAt) <= freshMs;
  const fresh = devices.filter((device) => device.deviceType === type && isFresh(device));
  if (fresh.length === 0) {
    const list = devices.map(({ id: id3, reportedAt }) => `${id3} (last reported ${reportedAt ?? "never"})`);
    return { stands: `${silence} from any lab device of type ${type}: ${list.join(", ")}` };
  }
  const open = await server.openDeployments();
  const taken = [];
  for (const device of fresh) {
    checkDevice(server, device, wanted.release);
    const look = await hold(server, wanted, device, open, context);
    if ("done" in look) return look;
    taken.push(look.stands);
  }
  return { stands: taken.join("; ") };
}
async function hold(server, wanted, facts, open, context) {
  const { id: id3 } = facts;
  const rival = open.find((one) => isOpenState(one.devices.get(id3) ?? "aborted"));
  const isOurs = rival !== void 0 && rival.release === wanted.release?.name && isDispatchName(rival.name) && rival.devices.size === 1;
  if (rival && !isOurs)
    return { stands: `${id3} is in the open deployment ${oneLine(rival.name)} (${rival.id})` };
  if (wanted.lease !== void 0) {
    const lease2 = await checkLease(server, id3, wanted.lease);
    return { done: { facts, adopted: rival, lease: lease2, isLent: true, giveBack: async () => {
    } } };
  }
  const wish = {
    id: randomUUID(),
    holder: wanted.holder,
    until: new Date(leaseEnd(wanted, context.clock.now())).toISOString()
  };
  const lease = await takeLease3(server, wanted, id3, wish, context);
  if (lease.id !== wish.id) {
    return { stands: `${id3} is leased to ${oneLine(lease.holder)} until ${lease.until}` };
  }
  const giveBack = (by) => by.returnLease(id3, lease.id);
  const again = await server.openDeployments();
  const late = again.find((one) => one.id !== rival?.id && isOpenState(one.devices.get(id3) ?? "aborted"));
  if (!late) return { done: { facts, adopted: rival, lease, isLent: false, giveBack } };
  await giveBack(server);
  return { stands: `${id3} is in the open deployment ${oneLine(late.name)} (${late.id})` };
}
async function takeLease3(server, { isGone }, device, wish, context) {
  const lease = await server.takeLease(device, wish);
  if (lease.id === wish.id || !await isGone?.(lease.holder)) return lease;
  context.log.info(`${device} is freed: ${oneLine(lease.holder)} held it, and is over`);
  await server.returnLease(device, lease.id);
  return await server.takeLease(device, wish);
}
async function checkLease(server, device, id3, number2) {
  const current = await server.leaseOf(device);
  if (current?.id === id3 && current.number === (number2 ?? current.number)) return current;
  const by = current ? `${oneLine(current.holder)} holds it until ${current.until}` : "nobody holds it";
  throw new Failure("device-busy", `the lease ${id3} of device ${device} has ended: ${by}. Take a new one`);
}
function leaseEnd({ endsAt, leaseMs }, now) {
  return leaseMs === void 0 ? endsAt + leaseMarginMs : now.getTime() + leaseMs;
}
function checkDevice(server, facts, release2) {
  if (facts.status !== "accepted") {
    throw new Failure(
      "device-not-accepted",
      `device ${facts.id} is ${facts.status} on ${server.url}: accept it there first`
    );
  }
  if (release2 === void 0) return;
  const types = release2.artifacts.flatMap(({ deviceTypes }) => deviceTypes);
  if (facts.deviceType !== void 0 && !types.includes(facts.deviceType)) {
    throw new Failure(
      "wrong-device-type",
      `device ${facts.id} is a ${oneLine(facts.deviceType)}, but ${release2.name} is for ${types.join(", ")}`
    );
  }
  if (isInLab(facts) || !artifactsFor(release2, facts.deviceType).some(isLabArtifact)) return;
  throw new Failure(
    "wrong-variant",
    `${release2.name} is of the variant lab, and device ${facts.id} is not in the group "${labGroup}" of ${server.url}: choose a release for the field, or put the device there`
  );
}
function artifactsFor({ artifacts }, deviceType) {
  return artifacts.filter(({ deviceTypes }) => deviceType === void 0 || deviceTypes.includes(deviceType));
}
function onChange(context) {
  let last = "";
  const startedAt = context.clock.now().getTime();
  return (line) => {
    if (line !== last) context.log.info(`${seconds(context.clock.now().getTime() - startedAt)} ${line}`);
    last = line;
  };
}

// src/ota/dispatch.ts
var undoMs = 5e3;
async function dispatch(server, request, context) {
  const release2 = await server.release(request.release);
  if (!release2) {
    const message = `${server.url} has no release ${oneLine(request.release)}: upload its artifact first`;
    throw new Failure("release-missing", message);
  }
  const endsAt = context.clock.now().getTime() + request.timeoutMs;
  const { device, lease, runId: holder, isGone } = request;
  const target2 = await holdTarget(server, { release: release2, device, lease, holder, endsAt, isGone }, context);
  try {
    request.remember?.(undoneOf(target2));
    await request.tell?.({ device: target2.facts.id, ...placeOf2(target2.facts) });
    return await update(server, request, { release: release2, target: target2, endsAt }, context);
  } finally {
    await undo(context, "return the lease", (by) => target2.giveBack(server.within(by)));
    request.remember?.(void 0);
  }
}
async function update(server, request, { release: release2, target: target2, endsAt }, context) {
  const { id: id3, deviceType } = target2.facts;
  const artifact2 = release2.artifacts.find((one) => one.deviceTypes.includes(deviceType ?? ""));
  const name2 = target2.adopted?.name ?? await freeName(server, release2, target2.facts, request.runId);
  request.remember?.(undoneOf(target2, name2));
  const progress = {};
  try {
    await checkLease(server, id3, target2.lease.id, target2.lease.number);
    const order = await server.deploy({ name: name2, release: release2.name, devices: [id3] });
    context.log.info(`deployment ${order.id} (${name2}): ${release2.name} for ${id3}`);
    await request.tell?.({ deployment: order.id });
    const keep = async (facts) => {
      const { number: number2 } = target2.lease;
      target2.lease = await keepLease(server, facts, target2.lease, context);
      if (target2.lease.number !== number2) request.remember?.(undoneOf(target2, name2));
    };
    const waiting = { order, artifact: artifact2, before: target2.facts, endsAt, keep };
    const verdict = await waitFor(server, waiting, progress, context);
    if (verdict.kind === "success") return await succeeded(request, order, progress.watch, verdict, context);
    throw await failureOf(server, request, { order, watch: progress.watch, verdict }, context);
  } catch (error) {
    const { watch } = progress;
    const isOver = watch !== void 0 && !isOpenState(watch.state);
    const ended = watch !== void 0 && verdictOf(watch).kind === "failed" ? [id3] : [];
    if (!isOver) {
      const undone = undoneOf(target2, name2);
      await undo(context, "withdraw the order", (by) => takeBack2(server.within(by), undone, by, ended));
    }
    throw error;
  }
}
async function waitFor(server, { order, artifact: artifact2, before, endsAt, keep }, progress, context) {
  const startedAt = context.clock.now().getTime();
  const elapsed = () => seconds(context.clock.now().getTime() - startedAt);
  const { release: release2 } = order;
  const bootBefore = (before.reportedAt ?? "") > order.createdAt ? void 0 : bootIdOf(before);
  const basis = { release: release2, artifact: artifact2, orderedAt: order.createdAt, before: before.release, bootBefore };
  const verdict = await poll(context, endsAt, async () => {
    const { devices, finishedAt } = await server.deployment(order.id);
    const facts = await server.device(before.id);
    await keep(facts);
    const state2 = devices.get(before.id) ?? "decommissioned";
    const last = progress.watch;
    const at = context.clock.now().toISOString();
    const sight = { at, state: state2, finishedAt: finishedAt?.get(before.id), facts };
    progress.watch = last ? seen(last, sight) : startWatch(basis, sight);
    if (state2 !== last?.state) context.log.info(`${elapsed()} ${before.id} is ${state2}`);
    if (facts.reportedAt !== last?.facts.reportedAt && last !== void 0) {
      context.log.info(`${elapsed()} it reports ${oneLine(facts.release ?? "no release")}`);
    }
    const now = verdictOf(progress.watch);
    return now.kind === "wait" ? { stands: `${state2} ${facts.reportedAt ?? ""}` } : { done: now };
  });
  if (verdict) return verdict;
  throw timedOut(server.url, order, progress.watch, elapsed());
}
async function succeeded(request, order, watch, verdict, context) {
  if (verdict.warning) context.log.warn(verdict.warning);
  const facts = watch?.facts;
  const dispatched = {
    deployment: order.id,
    device: facts?.id ?? "",
    ...placeOf2(facts),
    result: "success",
    log: void 0,
    changed: verdict.isChanged
  };
  await request.tell?.(dispatched);
  return dispatched;
}
function placeOf2(facts) {
  if (!facts) return { address: void 0, hostKey: void 0 };
  return { address: addressOf(facts), hostKey: hostKeysOf(facts).join("\n") || void 0 };
}
async function undo(context, what, work) {
  try {
    await work({ ...context, signal: AbortSignal.timeout(undoMs) });
  } catch (error) {
    context.log.warn(`could not ${what}: ${messageOf(error)}`);
  }
}

// src/ota/lease-device.ts
async function leaseDevice(server, { device, timeoutMs, holder, lease, isGone }, context) {
  if (lease !== void 0) {
    const { until: until2 } = await checkLease(server, device, lease);
    return { device, lease, expires: until2, isNew: false };
  }
  const endsAt = context.clock.now().getTime() + timeoutMs;
  const wanted = { release: void 0, device, lease, holder, endsAt, leaseMs: timeoutMs, isGone };
  const target2 = await holdTarget(server, wanted, context);
  const { id: id3, until } = target2.lease;
  context.log.info(`${oneLine(target2.facts.id)} is leased to ${holder} until ${until}`);
  return { device: target2.facts.id, lease: id3, expires: until, isNew: true };
}

// src/ota/upload-release.ts
async function uploadRelease(server, { paths, verifyKeys }, tell, context) {
  if (paths.length > 1) await checkTogether(paths, verifyKeys, context);
  let soFar;
  for (const path2 of paths) {
    const one = await context.log.group(`Uploading ${path2}`, () => server.upload(path2, verifyKeys));
    const artifacts = [...soFar?.artifacts ?? [], one];
    soFar = { release: one.release, url: one.url, artifacts, isNew: one.isNew || soFar?.isNew === true };
    await tell(soFar);
  }
  if (soFar) return soFar;
  throw new Failure("bad-input", "no file to upload");
}
async function checkTogether(paths, verifyKeys, { log, signal }) {
  const byType = /* @__PURE__ */ new Map();
  let first;
  for (const path2 of paths) {
    const { name: name2, deviceTypes, contentDigest } = await openArtifact(path2, { verifyKeys, signal });
    log.info(`${path2}: ${name2} for ${deviceTypes.join(", ")}, content ${contentDigest}`);
    first ??= { path: path2, name: name2 };
    if (name2 !== first.name) {
      throw new Failure(
        "bad-input",
        `${first.path} is of the release ${first.name} and ${path2} of ${name2}: upload one release at a time`
      );
    }
    for (const type of deviceTypes) {
      const other = byType.get(type);
      if (other !== void 0) {
        throw new Failure("bad-input", `${other} and ${path2} are both ${name2} for ${type}: give one of them`);
      }
      byType.set(type, path2);
    }
  }
}

// src/ota/facts-in-git.ts
function devicesInGit({ devices }) {
  return devices.map(({ id: id3, host, stage, isRetired }) => ({ id: id3, host, stage, isRetired }));
}
function unmatched({ devices, inGit }) {
  const onServer = new Set(devices.map(({ id: id3 }) => id3));
  const named = inGit && new Set(inGit.map(({ id: id3 }) => id3));
  return {
    missing: inGit?.filter(({ id: id3, isRetired }) => !isRetired && !onServer.has(id3)),
    strangers: named && [...onServer].filter((id3) => !named.has(id3))
  };
}

// src/ota/other-image.ts
var imageChecksum = "rootfs-image.checksum";
function imagesIn(artifacts) {
  return new Set(artifacts.flatMap(({ provides: provides2 }) => provides2?.[imageChecksum] ?? []));
}
function otherImageOf(facts, images) {
  const runs = facts.attributes[imageChecksum];
  return runs !== void 0 && images.size > 0 && !images.has(runs) ? runs : void 0;
}

export {
  isOpenState,
  isLabArtifact,
  serverTypes,
  openServer,
  serverAddress,
  addressOf,
  hostKeysOf,
  gatherFacts,
  requireDevices,
  silentDevices,
  requireFresh,
  writeFacts,
  readFacts,
  devicesInGit,
  unmatched,
  configurationName,
  withoutSigner,
  configurationContent,
  provideConfiguration,
  fingerprintIn,
  isKey,
  reportedConfiguration,
  canBeConfigured,
  isFingerprint,
  redact,
  redactedPath,
  tellingLines,
  undoDispatch,
  isInLab,
  dispatch,
  leaseDevice,
  imagesIn,
  otherImageOf,
  uploadRelease
};
