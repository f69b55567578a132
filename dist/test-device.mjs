import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  checkReceiptKey,
  makeReceipt
} from "./chunks/chunk-BV5EGKDN.mjs";
import {
  connect,
  shellQuote
} from "./chunks/chunk-MZND4F6A.mjs";
import {
  openGitHub,
  publishCheck,
  readEvent,
  tryToPublish
} from "./chunks/chunk-Y6KGFFVN.mjs";
import {
  addressOf,
  hostKeysOf,
  readFacts
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  array,
  boolean,
  description,
  digestOfFile,
  escapeMarkdown,
  failOn,
  finite,
  integer,
  isDigest,
  isInstalled,
  isoTimestamp,
  lastWords,
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
  optional,
  parseDuration,
  picklist,
  pipe,
  readText,
  readYaml,
  record,
  regex,
  run,
  seconds,
  shorten,
  start,
  strictObject,
  string,
  temporaryFolder,
  union,
  writeAtomically
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// src/testing/probe.ts
import { randomBytes } from "node:crypto";
var maxScriptBytes = 1e5;
var maxProbes = 50;
var maxOutputBytes = 256 << 10;
var baseLimitMs = 6e4;
function limited(seconds2, words) {
  return `limit_ ${seconds2} ${shellQuote(words)}`;
}
async function ask(connection, probes) {
  const answers = /* @__PURE__ */ new Map();
  const different = new Map(probes.map((probe) => [probe.script, probe]));
  for (const batch of batchesOf([...different.values()])) {
    const results = await askBatch(connection, batch);
    for (const [index, { script }] of batch.entries()) {
      const result = results[index];
      if (result) answers.set(script, result);
    }
  }
  return probes.map(({ script }) => {
    const result = answers.get(script);
    if (!result) throw new Error("a probe without an answer");
    return result;
  });
}
function batchesOf(probes) {
  const batches = [];
  let bytes = Infinity;
  for (const probe of probes) {
    const size = Buffer.byteLength(shellQuote([asCommand(probe, 0, "")]));
    const last = batches.at(-1);
    if (!last || last.length === maxProbes || bytes + size > maxScriptBytes) {
      batches.push([probe]);
      bytes = size;
    } else {
      last.push(probe);
      bytes += size;
    }
  }
  return batches;
}
async function askBatch(connection, batch) {
  const mark = `-- ${randomBytes(12).toString("hex")}`;
  const script = [prologue, ...batch.map((probe, index) => asCommand(probe, index, mark))].join("\n");
  const ownLimits = batch.reduce((sum, { limitSeconds = 0 }) => sum + limitSeconds + 5, 0);
  const result = await connection.run("sh", ["-c", script], { timeoutMs: baseLimitMs + ownLimits * 1e3 });
  const results = answersIn(result.stdout, mark);
  if (results.length === batch.length) return results;
  const said = lastWords(result.stderr, "sh", result.code);
  throw new Failure("tests-not-run", `${connection.name} can't be asked: its shell stopped half-way: ${said}`);
}
var prologue = `LC_ALL=C; export LC_ALL; PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"; export PATH
if head -c 1 </dev/null >/dev/null 2>&1; then cut_() { head -c ${maxOutputBytes + 1}; cat >/dev/null; }; else cut_() { cat; }; fi
up_() { u_=; read -r u_ x_ </proc/uptime; }
if timeout -k 1 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout -k 2 "$t_" "$@"; }
elif timeout 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout "$t_" "$@"; }
elif timeout -t 5 true >/dev/null 2>&1; then limit_() { t_=$1; shift; timeout -t "$t_" "$@"; }
else limit_() { t_=$1; shift; "$@" & p_=$!; ( sleep "$t_"; kill -9 "$p_" ) >/dev/null 2>&1 & w_=$!; wait "$p_"; r_=$?; kill "$w_" 2>/dev/null; return "$r_"; }
fi`;
function asCommand({ script }, index, mark) {
  return `up_; printf '%s %s %s\\n' '${mark}' ${index} "$u_"
{ s_=$( { { (
${script}
) </dev/null 2>&1 3>&- 4>&-; echo $? >&3; } | cut_ >&4; } 3>&1 ); } 4>&1
up_; printf '\\n%s end %s %s\\n' '${mark}' "$s_" "$u_"`;
}
function answersIn(output, mark) {
  const results = [];
  let begin;
  for (const line2 of output.split("\n")) {
    const [, what = "", first = "", second = ""] = line2.startsWith(mark) && /^ (end|\d+) (\S*) ?(\S*)$/.exec(line2.slice(mark.length)) || [];
    if (what === "") begin?.lines.push(line2);
    else if (what !== "end") begin = { index: Number(what), uptime: Number(first), lines: [] };
    else if (begin) {
      const output2 = begin.lines.join("\n").replace(/\n$/, "");
      const seconds2 = Math.max(0, Number(second) - begin.uptime) || 0;
      const isCut = Buffer.byteLength(output2) >= maxOutputBytes;
      results[begin.index] = { status: Number(first), output: output2, isCut, seconds: seconds2 };
      begin = void 0;
    }
  }
  return results;
}

// src/testing/device-facts.ts
var typeFiles = [
  ["/var/lib/mender/device_type", /^device_type=(.+)$/m],
  ["/data/mender/device_type", /^device_type=(.+)$/m],
  ["/etc/rauc/system.conf", /^compatible=(.+)$/m],
  ["/etc/hwrevision", /^(\S+)/]
];
var providesSeconds = 10;
var facts = [
  ["machine", "uname -m"],
  ["kernel", "uname -r"],
  ["os", "sed -n 's/^PRETTY_NAME=//p' /etc/os-release"],
  ["model", "tr -d '\\000' </proc/device-tree/model || cat /sys/class/dmi/id/product_name"],
  ["memory", "sed -n 's/^MemTotal: *//p' /proc/meminfo"]
];
var providesScript = `for p in mender-update mender; do command -v $p >/dev/null 2>&1 || continue
if command -v timeout >/dev/null 2>&1; then timeout ${providesSeconds} $p show-provides; else $p show-provides; fi; exit; done`;
async function aboutDevice(connection) {
  const probes = [
    ...facts.map(([, script]) => ({ script: `{ ${script}; } 2>/dev/null` })),
    ...typeFiles.map(([path3]) => ({ script: `cat ${shellQuote([path3])} 2>/dev/null` })),
    { script: `{ ${providesScript}; } 2>/dev/null`, limitSeconds: providesSeconds }
  ];
  const said = (await ask(connection, probes)).map(({ output }) => output);
  const about = { deviceType: void 0, facts: {}, provides: {} };
  for (const [index, [name]] of facts.entries()) {
    const value = (said[index] ?? "").split("\n")[0]?.trim().replace(/^(["'])(.*)\1$/, "$2");
    if (value) about.facts[name] = shorten(value, 256);
  }
  for (const [index, [, pattern]] of typeFiles.entries())
    about.deviceType ??= pattern.exec(said[facts.length + index] ?? "")?.[1]?.trim() || void 0;
  for (const line2 of (said.at(-1) ?? "").split("\n").slice(0, 100)) {
    const [, name, value] = /^([\w.-]{1,200})=(.{1,1000})$/.exec(line2.trim()) ?? [];
    if (name !== void 0 && value !== void 0) about.provides[name] = value;
  }
  return about;
}

// src/testing/checks-schema.ts
var text = (pattern, message) => pipe(string(), regex(pattern, message));
var line = text(/^[^\u0000-\u001f]{1,1000}$/, "write one line of text");
var path = text(/^\/[^\u0000-\u001f]{0,1000}$/, "write an absolute path on the device");
var inQuotes = "write it in quotes, as in '0644'";
var mode = pipe(string(inQuotes), regex(/^[0-7]{3,4}$/, inQuotes));
var texts = union([line, pipe(array(line), minLength(1))], "write a text, or a list of texts");
var isThere = optional(boolean());
var account = text(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, "write the name or the number of an account");
var share = text(
  /^(100|[1-9]?[0-9])%$|^[1-9][0-9]{0,6}(KiB|MiB|GiB)$/,
  "write a size such as 64MiB, or a share such as 20%"
);
var duration = text(/^[1-9][0-9]{0,5}(s|m)$/, "write a duration such as 30s or 2m");
var each = (key, entries2, what) => pipe(optional(record(key, nullable(strictObject(entries2)))), description(what));
var measureName = text(
  /^[A-Za-z0-9][A-Za-z0-9.:/_-]{0,99}$/,
  "write a name of letters, digits and . : / _ -, such as boot-time"
);
var retries = pipe(
  optional(pipe(number(), integer(), minValue(0), maxValue(5))),
  description("How often a failed test is tried again, 0 to 5; one that passes then is named as flaky.")
);
var limit = strictObject({
  "at-most": optional(number()),
  "at-least": optional(number()),
  "worse-by": pipe(
    optional(text(/^\d{1,4}(\.\d{1,3})?%?$/, "write a share such as 10%, or a number")),
    description("How much worse than in the baseline: a share, or a number in its unit.")
  ),
  better: pipe(optional(picklist(["lower", "higher"])), description("lower unless given.")),
  result: pipe(
    optional(picklist(["flag", "fail"])),
    description("Whether a worse number is only flagged, or a failed test; flag unless given.")
  )
});
var measurementRules = optional(
  strictObject({
    baseline: pipe(
      optional(pipe(string(), nonEmpty())),
      description("The measurements.json of an earlier release, from this file on; it may be missing.")
    ),
    limits: optional(record(measureName, limit))
  })
);
var checksSchema = strictObject({
  retries,
  measurements: measurementRules,
  mounts: each(
    path,
    { type: optional(line), source: optional(line), options: optional(array(line)) },
    "Mount points, each with its file system, source and options."
  ),
  services: each(
    text(/^[A-Za-z0-9:_.@\\-]{1,255}$/, "write the name of a systemd unit, such as ssh"),
    { running: isThere, enabled: isThere, "max-restarts": optional(pipe(number(), minValue(0))) },
    "Units of systemd; running unless told otherwise."
  ),
  ports: each(
    text(/^(tcp|udp)\/([1-9][0-9]{0,4})$/, "write a protocol and a port, such as tcp/22"),
    {
      listening: isThere,
      address: optional(text(/^[0-9a-fA-F.:]{2,45}$/, "write an address such as 127.0.0.1 or ::1"))
    },
    "Ports that something listens on; any address unless one is given."
  ),
  packages: each(
    text(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,200}(:[a-z0-9]+)?$/, "write the name of a package"),
    { installed: isThere, version: optional(line) },
    "Packages of dpkg, rpm, opkg or apk; a * in a version stands for anything."
  ),
  files: each(
    path,
    {
      exists: isThere,
      type: optional(picklist(["file", "directory", "link", "socket", "device", "pipe"])),
      mode: optional(mode),
      owner: optional(account),
      group: optional(account),
      contains: optional(texts),
      lacks: optional(texts)
    },
    "Files, by path: what is asked of a link is asked of its target, unless its type is link."
  ),
  commands: optional(
    array(
      strictObject({
        name: optional(line),
        run: pipe(
          array(pipe(string(), regex(/^[^\0]*$/, "no zero bytes"), maxLength(2e4))),
          minLength(1, "write the program and its arguments, each on its own")
        ),
        status: optional(pipe(number(), integer(), minValue(0), maxValue(255))),
        contains: optional(texts),
        lacks: optional(texts),
        timeout: pipe(optional(duration), description("30s unless given.")),
        measure: pipe(
          optional(
            strictObject({
              name: measureName,
              unit: optional(text(/^[^\s]{1,16}$/, "write a unit such as ms")),
              after: optional(line)
            })
          ),
          description("Keeps the first number of the output, or the first one after a text.")
        )
      })
    )
  ),
  disk: pipe(
    optional(record(path, strictObject({ free: share }))),
    description("Mount points or folders, and what has to be free there.")
  ),
  memory: optional(strictObject({ available: share })),
  "boot-time": pipe(optional(duration), description("How long the last start may have taken."))
});

// src/testing/measure.ts
function parseMeasure(name, text3) {
  const [, number3, unit = ""] = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*(\S{0,16})\s*$/.exec(text3) ?? [];
  const value = number3 === void 0 ? NaN : Number(number3);
  return Number.isFinite(value) && name !== "" && name.length <= 100 ? { name, value, unit } : void 0;
}
function measureText({ value, unit }) {
  const number3 = Number.isInteger(value) ? String(value) : String(Number(value.toFixed(3)));
  return unit === "" ? number3 : `${number3} ${unit}`;
}

// src/testing/workspace.ts
import { relative, resolve } from "node:path";
var workspace = () => resolve(process.env["GITHUB_WORKSPACE"] ?? process.cwd());
function fileInReports(file) {
  const path3 = relative(workspace(), file);
  return path3.startsWith("..") ? file : path3;
}

// src/testing/measurements.ts
var text2 = (limit2) => pipe(string(), nonEmpty(), maxLength(limit2));
var measurementsFile = strictObject({
  version: literal(1),
  release: pipe(nullable(text2(256)), description("The release that the device said it runs.")),
  deviceType: nullable(text2(256)),
  measuredAt: pipe(string(), isoTimestamp()),
  measurements: pipe(
    record(text2(100), strictObject({ value: number(), unit: pipe(string(), maxLength(16)) })),
    description("What was measured, by name.")
  )
});
async function readMeasurements(path3) {
  return (await readYaml(path3, measurementsFile, fileInReports(path3))).value;
}
function writeMeasurements(measures, about) {
  const sorted = measures.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const file = {
    version: 1,
    release: about.release ?? null,
    deviceType: about.deviceType ?? null,
    measuredAt: about.at.toISOString(),
    measurements: Object.fromEntries(sorted.map(({ name, value, unit }) => [name, { value, unit }]))
  };
  return `${JSON.stringify(file, void 0, 2)}
`;
}
function measuresOf(cases, others) {
  const all = [...cases.flatMap(({ measures = [] }) => measures), ...others];
  return [...new Map(all.map((measure) => [measure.name, measure])).values()];
}
function compareMeasures(measures, rules, deviceType) {
  const { limits = [], baseline, file = "" } = rules ?? {};
  const isComparable = baseline !== void 0 && baseline.deviceType === (deviceType ?? null);
  const compared = measures.map((measure) => {
    const earlier = isComparable ? baseline.measurements[measure.name] : void 0;
    const before = earlier?.unit === measure.unit ? earlier.value : void 0;
    const limit2 = limits.find(({ name }) => name === measure.name);
    const problem = limit2 && problemOf(measure, before, limit2, baseline?.release ?? "before");
    const place = limit2 && { file, line: limit2.line };
    return { ...measure, before, problem, fails: limit2?.fails === true, place };
  });
  const missing = limits.filter(({ name }) => !measures.some((measure) => measure.name === name));
  return [
    ...compared,
    ...missing.map(({ name, fails, line: line2 }) => ({
      name,
      value: NaN,
      unit: "",
      before: void 0,
      fails,
      problem: `${name} has a limit, and no test measured it`,
      place: { file, line: line2 }
    }))
  ];
}
function problemOf(measure, before, { atMost, atLeast, worseBy: worseBy2, better }, release) {
  const { name, value, unit } = measure;
  const shown = (number3) => measureText({ value: number3, unit });
  if (atMost !== void 0 && value > atMost)
    return `${name} is ${shown(value)}; at most ${shown(atMost)} was allowed`;
  if (atLeast !== void 0 && value < atLeast)
    return `${name} is ${shown(value)}; at least ${shown(atLeast)} was asked for`;
  if (worseBy2 === void 0 || before === void 0) return void 0;
  const worse = better === "lower" ? value - before : before - value;
  const allowed = worseBy2.kind === "share" ? Math.abs(before) * worseBy2.value : worseBy2.value;
  if (worse <= allowed) return void 0;
  const allowance = worseBy2.kind === "share" ? worseBy2.text : shown(worseBy2.value);
  return `${name} is ${shown(value)}; it was ${shown(before)} in ${shorten(release, 100)}, and at most ${allowance} worse was allowed`;
}

// src/testing/run-tests.ts
import { resolve as resolve7 } from "node:path";

// src/testing/expected-release.ts
function expectedName(text3) {
  if (text3 === void 0) return void 0;
  const [name = "", digest] = text3.split("@");
  if (name !== "" && (digest === void 0 || isDigest(digest))) return name;
  throw new Failure("bad-input", `expect-release is "${text3}": write name or name@sha256:…`);
}
function checkRelease(connection, release, expected) {
  if (expected === void 0 || release === expected) return;
  if (release === void 0) {
    throw new Failure(
      "no-release-fact",
      `${connection.name} doesn't say which release it runs: its /etc/os-release needs an IMAGE_VERSION; ${expected} was expected`
    );
  }
  throw new Failure(
    "wrong-release",
    `${connection.name} runs ${release}, not ${expected}: nothing was tested. Did the update arrive, or did the device go back?`
  );
}

// src/testing/full-disk.ts
var noSpace = /No space left on device|Disk quota exceeded|\bENOSPC\b|Errno 28\b/;
async function fullDisk(connection, cases) {
  const failed = cases.filter((one) => one.result === "failed");
  if (failed.length === 0 || failed.some(({ suite: suite2 }) => suite2.endsWith(".disk"))) return void 0;
  const advice = "make room and test again; a check of disk (checks.yml) makes a full one a failed test";
  const full = await fullMounts(connection);
  if (full.length > 0)
    return new Failure("disk-full", `${connection.name} has no space left on ${full.join(", ")}: ${advice}`);
  const told = failed.find(({ message, details }) => noSpace.test(`${message}
${details}`));
  if (!told) return void 0;
  return new Failure("disk-full", `${told.name} found no space left on a device: ${advice}`);
}
async function fullMounts(connection) {
  const [mounts, df] = await ask(connection, [{ script: "cat /proc/self/mounts" }, { script: "df -P -k" }]);
  const writable = /* @__PURE__ */ new Set();
  for (const line2 of mounts?.output.split("\n") ?? []) {
    const [, path3 = "", type = "", options = ""] = line2.split(" ");
    if (/^(ext[234]|f2fs|btrfs|xfs|vfat|ubifs|jffs2|overlay|tmpfs)$/.test(type) && /^rw\b/.test(options))
      writable.add(path3);
    else writable.delete(path3);
  }
  return (df?.output.split("\n") ?? []).flatMap((line2) => {
    const [, size, available, path3] = /\s(\d+)\s+\d+\s+(\d+)\s+\d+%\s+(\/.*)$/.exec(line2) ?? [];
    return Number(size) > 0 && available === "0" && path3 !== void 0 && writable.has(path3) ? [path3] : [];
  });
}

// src/testing/test-run.ts
function countsOf(cases) {
  const count = (result) => cases.filter((one) => one.result === result).length;
  return {
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    flaky: cases.filter((one) => one.result === "passed" && one.flaky).length
  };
}

// src/testing/infra.ts
function runWithoutDevice(device, error) {
  return {
    ...infraVerdict(error),
    ...countsOf([]),
    device,
    release: void 0,
    about: void 0,
    cases: [],
    measures: [],
    baselineNote: void 0,
    seconds: 0,
    junit: void 0
  };
}
var infraReasons = [
  "device-unreachable",
  "host-key-mismatch",
  "wrong-release",
  "no-release-fact",
  "tests-not-run",
  "missing-tool",
  "disk-full"
];
function infraVerdict(error) {
  if (!(error instanceof Failure) || !infraReasons.includes(error.reason)) throw error;
  return { result: "infra", reason: error.reason, message: error.message };
}
function isInfra(error) {
  return error instanceof Failure && infraReasons.includes(error.reason);
}

// src/testing/measure-verdict.ts
function asFailedTest({ name, problem, fails, place }) {
  if (problem === void 0 || !fails) return [];
  const where = { file: place?.file, line: place?.line };
  return [
    {
      suite: "measurements",
      name,
      result: "failed",
      message: problem,
      details: problem,
      seconds: 0,
      ...where
    }
  ];
}
function baselineNote(rules, deviceType) {
  if (rules?.baselinePath === void 0) return void 0;
  const path3 = fileInReports(rules.baselinePath);
  if (rules.baseline === void 0) return `There are no earlier measurements at ${path3} yet to compare with.`;
  const other = rules.baseline.deviceType;
  if (other === (deviceType ?? null)) return void 0;
  return `The earlier measurements at ${path3} are of ${other ?? "an unknown device type"}: they were not compared.`;
}

// src/testing/reports.ts
import { join } from "node:path";

// src/testing/xml.ts
var maxDepth = 64;
function parseXml(source) {
  const document = { name: "", attributes: {}, children: [], text: "" };
  const open = [document];
  const tokens = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w:.-]*)((?:"[^"<]*"|'[^'<]*'|[^'"<>])*)>|([^<]+)/y;
  const text3 = source.replace(/^\uFEFF/, "");
  while (tokens.lastIndex < text3.length) {
    const at = tokens.lastIndex;
    const match = tokens.exec(text3);
    const top = open.at(-1);
    if (!match || !top) throw new Error(`no well-formed XML at character ${at}`);
    const [, cdata, slash, name, rest = "", characters] = match;
    if (characters !== void 0) addText(top, decodeText(characters), at, open.length === 1);
    else if (cdata !== void 0) addText(top, cdata, at, open.length === 1);
    else if (name !== void 0 && slash === "/") {
      if (top.name !== name || open.length === 1)
        throw new Error(`</${name}> at character ${at} closes nothing`);
      open.pop();
    } else if (name !== void 0) {
      const element = { name, attributes: attributesOf(rest.replace(/\/$/, ""), at), children: [], text: "" };
      top.children.push(element);
      if (!rest.endsWith("/")) open.push(element);
      if (open.length > maxDepth) throw new Error(`elements are nested deeper than ${maxDepth}`);
    }
  }
  const [root, another] = document.children;
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name}> is not closed: the document is cut short`);
  if (!root || another) throw new Error("a document has one root element");
  return root;
}
function escapeXml(text3) {
  return text3.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/\n/g, "&#10;").replace(/\r/g, "&#13;").replace(/\t/g, "&#9;");
}
function addText(element, text3, at, isOutside) {
  if (isOutside && text3.trim() !== "") throw new Error(`text outside of the root element at character ${at}`);
  element.text += text3;
}
function attributesOf(source, at) {
  const attributes = {};
  const pairs = /\s+([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')|\s+$/y;
  while (pairs.lastIndex < source.length) {
    const match = pairs.exec(source);
    if (!match) throw new Error(`attributes that can't be read at character ${at}`);
    const [, name, double, single] = match;
    if (name === void 0) continue;
    if (Object.hasOwn(attributes, name))
      throw new Error(`the attribute ${name} stands twice at character ${at}`);
    attributes[name] = decodeText(double ?? single ?? "");
  }
  return attributes;
}
var named = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
function decodeText(text3) {
  return text3.replace(/&([^;\s&]{0,12});?/g, (all, reference) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference);
    const value = code ? Number.parseInt(code[1] ?? code[2] ?? "", code[1] === void 0 ? 10 : 16) : void 0;
    if (all.endsWith(";") && value !== void 0 && value > 0 && value <= 1114111)
      return String.fromCodePoint(value);
    const character = all.endsWith(";") ? named[reference] : void 0;
    if (character === void 0) throw new Error(`an unknown entity: ${all}`);
    return character;
  });
}

