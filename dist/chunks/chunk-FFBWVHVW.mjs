import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  inspectArtifact
} from "./chunk-OCPNMXBO.mjs";
import {
  Failure,
  array,
  custom,
  description,
  hasCode,
  isLoopback,
  launch,
  length,
  nullable,
  nullish,
  number,
  object,
  optional,
  parse,
  parseJson,
  picklist,
  pipe,
  record,
  safeParse,
  stopProcess,
  string,
  toLowerCase,
  url,
  writeAtomically
} from "./chunk-J6UCEAK3.mjs";

// src/simulator/random.ts
import { createHash } from "node:crypto";
var Random = class {
  #state;
  /** `parts` together are the seed: the same parts give the same numbers. */
  constructor(...parts) {
    const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
    this.#state = new Uint32Array([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)));
  }
  /** From 0 up to, and without, 1. */
  next() {
    let [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const sum = a + b + d | 0;
    d = d + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + sum;
    this.#state = new Uint32Array([a, b, c, d]);
    return (sum >>> 0) / 2 ** 32;
  }
  /** Between `from` and `to`. */
  between(from, to) {
    return from + this.next() * (to - from);
  }
};

// src/simulator/faults.ts
var faults = {
  asleep: "sleeps for hours between some of its polls",
  "download-cut": "loses the connection in the middle of a download and goes on where it was",
  "install-fails": "says failure while installing, and sends its log",
  "rolls-back": "comes back from the reboot on its old release, says failure, and sends its log",
  "rolls-back-silently": "comes back on its old release, and its word of that is lost",
  "power-lost@downloading": "loses power while downloading, comes back later and starts again",
  "power-lost@installing": "loses power while installing, and says failure when it is back",
  "power-lost@rebooting": "loses power while rebooting, and succeeds when it is back",
  "old-facts": "says success and goes on reporting its old release",
  "gone-a-week": "reports once, is silent for a week, and comes back"
};
var faultSchema = custom(
  (value) => typeof value === "string" && isFault(value),
  "it is no fault"
);
function parseFaults(text) {
  const problems = [];
  const shares = /* @__PURE__ */ new Map();
  for (const item of text.split(/[,\n]/).map((part) => part.trim()).filter(Boolean)) {
    const [name = "", percent] = item.split("=").map((part) => part.trim());
    const share = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(percent ?? "")?.[1];
    if (!isFault(name)) problems.push(`"${name}" is no fault`);
    else if (share === void 0 || Number(share) > 100)
      problems.push(`"${item}" needs a share, such as ${name}=5%`);
    else if (shares.has(name)) problems.push(`${name} is there twice`);
    else shares.set(name, Number(share) / 100);
  }
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0);
  if (total > 1 + 1e-9)
    problems.push(`the shares are ${Math.round(total * 100)} % together; a device has one fault at most`);
  if (problems.length > 0) {
    throw new Failure(
      "bad-input",
      `faults: ${problems.join("; ")}. There are ${Object.keys(faults).join(", ")}`
    );
  }
  return [...shares].map(([fault, share]) => ({ fault, share }));
}
function assignFaults(count, shares, seed) {
  const assigned = Array.from({ length: count });
  const order2 = Array.from({ length: count }, (_, index) => ({
    index,
    place: new Random(seed, "fault", index).next()
  }));
  order2.sort((a, b) => a.place - b.place);
  let at = 0;
  for (const { fault, share } of shares) {
    const wanted = share === 0 ? 0 : Math.max(1, Math.round(share * count));
    for (const { index } of order2.slice(at, at + wanted)) assigned[index] = fault;
    at += wanted;
  }
  return assigned;
}
function isFault(name) {
  return Object.hasOwn(faults, name);
}

