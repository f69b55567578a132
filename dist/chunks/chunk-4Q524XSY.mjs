import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  isSame,
  openSecrets
} from "./chunk-GYPLRWSG.mjs";
import {
  inspectArtifact
} from "./chunk-OCPNMXBO.mjs";
import {
  Failure,
  array,
  boolean,
  canonicalJson,
  check,
  counted,
  digestOf,
  hasCode,
  hexOf,
  integer,
  intersect,
  is,
  literal,
  maxLength,
  maxValue,
  messageOf,
  minLength,
  minValue,
  nonEmpty,
  nullable,
  number,
  object,
  oneLine,
  optional,
  parse,
  parseJson,
  picklist,
  pipe,
  record,
  regex,
  safeParse,
  silentLog,
  storageFailure,
  string,
  syncFolder,
  transform,
  trim,
  union,
  unknown,
  uuid
} from "./chunk-J6UCEAK3.mjs";

// src/server/start-server.ts
import { chmod, mkdir as mkdir2 } from "node:fs/promises";
import { join as join4 } from "node:path";

// src/server/core.ts
import { randomUUID } from "node:crypto";
function timestamp(date = /* @__PURE__ */ new Date()) {
  return date.toISOString();
}
function newId() {
  return randomUUID();
}

// src/server/refusal.ts
var Refusal = class extends Error {
  name = "Refusal";
  status;
  /** Goes into the envelope beside the text. */
  details;
  headers;
  constructor(status, message, options = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
  }
};
function notFound(what) {
  return new Refusal(404, `${what} not found`);
}

