import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  hasCode,
  lastWords,
  messageOf,
  object,
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
  temporaryFolder,
  writeAtomically
} from "./chunk-I22TAEI5.mjs";
import {
  __callDispose,
  __using
} from "./chunk-TNMH4EKQ.mjs";

// src/device/virtual-device.ts
import { appendFile, mkdir as mkdir3, realpath, rename as rename2, rm as rm2, stat as stat3 } from "node:fs/promises";
import { join as join6 } from "node:path";

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
    if (text === void 0) return void 0;
    const variables = {};
    for (const line of text.split("\n")) {
      const at = line.indexOf("=");
      if (at > 0) variables[line.slice(0, at)] = line.slice(at + 1);
    }
    return variables;
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
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}
`);
    const folder = __using(_stack, await holdInner(data, folderName), true);
    await writeAtomically(join2(folder.path, fileName), lines.join(""));
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
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
import { mkdir as mkdir2, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join as join3 } from "node:path";
import { promisify } from "node:util";
async function prepareFolder(options, context) {
  check("serial", options.serial);
  check("deviceType", options.deviceType);
  const { folder } = options;
  const data = join3(folder, "data");
  const slots = [join3(folder, "slotA.img"), join3(folder, "slotB.img")];
  try {
    await mkdir2(join3(folder, "root"), { recursive: true });
    await mkdir2(data, { recursive: true });
    if (existsSync(slots[0])) context.log.debug(`${folder}: goes on with the slots that are there`);
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
    await copySparsely(image, temporary, context);
    await truncate(temporary, slotBytes ?? size);
    await rename(temporary, a);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
async function copySparsely(from, to, context) {
  await rm(to, { force: true });
  const words = ["--reflink=auto", "--sparse=always", "--", from, to];
  const { code, stderr } = await start("cp", words, { signal: context.signal }).done;
  if (code === 0) return;
  const reason = stderr.includes("No space left") ? "disk-full" : "bad-input";
  throw new Failure(reason, `can't copy the image ${from} into the device's slot: ${stderr.trim()}`);
}
async function makeClientKey(path) {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 3072 });
  await writeAtomically(path, privateKey.export({ type: "pkcs1", format: "pem" }), 384);
}
async function hostKeyIn(ssh) {
  const name = "ssh_host_ed25519_key";
  if (!await ssh.has(`${name}.pub`)) {
    const path = join3(ssh.path, name);
    await rm(path, { force: true });
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
      const message = `another process runs the virtual device in ${folder}: stop it first, or use another folder`;
      reject(isTaken ? new Failure("device-busy", message) : error);
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
  const words = ["--pdeathsig", "KILL", ...bound, "--", "/bin/sh", "-c", unlessOrphaned, "tied"];
  return start("setpriv", [...words, String(process.pid), program, ...args], options);
}

// src/device/network.ts
async function openNetwork(context) {
  const holder = await startHolder();
  try {
    const number = await claimLink(holder.pid, context);
    const [hostAddress, address] = [`10.78.${number}.1`, `10.78.${number}.2`];
    const namespace = `/proc/${holder.pid}/ns/net`;
    await configure("ip", [], [`address add ${hostAddress}/24 dev drv${number}`, `link set drv${number} up`]);
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
      await start("ip", ["link", "delete", `drv${number}`]).done;
      await holder.stop();
    };
    return { address, hostAddress, namespace, close };
  } catch (error) {
    await holder.stop();
    throw error;
  }
}
function leadsInto(destination, number) {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(destination);
  if (!match) return false;
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
  const bits = Math.min(match[5] === void 0 ? 32 : Number(match[5]), 24);
  const prefix = (value) => bits === 0 ? 0 : value >>> 32 - bits;
  const route = (a << 24 | b << 16 | c << 8 | d) >>> 0;
  return bits > 0 && prefix(route) === prefix((10 << 24 | 78 << 16 | number << 8) >>> 0);
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
  for (let number = 1; number <= 254; number++) {
    if (taken.some(({ dst }) => leadsInto(dst, number))) continue;
    const words = [
      "link",
      "add",
      `drv${number}`,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      String(pid)
    ];
    const { code, stderr } = await run("ip", words);
    if (code === 0) return number;
    if (!stderr.includes("File exists"))
      throw new Failure("missing-rights", `can't make a network interface: ${stderr.trim()}`);
    context.signal.throwIfAborted();
  }
  throw new Failure(
    "device-busy",
    "no free network 10.78.N.0/24: each is in use, or a route of this machine leads there"
  );
}
async function configure(program, words, lines) {
  await runOk(program, [...words, "-batch", "-"], {
    input: `${lines.join("\n")}
`,
    what: "setting up the device's network",
    reason: "missing-rights"
  });
}

