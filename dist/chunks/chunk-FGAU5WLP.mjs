import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  readReceipt,
  receiptKeys
} from "./chunk-BV5EGKDN.mjs";
import {
  connect
} from "./chunk-MZND4F6A.mjs";
import {
  readSwitches
} from "./chunk-3EHZS56L.mjs";
import {
  is32Bit
} from "./chunk-RTAWKCSZ.mjs";
import {
  addressOf,
  hostKeysOf
} from "./chunk-5FZYLKFJ.mjs";
import {
  verifyArtifact
} from "./chunk-OCPNMXBO.mjs";
import {
  Failure,
  messageOf,
  oneLine,
  seconds,
  shorten
} from "./chunk-J6UCEAK3.mjs";

// src/operate/verify.ts
async function verifyUpdate(update, context) {
  requireKey(update);
  const receipts = await testedBy(update, context);
  const knownBad = update.fleet === void 0 ? void 0 : await knownBadOf(update.fleet, context);
  const { artifact, verifyKeys: keys, deviceTypes, variant, minVersion } = update;
  const policy = {
    keys,
    deviceTypes,
    variant,
    minVersion,
    receipts,
    knownBad
  };
  const verdict = await context.log.group(
    `Verifying ${artifact}`,
    () => verifyArtifact(artifact, policy, context)
  );
  for (const { what, result, detail } of verdict.checks) {
    const line = `${what}: ${detail}`;
    if (result === "ok") context.log.info(line);
    else if (result === "not-checked" && what !== "signature") context.log.info(`${line} (not checked)`);
    else context.log.warn(result === "refused" ? line : `${line}: anybody may have made this file`);
  }
  return verdict;
}
function requireKey({
  artifact,
  verifyKeys,
  receipts,
  receiptKeys: pems,
  allowUnsigned
}) {
  if (verifyKeys.length + pems.length > 0 || allowUnsigned === true) return;
  const orReceipt = receipts.length > 0 ? "receipt-key, for the receipt," : "receipt-key with a receipt";
  throw new Failure(
    "bad-input",
    `there is no key to check ${artifact} with: give verify-key, or ${orReceipt} (is a variable that it comes from not set?). With allow-unsigned: true it is accepted whoever made it`
  );
}
async function knownBadOf(fleet, context) {
  const { switches, from } = await readSwitches(fleet, context);
  context.log.info(`known-bad of ${from}: ${switches.knownBad.size} entries`);
  return switches.knownBad;
}
async function testedBy({ receipts, receiptKeys: pems }, context) {
  if (pems.length === 0) {
    if (receipts.length === 0) return void 0;
    throw new Failure(
      "bad-input",
      "receipt needs receipt-key: a receipt that nobody is known to have signed proves nothing"
    );
  }
  const keys = pems.flatMap(receiptKeys);
  const tested = [];
  for (const file of receipts) {
    context.signal.throwIfAborted();
    tested.push(await testedOf(file, keys));
  }
  return tested;
}
async function testedOf(file, keys) {
  try {
    return { file, ...await readReceipt(file, keys) };
  } catch (error) {
    if (!(error instanceof Failure) || !error.reason.startsWith("receipt-")) throw error;
    return { file, failure: error };
  }
}

// src/operate/prepare-runner.ts
var pauseMs = 1e3;
var endingLimitMs = 2e4;
var startingLimitMs = 10 * 6e4;
async function prepareRunner(host, { name, device, limits }, registry, context) {
  const startedAt = context.clock.now().getTime();
  for (; ; ) {
    context.log.info(`preparing a runner on ${device.host}`);
    const prepared = await host.prepare(name, limits?.idleSeconds);
    if (prepared.kind === "ready") return void 0;
    const other = prepared.name;
    const known = (await registry.list()).find((runner) => runner.name === other);
    const state = other === void 0 ? void 0 : (await host.look(other)).state;
    const isOver = state === "ended" || state === "gone" || state === "running" && !known;
    if (known && other === name && !isOver) return known;
    const isStarting = state === "preparing";
    const isTaken = other !== name && (isStarting || state === "running" && known !== void 0);
    const limitMs = isStarting ? startingLimitMs : endingLimitMs;
    if (isTaken || context.clock.now().getTime() - startedAt > limitMs) throw busy(device.host, other, known);
    if (other !== void 0 && isOver) {
      context.log.info(`ending ${oneLine(other)}, which is over`);
      await host.stop(other, { timeoutMs: endingLimitMs });
    }
    await context.clock.sleep(pauseMs, context.signal);
  }
}
function busy(host, name, known) {
  const state = known?.isBusy ? "has a job" : known ? "waits for its job" : "is being started";
  const what = name === void 0 ? "a runner of another account" : `the runner ${oneLine(name)}, which ${state}`;
  return new Failure(
    "device-busy",
    `${host} hosts ${what}: a device has one runner at a time. Try again when its run is over`
  );
}

