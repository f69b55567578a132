import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  contentDigestOf,
  openArtifact,
  scriptsProvide
} from "./chunk-BOAVFDHL.mjs";
import {
  Failure,
  array,
  boolean,
  description,
  guard,
  hexOf,
  integer,
  is,
  isDigest,
  isoTimestamp,
  literal,
  maxLength,
  messageOf,
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
  picklist,
  pipe,
  readText,
  record,
  regex,
  safeParse,
  seconds,
  shorten,
  string,
  union,
  unknown,
  writeAtomically
} from "./chunk-PWZ4J5Q2.mjs";

// src/ota/mender-client.ts
var pageSize = 500;
var maxPages = 2e3;
function openMenderClient(url, token, context) {
  const http = openHttp({ baseUrl: url, authorization: `Bearer ${token}` }, context);
  const pages = async function* (path2, query, item) {
    for (let page = 1; ; page++) {
      if (page > maxPages) throw endless(url, path2);
      const search = new URLSearchParams({ ...query, page: String(page), per_page: String(pageSize) });
      const { value, headers } = await http.read(
        { method: "GET", path: `${path2}?${search.toString()}` },
        array(item)
      );
      yield value;
      if (!hasNext(value.length, headers["link"])) return;
    }
  };
  return {
    url,
    http,
    context,
    pages,
    list: async (path2, query, item) => {
      const all = [];
      for await (const page of pages(path2, query, item)) all.push(...page);
      return all;
    },
    find: async (path2, schema) => (await http.find({ method: "GET", path: path2 }, schema))?.value
  };
}
function hasNext(length, link) {
  if (length === 0) return false;
  return length >= pageSize || [link ?? []].flat().some((line) => /rel="?next"?/.test(line));
}
function endless(url, path2) {
  return new Failure(
    "unexpected-reply",
    `${url}${path2} has more than ${maxPages} pages: something is wrong with it`
  );
}