// src/server/artifacts.ts
var duplicateText = "an artifact with the same name and depends already exists";
var maxCombinations = 1e3;
var dependsSchema = record(string(), array(string()));
var row = object({
  id: string(),
  name: string(),
  description: string(),
  sha256: string(),
  size: number(),
  device_types: pipe(string(), parseJson(), array(string())),
  depends: pipe(string(), parseJson(), dependsSchema),
  content: pipe(
    string(),
    parseJson(),
    object({
      info: object({ format: string(), version: number() }),
      signed: boolean(),
      updates: array(unknown()),
      artifact_provides: record(string(), string()),
      clears_artifact_provides: array(string())
    })
  ),
  modified: string()
});
function artifactView({ content, depends, ...artifact }) {
  return {
    id: artifact.id,
    name: artifact.name,
    description: artifact.description,
    device_types_compatible: artifact.device_types,
    info: content.info,
    signed: content.signed,
    updates: content.updates,
    artifact_provides: content.artifact_provides,
    artifact_depends: depends,
    clears_artifact_provides: content.clears_artifact_provides,
    size: artifact.size,
    modified: artifact.modified
  };
}
function insertArtifact(core, id, description, info) {
  const depends = dependsOf(info);
  const now = timestamp();
  core.store.transaction(() => {
    refuseDuplicate(core, id, info);
    core.store.run(
      `INSERT INTO artifact (id, name, description, sha256, size, device_types, depends, content, modified)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      info.name,
      description,
      hexOf(info.sha256),
      info.sizeBytes,
      JSON.stringify(info.deviceTypes),
      JSON.stringify(depends),
      JSON.stringify(contentOf(info, now)),
      now
    );
    for (const fit of combinations(depends))
      core.store.run(
        `INSERT INTO artifact_fit (name, depends, artifact) VALUES (?, ?, ?)`,
        info.name,
        fit,
        id
      );
  });
}
function findArtifact(core, id) {
  const found = core.store.get(row, `SELECT * FROM artifact WHERE id = ?`, id);
  if (!found) throw notFound("artifact");
  return found;
}
var artifactOrder = picklist(["name:asc", "name:desc", "modified:asc", "modified:desc"]);
function listArtifacts(core, filter, page, order2) {
  const { where, values } = conditions(filter);
  const limit = page ? `LIMIT ${page.perPage} OFFSET ${page.offset}` : "";
  const by = order2 === void 0 ? "seq" : `${order2.replace(":", " ")}, seq`;
  return core.store.all(row, `SELECT * FROM artifact WHERE ${where} ORDER BY ${by} ${limit}`, ...values);
}
function countArtifacts(core, filter) {
  const { where, values } = conditions(filter);
  return core.store.count(`SELECT count(*) AS n FROM artifact WHERE ${where}`, ...values);
}
function fittingArtifact(core, name2, provides) {
  const all = core.store.all(row, `SELECT * FROM artifact WHERE name = ? ORDER BY seq DESC`, name2);
  return all.find(
    ({ depends }) => Object.entries(depends).every(([key, allowed]) => allowed.includes(provides[key] ?? ""))
  );
}
async function deleteArtifact(core, id) {
  await core.files.exclusively(async () => {
    const { name: name2, sha256 } = findArtifact(core, id);
    if (core.store.count(
      `SELECT count(*) AS n FROM deployment WHERE artifact_name = ? AND finished IS NULL`,
      name2
    ))
      throw new Refusal(409, "artifact is used in active deployment");
    core.store.transaction(() => {
      core.store.run(`DELETE FROM artifact WHERE id = ?`, id);
      core.store.run(
        `DELETE FROM release_note WHERE name = ? AND NOT EXISTS (SELECT 1 FROM artifact WHERE name = ?)`,
        name2,
        name2
      );
    });
    if (core.store.count(`SELECT count(*) AS n FROM artifact WHERE sha256 = ?`, sha256) === 0)
      await core.files.remove(sha256);
  });
}
function refuseDuplicate(core, id, info) {
  if (core.store.count(`SELECT count(*) AS n FROM artifact WHERE id = ?`, id) > 0)
    throw new Refusal(409, "an artifact with this artifact_id already exists");
  for (const fit of combinations(dependsOf(info))) {
    if (core.store.count(
      `SELECT count(*) AS n FROM artifact_fit WHERE name = ? AND depends = ?`,
      info.name,
      fit
    ))
      throw new Refusal(409, duplicateText, {
        details: { metadata: { conflict: [{ artifact_name: info.name, ...checkedJson(fit) }] } }
      });
  }
}
function checkedJson(text) {
  return parse(pipe(string(), parseJson(), record(string(), string())), text);
}
function contentOf(info, now) {
  return {
    info: { format: info.format, version: info.version },
    signed: info.signature !== "none",
    updates: info.payloads.map((payload) => ({
      type_info: { type: payload.type },
      files: payload.files.map(({ name: name2, checksum, sizeBytes, date }) => ({
        name: name2,
        checksum,
        size: sizeBytes,
        date: date ?? now
      })),
      meta_data: Object.keys(payload.metaData).length === 0 ? [] : [payload.metaData],
      metadata: payload.metaData
    })),
    artifact_provides: info.provides,
    clears_artifact_provides: info.clearsProvides
  };
}
function dependsOf(info) {
  const all = { ...info.depends, device_type: info.deviceTypes };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, typeof value === "string" ? [value] : [...value]])
  );
}
function combinations(depends) {
  let all = [{}];
  for (const [key, values] of Object.entries(depends)) {
    all = all.flatMap((chosen) => [...new Set(values)].map((value) => ({ ...chosen, [key]: value })));
    if (all.length > maxCombinations)
      throw new Refusal(400, `the artifact depends on more than ${maxCombinations} combinations of values`);
  }
  return all.map(canonicalJson);
}
function conditions(filter) {
  const parts = ["1"];
  const values = [];
  if (filter.names && filter.names.length > 0) {
    parts.push(`name IN (${filter.names.map(() => "?").join(", ")})`);
    values.push(...filter.names);
  }
  if (filter.namePrefix !== void 0) {
    parts.push(`substr(name, 1, length(?)) = ?`);
    values.push(filter.namePrefix, filter.namePrefix);
  }
  if (filter.description !== void 0) {
    parts.push(`instr(description, ?) > 0`);
    values.push(filter.description);
  }
  if (filter.deviceType !== void 0) {
    parts.push(`EXISTS (SELECT 1 FROM json_each(device_types) WHERE value = ?)`);
    values.push(filter.deviceType);
  }
  return { where: parts.join(" AND "), values };
}

// src/server/device-api.ts
import { createPublicKey as createPublicKey2, verify as verify2 } from "node:crypto";
import { stat } from "node:fs/promises";

// src/server/attributes.ts
var plain = union([string(), number(), boolean()]);
var attributeValue = union([plain, array(plain)]);
var attributeSchema = object({
  name: pipe(string(), minLength(1), maxLength(1024)),
  value: attributeValue,
  description: optional(string())
});
var row2 = object({
  scope: string(),
  name: string(),
  value: pipe(string(), parseJson(), attributeValue),
  description: nullable(string()),
  updated: string()
});
function putAttributes(core, device2, scope2, attributes) {
  for (const { name: name2, value, description } of attributes) {
    core.store.run(
      `INSERT INTO attribute (device, scope, name, value, description, updated) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, description = excluded.description, updated = excluded.updated`,
      device2,
      scope2,
      name2,
      JSON.stringify(value),
      description ?? null,
      timestamp()
    );
  }
}
function replaceAttributes(core, device2, scope2, attributes) {
  core.store.run(`DELETE FROM attribute WHERE device = ? AND scope = ?`, device2, scope2);
  putAttributes(core, device2, scope2, attributes);
}
function removeAttribute(core, device2, scope2, name2) {
  core.store.run(`DELETE FROM attribute WHERE device = ? AND scope = ? AND name = ?`, device2, scope2, name2);
}
function attributesOf(core, device2) {
  const rows = core.store.all(row2, `SELECT * FROM attribute WHERE device = ? ORDER BY scope, name`, device2);
  return rows.map(({ scope: scope2, name: name2, value, description, updated }) => ({
    name: name2,
    scope: scope2,
    value,
    ...description === null ? {} : { description },
    timestamp: updated
  }));
}

// src/server/devices.ts
var identitySchema = pipe(
  record(pipe(string(), minLength(1), maxLength(1024)), attributeValue),
  check((identity) => Object.keys(identity).length > 0, "identity data is empty")
);
var maxUnaccepted = 1e4;
var maxKeys = 50;
var authStatus = picklist(["pending", "accepted", "rejected", "preauthorized"]);
var deviceStatus = picklist(["pending", "accepted", "rejected", "preauthorized", "noauth"]);
var identityColumn = pipe(string(), parseJson(), identitySchema);
var deviceRow = object({
  id: string(),
  identity: identityColumn,
  status: deviceStatus,
  created: string(),
  updated: string(),
  checked_in: nullable(string())
});
var authSetRow = object({
  id: string(),
  device: string(),
  public_key: string(),
  status: authStatus,
  created: string()
});
function findAuthSet(core, identity, publicKey) {
  return core.store.get(
    authSetRow,
    `SELECT auth_set.* FROM auth_set JOIN device ON device.id = auth_set.device
     WHERE identity_digest = ? AND public_key = ?`,
    identityDigest(identity),
    publicKey
  );
}
function addAuthSet(core, identity, publicKey, status) {
  return core.store.transaction(() => {
    const device2 = deviceOf(core, identity) ?? addDevice(core, identity);
    const id = newId();
    const created2 = timestamp();
    forgetKeys(core, device2.id);
    core.store.run(
      `INSERT INTO auth_set (id, device, public_key, status, created) VALUES (?, ?, ?, ?, ?)`,
      id,
      device2.id,
      publicKey,
      status,
      created2
    );
    refreshStatus(core, device2.id);
    return { id, device: device2.id, public_key: publicKey, status, created: created2 };
  });
}
function setAuthStatus(core, device2, authSet, status) {
  core.store.transaction(() => {
    const found = core.store.run(
      `UPDATE auth_set SET status = ? WHERE id = ? AND device = ?`,
      status,
      authSet,
      device2
    );
    if (found === 0) throw notFound("authentication set");
    if (status === "accepted") {
      core.store.run(
        `UPDATE auth_set SET status = 'rejected' WHERE device = ? AND id <> ? AND status = 'accepted'`,
        device2,
        authSet
      );
    }
    refreshStatus(core, device2);
  });
}
function removeAuthSet(core, device2, authSet) {
  core.store.transaction(() => {
    if (core.store.run(`DELETE FROM auth_set WHERE id = ? AND device = ?`, authSet, device2) === 0)
      throw notFound("authentication set");
    refreshStatus(core, device2);
  });
}
function findDevice(core, id) {
  const found = core.store.get(deviceRow, `SELECT * FROM device WHERE id = ?`, id);
  if (!found) throw notFound("device");
  return found;
}
function deviceOf(core, identity) {
  return core.store.get(deviceRow, `SELECT * FROM device WHERE identity_digest = ?`, identityDigest(identity));
}
function authSetsOf(core, device2) {
  return core.store.all(
    authSetRow,
    `SELECT * FROM auth_set WHERE device = ? ORDER BY created DESC, id`,
    device2
  );
}
function listDevices(core, filter, page) {
  const status = filter.statuses.length > 0 ? `status IN (${marks(filter.statuses)})` : "1";
  const id = filter.ids.length > 0 ? `id IN (${marks(filter.ids)})` : "1";
  const values = [...filter.statuses, ...filter.ids];
  const where = `WHERE ${status} AND ${id}`;
  return {
    total: core.store.count(`SELECT count(*) AS n FROM device ${where}`, ...values),
    devices: core.store.all(
      deviceRow,
      `SELECT * FROM device ${where} ORDER BY seq LIMIT ? OFFSET ?`,
      ...values,
      page.perPage,
      page.offset
    )
  };
}
function countDevices(core, status) {
  if (status === void 0) return core.store.count(`SELECT count(*) AS n FROM device`);
  return core.store.count(`SELECT count(*) AS n FROM device WHERE status = ?`, status);
}
function deviceView(core, device2) {
  return {
    id: device2.id,
    identity_data: device2.identity,
    status: device2.status,
    created_ts: device2.created,
    updated_ts: device2.updated,
    check_in_time: device2.checked_in ?? void 0,
    decommissioning: false,
    auth_sets: authSetsOf(core, device2.id).map((set) => ({
      id: set.id,
      device_id: set.device,
      identity_data: device2.identity,
      pubkey: set.public_key,
      status: set.status,
      ts: set.created
    }))
  };
}
function identityText(identity) {
  return oneLine(
    Object.entries(identity).map(([key, value]) => `${key} ${String(value)}`).join(", ")
  );
}
function forgetKeys(core, device2) {
  core.store.run(
    `DELETE FROM auth_set WHERE device = ? AND status IN ('pending', 'rejected') AND rowid NOT IN
       (SELECT rowid FROM auth_set WHERE device = ? ORDER BY rowid DESC LIMIT ?)`,
    device2,
    device2,
    maxKeys - 1
  );
}
function addDevice(core, identity) {
  if (core.store.count(`SELECT count(*) AS n FROM device WHERE status <> 'accepted'`) >= maxUnaccepted)
    throw new Refusal(503, `${maxUnaccepted} devices wait to be accepted: accept, reject or remove some`);
  const id = newId();
  const created2 = timestamp();
  core.store.run(
    `INSERT INTO device (id, identity, identity_digest, status, created, updated) VALUES (?, ?, ?, 'noauth', ?, ?)`,
    id,
    canonicalJson(identity),
    identityDigest(identity),
    created2,
    created2
  );
  const attributes = Object.entries(identity).map(([name2, value]) => ({ name: name2, value }));
  putAttributes(core, id, "identity", attributes);
  putAttributes(core, id, "system", [{ name: "created_ts", value: created2 }]);
  return findDevice(core, id);
}
var precedence = ["accepted", "preauthorized", "pending", "rejected"];
function refreshStatus(core, device2) {
  const statuses = authSetsOf(core, device2).map(({ status: status2 }) => status2);
  const status = precedence.find((candidate) => statuses.includes(candidate)) ?? "noauth";
  const now = timestamp();
  core.store.run(`UPDATE device SET status = ?, updated = ? WHERE id = ?`, status, now, device2);
  putAttributes(core, device2, "identity", [{ name: "status", value: status }]);
}
function identityDigest(identity) {
  return digestOf(canonicalJson(identity));
}
var marks = (values) => values.map(() => "?").join(", ");

// src/server/exchange.ts
import { randomUUID as randomUUID2 } from "node:crypto";
import { TLSSocket } from "node:tls";
var maxBodyBytes = 1 << 20;
var Exchange = class {
  method;
  url;
  request;
  /** For `X-Men-Requestid` and the envelope: the caller's where it gave a plain one, else a new one. */
  requestId;
  /** What stood in the URL for each `:name` of the route, decoded. */
  params = {};
  /** Who the route serves; `none` where there is no such route. */
  access = "none";
  #bodyDeadlineMs;
  /** `bodyDeadlineMs`: a JSON body is small, so one that takes longer has a stuck or hostile sender. */
  constructor(request, bodyDeadlineMs) {
    this.request = request;
    this.#bodyDeadlineMs = bodyDeadlineMs;
    this.method = request.method ?? "GET";
    const given = this.header("x-men-requestid");
    this.requestId = given !== void 0 && /^[\w-]{1,64}$/.test(given) ? given : randomUUID2();
    this.url = parseUrl(request.url ?? "/");
  }
  /** A header that may stand once; undefined where it is missing. */
  header(name2) {
    const value = this.request.headers[name2];
    return Array.isArray(value) ? value[0] : value;
  }
  param(name2) {
    return this.params[name2] ?? "";
  }
  /** A query value; undefined where it is missing or empty. */
  query(name2) {
    return this.url.searchParams.get(name2) || void 0;
  }
  /** All values of a query name that may stand several times. */
  queries(name2) {
    return this.url.searchParams.getAll(name2).filter(Boolean);
  }
  /**
   * Where this server is for the caller: the address it used (it may come through a forwarder) with its scheme, so that
   * links in answers work for it.
   */
  origin() {
    const host = this.header("host") ?? "";
    const { localAddress, localPort } = this.request.socket;
    const isPlain = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,255})(:\d{1,5})?$/.test(host);
    const { socket } = this.request;
    const isSecure = socket instanceof TLSSocket || this.header("x-forwarded-proto") === "https";
    const scheme = isSecure ? "https" : "http";
    return `${scheme}://${isPlain ? host : `${localAddress}:${localPort}`}`;
  }
  /** The raw body. Throws a 413 over the limit and a 408 where it does not come. */
  async body(limitBytes = maxBodyBytes) {
    if (Number(this.header("content-length") ?? 0) > limitBytes) throw tooLarge(limitBytes);
    const chunks = [];
    let size = 0;
    const deadline = setTimeout(() => this.request.destroy(), this.#bodyDeadlineMs);
    try {
      for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
        if (!(chunk instanceof Buffer)) continue;
        size += chunk.length;
        if (size > limitBytes) throw tooLarge(limitBytes);
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(408, "the request broke off before its end", { cause: error });
    } finally {
      clearTimeout(deadline);
    }
    return Buffer.concat(chunks);
  }
  /** The body as JSON that `schema` accepts; throws a 400 that says what is wrong with it. */
  async json(schema) {
    return checked(schema, await this.body());
  }
  /** The same where the body may be left out: it counts as an object without fields then. */
  async optionalJson(schema) {
    const body = await this.body();
    return checked(schema, body.length === 0 ? "{}" : body);
  }
};
function checked(schema, text) {
  let raw;
  try {
    raw = JSON.parse(text.toString("utf8"));
  } catch (error) {
    throw new Refusal(400, "failed to decode JSON payload", { cause: error });
  }
  const result = safeParse(schema, raw);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = issue.path?.map((item) => String(item.key)).join(".") ?? "";
  throw new Refusal(400, `${path ? `${path}: ` : ""}${issue.message}`);
}
function tooLarge(limitBytes) {
  return new Refusal(413, `request body too large (max: ${limitBytes} bytes)`);
}
function parseUrl(target) {
  if (target.length > 8192) throw new Refusal(414, "request URL too long");
  try {
    return new URL(`http://server${target.startsWith("/") ? target : "/"}`);
  } catch (error) {
    throw new Refusal(400, "malformed request URL", { cause: error });
  }
}

// src/server/links.ts
import { createHmac } from "node:crypto";
var lifetimeMs = 24 * 3600 * 1e3;
function signLink(key, origin, path, now) {
  const expire = new Date(now.getTime() + lifetimeMs).toISOString();
  const query = new URLSearchParams({ "x-men-expire": expire, "x-men-signature": mac(key, path, expire) });
  return { uri: `${origin}${path}?${query.toString()}`, expire };
}
function checkLink(key, exchange, now) {
  const expire = exchange.query("x-men-expire") ?? "";
  const signature = exchange.query("x-men-signature") ?? "";
  if (!isSame(signature, mac(key, exchange.url.pathname, expire))) throw new Refusal(403, "invalid signature");
  if (!(Date.parse(expire) > now.getTime())) throw new Refusal(403, "link expired");
}
function mac(key, path, expire) {
  return createHmac("sha256", key).update(`GET
${path}
${expire}`).digest("base64url");
}

// src/server/targets.ts
var finalStatuses = [
  "success",
  "failure",
  "aborted",
  "noartifact",
  "already-installed",
  "decommissioned"
];
var pauses = ["pause_before_installing", "pause_before_rebooting", "pause_before_committing"];
var running = ["downloading", "installing", "rebooting", ...pauses];
var targetStatus = picklist(["pending", ...running, ...finalStatuses]);
var reportedStatus = picklist([...running, "pending", "success", "failure", "already-installed"]);
function statusesIn(name2) {
  if (name2 === "pause") return pauses;
  if (name2 === "active") return ["pending", ...running];
  if (name2 === "finished") return finalStatuses;
  const one2 = safeParse(targetStatus, name2);
  return one2.success ? [one2.output] : void 0;
}
function isFinal(status) {
  return finalStatuses.some((final) => final === status);
}
var targetRow = object({
  deployment: number(),
  device: string(),
  id: string(),
  status: targetStatus,
  substate: nullable(string()),
  is_taken: number(),
  created: string(),
  started: nullable(string()),
  finished: nullable(string()),
  request: nullable(string()),
  device_type: nullable(string()),
  artifact: nullable(string()),
  has_log: number()
});
var targetColumns = `deployment, device, id, status, substate, is_taken, created, started, finished, request,
  device_type, artifact, log IS NOT NULL AS has_log`;
function setStatus(core, target, status, substate = null) {
  const now = timestamp();
  const final = isFinal(status);
  core.store.run(
    `UPDATE target SET status = ?, substate = ?, is_final = ?, is_taken = 1,
       started = coalesce(started, CASE WHEN ? IN ('pending', 'aborted', 'decommissioned') THEN NULL ELSE ? END),
       finished = ?
     WHERE deployment = ? AND device = ?`,
    status,
    substate,
    final ? 1 : 0,
    status,
    now,
    final ? now : null,
    target.deployment,
    target.device
  );
  if (final) finishIfDone(core, target.deployment);
}
function finishIfDone(core, deployment) {
  core.store.run(
    `UPDATE deployment SET finished = ? WHERE seq = ? AND finished IS NULL
       AND NOT EXISTS (SELECT 1 FROM target WHERE deployment = seq AND is_final = 0)`,
    timestamp(),
    deployment
  );
}
function endAll(core, device2, status) {
  core.store.transaction(() => {
    const open3 = core.store.all(
      targetRow,
      `SELECT ${targetColumns} FROM target WHERE device = ? AND is_final = 0`,
      device2
    );
    for (const target of open3) setStatus(core, target, status);
  });
}
function statistics(core, deployment) {
  const counts = Object.fromEntries(targetStatus.options.map((status) => [status, 0]));
  const rows = core.store.all(
    object({ status: targetStatus, n: number() }),
    `SELECT status, count(*) AS n FROM target WHERE deployment = ? AND (is_taken = 1 OR is_final = 0) GROUP BY status`,
    deployment
  );
  for (const { status, n } of rows) counts[status] = n;
  return counts;
}

// src/server/deployments.ts
var name = pipe(string(), minLength(1), maxLength(256));
var orderSchema = object({
  name,
  artifact_name: name,
  devices: optional(pipe(array(name), maxLength(2e4)), []),
  all_devices: optional(boolean(), false),
  force_installation: optional(boolean(), false)
});
var deploymentRow = object({
  seq: number(),
  id: string(),
  name: string(),
  artifact_name: string(),
  groups: pipe(string(), parseJson(), array(string())),
  is_forced: number(),
  max_devices: number(),
  created: string(),
  finished: nullable(string())
});
function createDeployment(core, order2, devices, group) {
  const constructor = digestOf(canonicalJson({ ...order2, devices: [...order2.devices].sort(), group }));
  return core.store.transaction(() => {
    if (listArtifacts(core, { names: [order2.artifact_name] }).length === 0)
      throw new Refusal(422, "No artifact for the deployment");
    if (isUnfinished(core, constructor))
      throw new Refusal(409, "an active deployment with the same parameters already exists");
    const id = newId();
    const created2 = timestamp();
    const targets = [...new Set(devices)];
    core.store.run(
      `INSERT INTO deployment (id, name, artifact_name, constructor, groups, is_forced, max_devices, created)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      order2.name,
      order2.artifact_name,
      constructor,
      JSON.stringify(group === void 0 ? [] : [group]),
      order2.force_installation ? 1 : 0,
      targets.length,
      created2
    );
    const { seq } = findDeployment(core, id);
    for (const device2 of targets) {
      core.store.run(
        `INSERT INTO target (deployment, device, id, status, created) VALUES (?, ?, ?, 'pending', ?)`,
        seq,
        device2,
        newId(),
        created2
      );
    }
    core.log.info(
      `deployment ${oneLine(order2.name)} (${id}): ${oneLine(order2.artifact_name)} to ${counted(targets.length, "device")}`
    );
    return id;
  });
}
function findDeployment(core, id) {
  const found = core.store.get(deploymentRow, `SELECT * FROM deployment WHERE id = ?`, id);
  if (!found) throw notFound("deployment");
  return found;
}
function deploymentsById(core, ids2) {
  const sql = `SELECT * FROM deployment WHERE id IN (${marks2(ids2)}) ORDER BY seq`;
  return core.store.all(deploymentRow, sql, ...ids2);
}
function deploymentBySeq(core, seq) {
  const found = core.store.get(deploymentRow, `SELECT * FROM deployment WHERE seq = ?`, seq);
  if (!found) throw notFound("deployment");
  return found;
}
function listDeployments(core, filter, page) {
  const { where, values } = conditions2(filter);
  const order2 = filter.isAscending ? "ASC" : "DESC";
  return {
    total: core.store.count(`SELECT count(*) AS n FROM deployment WHERE ${where}`, ...values),
    deployments: core.store.all(
      deploymentRow,
      `SELECT * FROM deployment WHERE ${where} ORDER BY seq ${order2} LIMIT ? OFFSET ?`,
      ...values,
      page.perPage,
      page.offset
    )
  };
}
function abortDeployment(core, id) {
  core.store.transaction(() => {
    const { seq, finished, name: name2 } = findDeployment(core, id);
    if (finished !== null) throw new Refusal(422, "Deployment already finished");
    core.store.run(
      `UPDATE target SET status = 'aborted', is_final = 1, finished = ? WHERE deployment = ? AND is_final = 0`,
      timestamp(),
      seq
    );
    finishIfDone(core, seq);
    core.log.info(`deployment ${oneLine(name2)} (${id}): aborted`);
  });
}
function deploymentView(core, deployment) {
  const counts = statistics(core, deployment.seq);
  const size = core.store.get(
    object({ total: nullable(number()) }),
    `SELECT sum(artifact.size) AS total FROM target JOIN artifact ON artifact.id = target.artifact
     WHERE target.deployment = ?`,
    deployment.seq
  );
  return {
    id: deployment.id,
    name: deployment.name,
    artifact_name: deployment.artifact_name,
    status: statusOf(deployment, counts),
    created: deployment.created,
    ...deployment.finished === null ? {} : { finished: deployment.finished },
    device_count: core.store.count(
      `SELECT count(*) AS n FROM target WHERE deployment = ? AND is_taken = 1`,
      deployment.seq
    ),
    max_devices: deployment.max_devices,
    initial_device_count: deployment.max_devices,
    artifacts: listArtifacts(core, { names: [deployment.artifact_name] }).map(({ id }) => id),
    groups: deployment.groups,
    type: "software",
    force_installation: deployment.is_forced === 1,
    statistics: { status: counts, total_size: size?.total ?? 0 }
  };
}
function targetView(core, target) {
  return {
    id: target.device,
    status: target.status,
    ...target.substate === null ? {} : { substate: target.substate },
    created: target.created,
    ...target.started === null ? {} : { started: target.started },
    ...target.finished === null ? {} : { finished: target.finished },
    ...target.device_type === null ? {} : { device_type: target.device_type },
    log: target.has_log === 1,
    ...imageOf(core, target.artifact)
  };
}
function listTargets(core, deployment, statuses, page) {
  const status = statuses ? `AND status IN (${statuses.map(() => "?").join(", ")})` : "";
  const where = `WHERE deployment = ? AND is_taken = 1 ${status}`;
  const values = [deployment, ...statuses ?? []];
  const limit = page ? `LIMIT ${page.perPage} OFFSET ${page.offset}` : "";
  return {
    total: core.store.count(`SELECT count(*) AS n FROM target ${where}`, ...values),
    targets: core.store.all(
      targetRow,
      `SELECT ${targetColumns} FROM target ${where} ORDER BY device ${limit}`,
      ...values
    )
  };
}
function statusOf(deployment, counts) {
  if (deployment.finished !== null) return "finished";
  const isBegun = Object.entries(counts).some(([status, n]) => status !== "pending" && n > 0);
  return isBegun ? "inprogress" : "pending";
}
function isUnfinished(core, constructor) {
  const sql = `SELECT count(*) AS n FROM deployment WHERE constructor = ? AND finished IS NULL`;
  return core.store.count(sql, constructor) > 0;
}
function imageOf(core, artifact) {
  if (artifact === null) return {};
  try {
    const { id, size, modified, description, ...meta } = artifactView(findArtifact(core, artifact));
    return { image: { id, size, modified, meta: { description }, meta_artifact: meta } };
  } catch (error) {
    if (error instanceof Refusal) return {};
    throw error;
  }
}
function conditions2(filter) {
  const parts = ["1"];
  const values = [];
  const add = (sql, ...given) => {
    parts.push(sql);
    values.push(...given);
  };
  if (filter.ids.length > 0) add(`id IN (${marks2(filter.ids)})`, ...filter.ids);
  if (filter.names.length > 0) add(`name IN (${marks2(filter.names)})`, ...filter.names);
  if (filter.search !== void 0)
    add(`(instr(name, ?) > 0 OR instr(artifact_name, ?) > 0)`, filter.search, filter.search);
  if (filter.createdAfter !== void 0) add(`created >= ?`, isoOf(filter.createdAfter));
  if (filter.createdBefore !== void 0) add(`created <= ?`, isoOf(filter.createdBefore));
  const begun = `EXISTS (SELECT 1 FROM target WHERE deployment = seq AND is_taken = 1 AND status <> 'pending')`;
  if (filter.status === "finished") add(`finished IS NOT NULL`);
  if (filter.status === "inprogress") add(`finished IS NULL AND ${begun}`);
  if (filter.status === "pending") add(`finished IS NULL AND NOT ${begun}`);
  return { where: parts.join(" AND "), values };
}
var marks2 = (values) => values.map(() => "?").join(", ");
var isoOf = (seconds2) => new Date(seconds2 * 1e3).toISOString();

// src/server/offers.ts
var providesSchema = intersect([
  object({
    artifact_name: pipe(string(), minLength(1)),
    device_type: pipe(string(), minLength(1))
  }),
  record(string(), string())
]);
var reportSchema = object({
  status: reportedStatus,
  substate: optional(pipe(string(), maxLength(4096)))
});
var logSchema = object({
  messages: array(object({ timestamp: string(), level: string(), message: string() }))
});
function nextOffer(core, device2, provides) {
  const result = core.store.transaction(() => decide(core, device2, provides));
  if (result === "conflict") throw new Refusal(409, "the device has changed in the middle of a deployment");
  return result;
}
function report(core, device2, id, { status, substate }) {
  core.store.transaction(() => {
    const deployment = findDeployment(core, id);
    const target = findTarget(core, deployment, device2);
    const isRepeated = target.status === status && (isFinal(status) || target.substate === (substate ?? null));
    if (isRepeated) return;
    if (isFinal(target.status))
      throw new Refusal(409, `the deployment has ended for this device: ${target.status}`);
    setStatus(core, target, status, substate ?? null);
    if (target.status !== status) tell(core, device2, deployment, status);
  });
}
function storeLog(core, device2, id, { messages }) {
  const deployment = findDeployment(core, id);
  const target = findTarget(core, deployment, device2);
  const text = messages.map((line) => `${line.timestamp} ${line.level}: ${line.message}
`).join("");
  core.store.run(
    `UPDATE target SET log = ? WHERE deployment = ? AND device = ?`,
    text,
    target.deployment,
    target.device
  );
}
function readLog(core, device2, id) {
  const { seq } = findDeployment(core, id);
  const sql = `SELECT log FROM target WHERE deployment = ? AND device = ?`;
  const found = core.store.get(object({ log: nullable(string()) }), sql, seq, device2);
  if (typeof found?.log !== "string") throw notFound("log");
  return found.log;
}
function findTarget(core, deployment, device2) {
  const found = core.store.get(
    targetRow,
    `SELECT ${targetColumns} FROM target WHERE deployment = ? AND device = ?`,
    deployment.seq,
    device2
  );
  if (!found) throw notFound("deployment");
  return found;
}
function openOrder(core, device2) {
  return core.store.get(
    targetRow,
    `SELECT ${targetColumns} FROM target WHERE device = ? AND is_final = 0 AND deployment > coalesce(
       (SELECT max(deployment) FROM target WHERE device = ? AND is_final = 1 AND is_forgotten = 0), 0)
     ORDER BY deployment LIMIT 1`,
    device2,
    device2
  );
}
function decide(core, device2, provides) {
  const target = openOrder(core, device2);
  if (!target) return void 0;
  const deployment = deploymentBySeq(core, target.deployment);
  const end = (status) => {
    setStatus(core, target, status);
    tell(core, device2, deployment, status);
  };
  if (provides.artifact_name === deployment.artifact_name && deployment.is_forced === 0) {
    end("already-installed");
    return void 0;
  }
  const request = canonicalJson(provides);
  if (target.request !== null && target.request !== request) {
    end("failure");
    return "conflict";
  }
  const artifact = artifactFor(core, target, deployment, provides);
  if (!artifact) {
    end("noartifact");
    return void 0;
  }
  core.store.run(
    `UPDATE target SET is_taken = 1, request = ?, device_type = ?, artifact = ?
     WHERE deployment = ? AND device = ?`,
    request,
    provides.device_type,
    artifact.id,
    target.deployment,
    target.device
  );
  if (target.is_taken === 0) tell(core, device2, deployment, "took it");
  return { deployment, artifact };
}
function artifactFor(core, target, deployment, provides) {
  const isThere = target.artifact !== null && isArtifact(core, target.artifact);
  return isThere && target.artifact !== null ? findArtifact(core, target.artifact) : fittingArtifact(core, deployment.artifact_name, provides);
}
function isArtifact(core, id) {
  return core.store.count(`SELECT count(*) AS n FROM artifact WHERE id = ?`, id) > 0;
}
function tell(core, device2, { name: name2, id }, what) {
  core.log.info(`device ${device2}: deployment ${oneLine(name2)} (${id}): ${what}`);
}

// src/server/range.ts
function rangeReply(exchange, { path, size, tag, modified, type }) {
  const headers = { ETag: tag, "Last-Modified": modified.toUTCString(), "Accept-Ranges": "bytes" };
  const range = isSameVersion(exchange, tag, modified) ? rangeIn(exchange.header("range"), size) : void 0;
  if (!range) return { status: 200, headers, file: { path, start: 0, length: size, type } };
  const { start, end } = range;
  if (start >= size || end < start) {
    throw new Refusal(416, "requested range not satisfiable", {
      headers: { "Content-Range": `bytes */${size}` }
    });
  }
  return {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${start}-${end}/${size}` },
    file: { path, start, length: end - start + 1, type }
  };
}
function rangeIn(header2, size) {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header2?.replaceAll(" ", "") ?? "");
  const [from = "", to = ""] = match?.slice(1) ?? [];
  if (from === "" && to === "") return void 0;
  if (from === "")
    return Number(to) === 0 ? { start: size, end: size } : { start: Math.max(0, size - Number(to)), end: size - 1 };
  const start = Number(from);
  const end = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < start) return void 0;
  return { start, end };
}
function isSameVersion(exchange, tag, modified) {
  const wanted2 = exchange.header("if-range");
  if (wanted2 === void 0) return true;
  if (wanted2.startsWith('"')) return wanted2 === tag;
  return Date.parse(wanted2) === Math.floor(modified.getTime() / 1e3) * 1e3;
}

// src/server/router.ts
function open(method, path, answer) {
  return { access: "open", method, path, answer };
}
function admin(method, path, answer) {
  return { access: method === "GET" ? "look" : "admin", method, path, answer };
}
function lookup(path, answer) {
  return { access: "look", method: "POST", path, answer };
}
function device(method, path, answer) {
  return { access: "device", method, path, answer };
}
function router(routes2, gate2) {
  const table = routes2.map((route) => ({ route, segments: route.path.split("/") })).sort((a, b) => a.segments.filter(isVariable).length - b.segments.filter(isVariable).length);
  return async (exchange) => {
    const segments = exchange.url.pathname.replace(/(?<=.)\/$/, "").split("/");
    const method = exchange.method === "HEAD" ? "GET" : exchange.method;
    const found = table.find((entry) => entry.route.method === method && fits(entry.segments, segments));
    if (!found) throw new Refusal(404, "not found");
    const { route } = found;
    exchange.access = route.access === "look" ? "admin" : route.access;
    if (exchange.access === "admin") gate2.admin(exchange, route.access === "look");
    const caller = route.access === "device" ? gate2.device(exchange) : "";
    exchange.params = variables(found.segments, segments);
    return route.access === "device" ? route.answer(exchange, caller) : route.answer(exchange);
  };
}
var isVariable = (segment) => segment.startsWith(":");
function fits(pattern, segments) {
  return pattern.length === segments.length && pattern.every((part, i) => isVariable(part) ? segments[i] !== "" : part === segments[i]);
}
function variables(pattern, segments) {
  const values = {};
  for (const [i, part] of pattern.entries())
    if (isVariable(part)) values[part.slice(1)] = decode(segments[i] ?? "");
  return values;
}
function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new Refusal(400, "malformed request URL", { cause: error });
  }
}

