import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  cacheFolder,
  hasCode,
  isLoopback,
  lastWords,
  looseObject,
  machineArch,
  markedName,
  messageOf,
  number,
  object,
  openForeign,
  optional,
  parse,
  readText,
  requirePrograms,
  run,
  runOk,
  seconds,
  start,
  storageFailure,
  string,
  sweep,
  temporaryFolder,
  unknown,
  writeAtomically
} from "./chunk-J6UCEAK3.mjs";
import {
  __callDispose,
  __using
} from "./chunk-A3BQXR3L.mjs";

// src/device/virtual-device.ts
import { mkdir as mkdir3, realpath, rename as rename2, rm as rm4, stat as stat3 } from "node:fs/promises";
import { dirname, join as join7 } from "node:path";

// src/device/boot-loader.ts
import { join as join2 } from "node:path";

// src/device/inner-folder.ts
import { constants } from "node:fs";
import { lstat, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
var maxFileBytes = 1 << 20;
async function holdInner(data, name, mode) {
  const outer = await openFolder(data, data);
  try {
    const place = join(pathOf(outer), name);
    await mkdir(place, mode).catch((error) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
    const inner = await openFolder(place, join(data, name));
    if (mode !== void 0) await inner.chmod(mode);
    const path = pathOf(inner);
    return {
      path,
      read: (file) => readFrom(path, file, join(data, name, file)),
      has: (file) => lstat(join(path, file)).then(
        () => true,
        () => false
      ),
      [Symbol.asyncDispose]: () => inner.close()
    };
  } finally {
    await outer.close();
  }
}
var pathOf = ({ fd }) => `/proc/${process.pid}/fd/${fd}`;
async function openFolder(path, shown) {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    throw hasCode(error, "ENOTDIR") || hasCode(error, "ELOOP") ? replaced(shown, "folder", error) : error;
  }
}
async function readFrom(folder, name, shown) {
  try {
    var _stack = [];
    try {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const file = __using(_stack, await open(join(folder, name), flags), true);
      const status = await file.stat();
      if (!status.isFile()) throw replaced(shown, "file");
      if (status.size > maxFileBytes) throw new Failure("invalid-file", `${shown} has ${status.size} bytes`);
      return await file.readFile("utf8");
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return void 0;
    throw hasCode(error, "ELOOP") || hasCode(error, "ENXIO") ? replaced(shown, "file", error) : error;
  }
}
function replaced(path, kind, cause) {
  return new Failure(
    "invalid-file",
    `${path} is no plain ${kind} any more: the virtual device has put something else there. Remove it, or begin with an empty folder`,
    { cause }
  );
}

// src/device/boot-loader.ts
var bootLimit = 1;
var firstVariables = {
  mender_boot_part: "2",
  mender_boot_part_hex: "2",
  upgrade_available: "0",
  bootcount: "0",
  mender_uboot_separator: "1"
};
function nextBoot(variables) {
  const slot = slotOf(variables);
  if (variables["upgrade_available"] !== "1") return { slot, variables, isTrial: false, isFallback: false };
  const count = (Number(variables["bootcount"]) || 0) + 1;
  if (count <= bootLimit) {
    const counted = { ...variables, bootcount: String(count) };
    return { slot, variables: counted, isTrial: true, isFallback: false };
  }
  const other = slot === 2 ? 3 : 2;
  const back = {
    ...variables,
    mender_boot_part: String(other),
    mender_boot_part_hex: other.toString(16),
    upgrade_available: "0",
    bootcount: "0"
  };
  return { slot: other, variables: back, isTrial: false, isFallback: true };
}
function isUnconfirmed(variables) {
  return variables["upgrade_available"] === "1" && (Number(variables["bootcount"]) || 0) > 0;
}
async function readBootVariables(data) {
  var _stack = [];
  try {
    const folder = __using(_stack, await holdInner(data, folderName), true);
    const text = await folder.read(fileName);
    return text === void 0 ? void 0 : bootVariablesOf(text);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function writeBootVariables(data, variables) {
  var _stack = [];
  try {
    const folder = __using(_stack, await holdInner(data, folderName), true);
    await writeAtomically(join2(folder.path, fileName), textOfBootVariables(variables));
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function bootVariablesOf(text) {
  const variables = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) variables[line.slice(0, at)] = line.slice(at + 1);
  }
  return variables;
}
function textOfBootVariables(variables) {
  return Object.entries(variables).map(([name, value]) => `${name}=${value}
`).join("");
}
var [folderName, fileName] = ["boot", "env"];
function slotOf(variables) {
  const named = variables["mender_boot_part"];
  if (named === "2") return 2;
  if (named === "3") return 3;
  throw new Failure(
    "invalid-file",
    `the boot variable mender_boot_part is ${named ?? "not set"}: it can be 2 or 3`
  );
}

// src/device/device-folder.ts
import { generateKeyPair } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir as mkdir2, rename, rm as rm2, stat, truncate, writeFile } from "node:fs/promises";
import { join as join3 } from "node:path";
import { promisify } from "node:util";

// src/device/sparse-copy.ts
import { rm } from "node:fs/promises";
async function copySparsely(from, to, signal) {
  await rm(to, { force: true });
  const words2 = ["--reflink=auto", "--sparse=always", "--", from, to];
  const { code, stderr } = await start("cp", words2, signal ? { signal } : {}).done;
  if (code === 0) return;
  const reason = stderr.includes("No space left") ? "disk-full" : "bad-input";
  throw new Failure(reason, `can't copy ${from} to ${to}: ${stderr.trim()}`);
}

// src/device/device-folder.ts
async function prepareFolder(options, context) {
  check("serial", options.serial);
  check("deviceType", options.deviceType);
  const { folder } = options;
  const data = join3(folder, "data");
  const slots = [join3(folder, "slotA.img"), join3(folder, "slotB.img")];
  try {
    await mkdir2(join3(folder, "root"), { recursive: true });
    await mkdir2(data, { recursive: true });
    if (options.hasSlots === false) context.log.debug(`${folder}: the slots are on a disk`);
    else if (existsSync(slots[0])) context.log.debug(`${folder}: goes on with the slots that are there`);
    else await makeSlots(slots, options, context);
    if (!await readBootVariables(data)) await writeBootVariables(data, firstVariables);
    await writeAtomically(join3(data, "serial"), `${options.serial}
`);
    await (await holdInner(data, "log"))[Symbol.asyncDispose]();
    const hostKey = await writeSshFolder(data, options);
    await writeClientFolder(data, options);
    const setServer = async (url) => {
      var _stack = [];
      try {
        const verify = options.verifyKey === void 0 ? {} : { ArtifactVerifyKey: `/data/mender/${verifyKeyName}` };
        const conf = { ServerURL: url, ...verify };
        const mender = __using(_stack, await holdInner(data, "mender", 448), true);
        await writeAtomically(join3(mender.path, "mender.conf"), `${JSON.stringify(conf)}
`, 384);
      } catch (_) {
        var _error = _, _hasError = true;
      } finally {
        var _promise = __callDispose(_stack, _error, _hasError);
        _promise && await _promise;
      }
    };
    return { slots, data, hostKey, setServer };
  } catch (error) {
    throw storageFailure(error, folder);
  }
}
var verifyKeyName = "artifact-verify-key.pem";
async function writeClientFolder(data, { deviceType, verifyKey }) {
  var _stack = [];
  try {
    const mender = __using(_stack, await holdInner(data, "mender", 448), true);
    if (!await mender.has("mender-agent.pem")) await makeClientKey(join3(mender.path, "mender-agent.pem"));
    await writeAtomically(join3(mender.path, "device_type"), `device_type=${deviceType}
`);
    if (verifyKey !== void 0) await writeAtomically(join3(mender.path, verifyKeyName), verifyKey);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function writeSshFolder(data, { authorizedKey }) {
  var _stack = [];
  try {
    const ssh = __using(_stack, await holdInner(data, "ssh", 448), true);
    if (authorizedKey !== void 0)
      await writeAtomically(join3(ssh.path, "authorized_keys"), `${authorizedKey.trim()}
`, 384);
    return await hostKeyIn(ssh);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function makeSlots(slots, { image, slotBytes }, context) {
  const { size } = await stat(image).catch((error) => {
    throw new Failure("file-missing", `can't read the image ${image}: ${messageOf(error)}`, { cause: error });
  });
  if (slotBytes !== void 0 && slotBytes < size)
    throw new Failure("bad-input", `the image ${image} has ${size} bytes, and a slot only ${slotBytes}`);
  const [a, b] = slots;
  await writeFile(b, "");
  await truncate(b, slotBytes ?? size);
  const temporary = `${a}.tmp`;
  try {
    await copySparsely(image, temporary, context.signal);
    await truncate(temporary, slotBytes ?? size);
    await rename(temporary, a);
  } catch (error) {
    await rm2(temporary, { force: true });
    throw error;
  }
}
async function makeClientKey(path) {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 3072 });
  await writeAtomically(path, privateKey.export({ type: "pkcs1", format: "pem" }), 384);
}
async function hostKeyIn(ssh) {
  const name = "ssh_host_ed25519_key";
  if (!await ssh.has(`${name}.pub`)) {
    const path = join3(ssh.path, name);
    await rm2(path, { force: true });
    await runOk("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], {
      what: "making a host key"
    });
  }
  const [type = "", key = ""] = (await ssh.read(`${name}.pub`) ?? "").split(/\s+/);
  return `${type} ${key}`;
}
function check(name, value) {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value)) return;
  throw new Failure(
    "bad-input",
    `the device's ${name} is "${value}": it can have letters, digits, dots, dashes and underscores, 63 at most`
  );
}

// src/device/folder-lock.ts
import { stat as stat2 } from "node:fs/promises";
import { createServer } from "node:net";
async function lockFolder(folder) {
  const { dev, ino } = await stat2(folder);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const isTaken = hasCode(error, "EADDRINUSE");
      const message2 = `another process runs the virtual device in ${folder}: stop it first, or use another folder`;
      reject(isTaken ? new Failure("device-busy", message2) : error);
    });
    server.listen(`\0drover-virtual-device-${dev}-${ino}`, resolve);
  });
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

// src/device/tied.ts
var unlessOrphaned = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"';
function startTied(program, args, options = {}) {
  requirePrograms([program]);
  const bound = options.drop ? ["--bounding-set", options.drop.map((name) => `-${name}`).join(",")] : [];
  const words2 = ["--pdeathsig", "KILL", ...bound, "--", "/bin/sh", "-c", unlessOrphaned, "tied"];
  return start("setpriv", [...words2, String(process.pid), program, ...args], options);
}