// src/simulator/crowd-report.ts
var standings = ["starting", "waiting", "idle", "asleep", "updating", "dark", "stopped"];
var counts = record(string(), number());
var crowdReportSchema = object({
  startedAt: string(),
  at: string(),
  hours: pipe(number(), description("Hours that passed for the devices.")),
  seed: string(),
  devices: number(),
  standing: counts,
  releases: pipe(counts, description("How many devices really run each release.")),
  outcomes: pipe(counts, description("How updates ended, all devices together.")),
  faults: pipe(counts, description("How many devices have each fault.")),
  errors: pipe(number(), description("Calls that broke or that the server refused.")),
  downloadedBytes: number(),
  list: array(
    object({
      device: string(),
      id: string(),
      deviceType: string(),
      release: string(),
      standing: picklist(standings),
      fault: nullable(faultSchema),
      outcomes: array(string())
    })
  )
});
function reportOf(devices, facts) {
  const elapsedMs = facts.now.getTime() - facts.startedAt.getTime();
  return {
    startedAt: facts.startedAt.toISOString(),
    at: facts.now.toISOString(),
    hours: elapsedMs * facts.speed / 36e5,
    seed: facts.seed,
    devices: devices.length,
    standing: counted(devices.map(({ standing }) => standing)),
    releases: counted(devices.map(({ release }) => release)),
    outcomes: counted(devices.flatMap(({ outcomes }) => outcomes)),
    faults: counted(devices.flatMap(({ setup: { fault } }) => fault === void 0 ? [] : [fault])),
    errors: devices.reduce((sum, { errors }) => sum + errors, 0),
    downloadedBytes: facts.bytes,
    list: devices.map(({ setup, id, release, standing, outcomes }) => ({
      device: setup.name,
      id,
      deviceType: setup.deviceType,
      release,
      standing,
      fault: setup.fault ?? null,
      outcomes: [...outcomes]
    }))
  };
}
function reportLines(report) {
  const list = (counts2) => Object.entries(counts2).map(([name, count]) => `${name} ${count}`).join(", ") || "none";
  return [
    `${report.devices} devices, ${report.hours.toFixed(1)} hours of theirs, seed ${report.seed}`,
    `standing: ${list(report.standing)}`,
    `releases: ${list(report.releases)}`,
    `updates ended: ${list(report.outcomes)}`,
    `faults: ${list(report.faults)}`,
    `${report.errors} calls broke; ${(report.downloadedBytes / 1e6).toFixed(1)} MB downloaded`
  ];
}
function counted(values) {
  const counts2 = {};
  for (const value of values) counts2[value] = (counts2[value] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts2).sort(([a], [b]) => a < b ? -1 : 1));
}

// src/simulator/crowd.ts
import { createHash as createHash4 } from "node:crypto";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

// src/simulator/downloads.ts
import { createHash as createHash2 } from "node:crypto";
var Downloads = class {
  bytes = 0;
  #known = /* @__PURE__ */ new Map();
  /**
   * Downloads an artifact to its end, from `offset` on where it was cut before. With `cutAfter` the connection is dropped
   * after so many bytes, and that is where the device stands: a number.
   */
  async fetch(connection, offer, { offset = 0, cutAfter } = {}) {
    const reply = await connection.download(offer.uri, offset);
    const counted2 = this.#counted(reply);
    if (cutAfter !== void 0) return await cut(counted2, cutAfter);
    const known = this.#known.get(offer.content);
    if (known === void 0 && offset === 0) {
      const info = offer.sha256 === void 0 ? await inspectArtifact(counted2) : await bundleOf(counted2, { ...offer, sha256: offer.sha256 });
      this.#known.set(offer.content, info);
      return info;
    }
    for await (const _ of counted2) ;
    return known ?? this.fetch(connection, offer);
  }
  async *#counted(source) {
    for await (const chunk of source) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
};
async function bundleOf(source, offer) {
  const hash = createHash2("sha256");
  for await (const chunk of source) hash.update(chunk);
  if (hash.digest("hex") !== offer.sha256) throw new Error("the download has another checksum");
  const nothing = { deviceTypes: [], depends: {}, provides: {}, clearsProvides: [] };
  return { format: "rauc", name: offer.release, ...nothing };
}
async function cut(source, after) {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes >= after) break;
  }
  return bytes;
}