// src/server/tokens.ts
import { createPublicKey, sign, verify } from "node:crypto";
var lifetimeS = 7 * 24 * 3600;
var claims = object({
  iss: literal("Mender"),
  sub: string(),
  jti: string(),
  exp: number(),
  "mender.device": optional(boolean()),
  "mender.user": optional(boolean())
});
var header = Buffer.from(JSON.stringify({ alg: "EdDSA", typ: "JWT" })).toString("base64url");
function issueToken(key, bearer, id, now) {
  const issued = Math.floor(now.getTime() / 1e3);
  const payload = {
    jti: id,
    sub: bearer.kind === "device" ? bearer.device : "admin",
    iss: "Mender",
    iat: issued,
    exp: issued + lifetimeS,
    [bearer.kind === "device" ? "mender.device" : "mender.user"]: true,
    "mender.plan": "os"
  };
  const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
}
function readToken(key, token, now) {
  const [head, body, signature, ...rest] = token.split(".");
  if (head !== header || body === void 0 || signature === void 0 || rest.length > 0) return void 0;
  const bytes = Buffer.from(`${head}.${body}`);
  if (!verify(null, bytes, createPublicKey(key), Buffer.from(signature, "base64url"))) return void 0;
  const said = safeParse(claims, JSON.parse(Buffer.from(body, "base64url").toString("utf8")));
  if (!said.success || said.output.exp * 1e3 <= now.getTime()) return void 0;
  const { jti, exp } = said.output;
  if (said.output["mender.user"] === true) {
    return { kind: "user", login: jti, expires: new Date(exp * 1e3) };
  }
  if (said.output["mender.device"] !== true) return void 0;
  return { kind: "device", device: said.output.sub, authSet: jti };
}

// src/server/device-api.ts
var base = "/api/devices/v1";
var deployments = `${base}/deployments/device/deployments`;
var downloads = `${base}/deployments/download/artifacts`;
var authRequest = object({
  id_data: pipe(string(), maxLength(64 << 10)),
  pubkey: pipe(string(), maxLength(16 << 10))
});
var inventory = pipe(array(attributeSchema), maxLength(1e3));
function deviceApi(core) {
  return [
    open("POST", `${base}/authentication/auth_requests`, (exchange) => authenticate(core, exchange)),
    device(
      "PUT",
      `${base}/inventory/device/attributes`,
      (exchange, id) => storeInventory(core, exchange, id, replaceAttributes)
    ),
    device(
      "PATCH",
      `${base}/inventory/device/attributes`,
      (exchange, id) => storeInventory(core, exchange, id, putAttributes)
    ),
    device(
      "GET",
      `${deployments}/next`,
      (exchange, id) => offer(core, exchange, id, queryProvides(exchange))
    ),
    device(
      "POST",
      `${deployments}/next`,
      async (exchange, id) => offer(core, exchange, id, await exchange.json(providesSchema))
    ),
    device("PUT", `${deployments}/:id/status`, async (exchange, id) => {
      report(core, id, exchange.param("id"), await exchange.json(reportSchema));
      return { status: 204 };
    }),
    device("PUT", `${deployments}/:id/log`, async (exchange, id) => {
      storeLog(core, id, exchange.param("id"), await exchange.json(logSchema));
      return { status: 204 };
    }),
    // no token: the link itself is the secret
    open("GET", `${downloads}/:id`, (exchange) => {
      checkLink(core.secrets.linkKey, exchange, /* @__PURE__ */ new Date());
      return download(core, exchange);
    })
  ];
}
function downloadLink(core, exchange, artifact) {
  return signLink(core.secrets.linkKey, exchange.origin(), `${downloads}/${artifact}`, /* @__PURE__ */ new Date());
}
async function authenticate(core, exchange) {
  const body = await exchange.body();
  const signature = exchange.header("x-men-signature");
  if (!signature) throw new Refusal(400, "missing request signature header");
  const { id_data, pubkey } = checked(authRequest, body);
  const identity = checked(identitySchema, id_data);
  const key = publicKeyIn(pubkey);
  if (!isSigned(body, key, signature)) throw new Refusal(401, "signature verification failed");
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  const authSet = core.store.transaction(() => admit(core, identity, pem));
  if (authSet.status !== "accepted") throw new Refusal(401, "dev auth: unauthorized");
  const bearer = { kind: "device", device: authSet.device, authSet: authSet.id };
  return {
    status: 200,
    headers: { "Content-Type": "application/jwt" },
    text: issueToken(core.secrets.signingKey, bearer, authSet.id, /* @__PURE__ */ new Date())
  };
}
function admit(core, identity, pem) {
  const known = findAuthSet(core, identity, pem);
  const authSet = known ?? addAuthSet(core, identity, pem, "pending");
  if (!known) core.log.info(`device ${authSet.device} (${identityText(identity)}) asked to be accepted`);
  core.store.run(`UPDATE device SET checked_in = ? WHERE id = ?`, timestamp(), authSet.device);
  const isWelcome = authSet.status === "preauthorized" || authSet.status === "pending" && core.accept === "all";
  if (!isWelcome) return authSet;
  setAuthStatus(core, authSet.device, authSet.id, "accepted");
  core.log.info(`device ${authSet.device} (${identityText(identity)}) accepted`);
  return { ...authSet, status: "accepted" };
}
function publicKeyIn(pem) {
  try {
    const key = createPublicKey2(pem);
    if (["rsa", "ec", "ed25519"].includes(key.asymmetricKeyType ?? "") && !pem.includes("PRIVATE KEY"))
      return key;
  } catch {
  }
  throw new Refusal(400, "pubkey is no RSA, ECDSA or Ed25519 public key in PEM");
}
function isSigned(body, key, signature) {
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  return verify2(algorithm, body, key, Buffer.from(signature, "base64"));
}
async function storeInventory(core, exchange, id, store2) {
  const attributes = await exchange.json(inventory);
  core.store.transaction(() => {
    store2(core, id, "inventory", attributes);
    const now = timestamp();
    core.store.run(`UPDATE device SET facts_updated = ?, checked_in = ? WHERE id = ?`, now, now, id);
    putAttributes(core, id, "system", [{ name: "updated_ts", value: now }]);
  });
  return { status: 200 };
}
function queryProvides(exchange) {
  return checked(providesSchema, JSON.stringify(Object.fromEntries(exchange.url.searchParams)));
}
function offer(core, exchange, id, provides) {
  const found = nextOffer(core, id, provides);
  if (!found) return { status: 204 };
  const { deployment, artifact } = found;
  return {
    status: 200,
    json: {
      id: deployment.id,
      artifact: {
        id: artifact.id,
        artifact_name: artifact.name,
        device_types_compatible: artifact.device_types,
        source: downloadLink(core, exchange, artifact.id)
      }
    }
  };
}
async function download(core, exchange) {
  const { sha256, size, modified } = findArtifact(core, exchange.param("id"));
  const path = core.files.path(sha256);
  const file = await stat(path);
  if (file.size !== size) throw new Error(`the stored artifact ${sha256} has ${file.size} bytes, not ${size}`);
  return rangeReply(exchange, {
    path,
    size,
    tag: `"${sha256}"`,
    modified: new Date(modified),
    type: "application/vnd.mender-artifact"
  });
}