// src/device/network.ts
async function openNetwork(context) {
  const holder = await startHolder();
  try {
    const number2 = await claimLink(holder.pid, context);
    const [hostAddress, address] = [`10.78.${number2}.1`, `10.78.${number2}.2`];
    const namespace = `/proc/${holder.pid}/ns/net`;
    await configure("ip", [], [`address add ${hostAddress}/24 dev drv${number2}`, `link set drv${number2} up`]);
    await configure(
      "nsenter",
      [`--net=${namespace}`, "ip"],
      [
        "link set lo up",
        `address add ${address}/24 dev eth0`,
        "link set eth0 up",
        `route add default via ${hostAddress}`
      ]
    );
    const close = async () => {
      await start("ip", ["link", "delete", `drv${number2}`]).done;
      await holder.stop();
    };
    return { address, hostAddress, namespace, close };
  } catch (error) {
    await holder.stop();
    throw error;
  }
}
function leadsInto(destination, number2) {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(destination);
  if (!match) return false;
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
  const bits = Math.min(match[5] === void 0 ? 32 : Number(match[5]), 24);
  const prefix = (value) => bits === 0 ? 0 : value >>> 32 - bits;
  const route = (a << 24 | b << 16 | c << 8 | d) >>> 0;
  return bits > 0 && prefix(route) === prefix((10 << 24 | 78 << 16 | number2 << 8) >>> 0);
}
async function startHolder() {
  let ready = () => {
  };
  const isReady = new Promise((resolve) => ready = resolve);
  const holder = startTied("unshare", ["--net", "--", "/bin/sh", "-c", "echo ready; exec sleep infinity"], {
    onLine: (line) => line === "ready" && ready()
  });
  const ended = await Promise.race([isReady, holder.done]);
  if (!ended) return holder;
  throw new Failure("missing-rights", `can't make a network namespace: ${ended.stderr.trim()}`);
}
var routes = array(object({ dst: optional(string(), "") }));
async function claimLink(pid, context) {
  const listed = await runOk("ip", ["-4", "-json", "route", "show", "table", "all"], {
    what: "reading the routes"
  });
  const taken = parse(routes, JSON.parse(listed));
  for (let number2 = 1; number2 <= 254; number2++) {
    if (taken.some(({ dst }) => leadsInto(dst, number2))) continue;
    const words2 = [
      "link",
      "add",
      `drv${number2}`,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      String(pid)
    ];
    const { code, stderr } = await run("ip", words2);
    if (code === 0) return number2;
    if (!stderr.includes("File exists"))
      throw new Failure("missing-rights", `can't make a network interface: ${stderr.trim()}`);
    context.signal.throwIfAborted();
  }
  throw new Failure(
    "device-busy",
    "no free network 10.78.N.0/24: each is in use, or a route of this machine leads there"
  );
}
async function configure(program, words2, lines) {
  await runOk(program, [...words2, "-batch", "-"], {
    input: `${lines.join("\n")}
`,
    what: "setting up the device's network",
    reason: "missing-rights"
  });
}

// src/device/power.ts
import { appendFile } from "node:fs/promises";
import { join as join4 } from "node:path";