// src/ota/mender-schemas.ts
var name = pipe(string(), maxLength(4096));
var time = pipe(string(), isoTimestamp());
var scalar = union([string(), number(), boolean()]);
var inventoryDevice = object({
  id: pipe(string(), nonEmpty(), maxLength(256)),
  updated_ts: nullish(time),
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
var deployment = object({
  id: pipe(string(), nonEmpty()),
  name,
  artifact_name: nullish(string()),
  created: time,
  status: picklist(["scheduled", "pending", "inprogress", "finished"])
});
var deploymentDevice = object({
  id: pipe(string(), nonEmpty()),
  status: string(),
  finished: nullish(time)
});
var deviceIds = array(pipe(string(), nonEmpty()));

// src/ota/mender-releases.ts
var artifactsPath = "/api/management/v1/deployments/artifacts";
async function listArtifacts(client, name2) {
  const query = name2 === void 0 ? {} : { name: name2 };
  const probe = await client.find("/api/management/v2/deployments/artifacts?per_page=1", array(artifact));
  const all = probe === void 0 ? await client.list(`${artifactsPath}/list`, {}, artifact) : await client.list("/api/management/v2/deployments/artifacts", query, artifact);
  return name2 === void 0 ? all : all.filter((one) => one.name === name2);
}
async function listReleases(client) {
  const byName = Map.groupBy(await listArtifacts(client), ({ name: name2 }) => name2);
  return [...byName].map(([name2, artifacts]) => ({ name: name2, artifacts: artifacts.map(releaseArtifact) })).sort((a, b) => a.name < b.name ? -1 : 1);
}
async function findRelease(client, name2) {
  const artifacts = await listArtifacts(client, name2);
  return artifacts.length === 0 ? void 0 : { name: name2, artifacts: artifacts.map(releaseArtifact) };
}
function releaseArtifact(listed) {
  const provides = listed.artifact_provides ?? {};
  return {
    id: listed.id,
    deviceTypes: listed.device_types_compatible,
    sizeBytes: listed.size ?? 0,
    isSigned: listed.signed ?? false,
    provides,
    contentDigest: contentDigestOf({
      deviceTypes: listed.device_types_compatible,
      scriptsDigest: provides[scriptsProvide],
      payloads: (listed.updates ?? []).map(({ type_info, files, metadata, meta_data }) => ({
        type: type_info?.type ?? "",
        metaData: objectOf(metadata) ?? objectOf(meta_data),
        files: files ?? []
      }))
    })
  };
}
var anObject = record(string(), unknown());
function objectOf(value) {
  return is(anObject, value) && !Array.isArray(value) ? value : void 0;
}

// src/ota/ota-server.ts
function isOpenState(state2) {
  return ["pending", "downloading", "installing", "rebooting"].includes(state2);
}

// src/ota/mender-deployments.ts
var path = "/api/management/v1/deployments/deployments";
var searchPath = "/api/management/v2/deployments/deployments";
var attempts = 3;
var maxDevices = 2e4;
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
async function readDeployment(client, id2) {
  const found = await client.find(`${path}/${encodeURIComponent(id2)}`, deployment);
  if (!found) throw new Failure("server-refused", `${client.url} knows no deployment ${id2}`);
  return withDevices(client, found);
}
async function findDeployment(client, name2) {
  const listed = await client.list(searchPath, { name: name2 }, deployment);
  const [newest] = listed.filter((one) => one.name === name2).sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
  return newest && withDevices(client, newest);
}
async function openDeployments(client) {
  const byId = /* @__PURE__ */ new Map();
  for (const status of ["pending", "inprogress"]) {
    for (const one of await client.list(searchPath, { status }, deployment)) byId.set(one.id, one);
  }
  const open = [];
  for (const one of byId.values()) open.push(await withDevices(client, one));
  return open.sort((a, b) => a.createdAt < b.createdAt ? -1 : 1);
}
async function deploy(client, order) {
  const devices = [...new Set(order.devices)].sort();
  if (devices.length === 0) {
    throw new Failure("no-device-matched", `the order ${order.name} of ${order.release} has no device`);
  }
  if (devices.length > maxDevices) {
    throw new Failure(
      "bad-input",
      `the order ${order.name} has ${devices.length} devices; at most ${maxDevices} fit into one: order in waves`
    );
  }
  for (let attempt = 1; ; attempt++) {
    const existing = await findDeployment(client, order.name);
    if (existing) return checked(client, existing, order, devices);
    if (await findRelease(client, order.release) === void 0) throw missingRelease(client, order.release);
    const failure = await create(client, order, devices);
    const created = await findDeployment(client, order.name);
    if (created) return checked(client, created, order, devices);
    if (attempt === attempts) throw failure;
    client.context.log.warn(`order ${order.name}, try ${attempt} of ${attempts}: ${failure.message}`);
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal);
  }
}
async function create(client, order, devices) {
  try {
    const { status } = await client.http.send({
      method: "POST",
      path,
      json: { name: order.name, artifact_name: order.release, devices, force_installation: false },
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
  const missing = devices.filter((id2) => !found.devices.has(id2));
  const extra = [...found.devices.keys()].filter((id2) => !asked.has(id2));
  if (found.release === order.release && missing.length === 0 && extra.length === 0) return found;
  const differs = found.release === order.release ? `${missing.length} devices missing (${missing.slice(0, 5).join(", ")}), ${extra.length} too many (${extra.slice(0, 5).join(", ")})` : `it orders ${found.release} instead of ${order.release}`;
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? "device-missing" : "server-refused",
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and abort it`
  );
}
async function withdraw(client, id2, ended = []) {
  const before = await readDeployment(client, id2);
  const open = devicesIn(before, isOpenState);
  const free = open.filter((device2) => before.devices.get(device2) === "pending" || ended.includes(device2));
  if (free.length === 0) return open;
  if (free.length === open.length) {
    const request = { method: "PUT", path: `${path}/${encodeURIComponent(id2)}/status` };
    await client.http.send({ ...request, json: { status: "aborted" }, accept: [200, 204, 422] });
  } else {
    await withdrawEach(client, before, free);
  }
  return devicesIn(await readDeployment(client, id2), isOpenState);
}
async function withdrawEach(client, { id: id2, devices: before }, free) {
  const others = (await openDeployments(client)).filter((one) => one.id !== id2);
  for (const device2 of free) {
    const other = others.find((one) => one.devices.has(device2));
    if (other) {
      client.context.log.warn(`${device2} keeps its order: withdrawing it would take back ${other.name} too`);
      continue;
    }
    const { devices } = await readDeployment(client, id2);
    if (devices.get(device2) !== before.get(device2)) continue;
    const request = { method: "DELETE", path: `${path}/devices/${encodeURIComponent(device2)}` };
    await client.http.send({ ...request, accept: [200, 204] });
  }
}
var maxLogCharacters = 1 << 20;
async function readLog(client, id2, device2) {
  const reply = await client.http.send({
    method: "GET",
    path: `${path}/${encodeURIComponent(id2)}/devices/${encodeURIComponent(device2)}/log`,
    headers: { accept: "text/plain, application/json" },
    accept: [200, 404]
  });
  if (/^\s*<!doctype html|^\s*<html/i.test(reply.text)) {
    throw new Failure("unexpected-reply", `${client.url} answered with a web page instead of a log`);
  }
  return reply.status === 404 || reply.text === "" ? void 0 : reply.text.slice(-maxLogCharacters);
}
async function withDevices(client, found) {
  const own = `${path}/${encodeURIComponent(found.id)}`;
  const all = await client.http.json({ method: "GET", path: `${own}/device_list` }, deviceIds);
  const unlisted = found.status === "finished" ? "aborted" : "pending";
  const devices = new Map(all.map((id2) => [id2, unlisted]));
  const finishedAt = /* @__PURE__ */ new Map();
  for await (const page of client.pages(`${own}/devices/list`, {}, deploymentDevice)) {
    for (const { id: id2, status, finished } of page) {
      devices.set(id2, stateOf(client, status));
      if (finished) finishedAt.set(id2, new Date(finished).toISOString());
    }
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
function stateOf(client, status) {
  const state2 = Object.hasOwn(states, status) ? states[status] : void 0;
  if (state2) return state2;
  throw new Failure(
    "unexpected-reply",
    `${client.url} has a device in the unknown state "${status.slice(0, 80)}"`
  );
}
function devicesIn(deployment3, has) {
  return [...deployment3.devices].filter(([, state2]) => has(state2)).map(([id2]) => id2);
}
function missingRelease(client, release2) {
  return new Failure("release-missing", `${client.url} has no release ${release2}: upload its artifact first`);
}

// src/ota/mender-devices.ts
var authPath = "/api/management/v2/devauth/devices";
var inventoryPath = "/api/management/v1/inventory/devices";
var searchPath2 = "/api/management/v2/inventory/filters/search";
var maxRounds = 3;
async function* listDevices(client) {
  const others = /* @__PURE__ */ new Map();
  for (const status of ["pending", "rejected", "preauthorized", "noauth"]) {
    for await (const page of client.pages(authPath, { status }, authDevice)) {
      for (const device2 of page) others.set(device2.id, device2);
    }
  }
  const seen2 = /* @__PURE__ */ new Set();
  for (let round = 1; ; round++) {
    let total = 0;
    for await (const page of searchInventory(client)) {
      total = page.total ?? total;
      const fresh = page.devices.filter(({ id: id2 }) => !seen2.has(id2));
      for (const { id: id2 } of fresh) seen2.add(id2);
      if (fresh.length > 0) yield fresh.map((device2) => factsOf(device2.id, others.get(device2.id), device2));
    }
    if (seen2.size >= total) break;
    if (round === maxRounds) {
      throw new Failure(
        "unexpected-reply",
        `${client.url} says it has ${total} devices, but lists ${seen2.size}: try again when fewer come and go`
      );
    }
  }
  const known = [...others.values(), ...await unlistedAccepted(client, seen2, others)];
  const unlisted = known.filter(({ id: id2 }) => !seen2.has(id2));
  if (unlisted.length > 0) yield unlisted.map((device2) => factsOf(device2.id, device2, void 0));
}
async function unlistedAccepted(client, seen2, others) {
  const listed = [...seen2].filter((id2) => !others.has(id2)).length;
  const counted = await client.find(`${authPath}/count?status=accepted`, object({ count: number() }));
  return counted && counted.count <= listed ? [] : client.list(authPath, { status: "accepted" }, authDevice);
}
async function* searchInventory(client) {
  const order = [{ scope: "system", attribute: "created_ts", order: "asc" }];
  for (let page = 1, count = 0; ; page++) {
    if (page > maxPages) throw endless(client.url, searchPath2);
    const { value, headers } = await client.http.read(
      {
        method: "POST",
        path: searchPath2,
        json: { page, per_page: pageSize, sort: order },
        repeatable: true
      },
      array(inventoryDevice)
    );
    const header = Number(headers["x-total-count"] ?? Number.NaN);
    const total = Number.isSafeInteger(header) ? header : void 0;
    count += value.length;
    yield { devices: value, total };
    if (value.length === 0 || count >= (total ?? Infinity)) return;
    if (total === void 0 && value.length < pageSize) return;
  }
}
async function readDevice(client, id2) {
  const path2 = `/${encodeURIComponent(id2)}`;
  const [auth, inventory] = await Promise.all([
    client.find(authPath + path2, authDevice),
    client.find(inventoryPath + path2, inventoryDevice)
  ]);
  if (!auth) throw missingDevice(client, id2);
  return factsOf(id2, auth, inventory);
}
async function acceptDevice(client, id2) {
  const path2 = `${authPath}/${encodeURIComponent(id2)}`;
  const device2 = await client.find(path2, authDevice);
  if (!device2) throw missingDevice(client, id2);
  if (device2.status === "accepted") return;
  const set = device2.auth_sets?.find(({ status }) => status === "pending") ?? device2.auth_sets?.[0];
  if (!set) {
    throw new Failure("device-not-accepted", `device ${id2} has sent no key yet: it has to connect first`);
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
    `${client.url} did not accept device ${id2}: it is ${now?.status ?? "gone"}`
  );
}
async function retireDevice(client, id2) {
  const path2 = `${authPath}/${encodeURIComponent(id2)}`;
  await client.http.send({ method: "DELETE", path: path2, accept: [200, 202, 204, 404] });
  const left = await client.find(path2, authDevice);
  if (left === void 0 || left.decommissioning) return;
  throw new Failure("server-refused", `${client.url} did not remove device ${id2}: it is still ${left.status}`);
}
function missingDevice(client, id2) {
  return new Failure(
    "device-missing",
    `${client.url} knows no device ${id2}: give the id that the server shows for it, not its serial number`
  );
}
function factsOf(id2, auth, inventory) {
  const reported = scopeOf(inventory, "inventory");
  const { status, ...identity } = scopeOf(inventory, "identity");
  const hasReported = Object.keys(reported).length > 0;
  return {
    id: id2,
    // device authentication decides; a device that it did not name among the others is accepted
    status: auth?.status ?? knownStatus(status),
    // the server makes an inventory entry, with a time, for a device that never reported anything
    reportedAt: hasReported && inventory?.updated_ts ? isoTime(inventory.updated_ts) : void 0,
    deviceType: reported["device_type"] || void 0,
    release: reported["rootfs-image.version"] || reported["image_version"] || reported["artifact_name"] || void 0,
    group: scopeOf(inventory, "system")["group"] || void 0,
    identity: auth?.identity_data ? texts(Object.entries(auth.identity_data)) : identity,
    attributes: reported
  };
}
function knownStatus(text2) {
  const known = ["pending", "rejected", "preauthorized", "noauth"].find((one) => one === text2);
  return known ?? "accepted";
}
function scopeOf(device2, scope) {
  const inScope = device2?.attributes?.filter((attribute) => attribute.scope === scope) ?? [];
  return texts(inScope.map(({ name: name2, value }) => [name2, value]));
}
function texts(entries) {
  const present = entries.filter(([, value]) => value !== null && value !== void 0);
  return Object.fromEntries(
    present.map(([name2, value]) => [name2, Array.isArray(value) ? value.join(",") : String(value)])
  );
}
function isoTime(text2) {
  return new Date(text2).toISOString();
}

// src/ota/mender-leases.ts
var names = { id: "drover-lease", holder: "drover-lease-holder", until: "drover-lease-until" };
var attempts2 = 5;
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
async function leaseOf(client, device2) {
  return leaseIn(client, await readTags(client, device2));
}
async function takeLease(client, device2, lease) {
  for (let attempt = 1; attempt <= attempts2; attempt++) {
    const tags = await readTags(client, device2);
    const current = leaseIn(client, tags);
    if (current && current.id !== lease.id) return current;
    const isWritten = await writeTags(client, device2, tags, [
      { name: names.id, value: lease.id },
      { name: names.holder, value: lease.holder },
      { name: names.until, value: lease.until }
    ]);
    if (!isWritten) continue;
    if (tags.etag === void 0) await client.context.clock.sleep(1e3, client.context.signal);
    const now = await leaseOf(client, device2);
    if (now) return now;
    if (Date.parse(lease.until) <= client.context.clock.now().getTime()) return lease;
  }
  throw new Failure(
    "device-busy",
    `the tags of device ${device2} change faster than a lease can be written: try again`
  );
}
async function returnLease(client, device2, id2) {
  for (let attempt = 1; attempt <= attempts2; attempt++) {
    const tags = await readTags(client, device2);
    if (tags.all.find(({ name: name2 }) => name2 === names.id)?.value !== id2) return;
    if (await writeTags(client, device2, tags, [])) return;
  }
  client.context.log.warn(`the lease of device ${device2} could not be returned; it ends by itself`);
}
async function readTags(client, device2) {
  const path2 = `/api/management/v1/inventory/devices/${encodeURIComponent(device2)}`;
  const found = await client.http.find({ method: "GET", path: path2 }, taggedDevice);
  if (!found) throw missingDevice(client, device2);
  const [etag] = [found.headers["etag"] ?? []].flat();
  const all = (found.value.attributes ?? []).filter(({ scope }) => scope === "tags").map(({ name: name2, value, description: description2 }) => ({ name: name2, value, ...description2 ? { description: description2 } : {} }));
  return { all, etag: etag || void 0 };
}
async function writeTags(client, device2, tags, lease) {
  const ours = Object.values(names);
  const { status } = await client.http.send({
    method: "PUT",
    path: `/api/management/v1/inventory/devices/${encodeURIComponent(device2)}/tags`,
    json: [...tags.all.filter(({ name: name2 }) => !ours.includes(name2)), ...lease],
    ...tags.etag === void 0 ? {} : { headers: { "if-match": tags.etag } },
    accept: [200, 204, 412]
  });
  return status !== 412;
}
function leaseIn(client, tags) {
  const text2 = (name2) => {
    const value = tags.all.find((tag) => tag.name === name2)?.value;
    return typeof value === "string" ? value : "";
  };
  const lease = { id: text2(names.id), holder: text2(names.holder), until: text2(names.until) };
  const endsAt = Date.parse(lease.until);
  return lease.id && endsAt > client.context.clock.now().getTime() ? lease : void 0;
}

// src/ota/mender-upload.ts
import { createHash } from "node:crypto";
var attempts3 = 3;
async function uploadArtifact(client, path2, verifyKeys = []) {
  const { context } = client;
  const info = await openArtifact(path2, { verifyKeys, signal: context.signal });
  context.log.info(
    `${path2} is whole: ${info.name} for ${info.deviceTypes.join(", ")}, ${info.sizeBytes} bytes, content ${info.contentDigest}, signature ${info.signature}`
  );
  for (let attempt = 1; ; attempt++) {
    const existing = await findSame(client, info);
    if (existing) {
      context.log.info(`the server has it: artifact ${existing.id}`);
      if ((existing.signed ?? false) !== (info.signature !== "none")) {
        context.log.warn(
          `the server's ${info.name} is ${existing.signed ? "" : "not "}signed, this file is${existing.signed ? " not" : ""}; it stays as it is`
        );
      }
      return uploaded(client, info, existing, attempt > 1);
    }
    const failure = await send(client, path2, info);
    if (failure === void 0) break;
    if (attempt === attempts3) throw failure;
    context.log.warn(`upload ${attempt} of ${attempts3} broke: ${failure.message}`);
    await context.clock.sleep(1e3 * 2 ** (attempt - 1), context.signal);
  }
  const stored = await findSame(client, info);
  if (stored) return uploaded(client, info, stored, true);
  throw new Failure(
    "upload-incomplete",
    `${client.url} took the upload of ${info.name}, but does not list it: look at the server's own log`
  );
}
async function send(client, path2, info) {
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
      sizeBytes: info.sizeBytes
    },
    client.context
  );
  try {
    const request = { method: "POST", path: artifactsPath, headers, body };
    const { status } = await client.http.send({ ...request, repeatable: false, accept: [201, 409] });
    return status === 409 ? await conflict(client, info) : void 0;
  } catch (error) {
    if (error instanceof Failure && error.reason === "unreachable") return error;
    throw error;
  }
}
async function conflict(client, info) {
  if (await findSame(client, info)) return void 0;
  return new Failure(
    "artifact-conflict",
    `${client.url} refuses ${info.name} for what another artifact there already claims, and does not list which`
  );
}
async function findSame(client, info) {
  const listed = await listArtifacts(client, info.name);
  const rivals = listed.filter(
    (one) => one.device_types_compatible.some((type) => info.deviceTypes.includes(type))
  );
  for (const rival of rivals) {
    const { contentDigest } = releaseArtifact(rival);
    if (contentDigest === info.contentDigest) continue;
    const isOurs = rival.id === artifactIdOf(info);
    throw new Failure(
      isOurs ? "upload-incomplete" : "artifact-conflict",
      isOurs ? `${client.url} lists the artifact ${rival.id} with content ${contentDigest}, but the file has ${info.contentDigest}: delete it there and run again` : `${client.url} has another ${info.name} for ${rival.device_types_compatible.join(", ")}: its content is ${contentDigest}, this file's is ${info.contentDigest}. Give the new release a new name`
    );
  }
  const [same] = rivals;
  if (same) checkSize(client, info, same);
  return same;
}
function checkSize(client, info, listed) {
  if (listed.id !== artifactIdOf(info) || (listed.size ?? info.sizeBytes) === info.sizeBytes) return;
  throw new Failure(
    "upload-incomplete",
    `${client.url} lists ${listed.size} bytes for the artifact ${listed.id}, but the file has ${info.sizeBytes}: delete it there and run again`
  );
}
function uploaded(client, info, listed, isNew) {
  return {
    artifactId: listed.id,
    release: info.name,
    contentDigest: info.contentDigest,
    sha256: info.sha256,
    url: `${client.url}/ui/releases/${encodeURIComponent(info.name)}`,
    isNew
  };
}
var idSpace = Buffer.from("6d3f1f9e4c0b4f0e9a3a5b1d2c7e8f90", "hex");
function artifactIdOf(info) {
  const hash = createHash("sha1").update(idSpace).update(hexOf(info.sha256)).digest();
  hash.writeUInt8(hash.readUInt8(6) & 15 | 80, 6);
  hash.writeUInt8(hash.readUInt8(8) & 63 | 128, 8);
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-"
  );
}