// src/testing/write-junit.ts
function writeJunit(run2, at, placeOf = (file) => file) {
  const counts = `tests="${run2.cases.length}" failures="${run2.failed}" errors="0" skipped="${run2.skipped}"`;
  const when = `time="${run2.seconds.toFixed(3)}" timestamp="${at.toISOString()}"`;
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<testsuites ${counts} time="${run2.seconds.toFixed(3)}">`,
    `<testsuite name="device" hostname="${escapeXml(run2.device)}" ${counts} ${when}>`,
    "<properties>",
    property("release", run2.release ?? ""),
    ...run2.about?.deviceType === void 0 ? [] : [property("device-type", run2.about.deviceType)],
    ...Object.entries(run2.about?.facts ?? {}).map(([name, value]) => property(`fact:${name}`, value)),
    ...run2.measures.filter(({ value }) => Number.isFinite(value)).map(({ name, value, unit }) => property(`measure:${name}`, `${value} ${unit}`.trim())),
    "</properties>",
    ...run2.cases.map((one) => caseElement(one, placeOf)),
    "</testsuite>",
    "</testsuites>",
    ""
  ].join("\n");
}
var property = (name, value) => `<property name="${escapeXml(name)}" value="${escapeXml(value)}"/>`;
function caseElement(one, placeOf) {
  const { suite: suite2, name, result, message, details, seconds: seconds2, file, line: line2, flaky } = one;
  const fileText = file === void 0 ? "" : ` file="${escapeXml(placeOf(file))}"`;
  const place = file === void 0 || line2 === void 0 ? fileText : `${fileText} line="${line2}"`;
  const time = Number.isFinite(seconds2) ? Math.max(0, seconds2).toFixed(3) : "0.000";
  const head = `<testcase classname="${escapeXml(suite2)}" name="${escapeXml(name)}"${place} time="${time}"`;
  if (result === "failed") return `${head}>${verdict("failure", message, details)}</testcase>`;
  if (result === "skipped") return `${head}>${verdict("skipped", message, details)}</testcase>`;
  if (flaky) return `${head}>${verdict("flakyFailure", flaky.message, flaky.details)}</testcase>`;
  return `${head}/>`;
}
function verdict(tag, message, details) {
  const type = tag === "skipped" ? "" : ' type="failed"';
  return `<${tag} message="${escapeXml(message)}"${type}>${escapeXml(details)}</${tag}>`;
}

// src/testing/reports.ts
async function withReports(run2, output, context) {
  if (run2.cases.length === 0) return run2;
  const at = context.clock.now();
  const junit = join(output, "junit.xml");
  const measured = run2.measures.filter(({ value }) => Number.isFinite(value));
  try {
    await writeAtomically(junit, writeJunit(run2, at, fileInReports));
    const deviceType = run2.about?.deviceType;
    const text3 = writeMeasurements(measured, { release: run2.release, deviceType, at });
    if (measured.length > 0 && run2.result !== "infra")
      await writeAtomically(join(output, "measurements.json"), text3);
    return { ...run2, junit };
  } catch (error) {
    return { ...run2, ...infraVerdict(error) };
  }
}

// src/testing/run-suite.ts
import { rm as rm2 } from "node:fs/promises";
import { join as join5 } from "node:path";

// src/testing/checks.ts
import { basename } from "node:path";

// src/testing/check.ts
function listOf(value) {
  if (value === void 0) return [];
  return typeof value === "string" ? [value] : value;
}
function isLike(text3, pattern) {
  const parts = pattern.split("*");
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === void 0) return text3 === pattern;
  if (!text3.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text3.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text3.length - last.length >= at && text3.endsWith(last);
}
function unanswered(what, { status, output }) {
  const said = output.trim().split("\n").at(-1) ?? "";
  return { problems: [`${what} gave no answer (exit status ${status})${said === "" ? "" : `: ${said}`}`] };
}

// src/testing/check-commands.ts
var defaultSeconds = 30;
function commandChecks({ commands = [] }) {
  const seen = /* @__PURE__ */ new Set();
  return commands.map((command, index) => {
    const name = command.name ?? shorten(command.run.join(" "), 120);
    const isTwice = seen.has(name);
    seen.add(name);
    const limitSeconds = command.timeout === void 0 ? defaultSeconds : (parseDuration(command.timeout) ?? 0) / 1e3;
    return {
      section: "commands",
      name,
      place: ["commands", index],
      contradiction: isTwice ? `commands: there are two of the name ${name}: give them a name each` : void 0,
      probe: { script: limited(limitSeconds, command.run), limitSeconds },
      judge: (answer) => judge(answer, command, limitSeconds)
    };
  });
}
function judge({ status, output, isCut, seconds: seconds2 }, command, limitSeconds) {
  const { status: wanted = 0, contains, lacks, measure } = command;
  if (seconds2 >= limitSeconds && status !== wanted)
    return { problems: [`it did not end within ${limitSeconds} s`] };
  const measured = measure && measureIn(output, measure);
  const problems = [
    ...status === wanted ? [] : [`its exit status is ${status}, not ${wanted}${lastLine(output)}`],
    ...listOf(contains).flatMap(
      (text3) => output.includes(text3) ? [] : [`"${text3}" is not in ${isCut ? "the first 256 KiB of " : ""}its output`]
    ),
    ...listOf(lacks).flatMap((text3) => foundIn(output, isCut, text3)),
    ...measure && !measured ? ["there is no number to measure in its output"] : []
  ];
  return { problems, measures: measured ? [measured] : [] };
}
function foundIn(output, isCut, text3) {
  if (output.includes(text3)) return [`"${text3}" is in its output`];
  if (!isCut) return [];
  const advice = "have the command look itself, such as with grep";
  return [`whether "${text3}" is in its output is not known, which has more than 256 KiB: ${advice}`];
}
function measureIn(output, { name, unit = "", after = "" }) {
  const at = output.indexOf(after);
  if (at < 0) return void 0;
  const number3 = /[-+]?\d+(\.\d+)?([eE][-+]?\d{1,3})?/.exec(output.slice(at + after.length))?.[0];
  return number3 === void 0 ? void 0 : { name, value: Number(number3), unit };
}
function lastLine(output) {
  const line2 = output.trim().split("\n").at(-1) ?? "";
  return line2 === "" ? "" : `: ${shorten(line2, 200)}`;
}

// src/testing/check-files.ts
var typeOfBits = {
  8: "file",
  4: "directory",
  a: "link",
  c: "socket",
  2: "device",
  6: "device",
  1: "pipe"
};
function fileChecks({ files = {} }) {
  return Object.entries(files).map(([path3, given]) => {
    const { exists = true, ...wanted } = given ?? {};
    const isContradiction = !exists && Object.values(wanted).some((value) => value !== void 0);
    return {
      section: "files",
      name: path3,
      place: ["files", path3],
      contradiction: isContradiction ? `files.${path3}: what doesn't exist has no ${Object.keys(wanted).join(", ")}` : void 0,
      probe: { script: fileScript(path3, wanted) },
      judge: (answer) => ({ problems: problemsOf(answer, exists, wanted) })
    };
  });
}
function fileScript(path3, { type, contains, lacks }) {
  const file = shellQuote([path3]);
  const find = (texts2, word2) => listOf(texts2).map(
    (text3, index) => `${shellQuote(["grep", "-F", "-q", "-e", text3, "--", path3])}; echo "${word2} ${index} $?"`
  );
  return [
    `if [ -e ${file} ] || [ -L ${file} ]; then`,
    // %f is the mode in hex, which GNU's and busybox's stat write alike
    `echo "stat $(stat ${type === "link" ? "" : "-L "}-c '%f %u %g %U %G' -- ${file})"`,
    ...find(contains, "contains"),
    ...find(lacks, "lacks"),
    "else",
    // where a folder can't be entered, nothing in it seems to exist
    `ls -d ${file}`,
    "fi",
    "true"
  ].join("\n");
}
function problemsOf({ status, output }, exists, wanted) {
  const [, bits = "", uid = "", gid = "", user = "", group = ""] = /^stat ([0-9a-f]+) (\d+) (\d+) (\S+) (\S+)$/m.exec(output) ?? [];
  if (status !== 0) return unanswered("the shell", { status, output }).problems;
  const isThere2 = /^stat/m.test(output);
  if (!isThere2 && !/No such file|Not a directory/i.test(output))
    return [`it can't be looked at: ${output.trim()}`];
  if (!exists) return isThere2 ? ["it exists"] : [];
  if (!isThere2) return ["it doesn't exist"];
  if (bits === "") return [`it can't be looked at: ${output.trim()}`];
  const mode2 = Number.parseInt(bits, 16);
  const type = typeOfBits[(mode2 >> 12).toString(16)] ?? "unknown";
  const permissions = (mode2 & 4095).toString(8).padStart(4, "0");
  const isDifferent = (value, ...found) => value !== void 0 && !found.includes(value);
  return [
    ...isDifferent(wanted.type, type) ? [`it is a ${type}, not a ${wanted.type}`] : [],
    ...isDifferent(wanted.mode?.padStart(4, "0"), permissions) ? [`its mode is ${permissions}, not ${wanted.mode}`] : [],
    ...isDifferent(wanted.owner, user, uid) ? [`its owner is ${user}, not ${wanted.owner}`] : [],
    ...isDifferent(wanted.group, group, gid) ? [`its group is ${group}, not ${wanted.group}`] : [],
    ...foundTexts(output, "contains", wanted.contains, "0", (text3) => `"${text3}" is not in it`),
    ...foundTexts(output, "lacks", wanted.lacks, "1", (text3) => `"${text3}" is in it`)
  ];
}
function foundTexts(output, word2, texts2, good, say) {
  return listOf(texts2).flatMap((text3, index) => {
    const status = new RegExp(`^${word2} ${index} (\\d+)$`, "m").exec(output)?.[1] ?? "2";
    if (status === good) return [];
    return [status === "0" || status === "1" ? say(text3) : `it can't be read for "${text3}"`];
  });
}