// src/server/paging.ts
var maxPerPage = 500;
function pageOf(exchange, defaults2 = { perPage: 20, max: maxPerPage }) {
  const page = whole(exchange, "page", 1);
  const perPage = whole(exchange, "per_page", defaults2.perPage);
  return checkedPage(page, perPage, defaults2.max);
}
function checkedPage(page, perPage, max = maxPerPage) {
  if (!Number.isSafeInteger(page) || page < 1 || page > 1e9) throw outside("page");
  if (!Number.isSafeInteger(perPage) || perPage < 1) throw outside("per_page");
  if (perPage > max) throw new Refusal(400, `parameter "per_page" above limit (max: ${max})`);
  return { page, perPage, offset: (page - 1) * perPage };
}
function pagedReply(exchange, page, total, json) {
  const last = Math.max(1, Math.ceil(total / page.perPage));
  const link = (number2, relation) => {
    const query = new URLSearchParams(exchange.url.searchParams);
    query.set("page", String(number2));
    query.set("per_page", String(page.perPage));
    return `<${exchange.url.pathname}?${query.toString()}>; rel="${relation}"`;
  };
  const links = [link(1, "first")];
  if (page.page > 1) links.push(link(page.page - 1, "prev"));
  if (page.page < last) links.push(link(page.page + 1, "next"));
  links.push(link(last, "last"));
  return { status: 200, headers: { "X-Total-Count": String(total), Link: links }, json };
}
function whole(exchange, name2, fallback) {
  const text = exchange.query(name2);
  if (text === void 0) return fallback;
  if (!/^\d{1,10}$/.test(text)) throw outside(name2);
  return Number(text);
}
function outside(name2) {
  return new Refusal(400, `invalid ${name2} query: it must be a whole number from 1`);
}

// src/server/releases.ts
var v1 = "/api/management/v1/deployments/deployments/releases";
var v2 = "/api/management/v2/deployments/deployments/releases";
var tagsSchema = pipe(
  array(pipe(string(), trim(), minLength(1), maxLength(128))),
  maxLength(20)
);
var noteRow = object({
  name: string(),
  tags: pipe(string(), parseJson(), array(string())),
  notes: string()
});
function releaseApi(core) {
  return [
    admin("GET", v1, (exchange) => ({ status: 200, json: wanted(core, exchange).map(oldView) })),
    admin(
      "GET",
      `${v1}/list`,
      (exchange) => paged(exchange, sorted(exchange, wanted(core, exchange)), oldView)
    ),
    admin("GET", v2, (exchange) => paged(exchange, sorted(exchange, wanted(core, exchange)), view)),
    admin("DELETE", v2, (exchange) => remove(core, exchange)),
    admin("GET", `${v2}/:name`, (exchange) => ({
      status: 200,
      json: view(findRelease(core, exchange.param("name")))
    })),
    admin("PATCH", `${v2}/:name`, async (exchange) => {
      const { notes } = await exchange.optionalJson(
        object({ notes: optional(pipe(string(), maxLength(1024))) })
      );
      const release = findRelease(core, exchange.param("name"));
      if (notes !== void 0) note(core, { ...release, notes });
      return { status: 204 };
    }),
    admin("PUT", `${v2}/:name/tags`, async (exchange) => {
      const tags2 = [...new Set(await exchange.json(tagsSchema))];
      const release = findRelease(core, exchange.param("name"));
      note(core, { ...release, tags: tags2 });
      return { status: 204 };
    })
  ];
}
function wanted(core, exchange) {
  const names = exchange.queries("name");
  const [only] = names;
  const prefix = names.length === 1 && only?.endsWith("*") ? only.slice(0, -1) : void 0;
  const artifacts = listArtifacts(core, {
    names: prefix === void 0 ? names : [],
    namePrefix: prefix,
    description: exchange.query("description"),
    deviceType: exchange.query("device_type")
  });
  const type = exchange.query("update_type");
  const tags2 = exchange.queries("tag");
  return grouped(core, artifacts).filter((release) => type === void 0 || typesOf(release).includes(type)).filter((release) => tags2.every((tag) => release.tags.includes(tag)));
}
function findRelease(core, name2) {
  const [release] = grouped(core, listArtifacts(core, { names: [name2] }));
  if (!release) throw notFound("release");
  return release;
}
function grouped(core, artifacts) {
  const notes = new Map(core.store.all(noteRow, `SELECT * FROM release_note`).map((row3) => [row3.name, row3]));
  return [...Map.groupBy(artifacts, ({ name: name2 }) => name2)].map(([name2, members]) => ({
    name: name2,
    artifacts: members,
    modified: members.map(({ modified }) => modified).sort().at(-1) ?? "",
    tags: notes.get(name2)?.tags ?? [],
    notes: notes.get(name2)?.notes ?? ""
  })).sort((a, b) => compare(a.name, b.name));
}
function sorted(exchange, releases) {
  const [key = "name", order2 = "asc"] = (exchange.query("sort") ?? "name:asc").split(":");
  const sign2 = order2 === "desc" ? -1 : 1;
  const by = {
    name: (a, b) => compare(a.name, b.name),
    modified: (a, b) => compare(a.modified, b.modified),
    artifacts_count: (a, b) => a.artifacts.length - b.artifacts.length,
    tags: (a, b) => compare(a.tags.join(), b.tags.join())
  };
  const found = Object.entries(by).find(([name2]) => name2 === key);
  if (!found || !["asc", "desc"].includes(order2)) throw new Refusal(400, "invalid sort query");
  return [...releases].sort((a, b) => sign2 * found[1](a, b));
}
function paged(exchange, releases, form) {
  const page = pageOf(exchange);
  const part = releases.slice(page.offset, page.offset + page.perPage);
  return pagedReply(exchange, page, releases.length, part.map(form));
}
async function remove(core, exchange) {
  const names = exchange.queries("name");
  if (names.length === 0) throw new Refusal(400, "name: no release is named");
  const holders = names.flatMap((name2) => openDeploymentsOf(core, name2));
  if (holders.length > 0) {
    const details = { active_deployments: holders };
    throw new Refusal(409, "a release is used in active deployments", { details });
  }
  for (const { id } of names.flatMap((name2) => listArtifacts(core, { names: [name2] })))
    await deleteArtifact(core, id);
  return { status: 204 };
}
function openDeploymentsOf(core, name2) {
  const sql = `SELECT id FROM deployment WHERE artifact_name = ? AND finished IS NULL`;
  return core.store.all(object({ id: string() }), sql, name2).map(({ id }) => id);
}
function note(core, { name: name2, tags: tags2, notes }) {
  core.store.run(
    `INSERT INTO release_note (name, tags, notes) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET tags = excluded.tags, notes = excluded.notes`,
    name2,
    JSON.stringify(tags2),
    notes
  );
}
function view({ artifacts, ...release }) {
  return { ...release, artifacts: artifacts.map(artifactView), artifacts_count: artifacts.length };
}
function oldView(release) {
  const { name: name2, artifacts, artifacts_count, ...rest } = view(release);
  return { Name: name2, Artifacts: artifacts, ArtifactsCount: artifacts_count, ...rest };
}
var updateType = object({ type_info: object({ type: string() }) });
function typesOf({ artifacts }) {
  return artifacts.flatMap(
    ({ content }) => content.updates.flatMap((update) => is(updateType, update) ? [update.type_info.type] : [])
  );
}
var compare = (a, b) => a < b ? -1 : a > b ? 1 : 0;