// src/simulator/device-api.ts
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
var deadlineMs = 6e4;
var maxReplyBytes = 1 << 20;
async function request({ agent, signal }, { method, url: url2, headers, body }) {
  const make = url2.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request2 = make(url2, { method, headers, agent, signal, timeout: deadlineMs }, resolve);
    request2.on("timeout", () => request2.destroy(new Error("no answer in time")));
    request2.on("error", reject);
    if (body !== void 0) request2.write(body);
    request2.end();
  });
}
async function send(sockets, sent) {
  const reply = await request(sockets, sent);
  const pieces = [];
  let bytes = 0;
  for await (const piece of reply) {
    bytes += piece.length;
    if (bytes > maxReplyBytes) throw new Error(`${sent.method} ${sent.url.pathname} answers without end`);
    pieces.push(piece);
  }
  return { status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString("utf8") };
}
async function openDownload(sockets, url2, offset, headers = {}) {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const reply = await request(sockets, { method: "GET", url: url2, headers: { ...headers, ...range } });
  if (reply.statusCode === (offset > 0 ? 206 : 200)) return reply;
  reply.destroy();
  throw new Error(`the download answers ${reply.statusCode}`);
}

// src/simulator/hawkbit-connection.ts
var link = nullish(object({ href: pipe(string(), url()) }));
var poll = object({
  _links: nullish(object({ configData: link, deploymentBase: link, cancelAction: link }), {})
});
var order = object({
  id: string(),
  deployment: object({
    chunks: pipe(
      array(
        object({
          name: string(),
          artifacts: pipe(
            array(
              object({
                filename: string(),
                hashes: object({ sha256: pipe(string(), toLowerCase()) }),
                _links: object({ download: link, "download-http": link })
              })
            ),
            length(1, "an update has one file")
          )
        })
      ),
      length(1, "an update has one module")
    )
  })
});
var cancel = object({ cancelAction: object({ stopId: string() }) });
var executions = {
  downloading: ["download", "none"],
  installing: ["proceeding", "none"],
  rebooting: ["proceeding", "none"],
  success: ["closed", "success"],
  "already-installed": ["closed", "success"],
  failure: ["closed", "failure"]
};
var [maxMessage, maxMessages] = [500, 50];
var HawkbitConnection = class {
  #options;
  #base;
  #links = {};
  isAuthorized = false;
  constructor(options) {
    this.#options = options;
    this.#base = `${options.url}/controller/v1/${encodeURIComponent(options.id)}`;
  }
  async authorize() {
    const { status } = await this.#send("GET", this.#base);
    this.isAuthorized = status === 200;
    return this.isAuthorized ? this.#options.id : void 0;
  }
  /** Nothing: the token stays the same. */
  forget() {
  }
  async report(attributes) {
    const { _links } = await this.#read(this.#base, poll);
    this.#links = _links;
    if (!_links?.configData) return false;
    await this.#call("PUT", _links.configData.href, { mode: "replace", data: attributes });
    return true;
  }
  /** What the report's poll has offered; an order that is taken back is let go of. */
  async next() {
    const { cancelAction, deploymentBase } = this.#links ?? {};
    this.#links = {};
    if (cancelAction) {
      const { cancelAction: stopped } = await this.#read(cancelAction.href, cancel);
      await this.#feedback(cancelAction.href, stopped.stopId, ["closed", "success"], ["cancelled"]);
      return void 0;
    }
    if (!deploymentBase) return void 0;
    const { id, deployment } = await this.#read(deploymentBase.href, order);
    const [chunk] = deployment.chunks;
    const [file] = chunk?.artifacts ?? [];
    const uri = (file?._links.download ?? file?._links["download-http"])?.href;
    if (!chunk || !file || uri === void 0) throw new Error("the order has no file");
    const { sha256 } = file.hashes;
    const isBundle = file.filename.endsWith(".raucb");
    return { id, release: chunk.name, uri, content: sha256, ...isBundle ? { sha256 } : {} };
  }
  async status(id, status) {
    return this.#feedback(this.#order(id), id, executions[status] ?? ["proceeding", "none"], [status]);
  }
  async fail(id, log) {
    const lines = log.slice(-maxMessages).map(({ message }) => message.slice(0, maxMessage));
    await this.#feedback(this.#order(id), id, ["closed", "failure"], lines);
  }
  async download(uri, offset) {
    return openDownload(this.#options, new URL(uri), offset, this.#headers());
  }
  #order(id) {
    return `${this.#base}/deploymentBase/${encodeURIComponent(id)}`;
  }
  /** False where the server has closed the order meanwhile. */
  async #feedback(href, id, [execution, finished], details) {
    const status = { execution, result: { finished }, details };
    const url2 = `${href.replace(/\?.*$/, "")}/feedback`;
    return await this.#call("POST", url2, { id, status }, [404, 410]) < 300;
  }
  async #read(url2, schema) {
    const { status, text } = await this.#send("GET", url2);
    if (status === 200) return parse(pipe(string(), parseJson(), schema), text);
    throw this.#refused("GET", url2, status);
  }
  async #call(method, url2, json, alsoTaken = []) {
    const { status } = await this.#send(method, url2, JSON.stringify(json));
    if (status >= 200 && status < 300 || alsoTaken.includes(status)) return status;
    throw this.#refused(method, url2, status);
  }
  #refused(method, url2, status) {
    if (status === 401) this.isAuthorized = false;
    return new Error(`${method} ${new URL(url2).pathname} answers ${status}`);
  }
  async #send(method, url2, body) {
    const headers = { ...this.#headers(), "content-type": "application/json" };
    return send(this.#options, { method, url: new URL(url2), headers, body });
  }
  #headers() {
    return {
      authorization: `GatewayToken ${this.#options.gatewayToken}`,
      accept: "application/json, application/octet-stream"
    };
  }
};