// src/ota/mender.ts
function menderServer(url, token, context) {
  const client = openMenderClient(url, token, context);
  return {
    url,
    within: (other) => menderServer(url, token, other),
    devices: () => listDevices(client),
    device: (id2) => readDevice(client, id2),
    releases: () => listReleases(client),
    release: (name2) => findRelease(client, name2),
    upload: (path2, verifyKeys) => uploadArtifact(client, path2, verifyKeys),
    deploy: (order) => deploy(client, order),
    findDeployment: (name2) => findDeployment(client, name2),
    deployment: (id2) => readDeployment(client, id2),
    openDeployments: () => openDeployments(client),
    withdraw: (id2, ended) => withdraw(client, id2, ended),
    accept: (device2) => acceptDevice(client, device2),
    retire: (device2) => retireDevice(client, device2),
    leaseOf: (device2) => leaseOf(client, device2),
    takeLease: (device2, lease) => takeLease(client, device2, lease),
    returnLease: (device2, id2) => returnLease(client, device2, id2),
    log: (id2, device2) => readLog(client, id2, device2)
  };
}

// src/ota/server-url.ts
import { isIP } from "node:net";
function checkedServerUrl(text2) {
  const url = URL.parse(text2.trim());
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Failure("bad-input", `server is "${shown(text2)}"; write a URL such as https://hosted.mender.io`);
  }
  if (url.username || url.password) {
    throw new Failure("bad-input", "server has a user or a password in its URL: give the input token instead");
  }
  if (url.search || url.hash) {
    throw new Failure("bad-input", `server is "${shown(text2)}"; it can't have a query or a fragment`);
  }
  if (url.protocol === "http:" && !isNear(url.hostname)) {
    throw new Failure(
      "bad-input",
      `server is "${shown(text2)}": the token would travel in the clear. Use https://; http:// is only for localhost and private addresses`
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
function shown(text2) {
  return text2.replace(/\/\/.*@/, "//…@").slice(0, 200);
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
  if (type === "hawkbit") {
    throw new Failure("bad-input", "server-type hawkbit is not supported yet; use a Mender server");
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure("bad-input", "token has a character that no token has: copy it again, without spaces");
  }
  return menderServer(checkedServerUrl(url), token, context);
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

// src/ota/facts-schema.ts
var maxFactsBytes = 256 << 20;
var text = pipe(string(), maxLength(65536));
var id = pipe(string(), nonEmpty(), maxLength(256));
var time2 = pipe(string(), isoTimestamp());
var digest = pipe(
  string(),
  regex(/^sha256:[0-9a-f]{64}$/),
  guard((value) => isDigest(value))
);
var texts2 = record(string(), text);
var device = object({
  id: pipe(id, description("The device's id on the OTA server.")),
  status: picklist(["accepted", "pending", "rejected", "preauthorized", "noauth"]),
  reportedAt: pipe(optional(time2), description("When it last reported; missing where it never did.")),
  deviceType: optional(text),
  release: pipe(optional(text), description("The OS release that it runs.")),
  group: pipe(optional(text), description("The group on the server that operators put it in.")),
  identity: texts2,
  attributes: pipe(texts2, description("Everything else it reported."))
});
var release = object({
  name: text,
  artifacts: array(
    object({
      id,
      deviceTypes: array(text),
      sizeBytes: pipe(number(), integer(), minValue(0)),
      isSigned: boolean(),
      contentDigest: pipe(digest, description("Digest of what it holds, whatever it is signed with.")),
      provides: optional(texts2)
    })
  )
});
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
var deployment2 = object({
  id,
  name: text,
  release: text,
  createdAt: time2,
  devices: pipe(record(id, state), description("How each device stands, by its id.")),
  finishedAt: pipe(
    optional(record(id, time2), {}),
    description("When each device was done, where the server says so.")
  )
});
var factsFile = object({
  schema: literal("drover/facts/v1"),
  server: pipe(text, description("URL of the OTA server.")),
  gatheredAt: pipe(time2, description("When reading began.")),
  devices: array(device),
  releases: array(release),
  openDeployments: array(deployment2)
});

// src/ota/facts.ts
async function gatherFacts(server, context) {
  const gatheredAt = context.clock.now().toISOString();
  const openDeployments2 = await server.openDeployments();
  const releases = await server.releases();
  const devices = [];
  for await (const page of server.devices()) {
    devices.push(...page);
    context.log.info(`${devices.length} devices read`);
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
function silentDevices(facts, maxAgeMs, now) {
  return facts.devices.filter(({ status, reportedAt }) => {
    if (status !== "accepted") return false;
    return reportedAt === void 0 || now.getTime() - Date.parse(reportedAt) > maxAgeMs;
  });
}
async function writeFacts(path2, facts) {
  const file = {
    schema: "drover/facts/v1",
    server: facts.server,
    gatheredAt: facts.gatheredAt,
    devices: facts.devices.map((device2) => ({
      ...device2,
      identity: { ...device2.identity },
      attributes: { ...device2.attributes }
    })),
    releases: facts.releases.map(({ name: name2, artifacts }) => ({
      name: name2,
      artifacts: artifacts.map(({ provides, ...artifact2 }) => ({
        ...artifact2,
        deviceTypes: [...artifact2.deviceTypes],
        ...provides ? { provides: { ...provides } } : {}
      }))
    })),
    openDeployments: facts.openDeployments.map(({ id: id2, name: name2, release: release2, createdAt, devices, finishedAt }) => ({
      id: id2,
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
    devices: file.devices.map((device2) => ({
      ...device2,
      reportedAt: device2.reportedAt,
      deviceType: device2.deviceType,
      release: device2.release,
      group: device2.group
    })),
    releases: file.releases.map(({ name: name3, artifacts }) => ({
      name: name3,
      artifacts: artifacts.map(({ provides, ...artifact2 }) => ({
        ...artifact2,
        ...provides ? { provides } : {}
      }))
    })),
    openDeployments: file.openDeployments.map((deployment3) => ({
      ...deployment3,
      isFinished: false,
      devices: new Map(Object.entries(deployment3.devices)),
      finishedAt: new Map(Object.entries(deployment3.finishedAt))
    }))
  };
}
function parseFacts(text2, name2) {
  let raw;
  try {
    raw = JSON.parse(text2);
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

// src/ota/address.ts
import { isIP as isIP2 } from "node:net";
function addressOf({ attributes }) {
  const names2 = Object.keys(attributes).filter((name2) => /^ipv[46]_/.test(name2)).sort();
  return ["address", "ip_address", "ipv4", ...names2, "ipv6"].flatMap((name2) => (attributes[name2] ?? "").split(/[\s,]+/)).map((text2) => text2.replace(/\/\d+$/, "")).find((text2) => isIP2(text2) !== 0 && !/^(127\.|169\.254\.|::1$|fe80:)/i.test(text2));
}

// src/ota/order-name.ts
import { createHash as createHash2 } from "node:crypto";

// src/ota/watch.ts
var enoughReports = 2;
var maxRestarts = 1;
function startWatch(order, { at, state: state2, facts }) {
  const hasRebooted = state2 === "rebooting";
  return { ...order, ...changed(at, state2, facts), hasRebooted, restarts: 0 };
}
function seen(watch, { at, state: state2, facts }) {
  if (state2 !== watch.state) {
    const hasRebooted = watch.hasRebooted || state2 === "rebooting";
    const restarts = watch.restarts + (watch.hasRebooted && state2 === "downloading" ? 1 : 0);
    return { ...watch, ...changed(at, state2, facts), hasRebooted, restarts };
  }
  const isNews = (facts.reportedAt ?? "") > (watch.facts.reportedAt ?? "");
  return { ...watch, facts, reports: watch.reports + (isNews ? 1 : 0) };
}
function changed(at, state2, facts) {
  return { state: state2, stateSince: at, facts, reportedAtChange: facts.reportedAt ?? "", reports: 0 };
}
function verdictOf(watch) {
  const { state: state2, facts, release: release2 } = watch;
  const isFresh = (facts.reportedAt ?? "") > watch.orderedAt;
  const isThere = isFresh && reportsRelease(facts, release2, watch.artifact);
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
  const is2 = `reports ${facts.release ?? "no release"} again and never said why; the server still says ${state2}`;
  return watch.hasRebooted ? failed("rolled-back", `it went back: it ${is2}`) : failed("update-failed", `it has ended the update: it ${is2}`);
}
function wrongRelease({ state: state2, facts, before, release: release2 }) {
  const said = `the server says ${state2}, but the device itself reports ${facts.release ?? "no release"}`;
  if (facts.attributes["artifact_name"] === release2) {
    const why = `the client installed it, but the image in it calls itself ${facts.release}: package it under that name`;
    return failed("wrong-release", why);
  }
  return facts.release === before && before !== release2 ? failed("rolled-back", `it went back after it had reported success: ${said}`) : failed("wrong-release", said);
}
function failed(reason, why) {
  return { kind: "failed", reason, why };
}
function reportsRelease(facts, release2, artifact2) {
  const provided = Object.entries(artifact2?.provides ?? {}).filter(
    ([name2]) => name2 !== "artifact_name" && name2 !== "artifact_group" && Object.hasOwn(facts.attributes, name2)
  );
  if (provided.length === 0) return facts.release === release2;
  return provided.every(([name2, value]) => facts.attributes[name2] === value);
}

// src/ota/order-name.ts
var prefix = "dispatch-";
var maxOrders = 100;
function isDispatchName(name2) {
  return name2.startsWith(prefix);
}
async function freeName(server, release2, facts, runId) {
  const digests = release2.artifacts.map(({ contentDigest }) => contentDigest).sort();
  const text2 = JSON.stringify([release2.name, digests, facts.id, runId]);
  const hash = createHash2("sha256").update(text2).digest("hex").slice(0, 16);
  for (let number2 = 1; number2 <= maxOrders; number2++) {
    const name2 = `${prefix}${release2.name.slice(0, 180)}-${hash}${number2 === 1 ? "" : `-${number2}`}`;
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
import { basename, resolve } from "node:path";

// src/ota/poll.ts
var firstPauseMs = 500;
var growth = 1.4;
var longestPauseMs = 1e4;
async function poll(context, endsAt, look) {
  const now = () => context.clock.now().getTime();
  let pauseMs = firstPauseMs;
  let last = "";
  for (; ; ) {
    const found = await patiently(context, look);
    if (!(found instanceof Failure)) {
      if ("done" in found) return found.done;
      pauseMs = found.stands === last ? Math.min(pauseMs * growth, longestPauseMs) : firstPauseMs;
      last = found.stands;
    } else if (last !== found.message) {
      context.log.warn(`${found.message}; going on to wait for ${seconds(Math.max(0, endsAt - now()))}`);
      last = found.message;
    }
    const leftMs = endsAt - now();
    if (leftMs <= 0 && found instanceof Failure) throw found;
    if (leftMs <= 0) return void 0;
    await context.clock.sleep(Math.min(pauseMs, leftMs), context.signal);
  }
}
async function patiently(context, look) {
  try {
    return await look();
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure && error.reason === "unreachable") return error;
    throw error;
  }
}

// src/ota/device-log.ts
var waitMs = 1e4;
var maxShownLines = 40;
async function keepLog(server, { deployment: deployment3, device: device2, isExpected }, folder, context) {
  const text2 = await fetchLog(server, deployment3, device2, isExpected ? waitMs : 0, context);
  if (text2 === void 0) {
    context.log.info(`the device sent no log of deployment ${deployment3.id}`);
    return void 0;
  }
  const path2 = resolve(folder, `deployment-${fileNameOf(deployment3.id)}-${fileNameOf(device2)}.log`);
  await writeAtomically(path2, text2);
  const lines = text2.trimEnd().split("\n");
  await context.log.group(`log of ${device2}, its last lines (all ${lines.length} in ${path2})`, async () => {
    for (const line of lines.slice(-maxShownLines)) context.log.info(oneLine(shorten(line, 500)));
  });
  return { path: path2, text: text2, wasInstalled: /after-reboot \[|ArtifactCommit/.test(text2) };
}
var maxTellingCharacters = 200;
function tellingLines(text2) {
  const entries = entriesOf(text2);
  const errors = entries.filter(({ level }) => /^(error|fatal|critical|panic)$/.test(level));
  const scripts = entries.filter(({ message }) => isFailedScript(message, errors));
  const telling = [scripts.flatMap(({ more }) => more), errors.map(({ message }) => message)].find(
    (lines2) => lines2.length > 0
  );
  const lines = telling ?? entries.slice(-1).map(({ message }) => message);
  return shorten([...new Set(lines.map(oneLine))].join(" / "), maxTellingCharacters);
}
function entriesOf(text2) {
  const entries = [];
  for (const line of text2.split("\n")) {
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
  return path2 !== void 0 && errors.some((error) => error.message.includes(basename(path2)));
}
async function fetchLog(server, { id: id2 }, device2, waitMs2, context) {
  try {
    return await poll(context, context.clock.now().getTime() + waitMs2, async () => {
      const text2 = await server.log(id2, device2);
      return text2 === void 0 ? { stands: "" } : { done: text2 };
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === "cancelled") throw error;
    context.log.warn(`the device's log can't be had: ${error.message}`);
    return void 0;
  }
}
function fileNameOf(text2) {
  return text2.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100);
}

// src/ota/outcome.ts
var aftermathMs = 6e4;
function timedOut(url, order, watch, after) {
  const state2 = watch?.state ?? "pending";
  const reportedAt = watch?.facts.reportedAt;
  const place = `${url}, deployment ${order.id}`;
  if (state2 === "pending" && (reportedAt ?? "") <= order.createdAt) {
    return new Failure(
      "device-silent",
      `the device has not asked the server for anything in ${after}; it last reported ${reportedAt ?? "never"}: is it on, and does it reach ${place}?`
    );
  }
  return new Failure(
    "update-timeout",
    `after ${after} the device is ${state2} since ${watch?.stateSince ?? "the order"}; it last reported at ${reportedAt ?? "no time"} that it runs ${oneLine(watch?.facts.release ?? "nothing")} (${place})`
  );
}
async function failureOf(server, request, { order, watch, verdict }, context) {
  if (!watch || verdict.kind !== "failed")
    return new Failure("internal", "a dispatch ended without a verdict");
  const { id: id2 } = watch.facts;
  await request.tell?.({ result: watch.state });
  const isExpected = watch.state === "failure";
  const log = await keepLog(server, { deployment: order, device: id2, isExpected }, request.logFolder, context);
  if (log) await request.tell?.({ log: log.path });
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
async function holdTarget(server, wanted, context) {
  const type = /^lab:(.+)$/.exec(wanted.device)?.[1];
  const say = onChange(context);
  let last = "";
  const held = await poll(context, wanted.endsAt, async () => {
    const now = context.clock.now();
    const look = type === void 0 ? await lookAtOne(server, wanted) : await lookAtLab(server, wanted, type, now);
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
async function lookAtOne(server, wanted) {
  const facts = await server.device(wanted.device);
  checkDevice(server, facts, wanted.release);
  return hold(server, wanted, facts, await server.openDeployments());
}
async function lookAtLab(server, wanted, type, now) {
  const lab = [];
  for await (const page of server.devices()) {
    lab.push(...page.filter(({ group, status }) => group === labGroup && status === "accepted"));
  }
  const isCandidate = ({ deviceType }) => deviceType === type || deviceType === void 0;
  const devices = lab.filter(isCandidate).sort((a, b) => a.id < b.id ? -1 : 1);
  if (devices.length === 0) {
    throw new Failure(
      "no-device-matched",
      `${server.url} has no accepted device of type ${type} in its group "${labGroup}" (${lab.length} of other types): put one there`
    );
  }
  const isFresh = ({ reportedAt }) => reportedAt !== void 0 && now.getTime() - Date.parse(reportedAt) <= freshMs;
  const fresh = devices.filter((device2) => device2.deviceType === type && isFresh(device2));
  if (fresh.length === 0) {
    const list = devices.map(({ id: id2, reportedAt }) => `${id2} (last reported ${reportedAt ?? "never"})`);
    return { stands: `${silence} from any lab device of type ${type}: ${list.join(", ")}` };
  }
  const open = await server.openDeployments();
  const taken = [];
  for (const device2 of fresh) {
    checkDevice(server, device2, wanted.release);
    const look = await hold(server, wanted, device2, open);
    if ("done" in look) return look;
    taken.push(look.stands);
  }
  return { stands: taken.join("; ") };
}
async function hold(server, wanted, facts, open) {
  const { id: id2 } = facts;
  const rival = open.find((one) => isOpenState(one.devices.get(id2) ?? "aborted"));
  const isOurs = rival?.release === wanted.release.name && isDispatchName(rival.name) && rival.devices.size === 1;
  if (rival && !isOurs)
    return { stands: `${id2} is in the open deployment ${oneLine(rival.name)} (${rival.id})` };
  if (wanted.lease !== void 0) {
    await checkLease(server, id2, wanted.lease);
    return { done: { facts, adopted: rival, giveBack: async () => {
    } } };
  }
  const lease = {
    id: randomUUID(),
    holder: wanted.holder,
    until: new Date(wanted.endsAt + leaseMarginMs).toISOString()
  };
  const holder = await server.takeLease(id2, lease);
  if (holder.id !== lease.id) {
    return { stands: `${id2} is leased to ${oneLine(holder.holder)} until ${holder.until}` };
  }
  const giveBack = (by) => by.returnLease(id2, lease.id);
  const again = await server.openDeployments();
  const late = again.find((one) => one.id !== rival?.id && isOpenState(one.devices.get(id2) ?? "aborted"));
  if (!late) return { done: { facts, adopted: rival, giveBack } };
  await giveBack(server);
  return { stands: `${id2} is in the open deployment ${oneLine(late.name)} (${late.id})` };
}
async function checkLease(server, device2, lease) {
  const current = await server.leaseOf(device2);
  if (current?.id === lease) return;
  const by = current ? `${oneLine(current.holder)} holds it until ${current.until}` : "nobody holds it";
  throw new Failure("device-busy", `the lease ${lease} of device ${device2} has ended: ${by}. Take a new one`);
}
function checkDevice(server, facts, release2) {
  if (facts.status !== "accepted") {
    throw new Failure(
      "device-not-accepted",
      `device ${facts.id} is ${facts.status} on ${server.url}: accept it there first`
    );
  }
  const types = release2.artifacts.flatMap(({ deviceTypes }) => deviceTypes);
  if (facts.deviceType === void 0 || types.includes(facts.deviceType)) return;
  throw new Failure(
    "wrong-device-type",
    `device ${facts.id} is a ${oneLine(facts.deviceType)}, but ${release2.name} is for ${types.join(", ")}`
  );
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
  const { device: device2, lease, runId: holder } = request;
  const target = await holdTarget(server, { release: release2, device: device2, lease, holder, endsAt }, context);
  try {
    await request.tell?.({ device: target.facts.id, address: addressOf(target.facts) });
    return await update(server, request, { release: release2, target, endsAt }, context);
  } finally {
    await undo(context, "return the lease", (by) => target.giveBack(server.within(by)));
  }
}
async function update(server, request, { release: release2, target, endsAt }, context) {
  const { id: id2, deviceType } = target.facts;
  const artifact2 = release2.artifacts.find((one) => one.deviceTypes.includes(deviceType ?? ""));
  const name2 = target.adopted?.name ?? await freeName(server, release2, target.facts, request.runId);
  const order = await server.deploy({ name: name2, release: release2.name, devices: [id2] });
  context.log.info(`deployment ${order.id} (${name2}): ${release2.name} for ${id2}`);
  await request.tell?.({ deployment: order.id });
  const progress = {};
  try {
    const verdict = await waitFor(
      server,
      { order, artifact: artifact2, before: target.facts, endsAt },
      progress,
      context
    );
    if (verdict.kind === "success") return await succeeded(request, order, progress.watch, verdict, context);
    throw await failureOf(server, request, { order, watch: progress.watch, verdict }, context);
  } catch (error) {
    const { watch } = progress;
    const isOver = watch !== void 0 && !isOpenState(watch.state);
    const ended = watch !== void 0 && verdictOf(watch).kind === "failed" ? [id2] : [];
    if (!isOver)
      await undo(context, "withdraw the order", (by) => takeBack(server.within(by), order, ended, by));
    throw error;
  }
}
async function waitFor(server, { order, artifact: artifact2, before, endsAt }, progress, context) {
  const startedAt = context.clock.now().getTime();
  const elapsed = () => seconds(context.clock.now().getTime() - startedAt);
  const { release: release2 } = order;
  const basis = { release: release2, artifact: artifact2, orderedAt: order.createdAt, before: before.release };
  const verdict = await poll(context, endsAt, async () => {
    const { devices } = await server.deployment(order.id);
    const facts = await server.device(before.id);
    const state2 = devices.get(before.id) ?? "decommissioned";
    const last = progress.watch;
    const sight = { at: context.clock.now().toISOString(), state: state2, facts };
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
    address: facts && addressOf(facts),
    result: "success",
    log: void 0,
    changed: verdict.isChanged
  };
  await request.tell?.(dispatched);
  return dispatched;
}
async function takeBack(server, order, ended, context) {
  const begun = await server.withdraw(order.id, ended);
  context.log.info(
    begun.length === 0 ? `deployment ${order.id} is withdrawn` : `${begun.join(", ")} has begun and is left to finish deployment ${order.id}: look at the server for its end`
  );
}
async function undo(context, what, work) {
  try {
    await work({ ...context, signal: AbortSignal.timeout(undoMs) });
  } catch (error) {
    context.log.warn(`could not ${what}: ${messageOf(error)}`);
  }
}

export {
  isOpenState,
  serverTypes,
  openServer,
  serverAddress,
  gatherFacts,
  requireDevices,
  silentDevices,
  writeFacts,
  readFacts,
  dispatch
};