// src/operate/runner-labels.ts
import { createHash, randomBytes } from "node:crypto";
var maxName = 64;
var maxLabel = 100;
function runnerName(host, { run, attempt }) {
  const end = `-${run}-${attempt}`;
  return `${prefixOf(host, maxName - end.length)}${end}`;
}
function isRunnerOf(host, name) {
  const [, start = "", end = ""] = /^(.*?)(-(?:\d+|shell)-\d+)$/.exec(name) ?? [];
  return start !== "" && start === prefixOf(host, maxName - end.length);
}
function prefixOf(host, room) {
  const whole = `drover-${plain(host)}`;
  if (whole === `drover-${host}` && whole.length <= room) return whole;
  const mark = createHash("sha256").update(host).digest("hex").slice(0, 8);
  return `${whole.slice(0, room - 9)}-${mark}`;
}
function labelFor(deviceType) {
  return `drover-${plain(deviceType ?? "device").slice(0, 60)}-${randomBytes(8).toString("hex")}`;
}
var plain = (text) => text.replace(/[^A-Za-z0-9._-]+/g, "-");
function checkLabels(labels, input) {
  const wrong = labels.find((label) => label.length > maxLabel || !/^[\w. :/+-]+$/.test(label));
  if (wrong !== void 0)
    throw new Failure(
      "bad-input",
      `${input}: "${wrong}" can't be a label: use letters, digits, ".", "-", "_"`
    );
  const seen = /* @__PURE__ */ new Set();
  return labels.filter((label) => !seen.has(label.toLowerCase()) && seen.add(label.toLowerCase()));
}
function missingLabels(wanted, has) {
  const known = new Set(has.map((label) => label.toLowerCase()));
  return wanted.filter((label) => !known.has(label.toLowerCase()));
}

// src/operate/register-runner.ts
var onlineLimitMs = 18e4;
var pauseMs2 = 1e3;
async function forgetEnded(all, { name, device }, registry, context) {
  const ended = all.filter(
    (one) => !one.isBusy && (one.name === name || isRunnerOf(device.host, one.name) && !one.isOnline)
  );
  for (const one of ended) {
    context.log.info(`removing the registration of ${oneLine(one.name)}, which ended without a job`);
    await registry.remove(one.id);
  }
}
async function registerRunner({ name, group, labels, mask }, registry, context) {
  const made = await registry.register({ name, group, labels });
  for (const secret of secretsIn(made.configuration)) mask(secret);
  const missing = missingLabels(labels, made.runner.labels);
  if (missing.length > 0) {
    const message = `GitHub left out labels of ${name}, so no job would get it: ${missing.join(", ")}`;
    throw new Failure("runner-failed", message);
  }
  const more = missingLabels(made.runner.labels, labels);
  if (more.length > 0)
    context.log.warn(
      `GitHub gave ${name} labels that nobody asked for: ${more.map(oneLine).join(", ")}. A job that asks for these alone can get it`
    );
  context.log.info(`registered ${name} with ${registry.where}`);
  return made;
}
function secretsIn(configuration) {
  try {
    const files = JSON.parse(Buffer.from(configuration, "base64").toString("utf8"));
    const parts = typeof files === "object" && files !== null ? Object.values(files) : [];
    return [configuration, ...parts.filter((part) => typeof part === "string" && part.length > 20)].map(
      String
    );
  } catch {
    return [configuration];
  }
}
async function untilOnline(host, { id, name }, { limits, device }, registry, context) {
  const limitMs = limits?.onlineMs ?? onlineLimitMs;
  const startedAt = context.clock.now().getTime();
  const elapsed = () => context.clock.now().getTime() - startedAt;
  for (; ; ) {
    if ((await registry.find(id))?.isOnline) {
      context.log.info(`${name} is online after ${seconds(elapsed())}`);
      return;
    }
    const { state, tail } = await host.look(name);
    const words = tail === "" ? "It said nothing" : `Its last words: ${tail}`;
    if (state === "ended" || state === "gone")
      throw new Failure("runner-failed", `the runner on ${device.host} ended before GitHub saw it. ${words}`);
    if (elapsed() > limitMs)
      throw new Failure(
        "runner-failed",
        `GitHub didn't see the runner on ${device.host} within ${seconds(limitMs)}: can the device reach GitHub? ${words}`
      );
    await context.clock.sleep(pauseMs2, context.signal);
  }
}