// src/server/multipart.ts
var maxPartHeaderBytes = 8 << 10;
var maxParts = 32;
function boundaryOf(contentType) {
  const match = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(
    contentType ?? ""
  );
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === void 0) throw new Refusal(400, "the request must be multipart/form-data");
  return boundary;
}
async function* readParts(source, boundary) {
  const input = new Input(source);
  const delimiter = Buffer.from(`\r
--${boundary}`);
  input.unread(Buffer.from("\r\n"));
  for await (const _preamble of input.until(delimiter)) continue;
  for (let count = 0; ; count++) {
    if (!await input.nextIsPart()) return;
    if (count === maxParts) throw new Refusal(400, `more than ${maxParts} parts`);
    const name2 = nameOf(await input.header());
    const body = input.until(delimiter);
    yield { name: name2, body };
    for await (const _rest of body) continue;
  }
}
async function textOf(part, limitBytes) {
  const chunks = [];
  let size = 0;
  for await (const chunk of part.body) {
    size += chunk.length;
    if (size > limitBytes) throw new Refusal(400, `part "${part.name}" is longer than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
function nameOf(header2) {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(header2)?.[1] ?? "";
  const match = /(?:^|;)\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition);
  const name2 = match?.[1] ?? match?.[2];
  if (name2 === void 0) throw new Refusal(400, "a part of the request has no name");
  return name2;
}
var Input = class {
  #source;
  #buffer = Buffer.alloc(0);
  constructor(source) {
    this.#source = source;
  }
  unread(bytes) {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }
  /** Everything before `delimiter`, which is taken off too. */
  async *until(delimiter) {
    for (; ; ) {
      const at = this.#buffer.indexOf(delimiter);
      if (at >= 0) {
        const piece = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + delimiter.length);
        if (piece.length > 0) yield piece;
        return;
      }
      const safe = this.#buffer.length - (delimiter.length - 1);
      if (safe > 0) {
        const piece = this.#buffer.subarray(0, safe);
        this.#buffer = this.#buffer.subarray(safe);
        yield piece;
      }
      await this.#more();
    }
  }
  /** After a boundary: `--` ends the whole, a line end begins a part. */
  async nextIsPart() {
    while (this.#buffer.length < 2) await this.#more();
    const two = this.#buffer.subarray(0, 2).toString("latin1");
    if (two === "--") return false;
    const end = this.#buffer.indexOf("\r\n");
    if (end < 0 || this.#buffer.subarray(0, end).toString("latin1").trim() !== "")
      throw new Refusal(400, "malformed multipart body");
    this.#buffer = this.#buffer.subarray(end);
    return true;
  }
  async header() {
    for (; ; ) {
      const end = this.#buffer.indexOf("\r\n\r\n");
      if (end > maxPartHeaderBytes || end < 0 && this.#buffer.length > maxPartHeaderBytes)
        throw new Refusal(400, "the header of a part is too long");
      if (end >= 0) {
        const text = this.#buffer.subarray(0, end).toString("utf8");
        this.#buffer = this.#buffer.subarray(end + 4);
        return text;
      }
      await this.#more();
    }
  }
  async #more() {
    const next = await this.#source.next();
    if (next.done === true) throw new Refusal(400, "the request ends before its last part does");
    this.#buffer = this.#buffer.length === 0 ? asBuffer(next.value) : Buffer.concat([this.#buffer, next.value]);
  }
};
function asBuffer(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// src/server/upload.ts
var maxDescriptionBytes = 4096;
async function receiveUpload(core, exchange) {
  const boundary = boundaryOf(exchange.header("content-type"));
  if (Number(exchange.header("content-length") ?? 0) > core.maxArtifactBytes + (1 << 20)) throw tooLarge2(core);
  const fields = { description: "", id: newId(), sizeBytes: void 0 };
  const source = exchange.request.iterator({ destroyOnReturn: false });
  try {
    for await (const part of readParts(source, boundary)) {
      if (part.name === "artifact") return await receiveArtifact(core, exchange, part, fields);
      if (part.name === "description") fields.description = await textOf(part, maxDescriptionBytes);
      else if (part.name === "artifact_id") fields.id = uuidIn(await textOf(part, 64));
      else if (part.name === "size") fields.sizeBytes = sizeIn(await textOf(part, 20));
    }
  } finally {
    await source.return?.();
  }
  throw new Refusal(400, 'request does not contain the artifact: the part "artifact" is missing');
}
async function receiveArtifact(core, exchange, part, fields) {
  const spool = await core.files.receive();
  try {
    const info = await inspect(core, arriving(core, part, spool, fields));
    await core.files.exclusively(() => store(core, spool, fields, info));
    core.log.info(
      `artifact ${oneLine(info.name)} for ${oneLine(info.deviceTypes.join(", "))}: stored, ${info.sizeBytes} bytes`
    );
    return { status: 201, headers: { Location: `${exchange.url.pathname}/${fields.id}` } };
  } finally {
    await spool.drop();
  }
}
async function store(core, spool, fields, info) {
  const sha256 = hexOf(info.sha256);
  refuseDuplicate(core, fields.id, info);
  await spool.keep(sha256);
  try {
    insertArtifact(core, fields.id, fields.description, info);
  } catch (error) {
    await core.files.remove(sha256);
    throw error;
  }
}
async function inspect(core, source) {
  try {
    return await inspectArtifact(source, { limits: { artifactBytes: core.maxArtifactBytes } });
  } catch (error) {
    if (error instanceof Failure && error.reason === "artifact-damaged")
      throw new Refusal(400, `Cannot parse artifact file: ${oneLine(error.message)}`, { cause: error });
    throw error;
  }
}
async function* arriving(core, part, spool, { sizeBytes }) {
  let size = 0;
  for await (const chunk of part.body) {
    size += chunk.length;
    if (size > core.maxArtifactBytes) throw tooLarge2(core);
    if (sizeBytes !== void 0 && size > sizeBytes) throw wrongSize(sizeBytes);
    await spool.write(chunk);
    yield chunk;
  }
  if (sizeBytes !== void 0 && size !== sizeBytes) throw wrongSize(sizeBytes);
}
function tooLarge2(core) {
  return new Refusal(413, `artifact too large (max: ${core.maxArtifactBytes} bytes)`);
}
function wrongSize(sizeBytes) {
  return new Refusal(400, `the artifact does not have the ${sizeBytes} bytes that the part "size" says`);
}
function uuidIn(text) {
  const result = safeParse(pipe(string(), trim(), uuid()), text);
  if (!result.success) throw new Refusal(400, 'the part "artifact_id" is no UUID');
  return result.output.toLowerCase();
}
function sizeIn(text) {
  if (!/^\d{1,15}$/.test(text.trim())) throw new Refusal(400, 'the part "size" is no number of bytes');
  return Number(text);
}

// src/server/artifact-api.ts
var v12 = "/api/management/v1/deployments/artifacts";
var v22 = "/api/management/v2/deployments/artifacts";
function artifactApi(core) {
  return [
    admin("POST", v12, (exchange) => receiveUpload(core, exchange)),
    admin("GET", v12, (exchange) => ({
      status: 200,
      json: listArtifacts(core, filterIn(exchange)).map(artifactView)
    })),
    admin(
      "GET",
      `${v12}/list`,
      (exchange) => paged2(core, exchange, filterIn(exchange), lenientPage(exchange), orderIn(exchange))
    ),
    admin("GET", v22, (exchange) => paged2(core, exchange, exactFilterIn(exchange), pageOf(exchange))),
    admin("GET", `${v12}/:id`, (exchange) => ({
      status: 200,
      json: artifactView(findArtifact(core, exchange.param("id")))
    })),
    admin("PUT", `${v12}/:id`, async (exchange) => {
      const { description } = await exchange.json(
        object({ description: optional(pipe(string(), maxLength(4096)), "") })
      );
      const { id } = findArtifact(core, exchange.param("id"));
      core.store.run(`UPDATE artifact SET description = ? WHERE id = ?`, description, id);
      return { status: 204 };
    }),
    admin("DELETE", `${v12}/:id`, async (exchange) => {
      await deleteArtifact(core, exchange.param("id"));
      return { status: 204 };
    }),
    admin("GET", `${v12}/:id/download`, (exchange) => {
      const { id } = findArtifact(core, exchange.param("id"));
      return { status: 200, json: downloadLink(core, exchange, id) };
    }),
    ...releaseApi(core)
  ];
}
function paged2(core, exchange, filter, page, order2) {
  const total = countArtifacts(core, filter);
  return pagedReply(exchange, page, total, listArtifacts(core, filter, page, order2).map(artifactView));
}
function orderIn(exchange) {
  const wanted2 = safeParse(artifactOrder, exchange.query("sort"));
  return wanted2.success ? wanted2.output : "name:asc";
}
function filterIn(exchange) {
  const name2 = exchange.query("name");
  return {
    names: name2 === void 0 ? [] : [name2],
    description: exchange.query("description"),
    deviceType: exchange.query("device_type")
  };
}
function exactFilterIn(exchange) {
  const names = exchange.queries("name");
  const [only] = names;
  const prefix = names.length === 1 && only?.endsWith("*") ? only.slice(0, -1) : void 0;
  return {
    ...filterIn(exchange),
    names: prefix === void 0 ? names : [],
    namePrefix: prefix
  };
}
function lenientPage(exchange) {
  const number2 = (name2, fallback, max) => {
    const value = Number(exchange.query(name2));
    return Number.isSafeInteger(value) && value >= 1 && value <= max ? value : fallback;
  };
  const [page, perPage] = [number2("page", 1, 1e9), number2("per_page", 20, 500)];
  return { page, perPage, offset: (page - 1) * perPage };
}

// src/server/artifact-files.ts
import { randomBytes } from "node:crypto";
import { mkdir, open as open2, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

// src/server/store.ts
import { DatabaseSync } from "node:sqlite";

// src/server/pattern.ts
import { Script, createContext } from "node:vm";
var limitMs = 100;
var place = { pattern: /^/, text: "" };
var room = createContext(place);
var look = new Script("pattern.test(text)");
function isLike(pattern, text) {
  place.pattern = pattern;
  place.text = text;
  try {
    return look.runInContext(room, { timeout: limitMs }) === true;
  } catch (error) {
    throw new Refusal(400, "$regex: the pattern takes too long: write a simpler one", { cause: error });
  }
}
function patternOf(source) {
  const slashed = /^\/(.*)\/([imsu]*)$/s.exec(source);
  try {
    return slashed ? new RegExp(slashed[1] ?? "", slashed[2]) : new RegExp(`^(?:${source})`);
  } catch (error) {
    throw new Refusal(400, `$regex: ${messageOf(error)}`, { cause: error });
  }
}

// src/server/schema.ts
var migrations = [
  `
  CREATE TABLE device (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    identity_digest TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    checked_in TEXT,
    facts_updated TEXT,
    tags_version INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX device_status ON device (status);

  CREATE TABLE auth_set (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    public_key TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (device, public_key)
  ) STRICT;

  CREATE TABLE attribute (
    device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    description TEXT,
    updated TEXT NOT NULL,
    PRIMARY KEY (device, scope, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX attribute_value ON attribute (scope, name, value);

  CREATE TABLE artifact (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    device_types TEXT NOT NULL,
    depends TEXT NOT NULL,
    content TEXT NOT NULL,
    modified TEXT NOT NULL
  ) STRICT;
  CREATE INDEX artifact_name ON artifact (name);
  CREATE INDEX artifact_sha256 ON artifact (sha256);

  -- what makes two artifacts of one release the same to a device: name and each combination of what they depend on
  CREATE TABLE artifact_fit (
    name TEXT NOT NULL,
    depends TEXT NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
    PRIMARY KEY (name, depends)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX artifact_fit_artifact ON artifact_fit (artifact);

  CREATE TABLE release_note (
    name TEXT PRIMARY KEY,
    tags TEXT NOT NULL,
    notes TEXT NOT NULL
  ) STRICT;

  CREATE TABLE deployment (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    artifact_name TEXT NOT NULL,
    constructor TEXT NOT NULL,
    groups TEXT NOT NULL,
    is_forced INTEGER NOT NULL,
    max_devices INTEGER NOT NULL,
    created TEXT NOT NULL,
    finished TEXT
  ) STRICT;
  CREATE INDEX deployment_name ON deployment (name);
  CREATE UNIQUE INDEX deployment_unfinished ON deployment (constructor) WHERE finished IS NULL;

  -- one device of one deployment; it counts as taken up (and is listed) from its first poll on
  CREATE TABLE target (
    deployment INTEGER NOT NULL REFERENCES deployment (seq) ON DELETE CASCADE,
    device TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    substate TEXT,
    is_final INTEGER NOT NULL DEFAULT 0,
    is_taken INTEGER NOT NULL DEFAULT 0,
    is_forgotten INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    request TEXT,
    device_type TEXT,
    artifact TEXT,
    log TEXT,
    PRIMARY KEY (deployment, device)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX target_device ON target (device, deployment);
  `,
  `
  -- tokens that people made for programs; a token itself is nowhere, only its SHA-256
  CREATE TABLE access_token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL UNIQUE,
    is_read_only INTEGER NOT NULL,
    created TEXT NOT NULL,
    expires TEXT,
    last_used TEXT
  ) STRICT;

  -- logins that were ended before their time, until they would have ended by themselves
  CREATE TABLE ended_login (
    id TEXT PRIMARY KEY,
    expires TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `
];

// src/server/store.ts
var sqliteBusy = 5;
var sqliteFull = 13;
var Store = class {
  #db;
  #statements = /* @__PURE__ */ new Map();
  #depth = 0;
  constructor(db) {
    this.#db = db;
  }
  /** All rows of a query. */
  all(schema, sql, ...values) {
    return this.#try(() => this.#prepare(sql).all(...values)).map((row3) => parse(schema, row3));
  }
  /** The first row of a query, or undefined. */
  get(schema, sql, ...values) {
    const row3 = this.#try(() => this.#prepare(sql).get(...values));
    return row3 === void 0 ? void 0 : parse(schema, row3);
  }
  /** The number that a `SELECT count(*) AS n …` gives. */
  count(sql, ...values) {
    return this.get(object({ n: number() }), sql, ...values)?.n ?? 0;
  }
  /** Runs a statement and returns how many rows it changed. */
  run(sql, ...values) {
    return Number(this.#try(() => this.#prepare(sql).run(...values)).changes);
  }
  /** Runs `work` as one transaction: all of it is kept, or (where it throws) nothing. May be nested. */
  transaction(work) {
    if (this.#depth > 0) return work();
    this.#try(() => this.#db.exec("BEGIN IMMEDIATE"));
    this.#depth++;
    try {
      const result = work();
      this.#try(() => this.#db.exec("COMMIT"));
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }
  /** Folds the log into the database file and lets go of it. May be repeated. */
  close() {
    if (this.#db.isOpen) this.#db.close();
  }
  #prepare(sql) {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
  #try(work) {
    try {
      return work();
    } catch (error) {
      if (errorNumber(error) === sqliteFull) throw diskFull(error);
      throw error;
    }
  }
};
function diskFull(cause) {
  return new Refusal(507, "the server's disk is full: nothing was stored; free some space and try again", {
    cause
  });
}
function openStore(path) {
  let db;
  try {
    db = new DatabaseSync(path, { timeout: 500, enableForeignKeyConstraints: true });
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    db.exec("BEGIN IMMEDIATE; COMMIT");
    db.function("matches", { deterministic: true, directOnly: true }, matches);
    migrate(db);
    return new Store(db);
  } catch (error) {
    db?.close();
    throw openFailure(error, path);
  }
}
function openFailure(error, path) {
  if (error instanceof Failure) return error;
  if (errorNumber(error) === sqliteBusy) {
    const message2 = `${path} is in use by another OTA server: stop that one, or give another data-dir`;
    return new Failure("bad-input", message2, { cause: error });
  }
  if (errorNumber(error) === sqliteFull)
    return new Failure("disk-full", `no space left for ${path}`, { cause: error });
  if (!hasCode(error, "ERR_SQLITE_ERROR")) return error;
  const message = `${path} can't be opened as this server's database: ${messageOf(error)}`;
  return new Failure("invalid-file", message, { cause: error });
}
function migrate(db) {
  const row3 = db.prepare("PRAGMA user_version").get();
  const version = Number(row3?.["user_version"]);
  if (version > migrations.length) {
    throw new Failure("invalid-file", `the data-dir was written by a newer version of the OTA server`);
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
function errorNumber(error) {
  if (!hasCode(error, "ERR_SQLITE_ERROR") || !(error instanceof Error) || !("errcode" in error))
    return void 0;
  return Number(error.errcode) & 255;
}
var patterns = /* @__PURE__ */ new Map();
function matches(pattern, text) {
  if (typeof pattern !== "string" || typeof text !== "string" && typeof text !== "number") return 0;
  const source = pattern;
  let known = patterns.get(source);
  if (!known) {
    known = patternOf(source);
    if (patterns.size > 100) patterns.clear();
    patterns.set(source, known);
  }
  return isLike(known, String(text)) ? 1 : 0;
}

// src/server/artifact-files.ts
var ArtifactFiles = class {
  #folder;
  #last = Promise.resolve();
  constructor(folder) {
    this.#folder = folder;
  }
  path(sha256) {
    return join(this.#folder, sha256);
  }
  /** Makes the folder, and removes what no artifact names: the leftovers of a crash. */
  async prepare(known) {
    await mkdir(this.#folder, { recursive: true, mode: 448 });
    for (const name2 of await readdir(this.#folder))
      if (!known.has(name2)) await rm(this.path(name2), { force: true, recursive: true });
  }
  /**
   * Runs `work` while no other such work runs: a file must not be removed between the moment it is kept and the moment
   * its row is stored.
   */
  exclusively(work) {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {
    });
    return result;
  }
  async remove(sha256) {
    await rm(this.path(sha256), { force: true });
  }
  /** Starts receiving a file. Throws a 507 where the disk is full, as all of its methods do. */
  async receive() {
    const temporary = join(this.#folder, `${randomBytes(8).toString("hex")}.tmp`);
    const file = await stored(() => open2(temporary, "wx", 384));
    let isKept = false;
    return {
      write: async (chunk) => {
        await stored(() => file.writeFile(chunk));
      },
      keep: async (sha256) => {
        await stored(() => file.sync());
        await file.close();
        await stored(() => rename(temporary, this.path(sha256)));
        isKept = true;
        await syncFolder(this.#folder);
      },
      drop: async () => {
        if (isKept) return;
        await file.close().catch(() => {
        });
        await rm(temporary, { force: true });
      }
    };
  }
};
async function stored(work) {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT")) throw diskFull(error);
    throw error;
  }
}

// src/server/search.ts
var scope = picklist(["inventory", "identity", "system", "tags", "monitor"]);
var single = union([pipe(string(), maxLength(4096)), number(), boolean()]);
var attribute = pipe(string(), minLength(1), maxLength(1024));
var condition = object({
  scope,
  attribute,
  type: picklist(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex"]),
  value: union([single, pipe(array(single), maxLength(1e3))])
});
var searchSchema = object({
  page: optional(number(), 1),
  per_page: optional(number(), 20),
  text: optional(string(), ""),
  device_ids: optional(pipe(array(string()), maxLength(1e3)), []),
  filters: optional(pipe(array(condition), maxLength(50)), []),
  sort: optional(
    pipe(
      array(object({ scope, attribute, order: optional(picklist(["asc", "desc"]), "asc") })),
      maxLength(10)
    ),
    []
  ),
  attributes: optional(pipe(array(object({ scope, attribute })), maxLength(1e3)), [])
});
var deviceRow2 = object({ id: string(), updated: string(), facts_updated: nullable(string()) });
function searchDevices(core, search2, page) {
  const where = whereOf(search2);
  const order2 = orderOf(search2);
  return {
    total: core.store.count(`SELECT count(*) AS n FROM device WHERE ${where.text}`, ...where.values),
    devices: core.store.all(
      deviceRow2,
      `SELECT id, updated, facts_updated FROM device WHERE ${where.text} ORDER BY ${order2.text} LIMIT ? OFFSET ?`,
      ...where.values,
      ...order2.values,
      page.perPage,
      page.offset
    )
  };
}
function inventoryView(core, device2, chosen = []) {
  const all = attributesOf(core, device2.id);
  const attributes = chosen.length === 0 ? all : all.filter(
    ({ scope: scope2, name: name2 }) => chosen.some((wanted2) => wanted2.scope === scope2 && wanted2.attribute === name2)
  );
  return { id: device2.id, updated_ts: device2.facts_updated ?? device2.updated, attributes };
}
function whereOf({ filters, device_ids, text }) {
  const parts = filters.map(conditionSql);
  if (device_ids.length > 0) {
    parts.push({ text: `id IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(device_ids)] });
  }
  if (text) {
    parts.push({
      text: `EXISTS (SELECT 1 FROM attribute WHERE device = device.id AND instr(lower(value), lower(?)) > 0)`,
      values: [text]
    });
  }
  return {
    text: parts.length === 0 ? "1" : parts.map((part) => `(${part.text})`).join(" AND "),
    values: parts.flatMap((part) => part.values)
  };
}
function conditionSql({ scope: scope2, attribute: attribute2, type, value }) {
  const some = (test, ...values) => ({
    text: `EXISTS (SELECT 1 FROM attribute, json_each(attribute.value) AS item
      WHERE attribute.device = device.id AND scope = ? AND name = ?${test ? ` AND ${test}` : ""})`,
    values: [scope2, attribute2, ...values]
  });
  const none = (sql) => ({ text: `NOT ${sql.text}`, values: sql.values });
  const list3 = JSON.stringify((Array.isArray(value) ? value : [value]).map(plain2));
  switch (type) {
    case "$eq":
    case "$in":
      return some(`item.value IN (SELECT value FROM json_each(?))`, list3);
    case "$ne":
    case "$nin":
      return none(some(`item.value IN (SELECT value FROM json_each(?))`, list3));
    case "$exists":
      if (typeof value !== "boolean") throw new Refusal(400, "$exists: the value must be true or false");
      return value ? some("") : none(some(""));
    case "$regex":
      patternOf(String(value));
      return some(`matches(?, item.value)`, String(value));
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      if (Array.isArray(value)) throw new Refusal(400, `${type}: the value must not be a list`);
      return some(
        `typeof(item.value) IN (SELECT t.value FROM json_each(?) AS t) AND item.value ${comparison[type]} ?`,
        JSON.stringify(typeof value === "string" ? ["text"] : ["integer", "real"]),
        plain2(value)
      );
  }
}
var comparison = { $gt: ">", $gte: ">=", $lt: "<", $lte: "<=" };
function orderOf({ sort }) {
  const keys = sort.map(({ scope: scope2, attribute: attribute2, order: order2 }) => ({
    text: `(SELECT json_extract(value, '$') FROM attribute WHERE device = device.id AND scope = ? AND name = ?) ${order2}`,
    values: [scope2, attribute2]
  }));
  return {
    text: [...keys.map((key) => key.text), "seq"].join(", "),
    values: keys.flatMap((key) => key.values)
  };
}
var plain2 = (value) => typeof value === "boolean" ? Number(value) : value;

// src/server/inventory-api.ts
var v13 = "/api/management/v1/inventory";
var v23 = "/api/management/v2/inventory";
var maxTags = 20;
var groupName = pipe(
  string(),
  regex(/^[A-Za-z0-9_-]{1,1024}$/, "a group is named by letters, digits, - and _")
);
var ids = pipe(array(string()), maxLength(1e4));
var tags = array(
  object({
    name: pipe(string(), minLength(1), maxLength(1024)),
    value: pipe(string(), maxLength(1024)),
    description: optional(string())
  })
);
function inventoryApi(core) {
  return [
    lookup(`${v23}/filters/search`, (exchange) => search(core, exchange)),
    admin("GET", `${v23}/filters/attributes`, () => ({ status: 200, json: attributeNames(core) })),
    admin("GET", `${v13}/devices`, (exchange) => list(core, exchange)),
    admin("GET", `${v13}/devices/:id`, (exchange) => one(core, exchange)),
    admin("PUT", `${v13}/devices/:id/tags`, (exchange) => setTags(core, exchange, replaceAttributes)),
    admin("PATCH", `${v13}/devices/:id/tags`, (exchange) => setTags(core, exchange, putAttributes)),
    admin("GET", `${v13}/devices/:id/group`, (exchange) => {
      const { id } = findDevice(core, exchange.param("id"));
      return { status: 200, json: { group: groupOf(core, id) ?? null } };
    }),
    admin("PUT", `${v13}/devices/:id/group`, async (exchange) => {
      const { group } = await exchange.json(object({ group: groupName }));
      const { id } = findDevice(core, exchange.param("id"));
      putAttributes(core, id, "system", [{ name: "group", value: group }]);
      return { status: 204 };
    }),
    admin("DELETE", `${v13}/devices/:id/group/:group`, (exchange) => {
      const { id } = findDevice(core, exchange.param("id"));
      if (groupOf(core, id) !== exchange.param("group")) throw notFound("device in this group");
      removeAttribute(core, id, "system", "group");
      return { status: 204 };
    }),
    ...groups(core)
  ];
}
function groups(core) {
  return [
    admin("GET", `${v13}/groups`, (exchange) => ({
      status: 200,
      json: groupNames(core, exchange.query("status"))
    })),
    admin("GET", `${v13}/groups/:group/devices`, (exchange) => {
      const page = pageOf(exchange);
      const { devices, total } = searchDevices(core, inGroup(exchange.param("group")), page);
      if (total === 0) throw notFound("group");
      return pagedReply(
        exchange,
        page,
        total,
        devices.map(({ id }) => id)
      );
    }),
    admin("PATCH", `${v13}/groups/:group/devices`, async (exchange) => {
      const group = checked(groupName, JSON.stringify(exchange.param("group")));
      const wanted2 = await exchange.json(ids);
      return { status: 200, json: core.store.transaction(() => join2(core, group, wanted2)) };
    }),
    admin("DELETE", `${v13}/groups/:group/devices`, async (exchange) => {
      const wanted2 = await exchange.json(ids);
      return { status: 200, json: core.store.transaction(() => leave(core, exchange.param("group"), wanted2)) };
    }),
    admin("DELETE", `${v13}/groups/:group`, (exchange) => {
      const members = membersOf(core, exchange.param("group"));
      return {
        status: 200,
        json: core.store.transaction(() => leave(core, exchange.param("group"), members))
      };
    })
  ];
}
function acceptedIn(core, group) {
  const accepted = { scope: "identity", attribute: "status", type: "$eq", value: "accepted" };
  const filters = group === void 0 ? [accepted] : [accepted, memberOf(group)];
  const all = { page: 1, perPage: Number.MAX_SAFE_INTEGER, offset: 0 };
  return searchDevices(core, checked(searchSchema, JSON.stringify({ filters })), all).devices.map(
    ({ id }) => id
  );
}
async function search(core, exchange) {
  const wanted2 = await exchange.optionalJson(searchSchema);
  const page = checkedPage(wanted2.page, wanted2.per_page);
  const { devices, total } = searchDevices(core, wanted2, page);
  const views = devices.map((device2) => inventoryView(core, device2, wanted2.attributes));
  return pagedReply(exchange, page, total, views);
}
function list(core, exchange) {
  const page = pageOf(exchange);
  const filters = [];
  for (const [name2, value] of exchange.url.searchParams) {
    if (["page", "per_page", "sort", "group", "has_group"].includes(name2)) continue;
    const [scope2, attribute2] = name2.includes("/") ? split(name2) : ["inventory", name2];
    filters.push(
      checked(
        searchSchema.entries.filters.wrapped.item,
        JSON.stringify({ scope: scope2, attribute: attribute2, type: "$eq", value })
      )
    );
  }
  const group = exchange.query("group");
  if (group !== void 0) filters.push(memberOf(group));
  const hasGroup = exchange.query("has_group");
  if (hasGroup !== void 0)
    filters.push({ scope: "system", attribute: "group", type: "$exists", value: hasGroup === "true" });
  const sort = (exchange.query("sort") ?? "").split(",").filter(Boolean).map((key) => {
    const [attribute2, order2 = "asc"] = key.split(":");
    return { scope: "inventory", attribute: attribute2, order: order2 };
  });
  const wanted2 = checked(searchSchema, JSON.stringify({ filters, sort }));
  const { devices, total } = searchDevices(core, wanted2, page);
  return pagedReply(
    exchange,
    page,
    total,
    devices.map((device2) => inventoryView(core, device2))
  );
}
function one(core, exchange) {
  const { id } = findDevice(core, exchange.param("id"));
  const wanted2 = checked(searchSchema, JSON.stringify({ device_ids: [id] }));
  const [device2] = searchDevices(core, wanted2, { page: 1, perPage: 1, offset: 0 }).devices;
  if (!device2) throw notFound("device");
  return { status: 200, headers: { ETag: tagsVersion(core, id) }, json: inventoryView(core, device2) };
}
async function setTags(core, exchange, store2) {
  const wanted2 = await exchange.json(tags);
  return core.store.transaction(() => {
    const { id } = findDevice(core, exchange.param("id"));
    const expected = exchange.header("if-match");
    if (expected !== void 0 && expected !== "*" && expected !== tagsVersion(core, id))
      throw new Refusal(412, "ETag does not match");
    store2(core, id, "tags", wanted2);
    const count = core.store.count(
      `SELECT count(*) AS n FROM attribute WHERE device = ? AND scope = 'tags'`,
      id
    );
    if (count > maxTags) throw new Refusal(400, `a device can have ${maxTags} tags at most`);
    core.store.run(`UPDATE device SET tags_version = tags_version + 1 WHERE id = ?`, id);
    return { status: 200, headers: { ETag: tagsVersion(core, id) } };
  });
}
function tagsVersion(core, device2) {
  const sql = `SELECT tags_version AS n FROM device WHERE id = ?`;
  return `"${core.store.count(sql, device2)}"`;
}
function attributeNames(core) {
  return core.store.all(
    object({ name: string(), scope: string(), count: number() }),
    `SELECT name, scope, count(*) AS count FROM attribute GROUP BY scope, name ORDER BY scope, name LIMIT 500`
  );
}
function groupNames(core, status) {
  const sql = `SELECT DISTINCT json_extract(value, '$') AS name FROM attribute JOIN device ON device.id = device
    WHERE scope = 'system' AND name = 'group' AND status = coalesce(?, status) ORDER BY 1`;
  return core.store.all(object({ name: string() }), sql, status ?? null).map(({ name: name2 }) => name2);
}
function groupOf(core, device2) {
  const sql = `SELECT json_extract(value, '$') AS name FROM attribute
    WHERE device = ? AND scope = 'system' AND name = 'group'`;
  return core.store.get(object({ name: string() }), sql, device2)?.name;
}
function membersOf(core, group) {
  const all = { page: 1, perPage: Number.MAX_SAFE_INTEGER, offset: 0 };
  return searchDevices(core, inGroup(group), all).devices.map(({ id }) => id);
}
function join2(core, group, wanted2) {
  const known = wanted2.filter(
    (id) => core.store.count(`SELECT count(*) AS n FROM device WHERE id = ?`, id) > 0
  );
  const changed = known.filter((id) => groupOf(core, id) !== group);
  for (const id of changed) putAttributes(core, id, "system", [{ name: "group", value: group }]);
  return { updated_count: changed.length, matched_count: known.length };
}
function leave(core, group, wanted2) {
  const members = wanted2.filter((id) => groupOf(core, id) === group);
  for (const id of members) removeAttribute(core, id, "system", "group");
  return { updated_count: members.length };
}
function memberOf(group) {
  return { scope: "system", attribute: "group", type: "$eq", value: group };
}
function inGroup(group) {
  return checked(searchSchema, JSON.stringify({ filters: [memberOf(group)] }));
}
function split(name2) {
  const at = name2.indexOf("/");
  return [name2.slice(0, at), name2.slice(at + 1)];
}

// src/server/deployment-api.ts
var v14 = "/api/management/v1/deployments/deployments";
var v24 = "/api/management/v2/deployments/deployments";
var statisticsSchema = object({
  // the real server's limit
  deployment_ids: optional(pipe(array(string()), maxLength(100)), [])
});
function deploymentApi(core) {
  return [
    admin("POST", v14, (exchange) => order(core, exchange)),
    admin("POST", `${v14}/group/:group`, (exchange) => orderForGroup(core, exchange)),
    admin("GET", v14, (exchange) => list2(core, exchange)),
    admin("GET", v24, (exchange) => list2(core, exchange)),
    admin("GET", `${v14}/:id`, (exchange) => ({
      status: 200,
      json: deploymentView(core, findDeployment(core, exchange.param("id")))
    })),
    admin("PUT", `${v14}/:id/status`, async (exchange) => {
      await exchange.json(object({ status: literal("aborted") }));
      abortDeployment(core, exchange.param("id"));
      return { status: 204 };
    }),
    admin("GET", `${v14}/:id/statistics`, (exchange) => ({
      status: 200,
      json: statistics(core, findDeployment(core, exchange.param("id")).seq)
    })),
    lookup(`${v14}/statistics/list`, async (exchange) => {
      const { deployment_ids } = await exchange.json(statisticsSchema);
      const known = deploymentsById(core, deployment_ids);
      if (known.length === 0 && deployment_ids.length > 0) throw notFound("deployment");
      return { status: 200, json: known.map(({ id, seq }) => ({ id, stats: statistics(core, seq) })) };
    }),
    ...ofDeployment(core),
    ...ofDevice(core)
  ];
}
function ofDeployment(core) {
  return [
    admin("GET", `${v14}/:id/devices`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param("id"));
      const { targets } = listTargets(core, seq, statusFilter(exchange), void 0);
      return { status: 200, json: targets.map((target) => targetView(core, target)) };
    }),
    admin("GET", `${v14}/:id/devices/list`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param("id"));
      const page = pageOf(exchange);
      const { targets, total } = listTargets(core, seq, statusFilter(exchange), page);
      return pagedReply(
        exchange,
        page,
        total,
        targets.map((target) => targetView(core, target))
      );
    }),
    admin("GET", `${v14}/:id/device_list`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param("id"));
      const sql = `SELECT device FROM target WHERE deployment = ? ORDER BY device`;
      const rows = core.store.all(object({ device: string() }), sql, seq);
      return { status: 200, json: rows.map(({ device: device2 }) => device2) };
    }),
    admin("GET", `${v14}/:id/devices/:device/log`, (exchange) => ({
      status: 200,
      text: readLog(core, exchange.param("device"), exchange.param("id"))
    }))
  ];
}
function ofDevice(core) {
  return [
    admin("GET", `${v14}/devices/:device`, (exchange) => history(core, exchange)),
    admin("DELETE", `${v14}/devices/:device`, (exchange) => {
      endAll(core, exchange.param("device"), "aborted");
      return { status: 204 };
    }),
    admin("DELETE", `${v14}/devices/:device/history`, (exchange) => {
      core.store.run(
        `UPDATE target SET is_forgotten = 1 WHERE device = ? AND is_final = 1`,
        exchange.param("device")
      );
      return { status: 204 };
    })
  ];
}
async function order(core, exchange) {
  const wanted2 = await exchange.json(orderSchema);
  if (wanted2.all_devices === wanted2.devices.length > 0)
    throw new Refusal(400, "Invalid deployments definition: provide either devices or all_devices");
  const devices = wanted2.all_devices ? acceptedIn(core, void 0) : wanted2.devices;
  if (devices.length === 0) throw new Refusal(400, "no accepted devices: nothing to deploy to");
  return created(createDeployment(core, wanted2, devices));
}
async function orderForGroup(core, exchange) {
  const wanted2 = await exchange.json(orderSchema);
  if (wanted2.all_devices || wanted2.devices.length > 0)
    throw new Refusal(400, "The deployment for a group must not have devices or all_devices");
  const group = exchange.param("group");
  const devices = acceptedIn(core, group);
  if (devices.length === 0) throw new Refusal(400, "no devices in the group");
  return created(createDeployment(core, wanted2, devices, group));
}
function created(id) {
  return { status: 201, headers: { Location: `${v14}/${id}` } };
}
function list2(core, exchange) {
  const page = pageOf(exchange);
  const filter = {
    ids: exchange.queries("id"),
    names: exchange.queries("name"),
    search: exchange.query("search"),
    status: oneOf(exchange, "status", ["pending", "inprogress", "finished"]),
    createdAfter: seconds(exchange, "created_after"),
    createdBefore: seconds(exchange, "created_before"),
    isAscending: oneOf(exchange, "sort", ["asc", "desc"]) === "asc"
  };
  if (oneOf(exchange, "type", ["software", "configuration"]) === "configuration")
    return pagedReply(exchange, page, 0, []);
  const { deployments: deployments2, total } = listDeployments(core, filter, page);
  return pagedReply(
    exchange,
    page,
    total,
    deployments2.map((deployment) => deploymentView(core, deployment))
  );
}
function history(core, exchange) {
  const page = pageOf(exchange, { perPage: 20, max: 20 });
  const statuses = statusFilter(exchange);
  const status = statuses ? `AND status IN (${statuses.map(() => "?").join(", ")})` : "";
  const where = `WHERE device = ? AND is_taken = 1 AND is_forgotten = 0 ${status}`;
  const values = [exchange.param("device"), ...statuses ?? []];
  const rows = core.store.all(
    targetRow,
    `SELECT ${targetColumns} FROM target ${where} ORDER BY deployment DESC LIMIT ? OFFSET ?`,
    ...values,
    page.perPage,
    page.offset
  );
  const total = core.store.count(`SELECT count(*) AS n FROM target ${where}`, ...values);
  const json = rows.map((target) => ({
    id: target.id,
    deployment: deploymentView(core, deploymentBySeq(core, target.deployment)),
    device: targetView(core, target)
  }));
  return pagedReply(exchange, page, total, json);
}
function statusFilter(exchange) {
  const name2 = exchange.query("status");
  if (name2 === void 0) return void 0;
  const statuses = statusesIn(name2);
  if (!statuses) throw new Refusal(400, "invalid status query");
  return statuses;
}
function oneOf(exchange, name2, choices) {
  const value = exchange.query(name2);
  if (value === void 0 || choices.includes(value)) return value;
  throw new Refusal(400, `invalid ${name2} query: it can be ${choices.join(", ")}`);
}
function seconds(exchange, name2) {
  const value = exchange.query(name2);
  if (value === void 0) return void 0;
  if (!/^-?\d{1,11}$/.test(value))
    throw new Refusal(400, `invalid ${name2} query: it must be seconds since 1970`);
  return Number(value);
}