// src/testing/check-software.ts
var properties = "LoadState,ActiveState,SubState,UnitFileState,NRestarts";
function serviceChecks({ services = {} }) {
  return Object.entries(services).map(([name, wanted]) => {
    const { running = true, enabled, "max-restarts": maxRestarts } = wanted ?? {};
    const unit = /\.(service|socket|timer|path|target|mount|device|slice|swap|scope|automount)$/.test(name) ? name : `${name}.service`;
    const words = shellQuote(["systemctl", "show", `--property=${properties}`, "--", unit]);
    return {
      section: "services",
      name,
      place: ["services", name],
      probe: { script: `[ -d /run/systemd/system ] || exit 200
${words}` },
      judge: (answer) => {
        if (answer.status === 200)
          return { problems: ["this device doesn't run systemd, so nothing is known of its services"] };
        const value = (key) => new RegExp(`^${key}=(.*)$`, "m").exec(answer.output)?.[1] ?? "";
        const active = value("ActiveState");
        if (answer.status !== 0 || active === "") return unanswered("systemctl", answer);
        const isMissing = value("LoadState") === "not-found";
        if (isMissing && (running || enabled === true)) return { problems: [`there is no ${unit}`] };
        const isEnabled = /^(enabled|alias|static|indirect)$/.test(value("UnitFileState"));
        const restarts = value("NRestarts");
        return {
          problems: [
            ...active === "active" === running ? [] : [`it is ${active} (${value("SubState")})`],
            ...enabled === void 0 || isEnabled === enabled ? [] : [
              `it is ${value("UnitFileState") || "without a unit file"}, not ${enabled ? "enabled" : "disabled"}`
            ],
            ...maxRestarts === void 0 ? [] : tooManyRestarts(restarts, maxRestarts)
          ]
        };
      }
    };
  });
}
function tooManyRestarts(told, limit2) {
  if (told === "") return ["systemd does not tell how often it was restarted"];
  return Number(told) <= limit2 ? [] : [`it was restarted ${told} times; ${limit2} are the limit`];
}
function packageChecks({ packages = {} }) {
  return Object.entries(packages).map(([name, wanted]) => {
    const { installed = true, version } = wanted ?? {};
    return {
      section: "packages",
      name,
      place: ["packages", name],
      contradiction: !installed && version !== void 0 ? `packages.${name}: a package that is not installed has no version` : void 0,
      probe: { script: packageScript(name) },
      judge: (answer) => {
        if (answer.status === 200)
          return {
            problems: [
              "this device has none of dpkg-query, rpm, opkg and apk, so nothing is known of its packages"
            ]
          };
        if (answer.status !== 0) return unanswered("the list of packages", answer);
        const [, found] = /^installed (\S+)/m.exec(answer.output) ?? [];
        if (found === void 0 && !/^absent$/m.test(answer.output))
          return unanswered("the list of packages", answer);
        if (found !== void 0 !== installed)
          return { problems: [installed ? "it is not installed" : `it is installed (${found})`] };
        if (version === void 0 || found === void 0 || isLike(found, version)) return { problems: [] };
        return { problems: [`its version is ${found}, not ${version}`] };
      }
    };
  });
}
function packageScript(name) {
  const word2 = shellQuote([name]);
  return `if command -v dpkg-query >/dev/null 2>&1 && [ -e /var/lib/dpkg/status ]; then
  o=$(dpkg-query -W -f='\${db:Status-Status} \${Version}\\n' -- ${word2} 2>/dev/null); s=$?
  case "$s $o" in "0 installed "*) echo "$o";; 0*|1*) echo absent;; esac
elif command -v rpm >/dev/null 2>&1 && { [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; }; then
  o=$(rpm -q --qf 'installed %{VERSION}-%{RELEASE}\\n' -- ${word2} 2>&1)
  case "$o" in installed*) echo "$o";; *" is not installed") echo absent;; *) echo "$o";; esac
elif command -v opkg >/dev/null 2>&1; then
  o=$(opkg list-installed ${word2} 2>&1) || { echo "$o"; exit 1; }
  case "$o" in *" - "*) echo "$o" | sed -n 's/^[^ ]* - \\([^ ]*\\).*/installed \\1/p';; *) echo absent;; esac
elif command -v apk >/dev/null 2>&1; then
  apk info -e ${word2} >/dev/null 2>&1; s=$?
  case $s in
  0) apk list -I ${word2} 2>/dev/null | sed -n 's/^[^ ]*-\\([0-9][^- ]*-r[0-9]*\\) .*/installed \\1/p';;
  1) echo absent;;
  esac
else exit 200; fi
true`;
}