// src/device/console-tail.ts
import { open as open2 } from "node:fs/promises";
var mostBytes = 1 << 20;
async function consoleTail(path, from = 0) {
  try {
    var _stack = [];
    try {
      const file = __using(_stack, await open2(path), true);
      const { size } = await file.stat();
      const start2 = Math.max(from, size - mostBytes);
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(Math.max(0, size - start2)),
        0,
        void 0,
        start2
      );
      return buffer.toString("utf8", 0, bytesRead);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
function lastLines(text, count) {
  const [, until = text] = /^(.*?(?:Kernel panic|Oops:|BUG:)[^\n]*)/s.exec(text) ?? [];
  const lines = until.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "").split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.slice(-count).join(" / ") || "nothing";
}

// src/device/power.ts
var Power = class {
  #options;
  #board;
  #context;
  #events = [];
  #running;
  #isOff = false;
  #written = Promise.resolve();
  constructor(options, board, context) {
    this.#options = options;
    this.#board = board;
    this.#context = context;
  }
  /** What happened so far, oldest first. */
  get events() {
    return [...this.#events];
  }
  /**
   * Starts the device again and again. Resolves when it is off and `resources` are gone; rejects with `device-unreachable`
   * where it can't be kept running. An abort of the context powers it off.
   */
  async run(resources) {
    var _stack = [];
    try {
      const onAbort = () => void this.off().catch(() => {
      });
      this.#context.signal.addEventListener("abort", onAbort, { once: true });
      if (this.#context.signal.aborted) onAbort();
      const _all = __using(_stack, resources, true);
      try {
        for (let falseStarts = 0; !this.#isOff; ) {
          const boot2 = await this.#nextBoot();
          const end = await this.#boot(boot2);
          if (end.why === "power-off") return;
          const { max, withinMs } = this.#board.falseStarts;
          falseStarts = end.why === "crash" && end.afterMs < withinMs && !boot2.isTrial ? falseStarts + 1 : 0;
          if (falseStarts >= max) throw await this.#cannotBoot(boot2.slot);
        }
      } finally {
        this.#context.signal.removeEventListener("abort", onAbort);
        await this.#written;
      }
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  /** Takes the power away for a moment; the next start begins at once. Nothing where the device is off. */
  cut(why = "power-cut") {
    if (!this.#running) return;
    this.#running.cut ??= why;
    this.#running.start.cut();
  }
  /** Asks the system to power off and cuts the power where it doesn't within some seconds. May be repeated. */
  async off() {
    if (this.#isOff) return;
    this.#isOff = true;
    const running = this.#running;
    if (!running) return;
    const { askToPowerOff } = running.start;
    if (askToPowerOff) {
      await askToPowerOff();
      for (let waitedMs = 0; this.#running === running && waitedMs < 3e3; waitedMs += 20)
        await this.#context.clock.sleep(20);
    }
    this.cut("power-off");
  }
  async #nextBoot() {
    const boot2 = nextBoot(await this.#board.variables() ?? {});
    if (boot2.isTrial || boot2.isFallback) await this.#board.setVariables(boot2.variables);
    return boot2;
  }
  async #boot({ slot, isTrial, isFallback }) {
    const startedAt = performance.now();
    const start2 = await this.#board.powerOn(slot);
    const running = { start: start2, cut: void 0 };
    this.#running = running;
    this.#tell({ at: /* @__PURE__ */ new Date(), kind: "boot", slot, isTrial, isFallback });
    const ended = new AbortController();
    if (isTrial) void this.#watch(ended.signal);
    if (this.#isOff) this.cut("power-off");
    const { meaning, exitStatus } = await start2.done;
    this.#running = void 0;
    ended.abort();
    const afterMs = Math.round(performance.now() - startedAt);
    const why = running.cut ?? meaning;
    this.#tell({ at: /* @__PURE__ */ new Date(), kind: "down", slot, why, exitStatus, afterMs });
    return { why, afterMs };
  }
  /** A system that hangs in its trial never confirms and never reboots: somebody has to pull the plug. */
  async #watch(ended) {
    try {
      await this.#context.clock.sleep(this.#options.bootTimeoutMs, ended);
      const variables = await this.#board.variables() ?? {};
      if (!ended.aborted && isUnconfirmed(variables)) this.cut("watchdog");
    } catch (error) {
      if (!ended.aborted) this.#context.log.warn(`the watchdog failed: ${messageOf(error)}`);
    }
  }
  #tell(event) {
    this.#events.push(event);
    const { folder, serial } = this.#options;
    this.#context.log.info(`${serial}: ${lineOf(event)}`);
    this.#written = this.#written.then(() => appendFile(join4(folder, "events"), `${JSON.stringify(event)}
`)).catch(
      (error) => this.#context.log.warn(`can't write the device's events: ${messageOf(error)}`)
    );
  }
  async #cannotBoot(slot) {
    const text = await this.#board.console().catch(() => "");
    return new Failure(
      "device-unreachable",
      `slot ${slot} of the virtual device in ${this.#options.folder} doesn't boot. Its console says: ${lastLines(text, 4)}`
    );
  }
};
function lineOf(event) {
  if (event.kind === "down") return `down after ${seconds(event.afterMs)} (${event.why})`;
  const how = event.isFallback ? ", back from an update that was not confirmed" : event.isTrial ? ", on trial" : "";
  return `boots slot ${event.slot}${how}`;
}

// src/device/image-reader.ts
import { open as open3, readFile, rm as rm3 } from "node:fs/promises";
async function listFolder(place, folder) {
  const listed = await debugfs(place, `ls -p ${quoted(folder)}`);
  return listed.split("\n").map((line) => line.split("/")[5] ?? "").filter((name) => name !== "" && name !== "." && name !== "..");
}
async function isInImage(place, path) {
  return /^Inode: /m.test(await debugfs(place, `stat ${quoted(path)}`));
}
async function copyOut(place, path, to) {
  const type = /^Inode: .*Type: (\w+)/m.exec(await debugfs(place, `stat ${quoted(path)}`))?.[1];
  if (type !== "regular") return false;
  await debugfs(place, `dump ${quoted(path)} ${quoted(to)}`);
  return true;
}
var witnesses = [
  "/usr/sbin/sshd",
  "/usr/lib/systemd/systemd",
  "/lib/systemd/systemd",
  "/usr/bin/dpkg",
  "/usr/bin/env",
  "/bin/busybox",
  "/sbin/init"
];
var machines = { 62: "amd64", 183: "arm64" };
async function architectureOf(place, scratch) {
  for (const path of witnesses) {
    if (!await copyOut(place, path, scratch)) continue;
    const header = await readStart(scratch, 20);
    await rm3(scratch);
    if (header.subarray(0, 4).toString("latin1") !== "ELF") continue;
    const machine = machines[header.readUInt16LE(18)];
    if (machine !== void 0 && header[4] === 2) return machine;
    throw new Failure(
      "bad-input",
      `the programs in ${place.path} are for another machine than amd64 and arm64 (${path} tells): a virtual machine can be one of these two`
    );
  }
  throw new Failure(
    "bad-input",
    `${place.path} has none of the programs ${witnesses.join(", ")}: is it a root file system?`
  );
}
async function readStart(path, length) {
  var _stack = [];
  try {
    const file = __using(_stack, await open3(path), true);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return bytesRead === length ? buffer : Buffer.alloc(length);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function debugfs({ path, offset }, request) {
  const where = offset === 0 ? path : `${path}?offset=${offset}`;
  const { stdout, stderr } = await start("debugfs", ["-R", request, where]).done;
  if (!/Filesystem not open|Bad magic number|while (?:opening|trying to open)/.test(stderr)) return stdout;
  throw new Failure("invalid-file", `${path} holds no ext4 file system: ${stderr.trim().split("\n").at(-1)}`);
}
function quoted(path) {
  if (/["\n]/.test(path))
    throw new Failure("bad-input", `a path with a quotation mark or a line end: ${JSON.stringify(path)}`);
  return `"${path}"`;
}
async function readOut(place, path, scratch) {
  if (!await copyOut(place, path, scratch)) return void 0;
  const text = await readFile(scratch, "utf8");
  await rm3(scratch);
  return text;
}

// src/device/forward.ts
import { connect, createServer as createServer2 } from "node:net";
async function forward(at, to) {
  const sockets = /* @__PURE__ */ new Set();
  const server = createServer2({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    join5(near, far);
    join5(far, near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
  });
  const listen = (port) => new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: at.host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  try {
    await listen(at.port);
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE")) throw error;
    await listen(0);
  }
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : at.port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    })
  };
}
function join5(from, to) {
  from.pipe(to);
  from.on("error", () => to.destroy());
  from.on("close", (hadError) => hadError ? to.destroy() : to.end());
}

// src/device/server-link.ts
async function openServerLink(serverUrl, hostAddress) {
  if (serverUrl === void 0) return { url: void 0, close: async () => {
  } };
  const url = URL.parse(serverUrl);
  if (url?.protocol !== "http:") {
    throw new Failure(
      "bad-input",
      `the server's URL is "${serverUrl}": a virtual device reaches plain http servers only, such as http://127.0.0.1:8080`
    );
  }
  const to = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 80) };
  const way = await forward({ host: hostAddress, port: to.port }, to);
  return {
    url: `http://${hostAddress}:${way.port}${url.pathname.replace(/\/+$/, "")}`,
    close: () => way.close()
  };
}

// src/device/slot-process.ts
import { join as join6 } from "node:path";
function startSlot(options) {
  const [a, b] = options.devices;
  const namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
  const words2 = [
    options.folder,
    `${options.slot}`,
    `${a.major} ${a.minor}`,
    `${b.major} ${b.minor}`,
    options.hostName
  ];
  return startTied(
    "nsenter",
    [
      `--net=${options.network}`,
      "unshare",
      ...namespaces,
      "--",
      "/bin/sh",
      stageOneOf(options.folder),
      ...words2
    ],
    // a device must not set this machine's clock or load code into its kernel
    { drop: ["sys_module", "sys_time", "sys_rawio"] }
  );
}
function meaningOf(exitStatus) {
  if (exitStatus === 64 || exitStatus === 129) return "reboot";
  return exitStatus === 65 || exitStatus === 130 ? "power-off" : "crash";
}
async function installStageOne(folder) {
  await writeAtomically(stageOneOf(folder), stageOne);
}
var stageOneOf = (folder) => join6(folder, "stage-1");
var consoleOf = (folder) => join6(folder, "console");
var stageOne = `set -e
folder=$1 part=$2 a=$3 b=$4 name=$5
exec </dev/null >>"$folder/console" 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$folder/root
hostname "$name"
mount -t tmpfs -o mode=755,nosuid dev /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/zero c 1 5
mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/tty c 5 0
mknod -m 600 /dev/mmcblk0p2 b $a
mknod -m 600 /dev/mmcblk0p3 b $b
mkdir -m 755 /dev/pts
mkdir -m 1777 /dev/shm
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t ext4 -o noatime "/dev/mmcblk0p$part" "$root"
# a link here would lead out of the image, to folders of this machine
for place in data dev proc sys run tmp; do
  if [ -L "$root/$place" ] || [ ! -d "$root/$place" ]; then echo "/$place of the image is no folder"; exit 1; fi
done
mount --bind "$folder/data" "$root/data"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts /dev/pts
mount --move /dev "$root/dev"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o nosuid,nodev tmpfs tmp
mkdir run/old-root
pivot_root . run/old-root
exec chroot . /bin/sh -c 'umount -l /run/old-root && rmdir /run/old-root && exec /usr/sbin/virtual-init' </dev/null
`;

// src/device/slots.ts
import { constants as constants2 } from "node:fs";
import { open as open4 } from "node:fs/promises";
var waitMs = 1e4;
async function attachSlots(files, context) {
  var _stack = [];
  try {
    for (const file of files) await detachLeftOvers(file, context);
    const stack = __using(_stack, new AsyncDisposableStack(), true);
    const a = stack.use(await attach(files[0]));
    const b = stack.use(await attach(files[1]));
    const kept = stack.move();
    const devices = [a.device, b.device];
    return {
      devices,
      untilFree: async () => {
        for (const { path } of devices) await untilUnclaimed(path, context);
      },
      close: () => kept.disposeAsync()
    };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function attach(file) {
  const path = (await runOk("losetup", ["--find", "--show", "--nooverlap", file], {
    what: `making a loop device of ${file}`,
    reason: "missing-rights"
  })).trim();
  let handle;
  try {
    handle = await open4(path, "r+");
    const { rdev } = await handle.stat();
    const device = { path, major: rdev >>> 8 & 4095, minor: rdev & 255 | rdev >>> 12 & 1048320 };
    const opened = handle;
    return { device, [Symbol.asyncDispose]: () => opened.close() };
  } catch (error) {
    await handle?.close();
    throw error;
  } finally {
    await start("losetup", ["--detach", path]).done;
  }
}
async function detachLeftOvers(file, context) {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const { stdout } = await run("losetup", ["--associated", file, "--noheadings", "--output", "NAME"]);
    const loops = stdout.split("\n").map((line) => line.trim()).filter(Boolean);
    if (loops.length === 0) return;
    if (waitedMs >= waitMs) throw busy(file, loops.join(", "));
    await run("losetup", ["--detach", ...loops]);
    await context.clock.sleep(50, context.signal);
  }
}
async function untilUnclaimed(path, context) {
  for (let waitedMs = 0; ; waitedMs += 20) {
    try {
      const handle = await open4(path, constants2.O_RDWR | constants2.O_EXCL);
      await handle.close();
      return;
    } catch (error) {
      if (!hasCode(error, "EBUSY")) throw error;
      if (waitedMs >= waitMs) throw busy(path, "a mount");
      await context.clock.sleep(20);
    }
  }
}
function busy(what, by) {
  return new Failure(
    "device-busy",
    `${what} is still held by ${by}: see losetup --list and findmnt for who has it`
  );
}

// src/device/ssh-banner.ts
import { connect as connect2 } from "node:net";
async function untilSshAnswers(address, context, limitMs) {
  const startedAt = performance.now();
  while (!await hasBanner(address)) {
    if (performance.now() - startedAt > limitMs)
      throw new Failure(
        "device-unreachable",
        `no ssh server answers at ${address.host}:${address.port} after ${limitMs / 1e3} s`
      );
    await context.clock.sleep(25, context.signal);
  }
}
function hasBanner({ host, port }) {
  return new Promise((resolve) => {
    const socket = connect2({ host, port, timeout: 2e3 });
    const end = (isThere) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("data", (data) => end(data.toString("latin1").startsWith("SSH-")));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
    socket.once("close", () => end(false));
  });
}

// src/device/virtual-device.ts
var programs = [
  "cp",
  "debugfs",
  "ip",
  "losetup",
  "mount",
  "nsenter",
  "pivot_root",
  "setpriv",
  "ssh-keygen",
  "unshare"
];
async function startVirtualDevice(options, context) {
  var _stack = [];
  try {
    if (process.getuid?.() !== 0)
      throw new Failure(
        "missing-rights",
        "a virtual device needs root, for namespaces and loop devices: use sudo"
      );
    requirePrograms(programs);
    await mkdir3(options.folder, { recursive: true, mode: 448 });
    const folder = await realpath(options.folder);
    const stack = __using(_stack, new AsyncDisposableStack(), true);
    const lock = await lockFolder(folder);
    stack.defer(() => lock.release());
    const state = await prepareFolder({ ...options, folder }, context);
    stack.use(await openForeign(await programsOf(state), context));
    const network = await openNetwork(context);
    stack.defer(() => network.close());
    const link = await openServerLink(options.serverUrl, network.hostAddress);
    stack.defer(() => link.close());
    await state.setServer(link.url);
    const slots = await attachSlots(state.slots, context);
    stack.defer(() => slots.close());
    await installStageOne(folder);
    await trimConsole(folder);
    context.log.info(`virtual device ${options.serial}: ${network.address}, state in ${folder}`);
    const board = boardOf({ folder, hostName: options.serial, state, network, slots });
    const at = { host: network.address, port: 22 };
    return poweredDevice({ ...options, folder, at, hostKey: state.hostKey }, board, stack.move(), context);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function poweredDevice(options, board, resources, context) {
  const { folder, serial, hostKey, at, bootTimeoutMs = 6e4 } = options;
  const power = new Power({ folder, serial, bootTimeoutMs }, board, context);
  const done = power.run(resources);
  done.catch(() => {
  });
  return {
    folder,
    address: at.host,
    sshUrl: `ssh://root@${at.host}:${at.port}`,
    hostKey,
    answers: async (limitMs = 6e4) => {
      const ended = new AbortController();
      const signal = AbortSignal.any([context.signal, ended.signal]);
      const server = untilSshAnswers(at, { ...context, signal }, limitMs);
      try {
        await Promise.race([server, done.then(() => server)]);
      } finally {
        ended.abort();
        await server.catch(() => {
        });
      }
    },
    events: () => power.events,
    console: () => board.console(),
    powerCut: () => power.cut(),
    stop: async () => {
      await power.off();
      await done;
    },
    done
  };
}
async function programsOf({ slots, data }) {
  const slot = nextBoot(await readBootVariables(data) ?? {}).slot;
  const path = slots[slot - 2] ?? slots[0];
  try {
    return await architectureOf({ path, offset: 0 }, join7(dirname(data), "program"));
  } catch (error) {
    if (error instanceof Failure && ["bad-input", "invalid-file"].includes(error.reason)) return machineArch();
    throw error;
  }
}
function boardOf({ folder, hostName, state, network, slots }) {
  return {
    variables: () => readBootVariables(state.data),
    setVariables: (variables) => writeBootVariables(state.data, variables),
    powerOn: async (slot) => {
      await slots.untilFree();
      const started = startSlot({
        folder,
        slot,
        devices: slots.devices,
        network: network.namespace,
        hostName
      });
      return {
        done: started.done.then(({ code }) => ({ meaning: meaningOf(code), exitStatus: code })),
        askToPowerOff: async () => {
          const first = await firstProcess(started.pid);
          if (first !== void 0) kill(first, "SIGUSR1");
        },
        cut: () => kill(started.pid, "SIGKILL")
      };
    },
    console: () => readText(consoleOf(folder), 16 << 20),
    falseStarts: { max: 5, withinMs: 2e3 }
  };
}
function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
  }
}
async function firstProcess(pid) {
  const children = await readText(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const [first] = children.trim().split(" ").filter(Boolean);
  return first === void 0 ? void 0 : Number(first);
}
async function trimConsole(folder) {
  const path = consoleOf(folder);
  const size = await stat3(path).then(
    ({ size: size2 }) => size2,
    () => 0
  );
  if (size > 1 << 20) await rename2(path, `${path}.old`).catch(() => rm4(path, { force: true }));
}

// src/device/virtual-machine.ts
import { mkdir as mkdir7, readFile as readFile6, realpath as realpath2, stat as stat6 } from "node:fs/promises";
import { join as join14 } from "node:path";

// src/device/accelerator.ts
import { access, constants as constants3, mkdir as mkdir4, readFile as readFile3, rm as rm5 } from "node:fs/promises";
import { join as join9 } from "node:path";

// src/device/initrd.ts
import { readFile as readFile2, writeFile as writeFile2 } from "node:fs/promises";
import { gzipSync } from "node:zlib";

// src/device/cpio.ts
var [folderType, fileType] = [16384, 32768];
function cpioFolder(path) {
  return { path, mode: folderType | 493, content: "" };
}
function cpioFile(path, content, mode = 420) {
  return { path, mode: fileType | mode, content };
}
function cpio(entries) {
  const all = [...entries.map((entry, index) => member(entry, index + 1)), member(trailer, 0)];
  return Buffer.concat(all);
}
var trailer = { path: "TRAILER!!!", mode: 0, content: "" };
function member({ path, mode, content }, inode) {
  const name = Buffer.from(`${path}\0`);
  const body = Buffer.from(content);
  const fields = [inode, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([header, name, padding(header.length + name.length), body, padding(body.length)]);
}
var padding = (length) => Buffer.alloc((4 - length % 4) % 4);

// src/device/machine-init.ts
var probeMark = "drover: this machine starts";
var accessPort = 61022;
var crashMark = "drover: this start has failed";
var initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t devtmpfs -o mode=755,nosuid dev /dev
ln -s /proc/self/fd /dev/fd
for stream in stdin=0 stdout=1 stderr=2; do ln -s "fd/\${stream#*=}" "/dev/\${stream%=*}"; done
exec </dev/console >/dev/console 2>&1
. /drover/boot
if [ -n "$probe" ]; then
  echo "${probeMark}"
  poweroff -f
fi

die() {
  echo "drover: $*"
  echo "${crashMark}"
  reboot -f
}

for module in /drover/modules/*; do
  [ ! -e "$module" ] || insmod "$module" || echo "drover: $module is not loaded"
done

node() {
  mknod -m 600 "/dev/mmcblk0p$1" b "\${2%:*}" "\${2#*:}"
}
tries=0
while [ "$(ls -d /sys/block/vd* 2>/dev/null | wc -l)" -lt "$disks" ]; do
  [ $((tries += 1)) -lt 600 ] || die "not all disks are there"
  sleep 0.1
done
for disk in /sys/block/vd*; do
  serial=$(cat "$disk/serial")
  if [ "$serial" = disk ]; then
    for part in "$disk"/vd*[0-9]; do
      [ ! -e "$part/partition" ] || node "$(cat "$part/partition")" "$(cat "$part/dev")"
    done
  else
    node "\${serial#p}" "$(cat "$disk/dev")"
  fi
done

hostname "$name"
ip link set lo up
# the address that the machine's network gives out anyway
if ip link set eth0 up; then
  ip address add 10.0.2.15/24 dev eth0
  ip route add default via 10.0.2.2
fi

mkdir -p /n
mount -t ext4 -o noatime "/dev/mmcblk0p$slot" /n || die "partition $slot holds no file system that can be mounted"
for place in proc sys dev run; do
  [ -d "/n/$place" ] || die "the image has no folder /$place"
done
if [ -b "/dev/mmcblk0p$data" ] && [ -d /n/data ]; then
  mount -t ext4 -o noatime "/dev/mmcblk0p$data" /n/data || die "the data partition can't be mounted"
fi
mount -t tmpfs -o mode=755,nosuid,nodev run /n/run
cp -a /drover/run /n/run/drover
cp /bin/busybox /n/run/drover/busybox
for place in proc sys dev; do
  mount -o move "/$place" "/n/$place"
done

if [ -x /n/usr/sbin/virtual-init ]; then
  mkdir -p /n/dev/pts /n/dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts /n/dev/pts
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /n/dev/shm
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /n/tmp
  exec switch_root /n /run/drover/busybox sh /run/drover/first
fi

init=
for path in /sbin/init /usr/sbin/init /usr/lib/systemd/systemd /lib/systemd/systemd /etc/init /bin/init; do
  if [ -x "/n$path" ] || [ -L "/n$path" ]; then
    init=$path
    break
  fi
done
[ -n "$init" ] || die "the image has no /sbin/init and no /usr/sbin/virtual-init"

# root's password may be locked: then only PAM lets root in with a key
if grep -q '^root:!' /n/etc/shadow 2>/dev/null; then echo 'UsePAM yes' >>/n/run/drover/sshd_config; fi
if [ -e /n/usr/lib/systemd/systemd ] || [ -e /n/lib/systemd/systemd ]; then
  mkdir -p /n/run/systemd/system/multi-user.target.wants
  mv /n/run/drover/drover-access.service /n/run/systemd/system/
  ln -s ../drover-access.service /n/run/systemd/system/multi-user.target.wants/
else
  chroot /n /run/drover/busybox sh /run/drover/access &
fi
exec switch_root /n "$init"
`;
var firstScript = `busybox=/run/drover/busybox
$busybox unshare --pid --fork --mount --mount-proc=/proc /usr/sbin/virtual-init
status=$?
$busybox sync
case $status in
64 | 129) $busybox reboot -f ;;
65 | 130) $busybox poweroff -f ;;
esac
echo "drover: virtual-init ended with $status"
echo "${crashMark}"
$busybox reboot -f
`;
var accessScript = `busybox=/run/drover/busybox
until $busybox cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | $busybox grep -q ':0016 [0-9A-F:]* 0A '; do
  $busybox sleep 0.3
done
$busybox mkdir -p /run/sshd
exec /usr/sbin/sshd -D -f /run/drover/sshd_config
`;
var accessUnit = `[Unit]
Description=Access for tests
DefaultDependencies=no
After=multi-user.target

[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/usr/sbin/sshd -D -f /run/drover/sshd_config
`;
var accessConfig = `Port ${accessPort}
HostKey /run/drover/host_key
AuthorizedKeysFile /run/drover/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UseDNS no
PrintMotd no
PidFile none
Subsystem sftp internal-sftp
`;

// src/device/initrd.ts
async function makeInitrd(busybox, modules) {
  const folders = ["bin", "dev", "proc", "sys", "drover", "drover/modules", "drover/run"];
  const archive = cpio([
    ...folders.map(cpioFolder),
    cpioFile("bin/busybox", await readFile2(busybox), 493),
    cpioFile("init", initScript, 493),
    ...modules.map(
      ({ name, content }, index) => cpioFile(`drover/modules/${String(index).padStart(2, "0")}-${name}.ko`, content)
    ),
    cpioFile("drover/run/first", firstScript),
    cpioFile("drover/run/access", accessScript),
    cpioFile("drover/run/sshd_config", accessConfig),
    cpioFile("drover/run/drover-access.service", accessUnit)
  ]);
  return gzipSync(archive, { level: 1 });
}
async function writeInitrd(path, base, parameters, access3) {
  const lines = Object.entries(parameters).map(([name, value]) => `${name}='${value}'
`);
  const entries = [cpioFile("drover/boot", lines.join(""))];
  if (access3) {
    entries.push(cpioFile("drover/run/authorized_keys", `${access3.authorizedKey.trim()}
`, 384));
    entries.push(cpioFile("drover/run/host_key", access3.hostKey, 384));
  }
  const gap = Buffer.alloc((4 - base.length % 4) % 4);
  await writeFile2(path, Buffer.concat([base, gap, cpio(entries)]), { mode: 384 });
}

// src/device/qemu.ts
import { join as join8 } from "node:path";
import { availableParallelism } from "node:os";

// src/device/qmp.ts
import { open as open5 } from "node:fs/promises";
import { createServer as createServer3 } from "node:net";
import { createInterface } from "node:readline";
var monitorName = "monitor";
var message = looseObject({
  event: optional(string()),
  data: optional(looseObject({ reason: optional(string()) })),
  id: optional(number()),
  return: optional(unknown())
});
async function openMonitor(folder) {
  const handle = await open5(folder);
  const server = createServer3();
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(`/proc/${process.pid}/fd/${handle.fd}/${monitorName}`, resolve);
  });
  return new Qmp(server, handle);
}
var Qmp = class {
  ended;
  #server;
  #handle;
  #connected;
  #waiting = /* @__PURE__ */ new Map();
  #gone;
  #count = 0;
  #reason;
  constructor(server, handle) {
    this.#server = server;
    this.#handle = handle;
    this.#connected = new Promise((resolve2) => server.once("connection", resolve2));
    const { promise, resolve } = Promise.withResolvers();
    this.ended = promise;
    this.#gone = promise.then(() => Promise.reject(new Error("QEMU has ended")));
    this.#gone.catch(() => {
    });
    void this.#connected.then((socket) => {
      const lines = createInterface({ input: socket });
      lines.on("line", (line) => this.#read(line));
      for (const source of [lines, socket]) source.on("error", () => {
      });
      socket.on("close", () => resolve(this.#reason));
      socket.write('{"execute":"qmp_capabilities"}\n');
    });
  }
  async human(command) {
    const socket = await this.#connected;
    const id = ++this.#count;
    const reply = new Promise((resolve) => this.#waiting.set(id, resolve));
    const order = { execute: "human-monitor-command", id, arguments: { "command-line": command } };
    socket.write(`${JSON.stringify(order)}
`);
    return parse(string(), await Promise.race([reply, this.#gone]));
  }
  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    void this.#connected.then((socket) => socket.destroy());
    await closed;
    await this.#handle.close();
  }
  #read(line) {
    const { event, data, id, return: reply } = parse(message, JSON.parse(line));
    if (event === "SHUTDOWN") this.#reason = data?.reason;
    if (id !== void 0) this.#waiting.get(id)?.(reply);
  }
};

// src/device/qemu.ts
var qemuOf = {
  amd64: "qemu-system-x86_64",
  arm64: "qemu-system-aarch64"
};
var console = "console";
var machineConsole = (folder) => join8(folder, console);
async function startMachine(options) {
  const monitor = await openMonitor(options.folder);
  const started = startTied(qemuOf[options.architecture], words(options), { cwd: options.folder });
  const done = started.done.then(async ({ code, stdout, stderr }) => {
    const reason = code === 0 ? await monitor.ended : void 0;
    await monitor.close();
    return { exitStatus: code, said: lastWords(stderr || stdout, "QEMU", code), reason };
  });
  const failed = done.then(({ said }) => {
    throw new Failure("device-unreachable", `QEMU ended before the machine ran: ${said}`);
  });
  failed.catch(() => {
  });
  const ports = Promise.race([monitor.human("info usernet"), failed]).then(portsIn);
  ports.catch(() => {
  });
  const kill2 = () => {
    try {
      process.kill(-started.pid, "SIGKILL");
    } catch {
    }
  };
  return { ports, done, kill: kill2 };
}
function portsIn(text) {
  const forwards = [...text.matchAll(/HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)/g)];
  const portTo = (port) => Number(forwards.find(([, , to]) => Number(to) === port)?.[1] ?? Number.NaN);
  return { ssh: portTo(22), access: portTo(accessPort) };
}
var hardware = {
  amd64: {
    // what newer processors have beside it, emulation makes slower and not faster
    tcg: ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem"],
    kvm: ["-machine", "q35", "-accel", "kvm", "-cpu", "host"],
    console: "ttyS0"
  },
  arm64: {
    tcg: ["-machine", "virt", "-accel", "tcg,thread=multi", "-cpu", "cortex-a72"],
    kvm: ["-machine", "virt", "-accel", "kvm", "-cpu", "host"],
    console: "ttyAMA0"
  }
};
var haste = "mitigations=off nokaslr cryptomgr.notests no_timer_check random.trust_cpu=on ";
function words(options) {
  const { architecture, accelerator, kernel, initrd, commandLine, disks, isAlone, memoryMiB } = options;
  const { [accelerator]: machine, console: tty } = hardware[architecture];
  const forwards = [22, accessPort].map((port) => `,hostfwd=tcp:127.0.0.1:0-:${port}`).join("");
  const groups = [
    machine,
    ["-smp", String(Math.min(2, availableParallelism())), "-m", String(memoryMiB)],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ["-chardev", `file,id=console,path=${console},append=on`, "-serial", "chardev:console"],
    ["-chardev", `socket,id=monitor,path=${monitorName}`, "-mon", "chardev=monitor,mode=control"],
    ["-kernel", kernel, "-initrd", initrd],
    // a panic ends it; names of interfaces as they were found
    [
      "-append",
      `console=${tty} quiet panic=-1 net.ifnames=0 ${accelerator === "tcg" ? haste : ""}${commandLine}`
    ],
    ...disks.flatMap(({ path, format, serial }, index) => [
      // flushed to this machine's memory, not its disk: only the end of this machine could lose anything
      ["-drive", `if=none,id=disk${index},file=${escaped(path)},format=${format},cache=unsafe,discard=unmap`],
      ["-device", `virtio-blk-pci,drive=disk${index},serial=${serial}`]
    ]),
    ["-netdev", `user,id=net${isAlone ? ",restrict=on" : ""}${forwards}`],
    ["-device", "virtio-net-pci,netdev=net,romfile="],
    ["-device", "virtio-rng-pci"]
  ];
  return groups.flat();
}
var escaped = (path) => path.replaceAll(",", ",,");

// src/device/accelerator.ts
var native = { x64: "amd64", arm64: "arm64" };
var probeLimitMs = 5e3;
var results = /* @__PURE__ */ new Map();
async function chooseAccelerator(architecture, parts, context) {
  if (native[process.arch] !== architecture || !await isUsable("/dev/kvm")) return "tcg";
  const bootId = (await readFile3("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const cache = cacheFolder("machines/kvm");
  const record = join9(cache, bootId);
  const known = await readFile3(record, "utf8").catch(() => void 0);
  if (known !== void 0) return known.trim() === "works" ? "kvm" : "tcg";
  let probing = results.get(architecture);
  if (!probing) {
    probing = probe(architecture, parts, context);
    results.set(architecture, probing);
    probing.catch(() => results.delete(architecture));
  }
  const works = await probing;
  await rm5(cache, { recursive: true, force: true });
  await mkdir4(cache, { recursive: true });
  await writeAtomically(record, works ? "works\n" : "fails\n");
  return works ? "kvm" : "tcg";
}
async function probe(architecture, { kernel, base }, context) {
  const folder = await temporaryFolder("kvm", context);
  const startedAt = performance.now();
  try {
    const initrd = join9(folder, "initrd");
    await writeInitrd(initrd, base, { probe: 1 });
    const machine = await startMachine({
      folder,
      architecture,
      accelerator: "kvm",
      kernel,
      initrd,
      commandLine: "",
      disks: [],
      isAlone: true,
      memoryMiB: 256
    });
    const limit = new AbortController();
    const late = context.clock.sleep(probeLimitMs, limit.signal).catch(() => {
    });
    await Promise.race([machine.done, late]);
    limit.abort();
    machine.kill();
    await machine.done;
    const works = (await consoleTail(machineConsole(folder))).includes(probeMark);
    const took = seconds(performance.now() - startedAt);
    context.log.info(
      works ? `KVM works (${took})` : `KVM is there, but a machine doesn't start with it (${took})`
    );
    return works;
  } finally {
    await rm5(folder, { recursive: true, force: true });
  }
}
async function isUsable(path) {
  try {
    await access(path, constants3.R_OK | constants3.W_OK);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "EACCES")) return false;
    throw error;
  }
}

// src/device/image-kernel.ts
import { join as join10 } from "node:path";

// src/device/kernel-modules.ts
import { readFile as readFile4 } from "node:fs/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
var wanted = ["virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "crc32c_generic", "ext4"];
async function modulesToLoad(source) {
  const byName = new Map(source.paths.map((path) => [nameOf(path), path]));
  const loaded = /* @__PURE__ */ new Map();
  const load = async (name) => {
    const path = byName.get(name);
    if (path === void 0 || loaded.has(name)) return;
    const content = await uncompressed(await source.fileOf(path));
    for (const other of neededBy(content)) await load(other);
    loaded.set(name, { name, content });
  };
  for (const name of wanted) await load(name);
  return [...loaded.values()];
}
var isModule = (path) => /\.ko(?:\.(?:xz|zst|gz))?$/.test(path);
var nameOf = (path) => (path.split("/").at(-1) ?? "").replace(/\.ko.*$/, "").replaceAll("-", "_");
function neededBy(content) {
  const at = content.indexOf("\0depends=");
  if (at < 0) return [];
  const text = content.toString("latin1", at + "\0depends=".length, content.indexOf(0, at + 1));
  return text.split(",").filter(Boolean).map(nameOf);
}
async function uncompressed(file) {
  if (file.endsWith(".xz")) {
    const parts = [];
    const { code, stderr } = await start("xz", ["--decompress", "--stdout", file], {
      onData: (part) => parts.push(part)
    }).done;
    if (code !== 0) throw new Error(`xz can't read ${file}: ${stderr}`);
    return Buffer.concat(parts);
  }
  const content = await readFile4(file);
  if (file.endsWith(".zst")) return zstdDecompressSync(content);
  return file.endsWith(".gz") ? gunzipSync(content) : content;
}

// src/device/image-kernel.ts
async function kernelOf(place, scratch) {
  const versions = (await listFolder(place, "/boot")).flatMap(
    (name2) => /^vmlinuz-(.+)$/.exec(name2)?.[1] ?? []
  );
  const name = versions.sort(new Intl.Collator("en", { numeric: true }).compare).at(-1);
  if (name === void 0) return void 0;
  const image = join10(scratch, "vmlinuz");
  if (!await copyOut(place, `/boot/vmlinuz-${name}`, image)) return void 0;
  const folder = `/lib/modules/${name}`;
  const listed = await readOut(place, `${folder}/modules.dep`, join10(scratch, "modules.dep"));
  if (listed === void 0)
    throw new Failure(
      "invalid-file",
      `${place.path} has the kernel ${name}, but not ${folder}/modules.dep: its drivers can't be found`
    );
  const paths = listed.split("\n").flatMap((line) => /^([^:]+):/.exec(line)?.[1] ?? []);
  const modules = await modulesToLoad({
    paths: paths.filter(isModule),
    fileOf: async (path) => {
      const to = join10(scratch, path.split("/").at(-1) ?? "");
      await copyOut(place, path.startsWith("/") ? path : `${folder}/${path}`, to);
      return to;
    }
  });
  return { image, name, modules };
}

// src/device/kernel-package.ts
import { existsSync as existsSync2 } from "node:fs";
import { copyFile, mkdir as mkdir5, readFile as readFile5, readdir, rename as rename3, rm as rm6, writeFile as writeFile3 } from "node:fs/promises";
import { join as join11 } from "node:path";
async function fetchedKernel(architecture, context) {
  const cache = cacheFolder("machines");
  const folder = join11(cache, architecture);
  if (!existsSync2(folder)) {
    await mkdir5(cache, { recursive: true });
    await sweep(cache, context);
    const building = markedName(join11(cache, architecture));
    try {
      await context.log.group(
        `Fetching a kernel for ${architecture} virtual machines`,
        () => fetchInto(building, architecture, context)
      );
      await rename3(join11(building, "kit"), folder).catch((error) => {
        if (!existsSync2(folder)) throw error;
      });
    } finally {
      await rm6(building, { recursive: true, force: true });
    }
  }
  return await readKit(folder);
}
async function fetchInto(folder, architecture, context) {
  requirePrograms(["apt-get", "apt-cache", "dpkg-deb"]);
  const apt = await openApt(folder, architecture, context);
  const update = await apt.run("apt-get", ["update", "--quiet"]);
  const names = await kernelPackages(apt, architecture);
  if (names.length === 0) {
    const looked = `none of ${metaPackages(architecture).join(", ")} is in this machine's sources`;
    const said = update.stderr.trim() && `; apt said: ${lastWords(update.stderr, "apt-get", update.code)}`;
    throw unavailable(architecture, `${looked}${said}`);
  }
  const packages = join11(folder, "packages");
  await mkdir5(packages);
  await apt.ok("apt-get", ["download", "--quiet", "busybox-static", ...names], packages);
  const unpacked = join11(folder, "unpacked");
  for (const file of await readdir(packages)) {
    const { code, stderr } = await start("dpkg-deb", ["--extract", join11(packages, file), unpacked], {
      signal: context.signal
    }).done;
    if (code !== 0) throw unavailable(architecture, lastWords(stderr, "dpkg-deb", code));
  }
  await writeKit(join11(folder, "kit"), unpacked, architecture);
}
async function openApt(folder, architecture, context) {
  await mkdir5(join11(folder, "apt/lists/partial"), { recursive: true });
  await mkdir5(join11(folder, "apt/archives/partial"), { recursive: true });
  await writeFile3(join11(folder, "apt/status"), "");
  const settings = {
    "Dir::State": join11(folder, "apt"),
    "Dir::State::status": join11(folder, "apt/status"),
    "Dir::Cache": join11(folder, "apt"),
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3"
  };
  const config = join11(folder, "apt/apt.conf");
  await writeFile3(
    config,
    Object.entries(settings).map(([name, value]) => `${name} "${value}";
`).join("")
  );
  const run2 = (program, words2, cwd = folder) => start(program, words2, { cwd, env: { APT_CONFIG: config }, signal: context.signal }).done;
  const ok = async (program, words2, cwd) => {
    const { code, stdout, stderr } = await run2(program, words2, cwd);
    if (code === 0) return stdout;
    throw unavailable(architecture, lastWords(stderr, program, code));
  };
  return { run: run2, ok };
}
var metaPackages = (architecture) => [
  `linux-image-cloud-${architecture}`,
  "linux-image-virtual",
  `linux-image-${architecture}`
];
async function kernelPackages(apt, architecture) {
  for (const meta of metaPackages(architecture)) {
    const found = /* @__PURE__ */ new Set();
    const todo = [meta];
    for (let name = todo.pop(); name !== void 0; name = todo.pop()) {
      const { code, stdout } = await apt.run("apt-cache", ["show", "--no-all-versions", name]);
      const depends = code === 0 ? /^Depends: (.*)$/m.exec(stdout)?.[1] ?? "" : "";
      const names = [...depends.matchAll(/\blinux-(?:image|modules)-\d[\w.+-]*/g)].map(([match]) => match);
      for (const other of names.filter((one) => !found.has(one))) {
        found.add(other);
        todo.push(other);
      }
    }
    if (found.size > 0) return [...found];
  }
  return [];
}
function unavailable(architecture, why) {
  return new Failure(
    "missing-tool",
    `the packages for ${architecture} virtual machines (busybox-static and a kernel) can't be fetched with apt: ${why}`
  );
}
async function writeKit(kit, unpacked, architecture) {
  const files = (await readdir(unpacked, { recursive: true })).map((name) => join11(unpacked, name));
  const image = files.find((file) => /\/vmlinuz-[^/]+$/.test(file));
  const busybox = files.find((file) => file.endsWith("/bin/busybox"));
  if (image === void 0 || busybox === void 0)
    throw unavailable(architecture, "the packages hold no kernel or no busybox");
  const modules = await modulesToLoad({ paths: files.filter(isModule), fileOf: async (path) => path });
  await mkdir5(join11(kit, "modules"), { recursive: true });
  for (const [index, { name, content }] of modules.entries())
    await writeFile3(join11(kit, "modules", `${String(index).padStart(2, "0")}-${name}`), content);
  await copyFile(image, join11(kit, "vmlinuz"));
  await copyFile(busybox, join11(kit, "busybox"));
  const [, version = ""] = /\/vmlinuz-([^/]+)$/.exec(image) ?? [];
  await writeAtomically(join11(kit, "version"), `${version}
`);
}
async function readKit(folder) {
  const names = (await readdir(join11(folder, "modules"))).sort();
  const modules = names.map(async (name) => ({
    name: name.slice("00-".length),
    content: await readFile5(join11(folder, "modules", name))
  }));
  return {
    image: join11(folder, "vmlinuz"),
    busybox: join11(folder, "busybox"),
    modules: await Promise.all(modules),
    name: (await readFile5(join11(folder, "version"), "utf8")).trim()
  };
}

// src/device/machine-disks.ts
import { existsSync as existsSync4 } from "node:fs";
import { mkdir as mkdir6, rename as rename5, rm as rm9, stat as stat5 } from "node:fs/promises";
import { join as join13 } from "node:path";

// src/device/data-disk.ts
import { existsSync as existsSync3 } from "node:fs";
import { readdir as readdir2, rename as rename4, rm as rm7, stat as stat4, truncate as truncate2, writeFile as writeFile4 } from "node:fs/promises";
import { join as join12 } from "node:path";
var sizeBytes = 256 << 20;
var environment = "/boot/env";
async function makeDataDisk(path, folder) {
  if (existsSync3(path)) return;
  const building = markedName(path);
  try {
    await writeFile4(building, "");
    await truncate2(building, sizeBytes);
    await succeed("mke2fs", ["-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", folder, building]);
    const names = (await readdir2(folder, { recursive: true })).filter((name) => !/["\n]/.test(name));
    const requests = names.flatMap((name) => [`sif "/${name}" uid 0`, `sif "/${name}" gid 0`]);
    await debugfs2(building, requests, true);
    await rename4(building, path);
  } finally {
    await rm7(building, { force: true });
  }
}
async function updateDataDisk(path, folder, names) {
  const requests = [];
  for (const name of names) {
    const file = join12(folder, name);
    const { mode } = await stat4(file);
    requests.push(`rm "/${name}"`, `write "${file}" "/${name}"`);
    requests.push(`sif "/${name}" uid 0`, `sif "/${name}" gid 0`, `sif "/${name}" mode 0${mode.toString(8)}`);
  }
  await replayJournal(path);
  await debugfs2(path, requests, true);
}
async function readVariables(path) {
  const copy = markedName(path);
  try {
    await copySparsely(path, copy);
    await replayJournal(copy);
    const text = await debugfs2(copy, [`cat ${environment}`]);
    return text === "" ? void 0 : bootVariablesOf(text);
  } finally {
    await rm7(copy, { force: true });
  }
}
async function writeVariables(path, folder, variables) {
  await writeFile4(join12(folder, environment), textOfBootVariables(variables));
  await updateDataDisk(path, folder, [environment.slice(1)]);
}
async function replayJournal(path) {
  const { code, stdout, stderr } = await start("e2fsck", ["-y", "-E", "journal_only", path]).done;
  if (code > 1) throw damaged(path, lastWords(stderr || stdout, "e2fsck", code));
}
async function debugfs2(path, requests, isWriting = false) {
  const input = `${requests.join("\n")}
`;
  const words2 = [...isWriting ? ["-w"] : [], "-f", "-", path];
  const { stdout, stderr } = await start("debugfs", words2, { input }).done;
  if (/Filesystem not open|while (?:opening|trying to open)/.test(stderr)) throw damaged(path, stderr.trim());
  return stdout.replace(/^debugfs: .*\n/gm, "");
}
async function succeed(program, words2) {
  const { code, stdout, stderr } = await start(program, words2).done;
  if (code === 0) return;
  const said = lastWords(stderr || stdout, program, code);
  throw new Failure(
    /No space left/.test(said) ? "disk-full" : "internal",
    `making the data partition failed: ${said}`
  );
}
function damaged(path, why) {
  return new Failure("invalid-file", `the data partition ${path} can't be read: ${why}`);
}

// src/device/disk-image.ts
import { rm as rm8, symlink } from "node:fs/promises";
async function rootPartitionOf(path) {
  const partitions = await partitionsOf(path);
  if (partitions === void 0) return void 0;
  for (const { number: number2, offset } of partitions) {
    const place = { path, offset };
    if (await isRootFileSystem(place)) return { ...place, number: number2 };
  }
  throw new Failure(
    "bad-input",
    `${path} is a disk image, and none of its ${partitions.length} partitions is an ext4 root file system`
  );
}
async function copyDisk(from, to, context) {
  if (!from.endsWith(".xz")) return await copySparsely(from, to, context.signal);
  const link = `${to}.xz`;
  await symlink(from, link);
  try {
    const { code, stderr } = await start("xz", ["--decompress", "--keep", "--force", link], {
      signal: context.signal
    }).done;
    if (code === 0) return;
    const reason = stderr.includes("No space left") ? "disk-full" : "invalid-file";
    throw new Failure(reason, `can't unpack ${from}: ${lastWords(stderr, "xz", code)}`);
  } finally {
    await rm8(link, { force: true });
  }
}
async function partitionsOf(path) {
  const { code, stdout } = await start("sfdisk", ["--json", path]).done;
  if (code !== 0) return void 0;
  const { partitiontable: table } = parse(partitionTable, JSON.parse(stdout));
  return table.partitions.map(({ node, start: first }) => ({
    number: Number(/(\d+)$/.exec(node)?.[1]),
    offset: first * (table.sectorsize ?? 512)
  }));
}
async function isRootFileSystem(place) {
  try {
    return await isInImage(place, "/etc/os-release");
  } catch (error) {
    if (error instanceof Failure && error.reason === "invalid-file") return false;
    throw error;
  }
}
var partitionTable = object({
  partitiontable: object({
    sectorsize: optional(number()),
    partitions: array(object({ node: string(), start: number() }))
  })
});

// src/device/machine-disks.ts
async function prepareDisks(options, context) {
  const disk = join13(options.folder, "disk.img");
  if (!existsSync4(join13(options.folder, "slotA.img")) && !existsSync4(disk))
    await unpackDisk(options.image, disk, context);
  const root = existsSync4(disk) ? await rootPartitionOf(disk) : void 0;
  const state = await prepareFolder({ ...options, hasSlots: root === void 0 }, context);
  await state.setServer(options.serverUrl);
  if (!root) return { state, disks: await slotDisks(options.folder, state) };
  if (await isInImage(root, "/usr/sbin/virtual-init"))
    throw new Failure(
      "bad-input",
      `${options.image} has a virtual-init, which takes what it needs from the data partition of a virtual device: give the root file system instead of the disk`
    );
  return {
    state,
    disks: {
      disks: [{ path: disk, format: "raw", serial: "disk" }],
      rootOf: () => root,
      data: void 0,
      // which slot a disk starts in is its own boot loader's business, which isn't run here
      variables: async () => firstVariables,
      setVariables: async () => {
      }
    }
  };
}
async function unpackDisk(image, disk, context) {
  const isCompressed = image.endsWith(".xz");
  if (!isCompressed && await rootPartitionOf(image) === void 0) return;
  const building = markedName(disk);
  try {
    await copyDisk(image, building, context);
    if (isCompressed && await rootPartitionOf(building) === void 0)
      throw new Failure("bad-input", `${image} is no disk image: unpack it first`);
    await rename5(building, disk);
  } finally {
    await rm9(building, { force: true });
  }
}
var [firstSlot, dataPartition] = [2, 4];
async function slotDisks(folder, { slots, data }) {
  const dataDisk = join13(folder, "data.img");
  await mkdir6(join13(data, "boot"), { recursive: true });
  await makeDataDisk(dataDisk, data);
  await updateDataDisk(dataDisk, data, await givenFiles(data));
  return {
    disks: [...slots, dataDisk].map((path, index) => ({
      path,
      format: "raw",
      serial: `p${firstSlot + index}`
    })),
    rootOf: (slot) => ({ path: slots[slot - firstSlot] ?? slots[0], offset: 0, number: slot }),
    data: dataPartition,
    variables: async () => await readVariables(dataDisk) ?? firstVariables,
    setVariables: (variables) => writeVariables(dataDisk, data, variables)
  };
}
async function givenFiles(data) {
  const names = [
    "serial",
    "mender/mender.conf",
    "mender/device_type",
    "mender/artifact-verify-key.pem",
    "ssh/authorized_keys"
  ];
  const found = await Promise.all(
    names.map(
      (name) => stat5(join13(data, name)).then(
        () => true,
        () => false
      )
    )
  );
  return names.filter((_, index) => found[index]);
}

// src/device/virtual-machine.ts
async function startVirtualMachine(options, context) {
  var _stack = [];
  try {
    requirePrograms(["cp", "debugfs", "e2fsck", "mke2fs", "setpriv", "sfdisk", "ssh-keygen"]);
    await mkdir7(options.folder, { recursive: true, mode: 448 });
    const folder = await realpath2(options.folder);
    const stack = __using(_stack, new AsyncDisposableStack(), true);
    const lock = await lockFolder(folder);
    stack.defer(() => lock.release());
    const given = { ...options, folder, serverUrl: serverUrlInside(options.serverUrl) };
    const { state, disks } = await prepareDisks(given, context);
    const hardware2 = await prepareHardware(folder, disks, context);
    const to = { host: "127.0.0.1", port: 0 };
    const way = await forward({ host: "127.0.0.1", port: 0 }, to);
    stack.defer(() => way.close());
    const { architecture, accelerator } = hardware2;
    context.log.info(
      `virtual machine ${options.serial}: ${architecture}, ${accelerator}, state in ${folder}, ssh on 127.0.0.1:${way.port}`
    );
    const access3 = {
      authorizedKey: options.authorizedKey ?? "",
      hostKey: await readFile6(join14(state.data, "ssh/ssh_host_ed25519_key"), "utf8")
    };
    const board = boardOf2({ ...options, folder, disks, hardware: hardware2, access: access3, to, context });
    const at = { host: "127.0.0.1", port: way.port };
    return poweredDevice({ ...options, folder, at, hostKey: state.hostKey }, board, stack.move(), context);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function prepareHardware(folder, disks, context) {
  const slot = await firstGoodSlot(disks);
  const scratch = join14(folder, "boot");
  await mkdir7(scratch, { recursive: true });
  const architecture = await architectureOf(disks.rootOf(slot), join14(scratch, "program"));
  requirePrograms([qemuOf[architecture]]);
  const fetched = await fetchedKernel(architecture, context);
  const base = await makeInitrd(fetched.busybox, fetched.modules);
  const accelerator = await chooseAccelerator(architecture, { kernel: fetched.image, base }, context);
  return { architecture, accelerator, fetched };
}
async function firstGoodSlot(disks) {
  const { slot } = nextBoot(await disks.variables());
  const other = slot === 2 ? 3 : 2;
  return await holdsSystem(disks.rootOf(slot)) || !await holdsSystem(disks.rootOf(other)) ? slot : other;
}
async function holdsSystem(place) {
  try {
    return await isInImage(place, "/etc");
  } catch (error) {
    if (error instanceof Failure && error.reason === "invalid-file") return false;
    throw error;
  }
}
function boardOf2(parts) {
  const { folder, disks } = parts;
  const console2 = machineConsole(folder);
  return {
    variables: () => disks.variables(),
    setVariables: (variables) => disks.setVariables(variables),
    powerOn: async (slot) => {
      const consoleFrom = await stat6(console2).then(
        ({ size }) => size,
        () => 0
      );
      return powerOf(await startOn(slot, parts), () => consoleTail(console2, consoleFrom));
    },
    console: () => consoleTail(console2),
    falseStarts: { max: 2, withinMs: 12e4 }
  };
}
async function startOn(slot, parts) {
  const { folder, disks, hardware: hardware2, serial, access: access3, to } = parts;
  const { architecture, accelerator, fetched } = hardware2;
  const root = disks.rootOf(slot);
  const holds = await holdsSystem(root);
  const own = holds ? await kernelOf(root, join14(folder, "boot")) : void 0;
  const kernel = own ?? fetched;
  parts.context.log.info(`${serial}: kernel ${kernel.name}${own ? ", the image's own" : ""}`);
  const usesOwnServer = holds && await isInImage(root, "/usr/sbin/virtual-init");
  const initrd = join14(folder, "initrd");
  const parameters = { disks: disks.disks.length, slot: root.number, data: disks.data ?? "", name: serial };
  await writeInitrd(initrd, await makeInitrd(fetched.busybox, kernel.modules), parameters, access3);
  to.port = 0;
  const machine = await startMachine({
    folder,
    architecture,
    accelerator,
    kernel: kernel.image,
    initrd,
    commandLine: `root=/dev/mmcblk0p${root.number} rw`,
    disks: disks.disks,
    isAlone: parts.serverUrl === void 0,
    memoryMiB: parts.memoryMiB ?? 512
  });
  machine.ports.then(
    ({ ssh, access: ours }) => to.port = usesOwnServer ? ssh : ours,
    () => {
    }
    // it ended, which its end tells
  );
  return machine;
}
function powerOf(machine, console2) {
  return {
    done: machine.done.then(async ({ exitStatus, reason }) => ({
      meaning: await meaningOf2(reason, console2),
      exitStatus
    })),
    cut: () => machine.kill()
  };
}
async function meaningOf2(reason, console2) {
  if (reason === "guest-shutdown") return "power-off";
  if (reason !== "guest-reset") return "crash";
  const said = await console2();
  return said.includes("Kernel panic - not syncing") || said.includes(crashMark) ? "crash" : "reboot";
}
function serverUrlInside(serverUrl) {
  if (serverUrl === void 0) return void 0;
  const url = URL.parse(serverUrl);
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new Failure("bad-input", `the server's URL is "${serverUrl}": write http://… or https://…`);
  if (isLoopback(url.hostname)) url.hostname = "10.0.2.2";
  return url.href.replace(/\/+$/, "");
}

// src/device/virtual-connection.ts
import { randomBytes } from "node:crypto";
import { readFile as readFile8, rm as rm11 } from "node:fs/promises";
import { join as join16 } from "node:path";

// src/device/ssh-address.ts
function parseSshUrl(text) {
  const url = URL.parse(text);
  if (url?.protocol !== "ssh:") throw wrong(text, "that is no ssh URL");
  if (url.password) throw withPassword();
  if (url.pathname !== "" && url.pathname !== "/" || url.hash)
    throw wrong(text, "nothing may follow the port but ?jump=");
  const { jump, ...others } = Object.fromEntries(url.searchParams);
  if (Object.keys(others).length > 0 || url.searchParams.size > 1)
    throw wrong(text, "nothing may follow the port but one ?jump=");
  const address = partsOf(text, url);
  if (jump === void 0) return address;
  const gateway = URL.parse(`ssh://${jump}`);
  if (!gateway || !/^[^/?#]+$/.test(jump)) throw wrong(text, "after jump= goes user@host:port");
  if (gateway.password) throw withPassword();
  return { ...address, jump: partsOf(text, gateway) };
}
function partsOf(text, url) {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const user = decodeURIComponent(url.username) || "root";
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_%-]*$|^::[0-9a-f:]*$/i.test(host)) throw wrong(text, "that is no host name");
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) throw wrong(text, "that is no user name");
  return { user, host, port: Number(url.port || 22) };
}
function parseHostKeys(text, address) {
  const lines = text.split("\n").map((line) => line.trim());
  const keys = { device: [], jump: [] };
  for (const line of lines.filter((one) => one !== "" && !one.startsWith("#"))) {
    const match = /^(?:(\S+) )?((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]{40,}={0,3})(?: .*)?$/.exec(line);
    if (!match)
      throw new Failure("bad-input", `host-key: a line is no ssh public key: write it as ssh-ed25519 AAAA…`);
    const [, name, type, key] = match;
    if (name === void 0 || isNameOf(name, address)) keys.device.push(`${type} ${key}`);
    else if (address.jump && isNameOf(name, address.jump)) keys.jump.push(`${type} ${key}`);
    else
      throw new Failure(
        "bad-input",
        `host-key: a line is of ${name}, which is neither the device nor the machine to go through`
      );
  }
  return keys;
}
var isNameOf = (name, { host, port }) => name === host || name === `[${host}]:${port}`;
function withPassword() {
  return new Failure("bad-input", "device: an ssh URL with a password; use the input `ssh-key`");
}
function wrong(text, why) {
  return new Failure("bad-input", `device: "${text}": ${why}; write ssh://user@host:port`);
}

// src/device/collect.ts
var oneTextMs = 2e4;
var asRoot = 'ask() { "$@" 2>/dev/null || sudo -n "$@"; }';
var has = (program) => `command -v ${program} >/dev/null || { echo "the device has no ${program}" >&2; exit 1; }`;
var scripts = {
  "boot-id": "cat /proc/sys/kernel/random/boot_id",
  "failed-units": `${has("systemctl")}
systemctl list-units --failed --full --plain --no-legend --no-pager | tail -c "$1"`,
  journal: `${has("journalctl")}; ${asRoot}
ask journalctl --boot --output short-iso-precise --no-pager | tail -c "$1"`,
  "journal-before": `${has("journalctl")}; ${asRoot}
ask journalctl --boot -1 --output short-iso-precise --no-pager >/dev/null 2>&1 || { echo "the device keeps no journal of its start before this one" >&2; exit 1; }
ask journalctl --boot -1 --output short-iso-precise --no-pager | tail -c "$1"`,
  kernel: `${has("dmesg")}; ${asRoot}
ask dmesg | tail -c "$1"`,
  // of systems without a journal
  logs: `${asRoot}
for log in /var/log/syslog /var/log/messages /var/log/*.log /data/log/*.log; do
  [ -f "$log" ] || continue
  echo "== $log"
  ask tail -c "$(($1 / 8))" "$log"
done | tail -c "$1"`
};
async function collectFrom(run2, options, console2) {
  const { maxBytes = 1 << 20, signal } = options;
  const collected = { texts: {}, missing: {} };
  const { texts, missing } = collected;
  for (const name of Object.keys(scripts)) {
    signal?.throwIfAborted();
    try {
      const args = ["-c", scripts[name], "sh", String(maxBytes)];
      const { code, stdout, stderr } = await run2("sh", args, {
        timeoutMs: oneTextMs,
        ...signal && { signal }
      });
      if (code === 0) texts[name] = endOf(stdout, maxBytes);
      else missing[name] = lastWords(stderr, "sh", code);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      missing[name] = error.message;
    }
  }
  if (console2) {
    try {
      texts.console = endOf(await console2(), maxBytes);
    } catch (error) {
      missing.console = messageOf(error);
    }
  }
  return collected;
}
function endOf(text, maxBytes) {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return bytes.subarray(-maxBytes).toString("utf8").replace(/^\ufffd+/, "");
}

// src/device/connection.ts
function imageVersionOf(osRelease) {
  const value = /^IMAGE_VERSION=(.*)$/m.exec(osRelease)?.[1]?.trim();
  return value?.replace(/^(["'])(.*)\1$/, "$2") || void 0;
}

// src/device/shell-quote.ts
function shellQuote(words2) {
  return words2.map(quoteWord).join(" ");
}
function quoteWord(word) {
  if (word.includes("\0")) throw new Failure("bad-input", "a command's argument contains a NUL character");
  if (/^[A-Za-z0-9_/.:,@%+][A-Za-z0-9_/.:,@%+=-]*$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

// src/device/ssh-session.ts
import { existsSync as existsSync5 } from "node:fs";
import { access as access2, constants as constants4, readFile as readFile7, rm as rm10, writeFile as writeFile5 } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as join15 } from "node:path";
var alias = "device";
var jumpAlias = "jump";
var maxParentBytes = 107 - "/ssh.drover-4294967295-4194304-99999999999-00000000/master".length - 17;
async function writeSshFiles(address, identity, { context, handshakeSeconds }) {
  requirePrograms(["ssh", "ssh-keygen"]);
  const folder = await temporaryFolder("ssh", context, await parentFolder());
  const close = () => rm10(folder, { recursive: true, force: true });
  try {
    const paths = {
      config: join15(folder, "config"),
      key: join15(folder, "key"),
      knownHosts: join15(folder, "known_hosts"),
      controlPath: join15(folder, "master")
    };
    if (identity.key !== void 0) {
      await writeFile5(paths.key, identity.key.endsWith("\n") ? identity.key : `${identity.key}
`, {
        mode: 384
      });
      await checkKey(paths.key);
    }
    const { hostKeys, jumpHostKeys = [] } = identity;
    const known = [
      ...hostKeys.map((key) => `${alias} ${key}`),
      ...jumpHostKeys.map((key) => `${jumpAlias} ${key}`)
    ];
    await writeFile5(paths.knownHosts, known.map((line) => `${line}
`).join(""));
    const config = configuration(address, identity, { ...paths, handshakeSeconds });
    await writeFile5(paths.config, config, { mode: 384 });
    return { folder, config: paths.config, controlPath: paths.controlPath, close };
  } catch (error) {
    await close();
    throw error;
  }
}
async function parentFolder() {
  for (const folder of [process.env["RUNNER_TEMP"], process.env["XDG_RUNTIME_DIR"], tmpdir()]) {
    if (!folder || Buffer.byteLength(folder) > maxParentBytes) continue;
    const isOurs = await access2(folder, constants4.W_OK).then(
      () => true,
      () => false
    );
    if (isOurs) return folder;
  }
  return "/tmp";
}
async function knownHostKey(files, name = alias) {
  const text = await readFile7(join15(files.folder, "known_hosts"), "utf8");
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  const [, type, key] = line?.split(" ") ?? [];
  return type !== void 0 && key !== void 0 ? `${type} ${key}` : void 0;
}
async function openMaster(files, address, context, limitMs) {
  const startedAt = performance.now();
  let toldAt = startedAt;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1e3)) {
    const master = await tryMaster(files, context);
    if ("pid" in master) return master;
    const failure = explain(master.said, address);
    const waitedMs = performance.now() - startedAt;
    if (failure.reason !== "device-unreachable" || waitedMs + pauseMs > limitMs) throw failure;
    if (performance.now() - toldAt > 1e4) {
      toldAt = performance.now();
      context.log.info(
        `waiting for ssh on ${address.host}:${address.port} (${seconds(waitedMs)}): ${lastLine(master.said)}`
      );
    }
    await context.clock.sleep(pauseMs, context.signal);
  }
}
async function isMasterAlive(files) {
  if (!existsSync5(files.controlPath)) return false;
  const { code } = await run("ssh", ["-F", files.config, "-O", "check", alias]);
  return code === 0;
}
async function tryMaster(files, context) {
  await rm10(files.controlPath, { force: true });
  const master = startTied("ssh", ["-F", files.config, "-N", "-o", "ControlMaster=yes", alias], {
    signal: context.signal,
    graceMs: 1e3
  });
  const ended = master.done.then((result) => ({ said: lastWords(result.stderr, "ssh", result.code) }));
  for (; ; ) {
    const pause = new AbortController();
    const result = await Promise.race([ended, context.clock.sleep(20, pause.signal)]);
    pause.abort();
    if (result) return result;
    if (existsSync5(files.controlPath)) return master;
  }
}
function explain(said, address) {
  const { user, host, port } = address.jump && /\bfor jump\b/.test(said) ? address.jump : address;
  const where = `${user}@${host}:${port}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/i.test(said)) {
    return new Failure(
      "host-key-mismatch",
      `${where} shows another ssh host key than the one given: if the device was set up anew, correct host-key; if not, somebody may be in between`
    );
  }
  if (/Permission denied|Too many authentication failures/i.test(said)) {
    return new Failure(
      "bad-key",
      `${where} refuses the ssh key: give one whose public half is in the device's authorized_keys (${lastLine(said)})`
    );
  }
  return new Failure("device-unreachable", `${where} can't be reached over ssh: ${lastLine(said)}`);
}
var lastLine = (said) => said.split(" / ").at(-1) ?? said;
async function checkKey(path) {
  const { code, stderr } = await run("ssh-keygen", ["-y", "-P", "", "-f", path]);
  if (code === 0) return;
  const why = stderr.includes("passphrase") ? "it is protected by a passphrase, and nobody is here to type it" : "it is no private key that OpenSSH can read";
  throw new Failure("bad-key", `ssh-key: ${why}`);
}
function configuration(address, identity, paths) {
  const { jump } = address;
  const device = [
    ...hostLines(alias, address, identity, paths),
    `ControlPath ${quoted2(paths.controlPath)}`,
    ...jump ? [`ProxyJump ${jumpAlias}`] : []
  ];
  if (!jump) return textOf(device);
  const gateway = hostLines(jumpAlias, jump, { ...identity, hostKeys: identity.jumpHostKeys ?? [] }, paths);
  return textOf(device) + textOf(gateway);
}
var textOf = (lines) => `${lines.join("\n  ")}
`;
function hostLines(name, address, identity, { key, knownHosts, handshakeSeconds }) {
  return [
    `Host ${name}`,
    `HostName ${address.host}`,
    `Port ${address.port}`,
    `User ${address.user}`,
    ...identity.key === void 0 ? [] : [`IdentityFile ${quoted2(key)}`, "IdentitiesOnly yes", "IdentityAgent none"],
    "BatchMode yes",
    "RequestTTY no",
    "ForwardAgent no",
    "LogLevel ERROR",
    `StrictHostKeyChecking ${identity.hostKeys.length > 0 ? "yes" : "accept-new"}`,
    `HostKeyAlias ${name}`,
    "CheckHostIP no",
    "UpdateHostKeys no",
    "HashKnownHosts no",
    `UserKnownHostsFile ${quoted2(knownHosts)}`,
    "GlobalKnownHostsFile /dev/null",
    "ControlMaster no",
    `ConnectTimeout ${handshakeSeconds}`,
    "ServerAliveInterval 5",
    "ServerAliveCountMax 3"
  ];
}
function quoted2(path) {
  return `"${path.replaceAll("%", "%%").replaceAll('"', '\\"')}"`;
}

// src/device/ssh-connection.ts
var connectLimitMs = 6e4;
var rebootLimitMs = 18e4;
var collectLimitMs = 3e4;
async function connectSsh(address, identity, options) {
  const { context, limitMs = connectLimitMs, resources = new AsyncDisposableStack(), console: console2 } = options;
  const files = await writeSshFiles(address, identity, {
    context,
    // a device that may take long to answer is slow at that, too
    handshakeSeconds: options.handshakeSeconds ?? Math.min(30, Math.max(5, Math.round(limitMs / 12e3)))
  });
  try {
    const master = await openMaster(files, address, context, limitMs);
    if (identity.hostKeys.length === 0) await warnOfTrust(files, address.host, alias, context);
    if (address.jump && !identity.jumpHostKeys?.length)
      await warnOfTrust(files, address.jump.host, jumpAlias, context);
    resources.defer(() => files.close());
    return new SshConnection(address, { files, context, resources, console: console2, limitMs }, master);
  } catch (error) {
    await files.close();
    throw error;
  }
}
async function warnOfTrust(files, host, name, context) {
  const key = await knownHostKey(files, name) ?? "an unknown key";
  const line = name === alias ? key : `${host} ${key}`;
  context.log.warn(
    `${host}: the ssh host key was not given, so the first one shown is trusted: whoever answers at this address could be another. Give the input host-key: ${line}`
  );
}
var SshConnection = class {
  name;
  testinfra;
  lost;
  #address;
  #files;
  #context;
  #resources;
  #console;
  #limitMs;
  #resolveLost;
  #master;
  #isClosed = false;
  #isLost = false;
  #isExpectedToBreak = false;
  constructor(address, parts, master) {
    this.name = address.port === 22 ? address.host : `${address.host}:${address.port}`;
    this.testinfra = { url: `ssh://${alias}`, sshConfig: parts.files.config };
    this.#address = address;
    this.#files = parts.files;
    this.#context = parts.context;
    this.#resources = parts.resources;
    this.#console = parts.console;
    this.#limitMs = parts.limitMs;
    const { promise, resolve } = Promise.withResolvers();
    this.lost = promise;
    this.#resolveLost = resolve;
    this.#master = master;
    this.#watch(master);
  }
  async run(program, args = [], options = {}) {
    if (this.#isLost) throw new Failure("device-unreachable", `the connection to ${this.name} broke`);
    return await this.#run(program, args, options);
  }
  async collect(options = {}) {
    let unreachable;
    if (this.#isLost && !this.#isClosed) {
      try {
        await this.#openAnew(Math.min(this.#limitMs, collectLimitMs));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        unreachable = error;
      }
    }
    const run2 = async (program, args, given) => {
      if (unreachable) throw unreachable;
      return await this.#run(program, args, given);
    };
    return await collectFrom(run2, options, this.#console);
  }
  async #run(program, args, options) {
    const { timeoutMs = 6e4 } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([
      this.#context.signal,
      deadline,
      ...options.signal ? [options.signal] : []
    ]);
    const words2 = ["-F", this.#files.config, alias, shellQuote([program, ...args])];
    try {
      const input = options.input === void 0 ? {} : { input: options.input };
      const ssh = start("ssh", words2, { signal, graceMs: 1e3, ...input });
      const result = await Promise.race([ssh.done, abortOf(signal)]);
      if (result.code !== 255 || await isMasterAlive(this.#files)) return result;
      throw explain(result.stderr.trim() || "the connection broke", this.#address);
    } catch (error) {
      if (error !== deadline.reason) throw error;
      const message2 = `${program} on ${this.name} did not end within ${timeoutMs / 1e3} s`;
      throw new Failure("device-unreachable", message2, { cause: error });
    }
  }
  async bootId() {
    const { code, stdout, stderr } = await this.run("cat", ["/proc/sys/kernel/random/boot_id"]);
    if (code === 0) return stdout.trim();
    throw new Failure("device-unreachable", `${this.name} doesn't tell its boot id: ${stderr.trim()}`);
  }
  async release() {
    const { code, stdout } = await this.run("cat", ["/etc/os-release"]);
    return code === 0 ? imageVersionOf(stdout) : void 0;
  }
  async reboot({ limitMs = rebootLimitMs } = {}) {
    const before = await this.bootId();
    const deadline = performance.now() + limitMs;
    this.#isExpectedToBreak = true;
    try {
      await this.#order();
      this.#context.log.info(`${this.name}: rebooting`);
      while (performance.now() < deadline) {
        const id = await this.#bootIdAnew(deadline - performance.now());
        if (id !== void 0 && id !== before) return;
        await this.#context.clock.sleep(200, this.#context.signal);
      }
    } catch (error) {
      this.#tellLost();
      throw error;
    } finally {
      this.#isExpectedToBreak = false;
    }
    this.#tellLost();
    throw new Failure(
      "device-unreachable",
      `${this.name} was not up again ${limitMs / 1e3} s after its reboot began`
    );
  }
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#master.stop();
    await this.#resources.disposeAsync();
    this.#tellLost();
  }
  async #order() {
    const words2 = this.#address.user === "root" ? ["reboot"] : ["sudo", "-n", "reboot"];
    const [program = "", ...args] = words2;
    try {
      const { code, stderr } = await this.run(program, args, { timeoutMs: 15e3 });
      if (code === 0 || code >= 128) return;
      throw new Failure(
        "missing-rights",
        `${this.name} refuses to reboot: ${lastWords(stderr, "reboot", code)}`
      );
    } catch (error) {
      if (!(error instanceof Failure && error.reason === "device-unreachable")) throw error;
    }
  }
  async #bootIdAnew(limitMs) {
    try {
      await this.#openAnew(limitMs);
      return await this.bootId();
    } catch (error) {
      if (error instanceof Failure && error.reason === "device-unreachable") return void 0;
      throw error;
    }
  }
  async #openAnew(limitMs) {
    await this.#master.stop();
    this.#master = await openMaster(this.#files, this.#address, this.#context, limitMs);
    this.#watch(this.#master);
  }
  #tellLost() {
    this.#isLost = true;
    this.#resolveLost();
  }
  #watch(master) {
    const onEnd = () => {
      if (this.#master === master && !this.#isExpectedToBreak) this.#tellLost();
    };
    master.done.then(onEnd, onEnd);
  }
};
function abortOf(signal) {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(asError(signal.reason)), { once: true });
  });
}
var asError = (reason) => reason instanceof Error ? reason : new Error(String(reason));

// src/device/virtual-connection.ts
var kinds = {
  namespace: { start: startVirtualDevice },
  vm: { start: startVirtualMachine, handshakeSeconds: 30 }
};
var bootLimitsMs = {
  namespace: 3e4,
  vm: 3e5
};
async function connectVirtual(kind, image, options) {
  const resources = new AsyncDisposableStack();
  const limitMs = options.limitMs ?? bootLimitsMs[kind];
  try {
    return await boot(kinds[kind], image, { ...options, limitMs, resources });
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}
async function boot({ start: start2, handshakeSeconds }, image, options) {
  const { context, limitMs, resources } = options;
  const folder = await temporaryFolder("device", context);
  resources.defer(() => rm11(folder, { recursive: true, force: true }));
  const key = join16(folder, "id");
  await runOk("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "drover", "-f", key], {
    what: "making an ssh key"
  });
  const device = await start2(
    {
      folder: join16(folder, "device"),
      image,
      deviceType: "virtual",
      serial: `virtual-${randomBytes(4).toString("hex")}`,
      authorizedKey: await readFile8(`${key}.pub`, "utf8")
    },
    context
  );
  resources.defer(() => device.stop());
  const identity = { key: await readFile8(key, "utf8"), hostKeys: [device.hostKey] };
  const startedAt = performance.now();
  try {
    await device.answers(limitMs);
    const leftMs = Math.max(1e3, limitMs - (performance.now() - startedAt));
    const patience = handshakeSeconds === void 0 ? {} : { handshakeSeconds };
    const session = { context, limitMs: leftMs, ...patience, resources, console: () => device.console() };
    const booted = connectSsh(parseSshUrl(device.sshUrl), identity, session);
    const connection = await Promise.race([booted, device.done.then(() => booted)]);
    context.log.info(`ssh answered ${seconds(performance.now() - startedAt)} after power-on`);
    return connection;
  } catch (error) {
    throw await withConsole(error, device, { afterMs: performance.now() - startedAt, limitMs });
  }
}
async function withConsole(error, device, { afterMs, limitMs }) {
  if (!(error instanceof Failure) || error.reason !== "device-unreachable") return error;
  if (error.message.includes("Its console says")) return error;
  const said = lastLines(await consoleOf2(device), 12);
  const advice = afterMs < limitMs ? "" : " If it only takes longer, give a longer boot-timeout.";
  return new Failure(
    "device-unreachable",
    `the virtual device was cut off ${seconds(afterMs)} after power-on: ${error.message}.${advice} Its console ends with: ${said}`,
    { cause: error }
  );
}
async function consoleOf2(device) {
  try {
    return await device.console();
  } catch {
    return "";
  }
}

// src/device/connect.ts
import { existsSync as existsSync6 } from "node:fs";

// src/device/local-connection.ts
import { readFile as readFile9 } from "node:fs/promises";
import { hostname } from "node:os";
function connectLocal(context) {
  const { promise: lost, resolve: tellLost } = Promise.withResolvers();
  const name = hostname();
  const run2 = async (program, args = [], options = {}) => {
    const { timeoutMs = 6e4 } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const signals = [context.signal, deadline, ...options.signal ? [options.signal] : []];
    try {
      const input = options.input === void 0 ? {} : { input: options.input };
      return await start(program, args, { signal: AbortSignal.any(signals), ...input }).done;
    } catch (error) {
      if (error !== deadline.reason) throw error;
      const message2 = `${program} on ${name} did not end within ${timeoutMs / 1e3} s`;
      throw new Failure("device-unreachable", message2, { cause: error });
    }
  };
  return {
    name,
    testinfra: { url: "local://", sshConfig: void 0 },
    lost,
    run: run2,
    collect: (options = {}) => collectFrom(run2, options),
    bootId: async () => (await readFile9("/proc/sys/kernel/random/boot_id", "utf8")).trim(),
    release: async () => imageVersionOf(await readFile9("/etc/os-release", "utf8").catch(() => "")),
    reboot: async () => {
      throw new Failure(
        "bad-input",
        "device: local: is the machine that this job runs on; it can't reboot it"
      );
    },
    close: async () => tellLost()
  };
}

// src/device/connect.ts
async function connect3(url, options) {
  const { context } = options;
  const limit = options.limitMs === void 0 ? {} : { limitMs: options.limitMs };
  const [, scheme, rest = ""] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case "ssh": {
      const address = parseSshUrl(url);
      const { device, jump } = parseHostKeys(options.hostKey ?? "", address);
      const identity = { key: options.sshKey, hostKeys: device, jumpHostKeys: jump };
      return connectSsh(address, identity, { context, ...limit });
    }
    case "namespace":
    case "vm":
      if (!existsSync6(rest)) throw new Failure("file-missing", `device: "${url}": there is no file ${rest}`);
      return connectVirtual(scheme, rest, { context, ...limit });
    case "local":
      if (rest !== "") throw new Failure("bad-input", `device: "${url}": nothing may follow local:`);
      return connectLocal(context);
    default:
      throw new Failure(
        "bad-input",
        `device: "${url}": write ssh://user@host:port, vm:<image>, namespace:<root file system image> or local:`
      );
  }
}

export {
  startVirtualDevice,
  startVirtualMachine,
  shellQuote,
  bootLimitsMs,
  connect3 as connect
};