// src/server/device-management-api.ts
var base2 = "/api/management/v2/devauth";
var oneOrMore = (schema) => optional(
  union([
    pipe(array(schema), maxLength(500)),
    pipe(
      schema,
      transform((value) => [value])
    )
  ])
);
var searchSchema2 = object({
  status: oneOrMore(deviceStatus),
  id: oneOrMore(string())
});
var preauthSchema = object({
  identity_data: identitySchema,
  pubkey: pipe(string(), maxLength(16 << 10)),
  force: optional(boolean(), false)
});
function deviceManagementApi(core) {
  return [
    admin("GET", `${base2}/devices`, (exchange) => {
      const page = pageOf(exchange);
      const filter = { statuses: statusesIn2(exchange), ids: exchange.queries("id") };
      return reply(core, exchange, page, listDevices(core, filter, page));
    }),
    lookup(`${base2}/devices/search`, async (exchange) => {
      const wanted2 = await exchange.json(searchSchema2);
      const page = pageOf(exchange);
      const filter = { statuses: wanted2.status ?? [], ids: wanted2.id ?? [] };
      return reply(core, exchange, page, listDevices(core, filter, page));
    }),
    admin("GET", `${base2}/devices/count`, (exchange) => {
      const [status] = statusesIn2(exchange);
      return { status: 200, json: { count: countDevices(core, status) } };
    }),
    admin("POST", `${base2}/devices`, (exchange) => preauthorise(core, exchange)),
    admin("GET", `${base2}/devices/:id`, (exchange) => ({
      status: 200,
      json: deviceView(core, findDevice(core, exchange.param("id")))
    })),
    admin("DELETE", `${base2}/devices/:id`, (exchange) => decommission(core, exchange.param("id"))),
    admin("GET", `${base2}/devices/:id/auth/:set/status`, (exchange) => {
      const sets = authSetsOf(core, exchange.param("id"));
      const found = sets.find(({ id }) => id === exchange.param("set"));
      if (!found) throw notFound("authentication set");
      return { status: 200, json: { status: found.status } };
    }),
    admin("PUT", `${base2}/devices/:id/auth/:set/status`, async (exchange) => {
      const { status } = await exchange.json(
        object({ status: picklist(["accepted", "rejected", "pending"]) })
      );
      const device2 = findDevice(core, exchange.param("id"));
      setAuthStatus(core, device2.id, exchange.param("set"), checked(authStatus, JSON.stringify(status)));
      core.log.info(`device ${device2.id} (${identityText(device2.identity)}) ${status}`);
      return { status: 204 };
    }),
    admin("DELETE", `${base2}/devices/:id/auth/:set`, (exchange) => {
      removeAuthSet(core, exchange.param("id"), exchange.param("set"));
      return { status: 204 };
    })
  ];
}
function reply(core, exchange, page, { devices, total }) {
  return pagedReply(
    exchange,
    page,
    total,
    devices.map((device2) => deviceView(core, device2))
  );
}
async function preauthorise(core, exchange) {
  const { identity_data, pubkey, force } = await exchange.json(preauthSchema);
  const pem = publicKeyIn(pubkey).export({ type: "spki", format: "pem" }).toString();
  return core.store.transaction(() => {
    const existing = deviceOf(core, identity_data);
    if (existing && !force) return { status: 409, json: deviceView(core, existing) };
    const known = findAuthSet(core, identity_data, pem);
    const authSet = known ?? addAuthSet(core, identity_data, pem, "preauthorized");
    if (known && known.status !== "accepted") setAuthStatus(core, known.device, known.id, "preauthorized");
    core.log.info(`device ${authSet.device} (${identityText(identity_data)}) preauthorised`);
    return { status: 201, headers: { Location: `${exchange.url.pathname}/${authSet.device}` } };
  });
}
function decommission(core, id) {
  core.store.transaction(() => {
    const device2 = findDevice(core, id);
    endAll(core, id, "decommissioned");
    core.store.run(`DELETE FROM device WHERE id = ?`, id);
    core.log.info(`device ${id} (${identityText(device2.identity)}) decommissioned`);
  });
  return { status: 204 };
}
function statusesIn2(exchange) {
  return exchange.queries("status").map((status) => checked(deviceStatus, JSON.stringify(status)));
}