// src/testing/listening-ports.ts
function listeningPorts(text3) {
  const ports = [];
  let protocol = "";
  for (const line2 of text3.split("\n")) {
    if (line2.startsWith("= ")) protocol = line2.slice(2).replace("6", "");
    const [, address, port, state] = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F:]+ ([0-9A-F]{2}) /.exec(line2) ?? [];
    if (address === void 0 || port === void 0 || state !== (protocol === "tcp" ? "0A" : "07")) continue;
    ports.push({ protocol, port: Number.parseInt(port, 16), address: addressOf2(address) });
  }
  return ports;
}
function addressOf2(hex) {
  const groups = hex.match(/.{8}/g) ?? [];
  const bytes = groups.flatMap((group) => (group.match(/../g) ?? []).toReversed());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  const words = bytes.flatMap((byte, index) => index % 2 === 0 ? [byte + (bytes[index + 1] ?? "")] : []);
  return words.map((word2) => Number.parseInt(word2, 16).toString(16)).join(":");
}
function textOfAddress(text3) {
  if (!text3.includes(":")) return text3;
  const [head = "", tail] = text3.toLowerCase().split("::");
  const words = (part) => part.split(":").filter(Boolean);
  const [first, last] = [words(head), words(tail ?? "")];
  const zeros = tail === void 0 ? [] : Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  return [...first, ...zeros, ...last].map((word2) => Number.parseInt(word2, 16).toString(16)).join(":");
}