// src/simulator/mender-connection.ts
import { createHash as createHash3, createPrivateKey, createPublicKey, sign } from "node:crypto";
var offerSchema = object({
  id: string(),
  artifact: object({ artifact_name: string(), source: object({ uri: pipe(string(), url()) }) })
});
var MenderConnection = class {
  #options;
  #key;
  #token = "";
  constructor(options) {
    this.#options = options;
    this.#key = ed25519Of(options.keySeed);
  }
  get isAuthorized() {
    return this.#token !== "";
  }
  async authorize() {
    const body = `${JSON.stringify({
      id_data: JSON.stringify(this.#options.identity),
      tenant_token: "",
      pubkey: createPublicKey(this.#key).export({ type: "spki", format: "pem" })
    })}
`;
    const { status, text } = await this.#send("POST", "/authentication/auth_requests", body, {
      "content-length": String(Buffer.byteLength(body)),
      "x-men-signature": sign(null, Buffer.from(body), this.#key).toString("base64"),
      authorization: "Bearer"
    });
    this.#token = status === 200 ? text.trim() : "";
    return this.#token === "" ? void 0 : subjectOf(this.#token);
  }
  /** The client drops its token between installing and committing, and asks for another. */
  forget() {
    this.#token = "";
  }
  async report(attributes) {
    const all = { ...attributes, mender_client_version: "3.4.0" };
    const list = Object.entries(all).map(([name, value]) => ({ name, value }));
    await this.#call("PUT", "/inventory/device/attributes", list, [200]);
    return true;
  }
  async next(provides) {
    const { status, text } = await this.#call(
      "POST",
      "/deployments/device/deployments/next",
      provides,
      [200, 204]
    );
    if (status === 204) return void 0;
    const { id, artifact } = parse(pipe(string(), parseJson(), offerSchema), text);
    const { uri } = artifact.source;
    const { origin, pathname } = new URL(uri);
    return { id, release: artifact.artifact_name, uri, content: `${origin}${pathname}` };
  }
  async status(id, status) {
    return (await this.#call("PUT", pathOf(id, "status"), { status }, [204, 409])).status === 204;
  }
  async fail(id, messages) {
    await this.status(id, "failure");
    await this.#call("PUT", pathOf(id, "log"), { messages }, [204]);
  }
  /** The address is the secret, no token goes there. */
  async download(uri, offset) {
    return openDownload(this.#options, new URL(uri), offset);
  }
  async #call(method, path, json, accepted) {
    const reply = await this.#send(method, path, JSON.stringify(json), {
      authorization: `Bearer ${this.#token}`
    });
    if (accepted.includes(reply.status)) return reply;
    if (reply.status === 401) this.#token = "";
    throw new Error(`${method} ${path} answers ${reply.status}`);
  }
  async #send(method, path, body, headers) {
    const url2 = new URL(`${this.#options.url}/api/devices/v1${path}`);
    const sent = { method, url: url2, body, headers: { "content-type": "application/json", ...headers } };
    return send(this.#options, sent);
  }
};
function pathOf(deployment, what2) {
  return `/deployments/device/deployments/${encodeURIComponent(deployment)}/${what2}`;
}
function ed25519Of(seed) {
  const head = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = createHash3("sha256").update(seed).digest();
  return createPrivateKey({ key: Buffer.concat([head, key]), format: "der", type: "pkcs8" });
}
function subjectOf(token) {
  const schema = pipe(string(), parseJson(), object({ sub: string() }));
  const claims = safeParse(schema, Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
  return claims.success ? claims.output.sub : "";
}

// src/simulator/simulated-device.ts
var minute = 6e4;
var hour = 60 * minute;
var SimulatedDevice = class {
  standing = "starting";
  /** The server's id of it, once it was let in. */
  id = "";
  /** What it really runs; with the fault `old-facts` it reports another. */
  release;
  /** How its updates ended, oldest first. */
  outcomes = [];
  /** Calls that broke. */
  errors = 0;
  setup;
  #provides;
  #reported = "";
  #isFaultSpent = false;
  #isDeaf = false;
  constructor(setup) {
    this.setup = setup;
    this.release = setup.release;
    this.#provides = provided(setup.release);
  }
  async run() {
    const { signal, random, pollMs, wait } = this.setup;
    try {
      await wait(random.next() * pollMs);
      while (!signal.aborted) {
        await this.#poll().catch((error) => {
          signal.throwIfAborted();
          this.errors++;
          this.setup.tell("broken", error instanceof Error ? error.message : String(error));
        });
        await this.#rest();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.standing = "stopped";
    }
  }
  async #rest() {
    const { fault, pollMs, random, wait } = this.setup;
    if (fault === "asleep" && random.next() < 0.3)
      return this.#away("asleep", random.between(hour, 12 * hour));
    if (fault === "gone-a-week" && this.id !== "" && this.#spendFault())
      return this.#away("dark", 7 * 24 * hour);
    await wait(pollMs * random.between(0.9, 1.1));
  }
  async #away(standing, ms) {
    const before = this.standing;
    this.standing = standing;
    this.setup.tell(standing, `for ${(ms / hour).toFixed(1)} h`);
    await this.setup.wait(ms);
    this.standing = before;
    this.setup.tell("back");
  }
  async #poll() {
    if (!await this.#authorize()) return;
    const { connection, deviceType, attributes } = this.setup;
    const isNews = await connection.report({ ...attributes, ...this.#provides, device_type: deviceType });
    const reported = this.#provides["rootfs-image.version"] ?? "";
    if (isNews && reported !== this.#reported) this.setup.tell("reports", reported);
    if (isNews) this.#reported = reported;
    if (this.#isDeaf) return;
    const offer = await connection.next({ ...this.#provides, device_type: deviceType });
    if (offer) await this.#update(offer).finally(() => this.standing = "idle");
  }
  async #authorize() {
    const { connection, tell } = this.setup;
    if (connection.isAuthorized) return true;
    const id = await connection.authorize();
    if (id === void 0) {
      if (this.standing !== "waiting") tell("waiting", "to be accepted");
      this.standing = "waiting";
      return false;
    }
    if (this.id === "") tell("accepted");
    this.id = id;
    if (this.standing !== "updating") this.standing = "idle";
    return true;
  }
  async #update(offer) {
    const { connection, fault, random, wait } = this.setup;
    this.standing = "updating";
    if (offer.release === this.#provides["artifact_name"]) {
      await this.#say(offer, "already-installed");
      return;
    }
    if (!await this.#say(offer, "downloading")) return this.#end("aborted");
    const info = await this.#download(offer);
    if (info === void 0) return;
    const refusal = this.#refusal(info);
    if (refusal !== void 0) return this.#fail(offer, refusal);
    if (!await this.#say(offer, "installing")) return this.#end("aborted");
    await wait(random.between(minute, 5 * minute));
    if (fault === "power-lost@installing" && this.#spendFault()) {
      await this.#away("dark", random.between(5 * minute, hour));
      return this.#fail(offer, "the device lost power while installing");
    }
    if (fault === "install-fails") return this.#fail(offer, "write error: no space left on device");
    if (!await this.#say(offer, "rebooting")) return this.#end("aborted");
    await wait(random.between(minute, 3 * minute));
    connection.forget();
    await this.#afterReboot(offer, info);
  }
  /** Undefined where the power went: the same offer comes again. */
  async #download(offer) {
    const { connection, downloads, fault, random, wait } = this.setup;
    if (fault === "power-lost@downloading" && this.#spendFault()) {
      await downloads.fetch(connection, offer, { cutAfter: 1 });
      await this.#away("dark", random.between(5 * minute, hour));
      return void 0;
    }
    let offset = 0;
    if (fault === "download-cut" && this.#spendFault()) {
      const stands = await downloads.fetch(connection, offer, { cutAfter: 1 });
      offset = typeof stands === "number" ? stands : 0;
      this.setup.tell("cut", `after ${offset} bytes`);
      await wait(minute);
    }
    const info = await downloads.fetch(connection, offer, { offset });
    return typeof info === "number" ? void 0 : info;
  }
  async #afterReboot(offer, info) {
    const { fault, random } = this.setup;
    if (fault === "rolls-back-silently") {
      this.#isDeaf = true;
      return this.#end("lost");
    }
    if (fault === "power-lost@rebooting" && this.#spendFault()) {
      await this.#away("dark", random.between(5 * minute, hour));
    }
    if (!await this.#authorize()) return this.#end("lost");
    if (fault === "rolls-back")
      return this.#fail(offer, "ArtifactCommit_Enter_00_health-check: exit status 1");
    const has = installed(this.#provides, info);
    this.release = has["rootfs-image.version"] ?? info.name;
    if (fault !== "old-facts") this.#provides = has;
    await this.#say(offer, "success");
    this.#end("success");
  }
  /** What the client refuses before it installs. */
  #refusal(info) {
    const { deviceType } = this.setup;
    if (info.deviceTypes.length > 0 && !info.deviceTypes.includes(deviceType)) {
      return `image (device types [${info.deviceTypes.join(" ")}]) not compatible with device ${deviceType}`;
    }
    const unmet = Object.entries(info.depends).find(
      ([key, values]) => key !== "device_type" && ![values].flat().includes(this.#provides[key] ?? "")
    );
    return unmet && `Artifact dependency "${unmet[0]}" not satisfied`;
  }
  async #fail(offer, why) {
    const { connection, now, tell } = this.setup;
    tell("failing", why);
    await this.#authorize();
    tell("failure", offer.release);
    const message = (level, text) => ({
      level,
      message: text,
      timestamp: now().toISOString()
    });
    await connection.fail(offer.id, [message("info", `Updating to ${offer.release}`), message("error", why)]);
    this.#end("failure");
  }
  /** False where the server has aborted the deployment. */
  async #say(offer, status) {
    this.setup.tell(status, offer.release);
    return this.setup.connection.status(offer.id, status);
  }
  #end(outcome) {
    this.outcomes.push(outcome);
    this.setup.tell("ended", outcome);
  }
  #spendFault() {
    const isFresh = !this.#isFaultSpent;
    this.#isFaultSpent = true;
    return isFresh;
  }
};
function provided(release) {
  return { artifact_name: release, "rootfs-image.version": release };
}
function installed(before, info) {
  const clears = (key) => info.clearsProvides.some(
    (pattern) => pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern
  );
  const kept = Object.entries(before).filter(([key]) => !clears(key));
  return { ...Object.fromEntries(kept), ...info.provides, ...saidByImage(info) };
}
function saidByImage({ format, name, provides }) {
  if (format === "mender") return {};
  const configuration = provides["mender-configure.version"];
  return configuration === void 0 ? provided(name) : { configuration };
}

// src/simulator/crowd.ts
var maxSockets = 256;
var crowdServers = ["mender", "hawkbit"];
function startCrowd(options, context) {
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, context.signal]);
  const agent = agentFor(options.url);
  const startedAt = context.clock.now();
  const shared = { options, context, signal, agent, downloads: new Downloads() };
  const devices = setUp(shared);
  const running = Promise.all(devices.map((device) => device.run()));
  running.catch(() => {
  });
  return {
    report: () => reportOf(devices, { startedAt, now: context.clock.now(), bytes: shared.downloads.bytes, ...options }),
    stop: async () => {
      controller.abort();
      await running;
      agent.destroy();
    }
  };
}
function agentFor(url2) {
  const settings = {
    keepAlive: true,
    maxSockets,
    scheduling: "fifo",
    ...isLoopback(new URL(url2).hostname) ? {} : { proxyEnv: process.env }
  };
  return url2.startsWith("https:") ? new HttpsAgent(settings) : new HttpAgent(settings);
}
function setUp(shared) {
  const { options } = shared;
  const types = Object.entries(options.deviceTypes).flatMap(
    ([type, count]) => Array.from({ length: count }, () => type)
  );
  const faults2 = assignFaults(types.length, options.faults, options.seed);
  return types.map((deviceType, index) => newDevice(shared, index, deviceType, faults2[index]));
}
function newDevice(shared, index, deviceType, fault) {
  const { options, context, signal, downloads } = shared;
  const { seed, release, attributes, pollMs, speed, onEvent } = options;
  const name = `sim-${options.seed}-${String(index + 1).padStart(5, "0")}`;
  const random = new Random(seed, "device", index);
  const clockErrorMs = random.next() < 0.05 ? -context.clock.now().getTime() : random.between(-12e4, 12e4);
  return new SimulatedDevice({
    name,
    deviceType,
    release,
    attributes: { serial_number: name, ...attributes },
    pollMs,
    fault,
    random,
    downloads,
    signal,
    connection: connect(shared, index, name),
    wait: (ms) => context.clock.sleep(ms / speed, signal),
    now: () => new Date(context.clock.now().getTime() + clockErrorMs),
    tell: (event, detail) => onEvent?.({
      at: context.clock.now().toISOString(),
      device: name,
      event,
      ...detail === void 0 ? {} : { detail }
    })
  });
}
function connect({ options, agent, signal }, index, name) {
  const { seed, url: url2, token = "", serverType } = options;
  if (serverType === "hawkbit") {
    return new HawkbitConnection({ url: url2, agent, signal, id: name, gatewayToken: token });
  }
  const keySeed = createHash4("sha256").update(JSON.stringify([seed, "key", index])).digest();
  return new MenderConnection({ url: url2, agent, keySeed, identity: { serial: name }, signal });
}