// src/operate/runner-device.ts
var account = "runner";
var architectures = ["arch", "architecture", "machine", "cpu_architecture"];
async function runnerDevice(fleet, given, server) {
  const device = deviceOf(fleet, given.device);
  const { host, id } = device;
  if (given.address !== void 0) checkAddress(given.address);
  const facts = await server?.device(id);
  if (facts) checkFacts(host, facts);
  const address = given.address ?? addressIn(host, facts);
  const hostKey = given.hostKey ?? hostKeyIn(host, facts);
  return { device: { host, id, deviceType: device.deviceType ?? facts?.deviceType, address }, hostKey };
}
function deviceOf(fleet, name) {
  const device = fleet.devices.find(({ host: host2 }) => host2 === name) ?? fleet.devices.find(({ id }) => id === name);
  if (!device) {
    const message = `device: ${fleet.folder} has no device ${oneLine(name)}: give its name in the inventory, or its id on the OTA server`;
    throw new Failure("device-missing", message);
  }
  const { host, isRetired, isRunner } = device;
  if (isRetired) throw unsuitable(host, "is retired");
  if (!isRunner)
    throw unsuitable(
      host,
      "has no role `runner` in Git: put `roles: [runner]` into its variables, in a reviewed change"
    );
  return device;
}
function checkFacts(host, { status, attributes }) {
  if (status !== "accepted")
    throw new Failure("device-not-accepted", `${host} is ${status} on the OTA server: accept it first`);
  const told = architectures.map((name) => attributes[name]).find((text) => text !== void 0 && is32Bit(text));
  if (told !== void 0)
    throw unsuitable(
      host,
      `reports a 32-bit system (${oneLine(told)}), and GitHub's runner needs a 64-bit one. Test it over ssh from another machine`
    );
}
function addressIn(host, facts) {
  const found = facts && addressOf(facts);
  if (found !== void 0) return `ssh://${account}@${found.includes(":") ? `[${found}]` : found}`;
  const why = facts ? `${host} reports none` : "without a token nobody can be asked";
  throw new Failure("bad-input", `address: ${why}: give ssh://user@host:port`);
}
function hostKeyIn(host, facts) {
  const keys = facts ? hostKeysOf(facts) : [];
  if (keys.length > 0) return keys.join("\n");
  const why = facts ? `${host} reports none to the OTA server` : "without a token nobody can be asked";
  throw new Failure("bad-input", `host-key: ${why}: give the device's ssh host key, ssh-ed25519 AAAA…`);
}
function checkAddress(address) {
  const url = URL.parse(address);
  if (url?.protocol !== "ssh:")
    throw new Failure(
      "bad-input",
      `address: "${oneLine(address)}": a runner is started over ssh: give ssh://user@host:port`
    );
  if (url.username === "" || url.username === "root") throw noRoot();
}
function noRoot() {
  return new Failure(
    "bad-input",
    "address: a runner is not started as root: whatever the job runs would have all rights on the device. Name an account of its own: ssh://runner@host"
  );
}
function unsuitable(host, why) {
  return new Failure("device-unsuitable", `${host} ${why}`);
}