// src/device/forward.ts
import { connect, createServer as createServer2 } from "node:net";
async function forward(at, to) {
  const sockets = /* @__PURE__ */ new Set();
  const server = createServer2({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    join4(near, far);
    join4(far, near);
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
function join4(from, to) {
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
import { join as join5 } from "node:path";
function startSlot(options) {
  const [a, b] = options.devices;
  const namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
  const words = [
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
      ...words
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
var stageOneOf = (folder) => join5(folder, "stage-1");
var consoleOf = (folder) => join5(folder, "console");
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
import { open as open2 } from "node:fs/promises";
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
    handle = await open2(path, "r+");
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
      const handle = await open2(path, constants2.O_RDWR | constants2.O_EXCL);
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
var programs = ["cp", "ip", "losetup", "mount", "nsenter", "pivot_root", "setpriv", "ssh-keygen", "unshare"];
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
    const power = new Power({ ...options, folder }, { state, network, slots }, context);
    return power.start(stack.move());
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var maxFalseStarts = 5;
var falseStartMs = 2e3;
var Power = class {
  #options;
  #parts;
  #context;
  #events = [];
  #running;
  #isOff = false;
  #written = Promise.resolve();
  constructor(options, parts, context) {
    this.#options = options;
    this.#parts = parts;
    this.#context = context;
  }
  start(resources) {
    const { network, state } = this.#parts;
    const done = this.#runWith(resources);
    done.catch(() => {
    });
    const stop = async () => {
      await this.#powerOff();
      await done;
    };
    const onAbort = () => void stop().catch(() => {
    });
    this.#context.signal.addEventListener("abort", onAbort, { once: true });
    if (this.#context.signal.aborted) onAbort();
    const forget = () => this.#context.signal.removeEventListener("abort", onAbort);
    done.then(forget, forget);
    return {
      folder: this.#options.folder,
      address: network.address,
      sshUrl: `ssh://root@${network.address}:22`,
      hostKey: state.hostKey,
      answers: (limitMs = 6e4) => {
        const server = untilSshAnswers({ host: network.address, port: 22 }, this.#context, limitMs);
        return Promise.race([server, done.then(() => server)]);
      },
      events: () => [...this.#events],
      powerCut: () => this.#cut("power-cut"),
      stop,
      done
    };
  }
  async #runWith(resources) {
    var _stack = [];
    try {
      const _all = __using(_stack, resources, true);
      try {
        await this.#run();
      } finally {
        await this.#written;
      }
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  async #run() {
    for (let falseStarts = 0; !this.#isOff; ) {
      const boot = await this.#nextBoot();
      const end = await this.#boot(boot);
      if (end.why === "power-off") return;
      falseStarts = end.why === "crash" && end.afterMs < falseStartMs && !boot.isTrial ? falseStarts + 1 : 0;
      if (falseStarts >= maxFalseStarts) throw await this.#cannotBoot(boot.slot);
    }
  }
  async #nextBoot() {
    const { data } = this.#parts.state;
    const boot = nextBoot(await readBootVariables(data) ?? {});
    if (boot.isTrial || boot.isFallback) await writeBootVariables(data, boot.variables);
    await this.#parts.slots.untilFree();
    return boot;
  }
  async #boot({ slot, isTrial, isFallback }) {
    const { network, slots } = this.#parts;
    const { folder, serial } = this.#options;
    const startedAt = performance.now();
    const started = startSlot({
      folder,
      slot,
      devices: slots.devices,
      network: network.namespace,
      hostName: serial
    });
    const running = { pid: started.pid, cut: void 0 };
    this.#running = running;
    this.#tell({ at: /* @__PURE__ */ new Date(), kind: "boot", slot, isTrial, isFallback });
    const ended = new AbortController();
    if (isTrial) void this.#watch(ended.signal);
    if (this.#isOff) this.#cut("power-off");
    const { code: exitStatus } = await started.done;
    this.#running = void 0;
    ended.abort();
    const afterMs = Math.round(performance.now() - startedAt);
    const why = running.cut ?? meaningOf(exitStatus);
    this.#tell({ at: /* @__PURE__ */ new Date(), kind: "down", slot, why, exitStatus, afterMs });
    return { why, afterMs };
  }
  /** A system that hangs in its trial never confirms and never reboots: somebody has to pull the plug. */
  async #watch(ended) {
    try {
      await this.#context.clock.sleep(this.#options.bootTimeoutMs ?? 6e4, ended);
      const variables = await readBootVariables(this.#parts.state.data) ?? {};
      if (!ended.aborted && isUnconfirmed(variables)) this.#cut("watchdog");
    } catch (error) {
      if (!ended.aborted) this.#context.log.warn(`the watchdog failed: ${messageOf(error)}`);
    }
  }
  #cut(why) {
    if (!this.#running) return;
    this.#running.cut ??= why;
    kill(this.#running.pid, "SIGKILL");
  }
  /** Asks process 1 to power off and cuts the power where it doesn't within some seconds. */
  async #powerOff() {
    if (this.#isOff) return;
    this.#isOff = true;
    const running = this.#running;
    if (!running) return;
    const first = await firstProcess(running.pid);
    if (first !== void 0) kill(first, "SIGUSR1");
    for (let waitedMs = 0; this.#running === running && waitedMs < 3e3; waitedMs += 20)
      await this.#context.clock.sleep(20);
    this.#cut("power-off");
  }
  #tell(event) {
    this.#events.push(event);
    const { folder, serial } = this.#options;
    this.#context.log.info(`${serial}: ${lineOf(event)}`);
    this.#written = this.#written.then(() => appendFile(join6(folder, "events"), `${JSON.stringify(event)}
`)).catch(
      (error) => this.#context.log.warn(`can't write the device's events: ${messageOf(error)}`)
    );
  }
  async #cannotBoot(slot) {
    const text = await readText(consoleOf(this.#options.folder), 16 << 20).catch(() => "");
    const said = text.trim().split("\n").slice(-3).join(" / ") || "nothing";
    return new Failure(
      "device-unreachable",
      `slot ${slot} of the virtual device in ${this.#options.folder} doesn't boot. Its console says: ${said}`
    );
  }
};
function lineOf(event) {
  if (event.kind === "down") return `down after ${seconds(event.afterMs)} (${event.why})`;
  const how = event.isFallback ? ", back from an update that was not confirmed" : event.isTrial ? ", on trial" : "";
  return `boots slot ${event.slot}${how}`;
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
  if (size > 1 << 20) await rename2(path, `${path}.old`).catch(() => rm2(path, { force: true }));
}

// src/device/connect.ts
import { existsSync as existsSync3 } from "node:fs";

// src/device/local-connection.ts
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

// src/device/connection.ts
function imageVersionOf(osRelease) {
  const value = /^IMAGE_VERSION=(.*)$/m.exec(osRelease)?.[1]?.trim();
  return value?.replace(/^(["'])(.*)\1$/, "$2") || void 0;
}

// src/device/local-connection.ts
function connectLocal(context) {
  const { promise: lost, resolve: tellLost } = Promise.withResolvers();
  const name = hostname();
  return {
    name,
    testinfra: { url: "local://", sshConfig: void 0 },
    lost,
    run: async (program, args = [], options = {}) => {
      const { timeoutMs = 6e4 } = options;
      const deadline = AbortSignal.timeout(timeoutMs);
      const signals = [context.signal, deadline, ...options.signal ? [options.signal] : []];
      try {
        return await start(program, args, { signal: AbortSignal.any(signals) }).done;
      } catch (error) {
        if (error !== deadline.reason) throw error;
        const message = `${program} on ${name} did not end within ${timeoutMs / 1e3} s`;
        throw new Failure("device-unreachable", message, { cause: error });
      }
    },
    bootId: async () => (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim(),
    release: async () => imageVersionOf(await readFile("/etc/os-release", "utf8").catch(() => "")),
    reboot: async () => {
      throw new Failure(
        "bad-input",
        "device: local: is the machine that this job runs on; it can't reboot it"
      );
    },
    close: async () => tellLost()
  };
}

// src/device/namespace-connection.ts
import { randomBytes } from "node:crypto";
import { readFile as readFile3, rm as rm4 } from "node:fs/promises";
import { join as join8 } from "node:path";

// src/device/ssh-address.ts
function parseSshUrl(text) {
  const url = URL.parse(text);
  if (url?.protocol !== "ssh:") throw wrong(text, "that is no ssh URL");
  if (url.password)
    throw new Failure("bad-input", "device: an ssh URL with a password; use the input `ssh-key`");
  if (url.pathname !== "" && url.pathname !== "/" || url.search || url.hash)
    throw wrong(text, "nothing may follow the port");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const user = decodeURIComponent(url.username) || "root";
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_%-]*$|^::[0-9a-f:]*$/i.test(host)) throw wrong(text, "that is no host name");
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) throw wrong(text, "that is no user name");
  return { user, host, port: Number(url.port || 22) };
}
function parseHostKeys(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return keys.map((line) => {
    const match = /^((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]{40,}={0,3})(?: .*)?$/.exec(line);
    if (match) return `${match[1]} ${match[2]}`;
    throw new Failure("bad-input", `host-key: a line is no ssh public key: write it as ssh-ed25519 AAAA…`);
  });
}
function wrong(text, why) {
  return new Failure("bad-input", `device: "${text}": ${why}; write ssh://user@host:port`);
}

// src/device/shell-quote.ts
function shellQuote(words) {
  return words.map(quoteWord).join(" ");
}
function quoteWord(word) {
  if (word.includes("\0")) throw new Failure("bad-input", "a command's argument contains a NUL character");
  if (/^[A-Za-z0-9_/.:,@%+][A-Za-z0-9_/.:,@%+=-]*$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

// src/device/ssh-session.ts
import { existsSync as existsSync2 } from "node:fs";
import { access, constants as constants3, readFile as readFile2, rm as rm3, writeFile as writeFile2 } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as join7 } from "node:path";
var alias = "device";
var maxParentBytes = 107 - "/ssh.drover-4294967295-4194304-99999999999-00000000/master".length - 17;
async function writeSshFiles(address, identity, context) {
  requirePrograms(["ssh", "ssh-keygen"]);
  const folder = await temporaryFolder("ssh", context, await parentFolder());
  const close = () => rm3(folder, { recursive: true, force: true });
  try {
    const paths = {
      config: join7(folder, "config"),
      key: join7(folder, "key"),
      knownHosts: join7(folder, "known_hosts"),
      controlPath: join7(folder, "master")
    };
    if (identity.key !== void 0) {
      await writeFile2(paths.key, identity.key.endsWith("\n") ? identity.key : `${identity.key}
`, {
        mode: 384
      });
      await checkKey(paths.key);
    }
    await writeFile2(paths.knownHosts, identity.hostKeys.map((key) => `${alias} ${key}
`).join(""));
    await writeFile2(paths.config, configuration(address, identity, paths), { mode: 384 });
    return { folder, config: paths.config, controlPath: paths.controlPath, close };
  } catch (error) {
    await close();
    throw error;
  }
}
async function parentFolder() {
  for (const folder of [process.env["RUNNER_TEMP"], process.env["XDG_RUNTIME_DIR"], tmpdir()]) {
    if (!folder || Buffer.byteLength(folder) > maxParentBytes) continue;
    const isOurs = await access(folder, constants3.W_OK).then(
      () => true,
      () => false
    );
    if (isOurs) return folder;
  }
  return "/tmp";
}
async function knownHostKey(files) {
  const text = await readFile2(join7(files.folder, "known_hosts"), "utf8");
  const [, type, key] = text.split("\n")[0]?.split(" ") ?? [];
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
  if (!existsSync2(files.controlPath)) return false;
  const { code } = await run("ssh", ["-F", files.config, "-O", "check", alias]);
  return code === 0;
}
async function tryMaster(files, context) {
  await rm3(files.controlPath, { force: true });
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
    if (existsSync2(files.controlPath)) return master;
  }
}
function explain(said, address) {
  const where = `${address.user}@${address.host}:${address.port}`;
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
  const lines = [
    `Host ${alias}`,
    `HostName ${address.host}`,
    `Port ${address.port}`,
    `User ${address.user}`,
    ...identity.key === void 0 ? [] : [`IdentityFile ${quoted(paths.key)}`, "IdentitiesOnly yes", "IdentityAgent none"],
    "BatchMode yes",
    "RequestTTY no",
    "ForwardAgent no",
    "LogLevel ERROR",
    `StrictHostKeyChecking ${identity.hostKeys.length > 0 ? "yes" : "accept-new"}`,
    `HostKeyAlias ${alias}`,
    "CheckHostIP no",
    "UpdateHostKeys no",
    "HashKnownHosts no",
    `UserKnownHostsFile ${quoted(paths.knownHosts)}`,
    "GlobalKnownHostsFile /dev/null",
    "ControlMaster no",
    `ControlPath ${quoted(paths.controlPath)}`,
    "ConnectTimeout 5",
    "ServerAliveInterval 5",
    "ServerAliveCountMax 3"
  ];
  return `${lines.join("\n  ")}
`;
}
function quoted(path) {
  return `"${path.replaceAll("%", "%%").replaceAll('"', '\\"')}"`;
}

// src/device/ssh-connection.ts
var connectLimitMs = 6e4;
var rebootLimitMs = 18e4;
async function connectSsh(address, identity, options) {
  const { context, limitMs = connectLimitMs, resources = new AsyncDisposableStack() } = options;
  const files = await writeSshFiles(address, identity, context);
  try {
    const master = await openMaster(files, address, context, limitMs);
    if (identity.hostKeys.length === 0) {
      const key = await knownHostKey(files) ?? "an unknown key";
      context.log.warn(
        `${address.host}: the ssh host key was not given, so the first one shown is trusted: whoever answers at this address could be another. Give the input host-key: ${key}`
      );
    }
    resources.defer(() => files.close());
    return new SshConnection(address, { files, context, resources }, master);
  } catch (error) {
    await files.close();
    throw error;
  }
}
var SshConnection = class {
  name;
  testinfra;
  lost;
  #address;
  #files;
  #context;
  #resources;
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
    const { promise, resolve } = Promise.withResolvers();
    this.lost = promise;
    this.#resolveLost = resolve;
    this.#master = master;
    this.#watch(master);
  }
  async run(program, args = [], options = {}) {
    const { timeoutMs = 6e4 } = options;
    if (this.#isLost) throw new Failure("device-unreachable", `the connection to ${this.name} broke`);
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([
      this.#context.signal,
      deadline,
      ...options.signal ? [options.signal] : []
    ]);
    const words = ["-F", this.#files.config, alias, shellQuote([program, ...args])];
    try {
      const ssh = start("ssh", words, { signal, graceMs: 1e3 });
      const result = await Promise.race([ssh.done, abortOf(signal)]);
      if (result.code !== 255 || await isMasterAlive(this.#files)) return result;
      throw explain(result.stderr.trim() || "the connection broke", this.#address);
    } catch (error) {
      if (error !== deadline.reason) throw error;
      const message = `${program} on ${this.name} did not end within ${timeoutMs / 1e3} s`;
      throw new Failure("device-unreachable", message, { cause: error });
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
    const words = this.#address.user === "root" ? ["reboot"] : ["sudo", "-n", "reboot"];
    const [program = "", ...args] = words;
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
      await this.#master.stop();
      this.#master = await openMaster(this.#files, this.#address, this.#context, limitMs);
      this.#watch(this.#master);
      return await this.bootId();
    } catch (error) {
      if (error instanceof Failure && error.reason === "device-unreachable") return void 0;
      throw error;
    }
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

// src/device/namespace-connection.ts
async function connectNamespace(image, context) {
  var _stack = [];
  try {
    const stack = __using(_stack, new AsyncDisposableStack(), true);
    const folder = await temporaryFolder("device", context);
    stack.defer(() => rm4(folder, { recursive: true, force: true }));
    const key = join8(folder, "id");
    await runOk("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "drover", "-f", key], {
      what: "making an ssh key"
    });
    const device = await startVirtualDevice(
      {
        folder: join8(folder, "device"),
        image,
        deviceType: "virtual",
        serial: `virtual-${randomBytes(4).toString("hex")}`,
        authorizedKey: await readFile3(`${key}.pub`, "utf8")
      },
      context
    );
    stack.defer(() => device.stop());
    const identity = { key: await readFile3(key, "utf8"), hostKeys: [device.hostKey] };
    const resources = stack.move();
    const booted = connectSsh(parseSshUrl(device.sshUrl), identity, { context, limitMs: 3e4, resources });
    try {
      return await Promise.race([booted, device.done.then(() => booted)]);
    } catch (error) {
      await resources.disposeAsync();
      throw error;
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/device/connect.ts
async function connect3(url, options) {
  const { context } = options;
  const [, scheme, rest = ""] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case "ssh": {
      const identity = { key: options.sshKey, hostKeys: parseHostKeys(options.hostKey ?? "") };
      const limit = options.limitMs === void 0 ? {} : { limitMs: options.limitMs };
      return connectSsh(parseSshUrl(url), identity, { context, ...limit });
    }
    case "namespace":
      if (!existsSync3(rest)) throw new Failure("file-missing", `device: "${url}": there is no file ${rest}`);
      return connectNamespace(rest, context);
    case "local":
      if (rest !== "") throw new Failure("bad-input", `device: "${url}": nothing may follow local:`);
      return connectLocal(context);
    case "vm":
      throw new Failure(
        "bad-input",
        `device: "${url}": virtual machines are not there yet; use namespace: or ssh:`
      );
    default:
      throw new Failure(
        "bad-input",
        `device: "${url}": write ssh://user@host:port, namespace:<root file system image> or local:`
      );
  }
}

export {
  startVirtualDevice,
  connect3 as connect
};