// src/server/access-tokens.ts
import { createHash, randomBytes as randomBytes2 } from "node:crypto";
var maxTokens = 100;
var useMs = 6e4;
var tokenRow = object({
  id: string(),
  name: string(),
  is_read_only: number(),
  created: string(),
  expires: nullable(string()),
  last_used: nullable(string())
});
function addToken(core, { name: name2, expiresInS, isReadOnly }) {
  const token = randomBytes2(32).toString("base64url");
  const now = Date.now();
  core.store.transaction(() => {
    core.store.run(`DELETE FROM access_token WHERE expires <= ?`, timestamp());
    if (core.store.count(`SELECT count(*) AS n FROM access_token WHERE name = ?`, name2) > 0)
      throw new Refusal(409, "Personal Access Token with the same name already exists");
    if (core.store.count(`SELECT count(*) AS n FROM access_token`) >= maxTokens)
      throw new Refusal(422, `maximum number of personal access tokens reached (${maxTokens})`);
    core.store.run(
      `INSERT INTO access_token (id, name, sha256, is_read_only, created, expires) VALUES (?, ?, ?, ?, ?, ?)`,
      newId(),
      name2,
      sha256Of(token),
      Number(isReadOnly),
      timestamp(new Date(now)),
      expiresInS > 0 ? timestamp(new Date(now + expiresInS * 1e3)) : null
    );
  });
  return token;
}
function listTokens(core) {
  return core.store.all(
    tokenRow,
    `SELECT * FROM access_token WHERE expires IS NULL OR expires > ? ORDER BY created, id`,
    timestamp()
  );
}
function removeToken(core, id) {
  core.store.run(`DELETE FROM access_token WHERE id = ?`, id);
}
function accessOf(core, token) {
  const found = core.store.get(
    tokenRow,
    `SELECT * FROM access_token WHERE sha256 = ? AND (expires IS NULL OR expires > ?)`,
    sha256Of(token),
    timestamp()
  );
  if (!found) return void 0;
  if (Date.now() - Date.parse(found.last_used ?? "1970-01-01") > useMs)
    core.store.run(`UPDATE access_token SET last_used = ? WHERE id = ?`, timestamp(), found.id);
  return found.is_read_only === 1 ? "read" : "all";
}
function endLogin(core, login2, expires) {
  core.store.run(`DELETE FROM ended_login WHERE expires <= ?`, timestamp());
  core.store.run(`INSERT OR IGNORE INTO ended_login (id, expires) VALUES (?, ?)`, login2, timestamp(expires));
}
function isEnded(core, login2) {
  return core.store.count(`SELECT count(*) AS n FROM ended_login WHERE id = ?`, login2) > 0;
}
function sha256Of(token) {
  return createHash("sha256").update(token).digest("hex");
}

// src/server/gate.ts
var checkInMs = 6e4;
var authSetRow2 = object({ status: string(), checked_in: nullable(string()) });
function gate(core) {
  return {
    admin: (exchange, isReading) => {
      const token = bearerIn(exchange);
      if (isSame(token, core.secrets.token) || isLoggedIn(core, token)) return;
      const access = accessOf(core, token);
      if (access === void 0) throw new Refusal(401, "unauthorized");
      if (access === "read" && !isReading) throw new Refusal(403, "this token may only read");
    },
    device: (exchange) => {
      const bearer = read(core, bearerIn(exchange));
      if (bearer?.kind !== "device" || !isAccepted(core, bearer.device, bearer.authSet))
        throw new Refusal(401, "unauthorized");
      return bearer.device;
    }
  };
}
function isLoggedIn(core, token) {
  const bearer = read(core, token);
  return bearer?.kind === "user" && !isEnded(core, bearer.login);
}
function read(core, token) {
  return readToken(core.secrets.signingKey, token, /* @__PURE__ */ new Date());
}
function bearerIn(exchange) {
  return /^Bearer (\S+)$/i.exec(exchange.header("authorization") ?? "")?.[1] ?? "";
}
function isAccepted(core, device2, authSet) {
  const found = core.store.get(
    authSetRow2,
    `SELECT auth_set.status, checked_in FROM auth_set JOIN device ON device.id = auth_set.device
     WHERE auth_set.id = ? AND device = ?`,
    authSet,
    device2
  );
  if (found?.status !== "accepted") return false;
  if (Date.now() - Date.parse(found.checked_in ?? "1970-01-01") > checkInMs)
    core.store.run(`UPDATE device SET checked_in = ? WHERE id = ?`, timestamp(), device2);
  return true;
}