// src/operate/runner-scripts.ts
var installedRunner = "/opt/actions-runner";
var configurationLimit = 300;
var idleLimit = 3600;
var lastWordsLimit = 60;
var launcher = 'exec env -i HOME="$HOME" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$@"';
var common = `
umask 077
base=$HOME/.drover-runner
say() { printf 'drover:%s\\n' "$*"; }
# Whatever a runner and its job have started, also what left their process group: it has inherited this variable, or is in
# the runner's folder.
ours() {
  {
    grep -lsF DROVER_RUNNER= /proc/[0-9]*/environ
    ls -l /proc/[0-9]*/cwd /proc/[0-9]*/exe 2>/dev/null | grep -F " -> $base/"
  } 9<&- | sed 's|^.*/proc/\\([0-9]*\\)/.*|\\1|' 9<&-
}
signal() { for process in $(ours); do kill "-$1" "$process" 2>/dev/null; done; }
clean() {
  signal TERM
  tries=0
  while [ -n "$(ours)" ] && [ "$tries" -lt 4 ]; do sleep 1 9<&-; tries=$((tries + 1)); done
  signal KILL
  cd /
  chmod -R u+rwX "$base" 2>/dev/null
  rm -rf "$base"
}
`;
var probeScript = `${common}
runner=$1
say "user=$(id -u)"
say "machine=$(uname -m)"
# the fifth byte of a program: 1 for 32 bits, 2 for 64; a 64-bit kernel may well have a 32-bit system
set -- $(od -An -tu1 -N5 /bin/sh 2>/dev/null)
say "class=\${5:-}"
[ -x "$runner/run.sh" ] && say runner=yes
for tool in setsid flock; do command -v "$tool" >/dev/null 2>&1 || say "missing=$tool"; done
size=$(du -sk "$runner" 2>/dev/null)
say "size=\${size%%[!0-9]*}"
say "free=$(df -Pk "$HOME" 2>/dev/null | { read -r _; read -r _ _ _ free _; printf %s "\${free:-}"; })"
# where update clients keep the device's type; Mender's folder may be closed to all but root
for file in /var/lib/mender/device_type /data/mender/device_type; do
  [ -r "$file" ] && say "type=$(sed -n 's/^device_type=//p' "$file" | head -n 1)"
done
[ -r /etc/rauc/system.conf ] && say "type=$(sed -n 's/^compatible=//p' /etc/rauc/system.conf | head -n 1)"
[ -r /etc/hwrevision ] && say "type=$(sed -n '1s/[[:space:]].*//p' /etc/hwrevision)"
exit 0
`;
var keeper = `${common}
name=$1 runner=$2 idle_limit=$3
pause() { sleep 1 9<&- & wait "$!"; }
[ -r "$runner/run.sh" ] || { say "failed $runner/run.sh can't be read"; exit 0; }
exec 9<"$runner/run.sh"
if ! flock -n 9; then
  say "busy $(cat "$base/name" 2>/dev/null)"
  exit 0
fi
if [ -e "$base" ]; then
  clean
  [ -e "$base" ] && { say "failed $base is of an earlier job and can't be removed"; exit 0; }
fi
leave() { trap '' TERM INT HUP; trap - EXIT; clean; exit 0; }
trap leave EXIT
trap 'exit 1' TERM INT HUP
mkdir -p "$base/runner" && printf '%s\\n' "$name" >"$base/name" && printf '%s\\n' "$$" >"$base/keeper" ||
  { say "failed $base can't be written: $(df -Pk "$HOME" | tail -n 1)"; exit 1; }
DROVER_RUNNER=1 cp -RPp "$runner/." "$base/runner" 2>"$base/log" 9<&- &
wait "$!" || { say "failed copying $runner: $(tail -n 1 "$base/log")"; exit 1; }
say ready || exit 1
exec >/dev/null 2>&1

waited=0
until [ -e "$base/configuration" ]; do
  waited=$((waited + 1))
  [ "$waited" -le ${configurationLimit} ] || exit 0
  pause
done
IFS= read -r ACTIONS_RUNNER_INPUT_JITCONFIG <"$base/configuration"
rm -f "$base/configuration"
: >"$base/log"
: >"$base/started"
(
  trap - EXIT TERM INT HUP
  exec 9<&-
  cd "$base/runner" || exit 1
  export DROVER_RUNNER=1 ACTIONS_RUNNER_INPUT_JITCONFIG
  ./run.sh </dev/null >"$base/log" 2>&1
  printf '%s\\n' "$?" >"$base/ended.new"
  mv "$base/ended.new" "$base/ended"
) &
child=$!
unset ACTIONS_RUNNER_INPUT_JITCONFIG

waited=0
until grep -qsF 'Running job: ' "$base/log"; do
  if [ -e "$base/ended" ]; then
    waited=0
    while [ "$waited" -lt ${lastWordsLimit} ]; do waited=$((waited + 1)); pause; done
    exit 0
  fi
  waited=$((waited + 1))
  [ "$waited" -le "$idle_limit" ] || exit 0
  pause
done
wait "$child"
exit 0
`;
var prepareScript = `${common}
# in the background: what is waited for is the end of its words, not its own
said=$(setsid /bin/sh -c "$1" drover "$2" "$3" "$4" </dev/null 2>&1 &)
printf '%s\\n' "$said"
`;
function prepareArguments(name, runner, idleSeconds = idleLimit) {
  return [keeper, name, runner, String(idleSeconds)];
}
var handOverScript = `${common}
[ "$(cat "$base/name" 2>/dev/null)" = "$1" ] || { say gone; exit 0; }
IFS= read -r line || { say 'failed the configuration was cut off'; exit 0; }
printf '%s\\n' "$line" >"$base/configuration.new" && mv "$base/configuration.new" "$base/configuration" ||
  { say "failed $base can't be written"; exit 0; }
say taken
`;
var lookScript = `${common}
[ "$(cat "$base/name" 2>/dev/null)" = "$1" ] || { say state=gone; exit 0; }
[ -r "$2/run.sh" ] || { say state=gone; exit 0; }
exec 9<"$2/run.sh"
if flock -n 9; then say state=gone
elif [ -e "$base/ended" ]; then say "state=ended $(cat "$base/ended")"
elif [ -e "$base/started" ]; then say state=running
else say state=preparing
fi
tail -n 20 "$base/log" 2>/dev/null | sed 's/^/drover:log=/'
exit 0
`;
var stopScript = `${common}
is_there() { [ "$(cat "$base/name" 2>/dev/null)" = "$1" ]; }
is_kept() { (exec 9<"$1/run.sh" && ! flock -n 9); }
[ -r "$2/run.sh" ] || { say gone; exit 0; }
# a keeper that was started a moment ago has the lock first, and then a name
tries=0
while [ ! -e "$base/name" ] && is_kept "$2" && [ "$tries" -lt 3 ]; do sleep 1; tries=$((tries + 1)); done
is_there "$1" || { say gone; exit 0; }
if is_kept "$2"; then
  kill -TERM "$(cat "$base/keeper")" 2>/dev/null
  tries=0
  while is_there "$1" && [ "$tries" -lt 12 ]; do sleep 1; tries=$((tries + 1)); done
else
  clean
fi
is_there "$1" && say "failed $base is still there" || say gone
`;