// src/testing/check-system.ts
function mountChecks({ mounts = {} }) {
  return Object.entries(mounts).map(([path3, wanted]) => ({
    section: "mounts",
    name: path3,
    place: ["mounts", path3],
    probe: { script: "cat /proc/self/mounts" },
    judge: (answer) => {
      const mount = mountsIn(answer.output).findLast((one) => one.path === path3);
      if (!mount) return { problems: [`nothing is mounted at ${path3}`] };
      const { type = mount.type, source = mount.source, options = [] } = wanted ?? {};
      const missing = options.filter((option) => !mount.options.includes(option));
      return {
        problems: [
          ...type === mount.type ? [] : [`it is ${mount.type}, not ${type}`],
          ...source === mount.source ? [] : [`it comes from ${mount.source}, not ${source}`],
          ...missing.length === 0 ? [] : [`it lacks ${missing.join(", ")}: its options are ${mount.options.join(",")}`]
        ]
      };
    }
  }));
}
function mountsIn(text3) {
  const plain3 = (word2) => word2.replace(/\\([0-7]{3})/g, (_all, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  return text3.split("\n").flatMap((line2) => {
    const [source = "", path3 = "", type = "", options = ""] = line2.split(" ");
    return path3 === "" ? [] : [{ source: plain3(source), path: plain3(path3), type, options: options.split(",") }];
  });
}
function portChecks({ ports = {} }) {
  return Object.entries(ports).map(([name, wanted]) => {
    const { listening = true, address } = wanted ?? {};
    const [protocol = "", port = ""] = name.split("/");
    return {
      section: "ports",
      name: address === void 0 ? name : `${name} ${address}`,
      place: ["ports", name],
      contradiction: Number(port) > 65535 ? `ports.${name}: there is no port ${port}` : void 0,
      probe: {
        script: 'for f in tcp tcp6 udp udp6; do echo "= $f"; cat /proc/net/$f 2>/dev/null || true; done; [ -r /proc/net/tcp ]'
      },
      judge: ({ status, output, isCut }) => {
        if (status !== 0) return { problems: ["the device has no /proc/net/tcp"] };
        if (isCut) return { problems: ["the device has more connections than can be looked through"] };
        const found = listeningPorts(output).filter(
          (one) => one.protocol === protocol && one.port === Number(port)
        );
        const isThere2 = found.some((one) => address === void 0 || one.address === textOfAddress(address));
        if (isThere2 === listening) return { problems: [] };
        if (isThere2) return { problems: [`something listens on ${name}`] };
        const others = found.map((one) => one.address).join(", ");
        const where = others === "" ? "" : `: only on ${others}`;
        return {
          problems: [`nothing listens on ${name}${address === void 0 ? "" : ` at ${address}`}${where}`]
        };
      }
    };
  });
}
function diskChecks({ disk = {} }) {
  return Object.entries(disk).map(([path3, wanted]) => ({
    section: "disk",
    name: path3,
    place: ["disk", path3],
    probe: { script: `df -P -k ${shellQuote([path3])}` },
    judge: (answer) => {
      const fields = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s+\//.exec(answer.output);
      if (answer.status !== 0 || !fields) return unanswered("df", answer);
      const [used, available] = [Number(fields[2]) / 1024, Number(fields[3]) / 1024];
      const measures = [{ name: `disk-used:${path3}`, value: Math.round(used * 10) / 10, unit: "MiB" }];
      return { problems: below(available, used + available, wanted.free, "free"), measures };
    }
  }));
}
function memoryChecks({ memory }) {
  if (memory === void 0) return [];
  return [
    {
      section: "memory",
      name: "available",
      place: ["memory"],
      probe: { script: "cat /proc/meminfo" },
      judge: (answer) => {
        const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(answer.output)?.[1]);
        const [available, total] = [kib("MemAvailable") / 1024, kib("MemTotal") / 1024];
        if (!Number.isFinite(available + total)) return unanswered("/proc/meminfo", answer);
        const measures = [
          { name: "memory-used", value: Math.round((total - available) * 10) / 10, unit: "MiB" }
        ];
        return { problems: below(available, total, memory.available, "available"), measures };
      }
    }
  ];
}
function below(haveMiB, totalMiB, wanted, word2) {
  const number3 = Number.parseInt(wanted, 10);
  const unitMiB = wanted.endsWith("GiB") ? 1024 : wanted.endsWith("KiB") ? 1 / 1024 : 1;
  const neededMiB = wanted.endsWith("%") ? totalMiB * number3 / 100 : number3 * unitMiB;
  if (haveMiB >= neededMiB) return [];
  const share2 = `${Math.floor(haveMiB / totalMiB * 100)} %`;
  return [
    `${Math.floor(haveMiB)} MiB of ${Math.floor(totalMiB)} MiB (${share2}) are ${word2}; ${wanted} have to be`
  ];
}
function bootChecks({ "boot-time": wanted }) {
  if (wanted === void 0) return [];
  const limit2 = (parseDuration(wanted) ?? 0) / 1e3;
  return [
    {
      section: "boot-time",
      name: "boot-time",
      place: ["boot-time"],
      probe: {
        script: `[ -d /run/systemd/system ] || exit 200
systemctl show --property=FinishTimestampMonotonic`
      },
      judge: (answer) => {
        if (answer.status === 200)
          return { problems: ["this device doesn't run systemd, which is what measures a start"] };
        const finished2 = Number(/FinishTimestampMonotonic=(\d+)/.exec(answer.output)?.[1]) / 1e6;
        if (answer.status !== 0 || Number.isNaN(finished2)) return unanswered("systemctl", answer);
        if (finished2 === 0) return { problems: ["it has not finished starting yet"] };
        const measure = { name: "boot-time", value: Math.round(finished2 * 1e3) / 1e3, unit: "s" };
        const problems = finished2 <= limit2 ? [] : [`the start took ${measureText(measure)}; ${wanted} are the limit`];
        return { problems, measures: [measure] };
      }
    }
  ];
}

// src/testing/checks.ts
async function readChecks(path3) {
  const name = fileInReports(path3);
  const yaml = await readYaml(path3, checksSchema, name);
  const file = yaml.value;
  const problems = [];
  const checks = checksOf(file).map((check) => ({
    ...check,
    line: yaml.locate(check.place).line
  }));
  for (const { contradiction, line: line2 } of checks)
    if (contradiction !== void 0) problems.push({ file: name, line: line2, message: contradiction });
  if (checks.length === 0)
    problems.push({ file: name, line: 1, message: "there is no check in it, and no test is no success" });
  failOn(problems);
  return { path: path3, file, checks, locate: (place) => yaml.locate(place) };
}
function checksOf(file) {
  return [
    ...mountChecks(file),
    ...serviceChecks(file),
    ...portChecks(file),
    ...packageChecks(file),
    ...fileChecks(file),
    ...commandChecks(file),
    ...diskChecks(file),
    ...memoryChecks(file),
    ...bootChecks(file)
  ];
}
async function runChecks(connection, path3, checks) {
  const answers = await ask(
    connection,
    checks.map(({ probe }) => probe)
  );
  return checks.map((check, index) => {
    const answer = answers[index];
    if (!answer) throw new Failure("tests-not-run", `${check.name} got no answer`);
    const { problems, measures = [] } = check.judge(answer);
    const isPassed = problems.length === 0;
    return {
      suite: `${basename(path3).replace(/\.ya?ml$/, "")}.${check.section}`,
      name: check.name,
      result: isPassed ? "passed" : "failed",
      message: problems.join("; "),
      details: isPassed ? "" : shorten(answer.output, 16384),
      seconds: answer.seconds,
      file: path3,
      line: check.line,
      measures
    };
  });
}

// src/testing/command.ts
import { rm } from "node:fs/promises";
import { join as join2, resolve as resolve3 } from "node:path";

// src/testing/report-files.ts
import { glob, stat } from "node:fs/promises";
import { resolve as resolve2 } from "node:path";

// src/testing/read-junit.ts
var maxCases = 5e4;
var maxDetails = 64 << 10;
function readJunit(text3) {
  const root = parseXml(text3);
  const name = localName(root);
  if (name !== "testsuites" && name !== "testsuite")
    throw new Error(`<${root.name}> where <testsuites> or <testsuite> was expected`);
  const cases = [];
  readSuite(root, cases);
  return cases;
}
function readSuite(suite2, cases) {
  const first = cases.length;
  for (const element of suite2.children) {
    const name = localName(element);
    if (name === "testsuite") readSuite(element, cases);
    if (name === "testcase") add(cases, testCase(element, suite2), has(element, "error"));
    if (cases.length > maxCases) throw new Error(`more than ${maxCases} tests`);
  }
  const own = cases.slice(first);
  const declared = number2(suite2.attributes["failures"]) + number2(suite2.attributes["errors"]);
  const isTold = declared === 0 || own.some(({ result }) => result === "failed");
  const broken = localName(suite2) === "testsuite" ? childNamed(suite2, "error", "failure") : void 0;
  if (broken || !isTold) cases.push(unnamedFailure(suite2, broken, declared));
  const last = cases.at(-1);
  const measures = measuresIn(suite2);
  if (last && cases.length > first) last.measures = [...last.measures ?? [], ...measures];
}
function unnamedFailure(suite2, broken, declared) {
  return {
    suite: suite2.attributes["name"] ?? "",
    name: "(the suite itself)",
    result: "failed",
    message: broken ? messageIn(broken) : `it says that ${declared} tests failed, and names none`,
    details: textOf(broken).slice(0, maxDetails),
    seconds: 0,
    file: suite2.attributes["file"],
    line: void 0
  };
}
function testCase(element, suite2) {
  const { attributes } = element;
  const broken = childNamed(element, "failure", "error");
  const skipped = childNamed(element, "skipped", "disabled") ?? (isNotRun(attributes) ? element : void 0);
  const hasFailed = broken !== void 0 || /^(fail(ed|ure)?|errored|error)$/i.test(attributes["status"] ?? "");
  const result = hasFailed ? "failed" : skipped ? "skipped" : "passed";
  const verdict2 = broken ?? (result === "skipped" ? childNamed(element, "skipped", "disabled") : void 0);
  const flaky = result === "passed" ? childNamed(element, "flakyFailure", "flakyError") : void 0;
  const measures = measuresIn(element);
  return {
    suite: attributes["classname"] ?? attributes["class"] ?? suite2.attributes["name"] ?? "",
    name: withoutDevice(attributes["name"] ?? "(without a name)"),
    result,
    message: verdict2 ? messageIn(verdict2) : hasFailed ? "it says that it failed" : "",
    details: allDetails(element, verdict2).slice(0, maxDetails),
    seconds: number2(attributes["time"]),
    file: attributes["file"] ?? suite2.attributes["file"],
    line: lineIn(attributes),
    ...flaky && { flaky: { message: messageIn(flaky), details: textOf(flaky).slice(0, maxDetails) } },
    ...measures.length > 0 && { measures }
  };
}
function add(cases, next, isError) {
  const last = cases.at(-1);
  const isSame = isError && last && last.suite === next.suite && last.name === next.name;
  if (!isSame) cases.push(next);
  else if (last.result !== "failed") cases[cases.length - 1] = next;
}
function isNotRun({ status, result }) {
  return /^(notrun|disabled|skipped|ignored|pending)$/i.test(status ?? "") || result === "skipped";
}
function allDetails(element, verdict2) {
  if (!verdict2) return "";
  const same = element.children.filter((child) => localName(child) === localName(verdict2));
  return same.map(textOf).filter(Boolean).join("\n");
}
function messageIn(verdict2) {
  const given = verdict2.attributes["message"] ?? "";
  const isTelling = given.trim() !== "" && !/^(failed|failure|error)$/i.test(given.trim());
  const text3 = isTelling ? given : textOf(verdict2).trim() || given;
  return plain(text3).split("\n").slice(0, 3).join("\n").slice(0, 1e3);
}
function measuresIn(element) {
  const properties2 = element.children.filter((child) => localName(child) === "properties");
  return properties2.flatMap(
    ({ children }) => children.flatMap(({ attributes, text: text3 }) => {
      const name = /^measure:(.+)$/.exec(attributes["name"] ?? "")?.[1]?.trim();
      const measure = name === void 0 ? void 0 : parseMeasure(name, attributes["value"] ?? text3);
      return measure ? [measure] : [];
    })
  );
}
function lineIn(attributes) {
  const line2 = attributes["line"] === void 0 ? NaN : Number(attributes["line"]);
  if (!Number.isInteger(line2) || line2 < 0) return void 0;
  const isPytest = attributes["file"]?.endsWith(".py") === true && attributes["status"] === void 0;
  return isPytest ? line2 + 1 : line2 || void 0;
}
function number2(text3) {
  const value = Number((text3 ?? "").replaceAll(",", ""));
  return Number.isFinite(value) && value > 0 ? value : 0;
}
function withoutDevice(name) {
  return name.replace(
    /\[(?:ssh:\/\/device|local)(?:-(.*))?\]$/s,
    (_all, rest) => rest === void 0 ? "" : `[${rest}]`
  );
}
var plain = (text3) => text3.replace(/(?:\u001b|#x1B)\[[0-9;]*m/g, "");
var textOf = (element) => plain(element?.text ?? "");
var localName = ({ name }) => name.slice(name.indexOf(":") + 1);
function childNamed({ children }, ...names) {
  for (const name of names) {
    const found = children.find((child) => localName(child) === name);
    if (found) return found;
  }
  return void 0;
}
var has = (element, name) => childNamed(element, name) !== void 0;

// src/testing/report-files.ts
var maxReportBytes = 64 << 20;
var maxReports = 2e3;
async function seenReports(patterns, folder) {
  const seen = /* @__PURE__ */ new Map();
  for (const pattern of patterns) {
    const isPattern = /[*?[{]/.test(pattern);
    const paths = isPattern ? glob(pattern, { cwd: folder }) : [pattern];
    for await (const found of paths) {
      const path3 = resolve2(folder, found);
      const status = await stat(path3, { bigint: true }).catch(() => void 0);
      if (status?.isFile()) seen.set(path3, `${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`);
    }
  }
  return seen;
}
async function newReports(patterns, folder, before) {
  const after = await seenReports(patterns, folder);
  const paths = [...after].filter(([path3, mark]) => before.get(path3) !== mark).map(([path3]) => path3);
  if (paths.length === 0) {
    const old = after.size > 0 ? `; ${after.size} of an earlier run were there before it` : "";
    throw new Failure(
      "tests-not-run",
      `there is no new report at ${patterns.join(", ")} (seen from ${folder})${old}`
    );
  }
  if (paths.length > maxReports)
    throw new Failure("tests-not-run", `${paths.length} reports; at most ${maxReports} are read`);
  const cases = [];
  for (const path3 of paths.sort()) cases.push(...await readReport(path3));
  return cases;
}
async function readReport(path3) {
  try {
    return readJunit(await readText(path3, maxReportBytes));
  } catch (error) {
    throw new Failure("tests-not-run", `the report ${path3} can't be read: ${messageOf(error)}`, {
      cause: error
    });
  }
}

// src/testing/suite-result.ts
function judged(cases, ended, what, said = wordsOf(ended)) {
  const notRun = (message) => ({ cases, problem: new Failure("tests-not-run", message) });
  if (cases.length === 0) return notRun(`${what} ran no test (exit status ${ended.code}): ${said}`);
  if (ended.code !== 0 && !cases.some((one) => one.result === "failed"))
    return notRun(`${what} says that the run failed, and no test did: ${said}`);
  if (cases.every((one) => one.result === "skipped")) return notRun(`all ${cases.length} tests were skipped`);
  return { cases, problem: void 0 };
}
function wordsOf({ code, stdout, stderr }) {
  return lastWords(stderr.trim() || stdout, "it", code);
}

// src/testing/test-program.ts
var maxTimerMs = 2 ** 31 - 1;
async function runTestProgram(connection, { words, cwd, env, limitMs }, context) {
  const [program = "", ...args] = words;
  const running = start(program, args, {
    cwd,
    env,
    signal: context.signal,
    onLine: (line2) => context.log.info(quotedLine(line2))
  });
  const timer = new AbortController();
  const late = context.clock.sleep(Math.min(limitMs, maxTimerMs), timer.signal).then(
    () => "late",
    () => "late"
  );
  try {
    const ended = await Promise.race([running.done, connection.lost.then(() => "lost"), late]);
    if (typeof ended === "object") return ended;
    await running.stop();
    context.signal.throwIfAborted();
    if (ended === "lost")
      return new Failure(
        "device-unreachable",
        `the connection to ${connection.name} broke while the tests ran`
      );
    return new Failure(
      "tests-not-run",
      `${program} did not end within ${seconds(limitMs)}: its tests hang, or need a longer timeout`
    );
  } finally {
    timer.abort();
  }
}
var quotedLine = (line2) => `| ${line2.replaceAll("##[", "## [")}`;

// src/testing/command.ts
async function runCommand(connection, suite2, env, context) {
  const { words, folder } = suite2;
  const temporary = await temporaryFolder("tests", context);
  const own = join2(temporary, "junit.xml");
  try {
    const reports = suite2.reports.length > 0 ? suite2.reports : [own];
    const before = await seenReports(reports, folder);
    const program = words[0]?.includes("/") ? [resolve3(folder, words[0]), ...words.slice(1)] : words;
    const device = await deviceEnvironment(connection);
    const ended = await runTestProgram(
      connection,
      { words: program, cwd: folder, env: { ...device, JUNIT_OUTPUT: own, ...env }, limitMs: suite2.limitMs },
      context
    );
    if (ended instanceof Failure) return { cases: [], problem: ended };
    try {
      return judged(await newReports(reports, folder, before), ended, words.join(" "));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const why = `${words.join(" ")} ended with ${ended.code}, and ${error.message}; its last words: ${wordsOf(ended)}`;
      return { cases: [], problem: new Failure("tests-not-run", why, { cause: error }) };
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
async function deviceEnvironment({ name, testinfra }) {
  const { url, sshConfig } = testinfra;
  if (sshConfig === void 0) return { DEVICE: name, DEVICE_ADDRESS: "localhost" };
  const { stdout } = await run("ssh", ["-G", "-F", sshConfig, url.replace(/^ssh:\/\//, "")]);
  const value = (key2) => new RegExp(`^${key2} (.*)$`, "m").exec(stdout)?.[1] ?? "";
  const key = /^identitiesonly yes$/m.test(stdout) ? value("identityfile") : "";
  return {
    DEVICE: name,
    DEVICE_ADDRESS: value("hostname"),
    DEVICE_PORT: value("port"),
    DEVICE_USER: value("user"),
    DEVICE_SSH_CONFIG: sshConfig,
    ...key === "" ? {} : { DEVICE_SSH_KEY: key }
  };
}

// src/testing/measured-file.ts
import { existsSync } from "node:fs";
var entries = pipe(
  array(
    object({
      name: pipe(string(), nonEmpty(), maxLength(100)),
      value: pipe(number(), finite()),
      unit: optional(pipe(string(), maxLength(16)), "")
    })
  ),
  maxLength(1e4)
);
async function readMeasured(path3) {
  if (!existsSync(path3)) return [];
  try {
    const { value } = await readYaml(path3, entries, "$MEASUREMENTS_OUTPUT");
    return value.map(({ name, value: number3, unit }) => ({ name, value: number3, unit }));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const form = 'it is a JSON list of {"name": …, "value": …, "unit": …}';
    throw new Failure("tests-not-run", `what was measured can't be read: ${error.message}; ${form}`, {
      cause: error
    });
  }
}

// src/testing/places.ts
import { existsSync as existsSync2 } from "node:fs";
import { dirname, isAbsolute, join as join3, resolve as resolve4 } from "node:path";
function withPlaces(cases, folder) {
  return cases.map((one) => {
    for (const guess of guessesOf(one)) {
      const file = findFile(guess.file, folder);
      if (file !== void 0) return { ...one, file, line: guess.line };
    }
    return one;
  });
}
function* guessesOf({ suite: suite2, result, message, details, file, line: line2 }) {
  if (result === "failed") {
    const told = [...placesIn(`${message}
${details}`)];
    const own = file === void 0 ? void 0 : told.findLast((place) => isSameFile(place.file, file));
    if (file !== void 0 && own?.line !== void 0) yield { file, line: own.line };
    if (file === void 0) for (const place of told) yield* withPackage(place, suite2);
  }
  if (file !== void 0) yield { file, line: line2 };
  if (/^[\w$]+(\.[\w$]+)+$/.test(suite2)) yield* classFiles(suite2).map((path3) => ({ file: path3 }));
  if (/\.(bats|[cm]?[jt]sx?)$/.test(suite2)) yield { file: suite2 };
}
var isSameFile = (told, file) => told === file || file.endsWith(`/${told}`) || told.endsWith(`/${file}`);
function* placesIn(details) {
  const forms = /^[ \t]{0,40}([\w./@+-]{1,500}\.\w{1,5}):(\d{1,7})(?::|$)|(?:in test file|in file) ([^\s,]{1,500}), line (\d{1,7})|\bat [^(\n]{0,300}\(([^():\s]{1,500}\.\w{1,5}):(\d{1,7})(?::\d{1,7})?\)/gm;
  let found = 0;
  for (const match of details.matchAll(forms)) {
    if (++found > 1e3) return;
    const [, a, aLine, b, bLine, c, cLine] = match;
    const file = a ?? b ?? c;
    const line2 = Number(aLine ?? bLine ?? cLine);
    if (file !== void 0 && Number.isInteger(line2) && line2 > 0) yield { file, line: line2 };
  }
}
function* withPackage(place, suite2) {
  if (/\.(java|kt)$/.test(place.file)) {
    const folder = suite2.replace(/\.[^.]*$/, "").replaceAll(".", "/");
    for (const root of sourceRoots) yield { ...place, file: join3(root, folder, place.file) };
    return;
  }
  if (place.file.endsWith(".go") && !place.file.includes("/")) {
    const parts = suite2.split("/");
    for (let start2 = 0; start2 <= parts.length; start2++)
      yield { ...place, file: join3(...parts.slice(start2), place.file) };
    return;
  }
  if (!place.file.includes("node_modules/")) yield place;
}
var sourceRoots = ["src/test/java", "src/test/kotlin", "app/src/test/java"];
function classFiles(suite2) {
  const path3 = suite2.replace(/\$.*$/, "").replaceAll(".", "/");
  return sourceRoots.flatMap((root) => ["java", "kt"].map((ending) => join3(root, `${path3}.${ending}`)));
}
function findFile(file, folder) {
  if (isAbsolute(file)) return existsSync2(file) ? file : void 0;
  const top = workspace();
  for (let at = resolve4(folder); ; at = dirname(at)) {
    const path3 = join3(at, file);
    if (existsSync2(path3)) return path3;
    if (at === top || at === dirname(at) || !at.startsWith(`${top}/`)) return void 0;
  }
}

// src/testing/pytest.ts
import { existsSync as existsSync3 } from "node:fs";
import { stat as stat2 } from "node:fs/promises";
import { dirname as dirname2, join as join4 } from "node:path";
async function runPytest(connection, { tests, env, limitMs, scratch, isRetry }, context) {
  const folder = await folderOf(tests);
  const report = join4(scratch, isRetry ? "again.xml" : "junit.xml");
  const again = isRetry ? ["--last-failed", "--last-failed-no-failures=none"] : [];
  const args = [...commonOptions(folder, scratch, report), ...again, ...targetOptions(connection), tests];
  const environment = { PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1", ...env };
  const programs = ["pytest-3", "pytest"].filter(isInstalled);
  for (const program of programs.length > 0 ? programs : ["pytest-3"]) {
    const words = [program, ...args];
    const ended = await runTestProgram(connection, { words, cwd: folder, env: environment, limitMs }, context);
    if (ended instanceof Failure) return { cases: [], problem: ended };
    if (!lacksTestinfra(ended)) return await resultOf(ended, report, tests);
    context.log.info(`${program} has no testinfra`);
  }
  throw new Failure(
    "missing-tool",
    "pytest has no plugin testinfra: apt-get install python3-testinfra, or pip install pytest-testinfra where pytest is not the system's"
  );
}
var lacksTestinfra = ({ code, stderr }) => code === 4 && /unrecognized arguments: .*--hosts=/.test(stderr);
async function resultOf(ended, report, tests) {
  let cases;
  try {
    cases = existsSync3(report) ? await readReport(report) : [];
  } catch (error) {
    if (error instanceof Failure) return { cases: [], problem: error };
    throw error;
  }
  const notRun = (message) => new Failure("tests-not-run", message);
  if (ended.code === 5 || ended.code <= 1 && cases.length === 0) {
    const what = "pytest runs functions test_* in files test_*.py";
    return { cases, problem: notRun(`there is no test in ${tests}: ${what}`) };
  }
  if (ended.code > 1) {
    const message = `pytest could not run the tests (exit status ${ended.code}): ${complaintOf(ended)}`;
    return { cases: [], problem: notRun(message) };
  }
  return judged(cases, ended, "pytest", complaintOf(ended));
}
function complaintOf({ code, stdout, stderr }) {
  const lines = `${stdout}
${stderr}`.split("\n");
  const marked = lines.filter((line2) => /^(E  |ERROR|INTERNALERROR)/.test(line2));
  return lastWords(marked.join("\n") || stderr || stdout, "pytest", code);
}
async function folderOf(tests) {
  try {
    return (await stat2(tests)).isDirectory() ? tests : dirname2(tests);
  } catch (error) {
    throw new Failure("file-missing", `tests: there is nothing at ${tests}`, { cause: error });
  }
}
function commonOptions(folder, scratch, report) {
  return [
    "-o",
    `cache_dir=${join4(scratch, "cache")}`,
    "--color=no",
    "-v",
    `--rootdir=${folder}`,
    `--junitxml=${report}`,
    // the only one of pytest's two forms that tells where a test stands
    "-o",
    "junit_family=xunit1"
  ];
}
function targetOptions({ testinfra }) {
  const hosts = `--hosts=${testinfra.url}`;
  if (testinfra.sshConfig === void 0) return [hosts];
  return [hosts, `--ssh-config=${testinfra.sshConfig}`, "--ssh-extra-args=-o ControlMaster=no"];
}

// src/testing/run-suite.ts
var pauseMs = 1e3;
async function runSuite(connection, suite2, { env, retries: retries2 }, context) {
  const scratch = await temporaryFolder("tests", context);
  try {
    const tryOnce = (failed) => runOnce(connection, suite2, { env, scratch, failed }, context);
    let result = await tryOnce();
    for (let retry = 1; retry <= retries2 && !result.problem; retry++) {
      const failed = result.cases.filter((one) => one.result === "failed");
      if (failed.length === 0) break;
      context.log.info(`trying ${failed.length} failed tests again (${retry} of ${retries2})`);
      await context.clock.sleep(pauseMs, context.signal);
      const again = await tryOnce(failed);
      if (again.problem) {
        if (again.problem.reason !== "tests-not-run") return { ...result, problem: again.problem };
        context.log.warn(`what failed stays failed, trying it again told nothing: ${again.problem.message}`);
        continue;
      }
      const measures = [...result.measures ?? [], ...again.measures ?? []];
      result = { cases: merged(result.cases, again.cases), problem: void 0, measures };
    }
    return result;
  } finally {
    await rm2(scratch, { recursive: true, force: true });
  }
}
async function runOnce(connection, suite2, { env, scratch, failed }, context) {
  const measured = join5(scratch, "measured.json");
  const given = { ...env, MEASUREMENTS_OUTPUT: measured };
  switch (suite2.kind) {
    case "checks": {
      const { path: path3, checks } = suite2.checks;
      const isWanted = (line2) => failed === void 0 || failed.some((one) => one.line === line2);
      const wanted = checks.filter(({ line: line2 }) => isWanted(line2));
      return { cases: await runChecks(connection, path3, wanted), problem: void 0 };
    }
    case "pytest": {
      const { path: tests, limitMs } = suite2;
      const options = { tests, env: given, limitMs, scratch, isRetry: failed !== void 0 };
      return finished(await runPytest(connection, options, context), await folderOf(tests), measured);
    }
    case "command":
      return finished(await runCommand(connection, suite2, given, context), suite2.folder, measured);
  }
}
async function finished(result, folder, measured) {
  return { ...result, cases: withPlaces(result.cases, folder), measures: await readMeasured(measured) };
}
function merged(before, after) {
  const key = ({ suite: suite2, name }) => JSON.stringify([suite2, name]);
  const failed = Map.groupBy(
    before.filter(({ result }) => result === "failed"),
    key
  );
  const now = Map.groupBy(after, key);
  return before.map((one) => {
    const failing = (now.get(key(one)) ?? []).filter(({ result }) => result === "failed");
    const [newly] = failing.slice(failed.get(key(one))?.length ?? 0);
    if (one.result === "passed" && !one.flaky && newly)
      return { ...one, flaky: { message: newly.message, details: newly.details } };
    const tried = one.result === "failed" ? now.get(key(one)) ?? [] : [];
    const isWhole = tried.length >= (failed.get(key(one))?.length ?? 0);
    const [next] = tried;
    if (!next || !isWhole || tried.some(({ result }) => result !== "passed")) return one;
    return { ...next, flaky: { message: one.message, details: one.details } };
  });
}

// src/testing/test-plan.ts
import { constants } from "node:fs";
import { access, readdir, stat as stat3 } from "node:fs/promises";
import { basename as basename2, dirname as dirname4, join as join6, resolve as resolve6 } from "node:path";

// src/testing/measure-rules.ts
import { existsSync as existsSync4 } from "node:fs";
import { dirname as dirname3, resolve as resolve5 } from "node:path";
async function rulesOf(given, source) {
  if (given === void 0) return void 0;
  const problems = [];
  const limits = Object.entries(given.limits ?? {}).map(([name, limit2]) => {
    const { line: line2 } = source.locate(["measurements", "limits", name]);
    const { "at-most": atMost, "at-least": atLeast, "worse-by": text3, better = "lower", result } = limit2;
    const wrong = (message) => problems.push({
      file: fileInReports(source.path),
      line: line2,
      message: `measurements.limits.${name}: ${message}`
    });
    if (atMost === void 0 && atLeast === void 0 && text3 === void 0)
      wrong("it limits nothing: give at-most, at-least or worse-by");
    if (text3 !== void 0 && given.baseline === void 0)
      wrong("worse-by compares with an earlier release: name its measurements as baseline");
    return { name, atMost, atLeast, worseBy: worseBy(text3), better, fails: result === "fail", line: line2 };
  });
  failOn(problems);
  const baselinePath = given.baseline === void 0 ? void 0 : resolve5(dirname3(source.path), given.baseline);
  return { file: source.path, limits, baselinePath, baseline: await readBaseline(baselinePath) };
}
function worseBy(text3) {
  if (text3 === void 0) return void 0;
  const number3 = Number.parseFloat(text3);
  return text3.endsWith("%") ? { kind: "share", value: number3 / 100, text: text3.replace("%", " %") } : { kind: "number", value: number3, text: text3 };
}
async function readBaseline(path3) {
  if (path3 === void 0 || !existsSync4(path3)) return void 0;
  try {
    return await readMeasurements(path3);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const advice = "remove it to begin anew";
    throw new Failure(error.reason, `${error.message}; it is the baseline of measurements: ${advice}`, {
      cause: error,
      problems: error.problems
    });
  }
}

// src/testing/tests-schema.ts
var path2 = pipe(string(), nonEmpty("write a path, from this file on"));
var word = pipe(string(), regex(/^[^\0]*$/, "no zero bytes"));
var suite = strictObject({
  pytest: pipe(optional(path2), description("A folder or file with pytest-testinfra tests.")),
  checks: pipe(optional(path2), description("A file of checks.")),
  command: pipe(
    optional(pipe(array(word), minLength(1, "write the program and its arguments, each on its own"))),
    description("A program and its arguments that leaves JUnit XML; it runs in the folder of this file.")
  ),
  junit: pipe(
    optional(union([path2, pipe(array(path2), minLength(1))], "write a path, or a list of paths")),
    description("Where the command leaves its reports: paths or patterns; $JUNIT_OUTPUT where not given.")
  ),
  timeout: pipe(
    optional(
      pipe(string(), regex(/^[1-9]\d{0,5}(s|m|h)$/, "write a duration such as 90s, 15m or 2h"))
    ),
    description("How long pytest or the command may take: 1h unless given.")
  )
});
var testsSchema = strictObject({
  suites: pipe(array(suite), minLength(1, "there is no suite in it")),
  retries,
  measurements: measurementRules
});

// src/testing/test-plan.ts
var defaultLimitMs = 36e5;
async function readTestPlan(path3) {
  const tests = resolve6(path3);
  const found = await stat3(tests).catch((error) => {
    throw new Failure("file-missing", `tests: there is nothing at ${tests}`, { cause: error });
  });
  if (found.isDirectory()) return await planOfFolder(tests);
  if (isChecksFile(tests)) return await planOfChecks(await readChecks(tests));
  if (/\.ya?ml$/.test(tests)) return await planOfFile(tests);
  if (tests.endsWith(".py")) return plain2({ kind: "pytest", path: tests, limitMs: defaultLimitMs });
  await access(tests, constants.X_OK).catch((error) => {
    const forms = "a folder, a .py or .yml file, or a program that may be executed (chmod +x)";
    throw new Failure("bad-input", `tests: ${tests} is none of these: ${forms}`, { cause: error });
  });
  const command = { words: [tests], folder: dirname4(tests), reports: [] };
  return plain2({ kind: "command", ...command, limitMs: defaultLimitMs });
}
var isChecksFile = (path3) => /(^|[.-])checks\.ya?ml$/.test(basename2(path3));
var plain2 = (...suites) => ({ suites, retries: 0, rules: void 0 });
async function planOfFolder(folder) {
  const names = await readdir(folder);
  const file = names.find((name) => /^tests\.ya?ml$/.test(name));
  if (file !== void 0) return await planOfFile(join6(folder, file));
  const pytest = { kind: "pytest", path: folder, limitMs: defaultLimitMs };
  const checks = names.find((name) => /^checks\.ya?ml$/.test(name));
  if (checks === void 0) return plain2(pytest);
  const plan = await planOfChecks(await readChecks(join6(folder, checks)));
  const all = await readdir(folder, { recursive: true });
  const hasPytest = all.some((name) => /^(test_.*|.*_test)\.py$/.test(basename2(name)));
  return hasPytest ? { ...plan, suites: [...plan.suites, pytest] } : plan;
}
async function planOfChecks(checks) {
  const { retries: retries2 = 0, measurements } = checks.file;
  const rules = await rulesOf(measurements, checks);
  return { suites: [{ kind: "checks", checks, limitMs: defaultLimitMs }], retries: retries2, rules };
}
async function planOfFile(path3) {
  const yaml = await readYaml(path3, testsSchema, fileInReports(path3));
  const file = yaml.value;
  const problems = [];
  const suites = [];
  for (const [index, given] of file.suites.entries()) {
    try {
      suites.push(await suiteOf(given, dirname4(path3)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const { line: line2 } = yaml.locate(["suites", index]);
      const own = { file: fileInReports(path3), line: line2, message: `suites.${index}: ${error.message}` };
      problems.push(...error.problems.length > 0 ? error.problems : [own]);
    }
  }
  failOn(problems);
  return {
    suites,
    retries: file.retries ?? 0,
    rules: await rulesOf(file.measurements, { path: path3, locate: (place) => yaml.locate(place) })
  };
}
async function suiteOf(given, folder) {
  const { pytest, checks, command, junit, timeout } = given;
  const limitMs = (timeout === void 0 ? void 0 : parseDuration(timeout)) ?? defaultLimitMs;
  const wrong = (message) => new Failure("bad-input", message);
  if ([pytest, checks, command].filter((one) => one !== void 0).length !== 1)
    throw wrong("a suite is one of pytest, checks and command");
  if (junit !== void 0 && command === void 0)
    throw wrong("junit says where a command leaves its reports");
  if (timeout !== void 0 && checks !== void 0)
    throw wrong("checks have no timeout: each command in them has its own");
  if (pytest !== void 0) {
    const path3 = resolve6(folder, pytest);
    await stat3(path3).catch((error) => {
      throw new Failure("file-missing", `there is nothing at ${path3}`, { cause: error });
    });
    return { kind: "pytest", path: path3, limitMs };
  }
  if (checks !== void 0) {
    const found = await readChecks(resolve6(folder, checks));
    if (found.file.retries !== void 0 || found.file.measurements !== void 0)
      throw wrong(`retries and measurements of ${checks} belong into this file: it is what runs`);
    return { kind: "checks", checks: found, limitMs };
  }
  const reports = junit === void 0 ? [] : typeof junit === "string" ? [junit] : junit;
  return { kind: "command", words: command ?? [], folder, reports, limitMs };
}

// src/testing/run-tests.ts
async function runTests(connection, options, context, plan) {
  const startedAt = performance.now();
  const expected = expectedName(options.expectRelease);
  const { suites, retries: retries2, rules } = plan ?? await readTestPlan(options.tests);
  const found = { release: void 0, about: void 0, cases: [], measured: [] };
  let verdict2;
  try {
    const env = { ...options.env, ...expected === void 0 ? {} : { EXPECTED_RELEASE: expected } };
    await findOut(connection, { suites, retries: retries2, expected, env }, found, context);
    verdict2 = { result: "pass" };
  } catch (error) {
    verdict2 = infraVerdict(error);
  }
  const { release, about, cases } = found;
  const measures = compareMeasures(measuresOf(cases, found.measured), rules, about?.deviceType);
  if (verdict2.result === "pass") cases.push(...measures.flatMap(asFailedTest));
  const counts = countsOf(cases);
  if (verdict2.result === "pass" && counts.failed > 0) verdict2 = { result: "fail" };
  const run2 = {
    ...verdict2,
    ...counts,
    device: connection.name,
    release,
    about,
    cases,
    measures,
    baselineNote: baselineNote(rules, about?.deviceType),
    seconds: (performance.now() - startedAt) / 1e3,
    junit: void 0
  };
  return await withReports(run2, resolve7(options.output), context);
}
async function findOut(connection, { suites, retries: retries2, expected, env }, found, context) {
  found.release = await connection.release();
  checkRelease(connection, found.release, expected);
  found.about = await aboutDevice(connection);
  const bootId = await connection.bootId();
  const problems = [];
  for (const suite2 of suites) {
    const result = await runSuite(connection, suite2, { env, retries: retries2 }, context).catch(problemOf2);
    found.cases.push(...result.cases);
    found.measured.push(...result.measures ?? []);
    if (result.problem?.reason === "device-unreachable") throw result.problem;
    if (result.problem) problems.push(result.problem);
  }
  await checkBoot(connection, bootId);
  const problem = await fullDisk(connection, found.cases) ?? problems[0];
  if (problem) throw problem;
}
async function checkBoot(connection, before) {
  if (await connection.bootId() === before) return;
  throw new Failure("device-unreachable", `${connection.name} started anew by itself while the tests ran`);
}
function problemOf2(error) {
  if (isInfra(error)) return { cases: [], problem: error };
  throw error;
}

// src/testing/receipt.ts
import { join as join7, resolve as resolve8 } from "node:path";
var noReceipt = async () => void 0;
function draftReceipt(options, context) {
  const { signingKey, passphrase, expectRelease = "" } = options;
  if (signingKey === void 0) return noReceipt;
  checkReceiptKey(signingKey, passphrase);
  const digest = expectRelease.slice(expectRelease.indexOf("@") + 1);
  if (!isDigest(digest)) {
    context.log.warn(
      "no receipt will be written: it names the content that was tested, so expect-release has to be name@sha256:…, with the content digest that upload-artifact gives"
    );
    return noReceipt;
  }
  return (run2) => writeReceipt(run2, digest, { ...options, signingKey }, context);
}
async function writeReceipt(run2, contentDigest, { output, signingKey, passphrase }, context) {
  const { result, release, passed, failed, skipped, flaky, about, junit } = run2;
  if (result !== "pass" || release === void 0 || junit === void 0) return void 0;
  const { deviceType, facts: facts2 = {}, provides = {} } = about ?? {};
  if (deviceType === void 0) {
    context.log.warn(
      `no receipt was written: ${run2.device} doesn't say its device type, in /var/lib/mender/device_type, /etc/rauc/system.conf or /etc/hwrevision`
    );
    return void 0;
  }
  const report = await digestOfFile(junit);
  const statement = {
    contentDigest,
    release,
    deviceType,
    result,
    facts: facts2,
    report,
    reported: { release, provides },
    tests: { passed, failed, skipped, flaky },
    testedAt: context.clock.now()
  };
  const path3 = join7(resolve8(output), "receipt.json");
  await writeAtomically(path3, makeReceipt(statement, signingKey, passphrase));
  context.log.info(`receipt: ${contentDigest} passed on ${deviceType}: ${path3}`);
  return path3;
}

// src/testing/collected.ts
import { rm as rm3 } from "node:fs/promises";
import { join as join8, resolve as resolve9 } from "node:path";
var maxBytesEach = 1 << 20;
async function keepCollected(connection, output, context) {
  const folder = join8(resolve9(output), "device");
  try {
    const { texts: texts2, missing } = await connection.collect({ maxBytes: maxBytesEach, signal: context.signal });
    for (const name of Object.keys(missing)) await rm3(join8(folder, `${name}.txt`), { force: true });
    const entries2 = Object.entries(texts2);
    for (const [name, text3] of entries2) await writeAtomically(join8(folder, `${name}.txt`), text3);
    for (const [name, why] of Object.entries(missing)) context.log.debug(`not collected: ${name}: ${why}`);
    return { folder, names: entries2.map(([name]) => name), missing };
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.warn(`what the device tells about itself could not be kept: ${messageOf(error)}`);
    return void 0;
  }
}

// src/testing/test-device.ts
async function testDevice(options, context) {
  const writeReceipt2 = draftReceipt(options, context);
  const plan = await readTestPlan(options.tests);
  let connection;
  try {
    connection = await context.log.group(
      `Connecting to ${options.device}`,
      () => connect(options.device, {
        context,
        sshKey: options.sshKey,
        hostKey: options.hostKey,
        ...options.bootTimeoutMs === void 0 ? {} : { limitMs: options.bootTimeoutMs }
      })
    );
  } catch (error) {
    return runWithoutDevice(options.device, error);
  }
  try {
    const opened = connection;
    const run2 = await context.log.group(
      `Testing ${opened.name}`,
      () => runTests(opened, options, context, plan)
    );
    const collected = await keepCollected(opened, options.output, context);
    context.log.info(`${run2.result}: ${tally(run2)} on ${run2.device} in ${seconds(run2.seconds * 1e3)}`);
    return { ...run2, collected, receipt: await writeReceipt2(run2) };
  } catch (error) {
    return runWithoutDevice(connection.name, error);
  } finally {
    await connection.close();
  }
}
function requirePass(run2, tests) {
  if (run2.result === "pass") return;
  if (run2.result === "infra") throw new Failure(run2.reason, run2.message);
  const failed = run2.cases.filter((one) => one.result === "failed");
  const problems = failed.map(({ suite: suite2, name, message, file, line: line2 }) => {
    const place = { file: fileInReports(file ?? tests), ...line2 === void 0 ? {} : { line: line2 } };
    return { ...place, message: `${suite2}::${name}: ${message}` };
  });
  const names = failed.slice(0, 5).map(({ name }) => name);
  const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : "";
  throw new Failure(
    "tests-failed",
    `${failed.length} of ${run2.cases.length} tests failed on ${run2.device}: ${names.join(", ")}${more}`,
    { problems }
  );
}
function tally({ passed, failed, skipped, flaky }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped${flaky > 0 ? `, ${flaky} flaky` : ""}`;
}

// src/testing/test-check.ts
var conclusions = { pass: "success", fail: "failure", infra: "cancelled" };
function testCheck(run2, tests) {
  const type = run2.about?.deviceType;
  const verdict2 = run2.result === "infra" ? `no verdict (${run2.reason}): ${run2.message}` : tally(run2);
  return {
    name: `drover tests: ${fileInReports(tests)}${type === void 0 ? "" : ` on ${type}`}`,
    title: run2.release === void 0 ? verdict2 : `${verdict2}, release ${run2.release}`,
    conclusion: conclusions[run2.result],
    remarks: testRemarks(run2)
  };
}
function testRemarks({ result: outcome, cases, measures }) {
  const level = outcome === "infra" ? "warning" : "failure";
  const failed = cases.flatMap(
    ({ result, file, line: line2, suite: suite2, name, message }) => result === "failed" && file !== void 0 ? [remark(file, line2, level, `${suite2}::${name}: ${message}`)] : []
  );
  return [...failed, ...testWarnings({ cases, measures })];
}
function testWarnings({ cases, measures }) {
  const flaky = cases.flatMap(
    ({ flaky: first, file, line: line2, suite: suite2, name }) => first && file !== void 0 ? [remark(file, line2, "warning", `${suite2}::${name} is flaky: it failed once: ${first.message}`)] : []
  );
  const flagged = measures.flatMap(
    ({ problem, fails, place }) => problem !== void 0 && !fails && place ? [remark(place.file, place.line, "warning", problem)] : []
  );
  return [...flagged, ...flaky];
}
var remark = (file, line2, level, message) => ({
  file: fileInReports(file),
  line: line2 ?? 1,
  level,
  message
});

// src/testing/test-summary.ts
var maxRows = 200;
function testSummary(run2) {
  const mark = { pass: "✅", fail: "❌", infra: "⚠️" }[run2.result];
  const release = run2.release === void 0 ? "" : `, release ${escapeMarkdown(run2.release)}`;
  const flaky = run2.cases.filter((one) => one.flaky);
  return `${[
    `### ${mark} ${tally(run2)} on ${escapeMarkdown(run2.device)}${release}`,
    "",
    ...run2.result === "infra" ? [`The device was not judged: ${escapeMarkdown(run2.message)}`, ""] : [],
    ...flaky.length > 0 ? [`Flaky, failed once and passed once: ${someNames(flaky)}`, ""] : [],
    ...measureLines(run2),
    ...testLines(run2.cases),
    ...deviceLines(run2),
    ...collectedLines(run2)
  ].join("\n")}
`;
}
var someNames = (cases) => {
  const names = cases.slice(0, 10).map(titleOf).join(", ");
  return cases.length > 10 ? `${names} and ${cases.length - 10} more` : names;
};
function testLines(cases) {
  if (cases.length === 0) return [];
  const rows = cases.toSorted((a, b) => rankOf(a) - rankOf(b));
  const total = cases.reduce((sum, one) => sum + one.seconds, 0);
  return [
    "| | test | seconds | |",
    "|---|---|---:|---|",
    ...rows.slice(0, maxRows).map(row),
    "",
    ...rows.length > maxRows ? [`… and ${rows.length - maxRows} more in the report`, ""] : [],
    `${cases.length} tests in ${seconds(total * 1e3)}`,
    ""
  ];
}
var rankOf = ({ result, flaky }) => result === "failed" ? 0 : flaky ? 1 : result === "skipped" ? 2 : 3;
var marks = { failed: "❌", skipped: "⏭️", passed: "✅" };
var titleOf = ({ suite: suite2, name }) => escapeMarkdown(`${suite2}::${name}`);
function row(one) {
  const { result, message, flaky } = one;
  const why = flaky ? `flaky; it failed once: ${flaky.message}` : message;
  const mark = flaky ? "🔁" : marks[result];
  return `| ${mark} | ${titleOf(one)} | ${one.seconds.toFixed(2)} | ${escapeMarkdown(shorten(why, 300))} |`;
}
function measureLines({ measures, baselineNote: baselineNote2 }) {
  const note = baselineNote2 === void 0 ? [] : [escapeMarkdown(baselineNote2), ""];
  if (measures.length === 0) return note;
  const worstFirst = measures.toSorted(
    (a, b) => Number(b.problem !== void 0) - Number(a.problem !== void 0)
  );
  return [
    "| | measured | now | before | |",
    "|---|---|---:|---:|---|",
    ...worstFirst.slice(0, maxRows).map(measureRow),
    "",
    ...note
  ];
}
function measureRow(measure) {
  const { name, value, unit, before, problem, fails } = measure;
  const mark = problem === void 0 ? "" : fails ? "❌" : "⚠️";
  const shown = (number3) => number3 === void 0 || Number.isNaN(number3) ? "" : escapeMarkdown(measureText({ value: number3, unit }));
  const why = escapeMarkdown(shorten(problem ?? "", 300));
  return `| ${mark} | ${escapeMarkdown(name)} | ${shown(value)} | ${shown(before)} | ${why} |`;
}
function collectedLines({ collected }) {
  if (!collected || collected.names.length === 0) return [];
  return [
    "",
    `The device's own words after the tests (${collected.names.join(", ")}): ${escapeMarkdown(fileInReports(collected.folder))}`
  ];
}
function deviceLines({ about }) {
  if (!about) return [];
  const { deviceType, facts: facts2 } = about;
  const rows = Object.entries({
    ...deviceType === void 0 ? {} : { "device type": deviceType },
    ...facts2
  });
  if (rows.length === 0) return [];
  return [
    "| device | |",
    "|---|---|",
    ...rows.map(([name, value]) => `| ${escapeMarkdown(name)} | ${escapeMarkdown(shorten(value, 300))} |`)
  ];
}

// actions/test-device/host-key.ts
import { resolve as resolve10 } from "node:path";
async function hostKeysIn(given, device) {
  if (given === void 0) return void 0;
  const lines = given.split("\n").map(async (line2) => {
    const [, path3, id] = /^(?!(?:\S+ )?(?:ssh|ecdsa|sk)-\S+ )(.*\.json)(?:#(.+))?$/.exec(line2.trim()) ?? [];
    return path3 === void 0 ? [line2] : await reportedKeys(path3, id, device);
  });
  return (await Promise.all(lines)).flat().join("\n");
}
async function reportedKeys(path3, id, device) {
  const { devices, isRedacted } = await readFacts(resolve10(process.env["GITHUB_WORKSPACE"] ?? ".", path3), path3);
  if (isRedacted)
    throw new Failure(
      "bad-input",
      `host-key: ${path3} is redacted, and has no host keys: give the whole facts.json`
    );
  const found = id === void 0 ? atAddress(devices, path3, device) : devices.find((one) => one.id === id);
  if (!found) throw new Failure("device-missing", `host-key: ${path3} has no device ${id}`);
  const keys = hostKeysOf(found);
  if (keys.length > 0) return keys;
  throw new Failure(
    "bad-input",
    `host-key: in ${path3} the device ${found.id} reports no ssh host key: have its image report the attribute ssh_host_key, or give the key itself`
  );
}
function atAddress(devices, path3, device) {
  const host = URL.parse(device)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  const [found, ...others] = devices.filter((one) => addressOf(one) === host);
  if (!found)
    throw new Failure(
      "device-missing",
      `host-key: no device in ${path3} reports the address ${host}: name the device as ${path3}#<its id>`
    );
  if (others.length === 0) return found;
  const ids = [found, ...others].map((one) => one.id);
  throw new Failure(
    "bad-input",
    `host-key: ${ids.length} devices in ${path3} report the address ${host} (${ids.slice(0, 5).join(", ")}): name the one as ${path3}#<its id>`
  );
}

// actions/test-device/publish.ts
var maxCharacters = 64e3;
async function publishRun(run2, tests, { repository, pullRequest }, token, context) {
  const commit = pullRequest?.headCommit ?? process.env["GITHUB_SHA"];
  if (!repository || !commit) return { note: "", hasChanged: false };
  if (token === void 0)
    return { note: "No check run was published: there is no token for GitHub.\n", hasChanged: false };
  const { name, title, conclusion, remarks } = testCheck(run2, tests);
  const summary = shorten(testSummary(run2), maxCharacters);
  const about = { name, commit, conclusion, title: shorten(title, 250), summary, annotations: remarks };
  const published = await tryToPublish(
    "The check run",
    () => publishCheck(openGitHub({ token, repository }, context), { ...about, externalId: run2.release ?? "" }),
    "checks: write"
  );
  if (published.isDone) return { note: "", hasChanged: published.hasChanged };
  context.log.info(published.why);
  return { note: `${escapeMarkdown(published.why)}
`, hasChanged: false };
}

// actions/test-device/main.ts
await runAction("test-device", async (action) => {
  const { input } = action;
  const event = await readEvent();
  const device = input.required("device");
  const tests = input.path("tests") ?? input.required("tests");
  const given = {
    sshKey: input.key("ssh-key"),
    hostKey: await hostKeysIn(input.optional("host-key"), device),
    bootTimeoutMs: input.durationMs("boot-timeout"),
    expectRelease: input.optional("expect-release"),
    signingKey: input.key("signing-key"),
    passphrase: input.passphrase("signing-key")
  };
  const run2 = await testDevice(
    { device, tests, output: input.path("output") ?? "test-results", ...given },
    action
  );
  const { result, passed, failed, skipped, junit, receipt } = run2;
  await action.output({ result, passed, failed, skipped, junit, receipt });
  for (const warning of testWarnings(run2)) action.annotate(warning);
  const { note, hasChanged } = await publishRun(run2, tests, event, input.secret("github-token"), action);
  await action.output({ changed: hasChanged });
  await action.summary(`${testSummary(run2)}
${note}`);
  requirePass(run2, tests);
  return {};
});