// src/simulator/launch-crowd.ts
import { lstat, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
var what = "the crowd of devices";
var reportName = "report.json";
var tokenVariable = "DROVER_CROWD_TOKEN";
var crowdFile = {
  name: "crowd.json",
  parse: (text) => ({
    ...parse(pipe(string(), parseJson(), optionsSchema), text),
    token: process.env[tokenVariable]
  })
};
var optionsSchema = object({
  url: string(),
  serverType: optional(picklist(crowdServers)),
  deviceTypes: record(string(), number()),
  release: string(),
  attributes: record(string(), string()),
  faults: array(object({ fault: faultSchema, share: number() })),
  seed: string(),
  pollMs: number(),
  speed: number()
});
var fileSchema = object({
  process: object({ pid: number(), startTime: string() }),
  report: crowdReportSchema
});
async function launchCrowd(options, place, context) {
  const { folder, script, onStarted } = place;
  const report = join(folder, reportName);
  const logFile = join(folder, "crowd.log");
  await mkdir(folder, { recursive: true });
  if ((await lstat(folder)).isSymbolicLink())
    throw new Failure("bad-input", `${folder} is a link, and nothing is kept behind one: remove it`);
  await rm(report, { force: true });
  const { onEvent: _, token, ...told } = options;
  await writeAtomically(join(folder, crowdFile.name), `${JSON.stringify(told, void 0, 2)}
`);
  const { pid, startTime } = await launch(
    {
      what,
      script,
      args: [folder],
      cwd: folder,
      logFile,
      env: token === void 0 ? void 0 : { [tokenVariable]: token },
      onStarted,
      ready: async (identity) => (await readReport(report))?.process.pid === identity.pid || void 0
    },
    context
  );
  return { pid, startTime, report, logFile };
}
async function endCrowd(identity, folder, context) {
  await stopProcess(identity, what, context);
  return (await readReport(join(folder, reportName)))?.report;
}
async function keepReport(folder, self, report) {
  await writeAtomically(
    join(folder, reportName),
    `${JSON.stringify({ process: self, report }, void 0, 2)}
`
  );
}
async function readReport(path) {
  try {
    return parse(pipe(string(), parseJson(), fileSchema), await readFile(path, "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return void 0;
    throw new Failure("internal", `${path} is not what ${what} writes`, { cause: error });
  }
}

export {
  parseFaults,
  reportLines,
  crowdServers,
  startCrowd,
  crowdFile,
  launchCrowd,
  endCrowd,
  keepReport
};