// src/operate/runner-host.ts
var prepareLimitMs = 10 * 6e4;
var handOverLimitMs = 3e4;
var workKiB = 50 * 1024;
function runnerHost(connection, host, signal) {
  const ask = async (script, args, options = {}) => {
    const words = ["-c", launcher, "sh", script, "drover", ...args];
    const { stdout, stderr } = await connection.run("sh", words, { signal, ...options });
    const lines = stdout.split("\n").flatMap((line) => /^drover:(.*)$/.exec(line)?.[1] ?? []);
    return { lines, said: `${stdout}
${stderr}` };
  };
  return {
    check: async () => checked(host, (await ask(probeScript, [installedRunner])).lines),
    prepare: async (name, idleSeconds) => {
      const options = { timeoutMs: prepareLimitMs };
      const { lines, said } = await ask(
        prepareScript,
        prepareArguments(name, installedRunner, idleSeconds),
        options
      );
      return preparedOf(host, lines[0] ?? `failed ${lastLine(said)}`);
    },
    handOver: async (name, configuration) => {
      const options = { input: `${configuration}
`, timeoutMs: handOverLimitMs };
      const answer = (await ask(handOverScript, [name], options)).lines[0] ?? "gone";
      if (answer !== "taken") throw failedOn(host, answer.replace(/^failed /, ""));
    },
    look: async (name) => sightOf((await ask(lookScript, [name, installedRunner])).lines),
    stop: async (name, options) => {
      const { lines, said } = await ask(stopScript, [name, installedRunner], options);
      if (lines[0] !== "gone") throw failedOn(host, lines[0]?.replace(/^failed /, "") ?? lastLine(said));
    }
  };
}
function checked(host, lines) {
  const values = (name) => lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1).trim());
  const one = (name) => values(name)[0] ?? "";
  if (one("user") === "0") throw noRoot();
  const [machine, bits] = [oneLine(one("machine")), one("class")];
  if (is32Bit(machine) || bits === "1")
    throw unsuitable(
      host,
      `has a system of 32 bits (${machine}${is32Bit(machine) ? "" : " kernel, 32-bit programs"}), and actions need Node 24, which there is for 64 bits alone. Give it a 64-bit image, or test it over ssh from another machine`
    );
  if (one("runner") !== "yes")
    throw new Failure(
      "missing-tool",
      `${host} has no runner: ${installedRunner}/run.sh is not there, or may not be executed. Put GitHub's runner into its image`
    );
  const missing = values("missing");
  if (missing.length > 0)
    throw new Failure("missing-tool", `${host} lacks ${missing.join(" and ")}: apt-get install util-linux`);
  checkRoom(host, Number(one("size")), one("free"));
  return values("type").find((type) => type !== "");
}
function checkRoom(host, sizeKiB, free) {
  const neededKiB = sizeKiB + workKiB;
  if (!/^\d+$/.test(free) || Number(free) >= neededKiB) return;
  const mebi = (kibi) => `${Math.ceil(kibi / 1024)} MiB`;
  throw new Failure(
    "disk-full",
    `${host} has ${mebi(Number(free))} left in its runner's home, and a job needs ${mebi(neededKiB)}: make room`
  );
}
function preparedOf(host, answer) {
  if (answer === "ready") return { kind: "ready" };
  const [, busy2] = /^busy ?(.*)$/.exec(answer) ?? [];
  if (busy2 !== void 0) return { kind: "busy", name: busy2.trim() || void 0 };
  throw failedOn(host, answer.replace(/^failed /, ""));
}
function sightOf(lines) {
  const state = lines.find((line) => line.startsWith("state="))?.slice("state=".length) ?? "";
  const tail = lines.filter((line) => line.startsWith("log=")).map((line) => line.slice("log=".length));
  const kind = ["preparing", "running", "ended"].find((one) => state.startsWith(one)) ?? "gone";
  return { state: kind, tail: shorten(oneLine(withoutSecrets(tail.join(" / "))), 1500) };
}
var withoutSecrets = (said) => said.replace(/[A-Za-z0-9+/]{60,}=*/g, "***");
function failedOn(host, why) {
  const said = shorten(oneLine(withoutSecrets(why)), 500);
  return /No space left|Disk quota/i.test(why) ? new Failure("disk-full", `${host} has no room for a runner: ${said}`) : new Failure("runner-failed", `no runner could be started on ${host}: ${said}`);
}
var lastLine = (said) => said.trim().split("\n").at(-1) || "it said nothing";