// src/server/listener.ts
import { createReadStream } from "node:fs";
import {
  createServer
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { pipeline } from "node:stream/promises";
var defaults = {
  headersMs: 2e4,
  bodyMs: 3e4,
  // a device that writes a block device may pause for minutes
  idleMs: 3e5,
  // a thousand devices that poll, twice
  connections: 2e3
};
var unreadBodyMs = 1e4;
function createListener(options) {
  const { tls } = options;
  const limits = { ...defaults, ...options.limits };
  const settings = {
    maxHeaderSize: 16 << 10,
    headersTimeout: limits.headersMs,
    // bodies have limits of their own: an artifact may take long, anything else may not
    requestTimeout: 0,
    keepAliveTimeout: 75e3,
    connectionsCheckingInterval: Math.min(5e3, limits.headersMs)
  };
  const listener = (request, response) => void serve(request, response, limits, options);
  const server = tls === void 0 ? createServer(settings, listener) : createTlsServer(
    { ...settings, ...tls, minVersion: "TLSv1.2", handshakeTimeout: limits.headersMs },
    listener
  );
  server.timeout = limits.idleMs;
  server.maxHeadersCount = 100;
  server.maxConnections = limits.connections;
  return server;
}
async function serve(request, response, limits, { answer, log, onAnswered }) {
  const startedAt = performance.now();
  let requestId = "";
  let access = "none";
  try {
    const exchange = new Exchange(request, limits.bodyMs);
    requestId = exchange.requestId;
    response.setHeader("X-Men-Requestid", requestId);
    const reply2 = await answer(exchange).finally(() => access = exchange.access);
    await write(response, reply2, exchange.method === "HEAD");
  } catch (error) {
    await writeError(response, error, requestId, log);
  }
  if (!request.complete) cutOff(request);
  const path = oneLine((request.url ?? "").split("?")[0] ?? "");
  const ms = performance.now() - startedAt;
  onAnswered(access, response.statusCode, ms / 1e3);
  log.debug(`${request.method} ${path} ${response.statusCode} ${ms.toFixed(1)} ms`);
}
function cutOff(request) {
  request.resume();
  const timer = setTimeout(() => request.destroy(), unreadBodyMs);
  timer.unref();
  request.once("close", () => clearTimeout(timer));
}
async function write(response, reply2, isHead) {
  response.statusCode = reply2.status;
  for (const [name2, value] of Object.entries(reply2.headers ?? {})) response.setHeader(name2, value);
  if (reply2.file) {
    const { path, start, length, type } = reply2.file;
    response.setHeader("Content-Type", type);
    response.setHeader("Content-Length", length);
    if (isHead || length === 0) response.end();
    else await pipeline(createReadStream(path, { start, end: start + length - 1 }), response);
    return;
  }
  if (reply2.json !== void 0) {
    response.setHeader("Content-Type", "application/json");
    send(response, JSON.stringify(reply2.json), isHead);
  } else if (reply2.text !== void 0) {
    if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", "text/plain; charset=utf-8");
    send(response, reply2.text, isHead);
  } else {
    if (reply2.status !== 204) response.setHeader("Content-Length", 0);
    response.end();
  }
}
function send(response, text, isHead) {
  response.setHeader("Content-Length", Buffer.byteLength(text));
  response.end(isHead ? void 0 : text);
}
async function writeError(response, error, id, log) {
  const isGone = ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE"].some((code) => hasCode(error, code));
  if (!(error instanceof Refusal) && !isGone)
    log.warn(
      `bug in the OTA server: ${oneLine(error instanceof Error ? error.stack ?? error.message : messageOf(error))}`
    );
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = error instanceof Refusal ? error : new Refusal(500, "internal error");
  await write(
    response,
    {
      status: refusal.status,
      headers: refusal.headers,
      json: { error: refusal.message, request_id: id, ...refusal.details }
    },
    false
  );
}

// src/server/metrics.ts
var bucketsS = [5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
var requests = /* @__PURE__ */ new WeakMap();
function countRequest(core, access, status, seconds2) {
  const kind = `${access} ${Math.floor(status / 100)}xx`;
  const known = requests.get(core) ?? /* @__PURE__ */ new Map();
  requests.set(core, known);
  const timing = known.get(kind) ?? { count: 0, sumS: 0, buckets: bucketsS.map(() => 0) };
  known.set(kind, timing);
  timing.count++;
  timing.sumS += seconds2;
  for (const [i, end] of bucketsS.entries())
    if (seconds2 <= end) timing.buckets[i] = (timing.buckets[i] ?? 0) + 1;
}
function metricsApi(core) {
  return [
    admin("GET", "/metrics", () => ({
      status: 200,
      headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
      text: [...stateOf(core), ...processMetrics(), ...requestMetrics(core)].join("\n") + "\n"
    }))
  ];
}
var counted2 = object({ label: string(), n: number() });
function stateOf(core) {
  const by = (sql) => core.store.all(counted2, sql);
  const bytes = core.store.count(`SELECT coalesce(sum(size), 0) AS n FROM artifact`);
  return [
    ...family(
      "drover_devices",
      "gauge",
      "Devices by how they stand with the server.",
      by(`SELECT status AS label, count(*) AS n FROM device GROUP BY status`).map(({ label, n }) => ({
        labels: { status: label },
        value: n
      }))
    ),
    ...family(
      "drover_deployments",
      "gauge",
      "Deployments that are open and that have ended.",
      by(
        `SELECT iif(finished IS NULL, 'open', 'finished') AS label, count(*) AS n FROM deployment GROUP BY 1`
      ).map(({ label, n }) => ({ labels: { state: label }, value: n }))
    ),
    ...family(
      "drover_deployment_devices",
      "gauge",
      "Devices of deployments by how each stands there.",
      by(`SELECT status AS label, count(*) AS n FROM target GROUP BY status`).map(({ label, n }) => ({
        labels: { status: label },
        value: n
      }))
    ),
    ...family("drover_artifacts", "gauge", "Artifacts that are stored.", [
      { labels: {}, value: core.store.count(`SELECT count(*) AS n FROM artifact`) }
    ]),
    ...family("drover_artifact_bytes", "gauge", "Size of all artifacts together.", [
      { labels: {}, value: bytes }
    ])
  ];
}
function processMetrics() {
  const startedAt = Date.now() / 1e3 - process.uptime();
  return [
    ...family("process_start_time_seconds", "gauge", "When the server started, seconds since 1970.", [
      { labels: {}, value: Math.round(startedAt) }
    ]),
    ...family("process_resident_memory_bytes", "gauge", "Memory that the server has.", [
      { labels: {}, value: process.memoryUsage.rss() }
    ]),
    ...family("process_cpu_seconds_total", "counter", "Time that the server computed.", [
      { labels: {}, value: (process.cpuUsage().user + process.cpuUsage().system) / 1e6 }
    ])
  ];
}
function requestMetrics(core) {
  const name2 = "drover_http_request_seconds";
  const samples = [...requests.get(core) ?? []].flatMap(([kind, { count, sumS, buckets }]) => {
    const [access = "", status = ""] = kind.split(" ");
    const labels = { access, status };
    return [
      ...bucketsS.map((end, i) => sample(`${name2}_bucket`, { ...labels, le: String(end) }, buckets[i] ?? 0)),
      sample(`${name2}_bucket`, { ...labels, le: "+Inf" }, count),
      sample(`${name2}_sum`, labels, sumS),
      sample(`${name2}_count`, labels, count)
    ];
  });
  return [
    `# HELP ${name2} How long requests took, by who asked and the class of the answer.`,
    `# TYPE ${name2} histogram`,
    ...samples
  ];
}
function family(name2, type, help, samples) {
  return [
    `# HELP ${name2} ${help}`,
    `# TYPE ${name2} ${type}`,
    ...samples.map(({ labels, value }) => sample(name2, labels, value))
  ];
}
function sample(name2, labels, value) {
  const list3 = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
  return `${name2}${list3.length > 0 ? `{${list3.join(",")}}` : ""} ${value}`;
}

// src/server/tls.ts
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join as join3 } from "node:path";
async function readTls(dataDir, host) {
  const [certFile, keyFile] = [join3(dataDir, "tls.crt"), join3(dataDir, "tls.key")];
  const [cert, key] = [await textOf2(certFile), await textOf2(keyFile)];
  if (cert === void 0 && key === void 0) {
    if (isLoopback(host)) return void 0;
    const what = `${host} can be reached from other machines, so tokens need TLS there`;
    throw new Failure("bad-input", `${what}: put a certificate into ${certFile} and its key into ${keyFile}`);
  }
  if (cert === void 0 || key === void 0) {
    throw new Failure(
      "bad-key",
      `${cert === void 0 ? certFile : keyFile} is missing: the other one is there`
    );
  }
  if (!isPair(cert, key, certFile, keyFile)) {
    throw new Failure("bad-key", `${keyFile} is not the key of the certificate in ${certFile}`);
  }
  return { cert, key };
}
function urlOf(host, port, isSecure) {
  const name2 = ["0.0.0.0", "::"].includes(host) ? hostname() : host.includes(":") ? `[${host}]` : host;
  return `${isSecure ? "https" : "http"}://${name2}:${port}`;
}
function isLoopback(host) {
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) || ["::1", "localhost"].includes(host);
}
function isPair(cert, key, certFile, keyFile) {
  const read2 = (file, what, work) => {
    try {
      return work();
    } catch {
      throw new Failure("bad-key", `${file} holds no ${what} that can be read (PEM, without a passphrase)`);
    }
  };
  const certificate = read2(certFile, "certificate", () => new X509Certificate(cert));
  return certificate.checkPrivateKey(read2(keyFile, "key", () => createPrivateKey(key)));
}
async function textOf2(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return void 0;
    throw new Failure("bad-key", `can't read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

// src/server/user-api.ts
var base3 = "/api/management/v1/useradm";
var maxExpiresInS = 31536e3;
var never = "9999-12-31T23:59:59.000Z";
var tokenSchema = object({
  name: pipe(string(), nonEmpty(), maxLength(256)),
  expires_in: optional(pipe(number(), integer(), minValue(0), maxValue(maxExpiresInS)), 0),
  /** Ours alone: such a token can order and change nothing. */
  read_only: optional(boolean(), false)
});
function userApi(core) {
  return [
    open("POST", `${base3}/auth/login`, (exchange) => login(core, exchange)),
    admin("POST", `${base3}/auth/logout`, (exchange) => {
      const bearer = read(core, bearerIn(exchange));
      if (bearer?.kind === "user") endLogin(core, bearer.login, bearer.expires);
      return { status: 202 };
    }),
    admin("POST", `${base3}/settings/tokens`, async (exchange) => {
      const { name: name2, expires_in, read_only } = await exchange.json(tokenSchema);
      const token = addToken(core, { name: name2, expiresInS: expires_in, isReadOnly: read_only });
      core.log.info(`a token for the management API was made${read_only ? ", for reading only" : ""}`);
      return { status: 200, headers: { "Content-Type": "application/jwt" }, text: token };
    }),
    admin("GET", `${base3}/settings/tokens`, () => ({
      status: 200,
      json: listTokens(core).map(({ id, name: name2, created: created2, expires, last_used, is_read_only }) => ({
        id,
        name: name2,
        created_ts: created2,
        expiration_date: expires ?? never,
        ...last_used === null ? {} : { last_used },
        read_only: is_read_only === 1
      }))
    })),
    admin("DELETE", `${base3}/settings/tokens/:id`, (exchange) => {
      removeToken(core, exchange.param("id"));
      return { status: 204 };
    })
  ];
}
function login(core, exchange) {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(exchange.header("authorization") ?? "");
  const [user, ...password] = Buffer.from(match?.[1] ?? "", "base64").toString("utf8").split(":");
  const isRight = isSame(password.join(":"), core.secrets.token);
  if (user !== "admin" || !isRight) throw new Refusal(401, "unauthorized");
  const token = issueToken(core.secrets.signingKey, { kind: "user" }, newId(), /* @__PURE__ */ new Date());
  return { status: 200, headers: { "Content-Type": "application/jwt" }, text: token };
}

// src/server/start-server.ts
var graceMs = 3e3;
async function startServer(options) {
  const { dataDir, log = silentLog } = options;
  const store2 = await prepare(dataDir);
  try {
    const files = new ArtifactFiles(join4(dataDir, "artifacts"));
    await files.prepare(new Set(digestsIn(store2)));
    const secrets = await openSecrets(dataDir);
    const accept = options.accept ?? "none";
    const maxArtifactBytes = options.maxArtifactBytes ?? 10 * 2 ** 30;
    const core = { store: store2, files, secrets, log, accept, maxArtifactBytes };
    const host = options.host ?? "127.0.0.1";
    const tls = await readTls(dataDir, host);
    const server = createListener({
      answer: router(routes(core), gate(core)),
      log,
      tls,
      limits: options.limits,
      onAnswered: (access, status, seconds2) => countRequest(core, access, status, seconds2)
    });
    const port = await listen(server, options.port ?? 0, host);
    if (accept === "all") log.warn("every device that asks is accepted: for laboratories only");
    const close = once(async () => {
      await stop(server);
      store2.close();
    });
    return { url: urlOf(host, port, tls !== void 0), token: secrets.token, close };
  } catch (error) {
    store2.close();
    throw storageFailure(error, dataDir);
  }
}
function routes(core) {
  return [
    open("GET", "/healthz", () => ({ status: 200, json: { status: "ok" } })),
    ...userApi(core),
    ...metricsApi(core),
    ...deviceApi(core),
    ...deviceManagementApi(core),
    ...inventoryApi(core),
    ...artifactApi(core),
    ...deploymentApi(core)
  ];
}
async function prepare(dataDir) {
  try {
    await mkdir2(dataDir, { recursive: true, mode: 448 });
    const path = join4(dataDir, "ota.sqlite");
    const store2 = openStore(path);
    for (const name2 of [path, `${path}-wal`]) await chmod(name2, 384);
    return store2;
  } catch (error) {
    const isForbidden = hasCode(error, "EACCES") || hasCode(error, "EPERM") || hasCode(error, "EROFS");
    if (!isForbidden) throw storageFailure(error, dataDir);
    throw new Failure("missing-rights", `can't write to ${dataDir}: ${messageOf(error)}`, { cause: error });
  }
}
function digestsIn(store2) {
  return store2.all(object({ sha256: string() }), `SELECT DISTINCT sha256 FROM artifact`).map(({ sha256 }) => sha256);
}
async function listen(server, port, host) {
  try {
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const isTaken = ["EADDRINUSE", "EACCES", "EADDRNOTAVAIL"].some((code) => hasCode(error, code));
    if (!isTaken) throw error;
    const message = `can't listen on ${host}, port ${port}: ${messageOf(error)}. Give another port, or 0 for a free one`;
    throw new Failure("bad-input", message, { cause: error });
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
async function stop(server) {
  const closed = new Promise((resolve) => server.close(() => resolve()));
  const hurry = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(hurry);
}
function once(work) {
  let done;
  return () => done ??= work();
}

export {
  startServer
};