// src/operate/enroll-runner.ts
var undoMs = 8500;
async function enrollRunner(request, registry, context) {
  const { device } = request;
  const extra = checkLabels(request.labels, "labels");
  const lifeline = new AbortController();
  const connection = await connected(request, lifeline, context);
  try {
    const host = runnerHost(connection, device.host, context.signal);
    const told = await host.check();
    if (device.deviceType !== void 0 && told !== void 0 && told !== device.deviceType)
      throw wrongType(device, told);
    const labels = [labelFor(device.deviceType ?? told), ...extra];
    const name = runnerName(device.host, request.attempt);
    return await startOn(host, { ...request, name, labels }, registry, context);
  } finally {
    await connection.close();
  }
}
async function connected({ device, sshKey, hostKey, limits }, lifeline, context) {
  const cut = () => lifeline.abort(context.signal.reason);
  context.signal.throwIfAborted();
  context.signal.addEventListener("abort", cut, { once: true });
  try {
    return await connect(device.address, {
      context: { ...context, signal: lifeline.signal },
      sshKey,
      hostKey,
      ...limits?.connectMs === void 0 ? {} : { limitMs: limits.connectMs }
    });
  } finally {
    context.signal.removeEventListener("abort", cut);
  }
}
function wrongType({ host, deviceType, address }, told) {
  return new Failure(
    "wrong-device-type",
    `${host} is a ${deviceType} in Git, and the device at ${address} says that it is a ${oneLine(told)}: is the address right?`
  );
}
async function startOn(host, wanted, registry, context) {
  const { name } = wanted;
  const before = await registry.list();
  try {
    const running = await prepareRunner(host, wanted, registry, context);
    if (running) {
      await untilOnline(host, running, wanted, registry, context);
      context.log.info(`${name} was started before`);
      return { name, labels: running.labels, isNew: false };
    }
    await forgetEnded(before, wanted, registry, context);
    const { runner, configuration } = await registerRunner(wanted, registry, context);
    await host.handOver(name, configuration);
    await untilOnline(host, runner, wanted, registry, context);
    return { name, labels: wanted.labels, isNew: true };
  } catch (error) {
    if (!(error instanceof Failure && error.reason === "device-busy"))
      await undo(host, name, registry, context);
    throw error;
  }
}
async function undo(host, name, registry, context) {
  const signal = AbortSignal.timeout(undoMs);
  const late = registry.within({ ...context, signal });
  const removed = async () => {
    const runner = (await late.list()).find((one) => one.name === name);
    if (runner) await late.remove(runner.id);
  };
  const told = (what) => (error) => context.log.warn(`could not remove ${what}: ${messageOf(error)}`);
  await Promise.all([
    removed().catch(told(`the registration of ${name}`)),
    host.stop(name, { signal, timeoutMs: undoMs }).catch(told(`${name} from the device`))
  ]);
}

// src/operate/require-runner.ts
async function requireRunner(registry, given) {
  const labels = checkLabels(given, "require-runner");
  if (labels.length === 0)
    throw new Failure("bad-input", "require-runner names no label: write labels as in runs-on, with commas");
  const all = await registry.list();
  const fitting = all.filter((runner) => missingLabels(labels, runner.labels).length === 0);
  const online = fitting.filter(({ isOnline }) => isOnline);
  if (online.length > 0) return { labels, runners: online.map(({ name }) => name) };
  throw new Failure(
    "runner-missing",
    `${whyNone(labels, all, fitting)}. A job that asks for it would wait for a day`
  );
}
function whyNone(labels, all, fitting) {
  const wanted = labels.join(", ");
  if (fitting.length > 0) {
    const names = fitting.map(({ name }) => oneLine(name)).slice(0, 5);
    return `every runner with ${wanted} is offline: ${names.join(", ")}`;
  }
  const unknown = missingLabels(
    labels,
    all.flatMap((runner) => runner.labels)
  );
  if (unknown.length === 0) return `no runner has all of ${wanted}, though each is some runner's`;
  const known = [...new Set(all.flatMap((runner) => runner.labels))].sort();
  const others = known.length === 0 ? "the repository has no runner" : `there are ${shown(known)}`;
  return `no runner has the label ${unknown.join(", ")}: ${others}`;
}
function shown(labels) {
  const more = labels.length > 20 ? ` and ${labels.length - 20} more` : "";
  return labels.slice(0, 20).map(oneLine).join(", ") + more;
}

export {
  verifyUpdate,
  runnerDevice,
  enrollRunner,
  requireRunner
};
