import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  connect
} from "./chunks/chunk-FNFLXJRD.mjs";
import {
  checkReceiptKey,
  makeReceipt
} from "./chunks/chunk-47DM5MAT.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  Failure,
  escapeMarkdown,
  isDigest,
  lastWords,
  messageOf,
  readText,
  seconds,
  shorten,
  start,
  temporaryFolder,
  writeAtomically
} from "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// src/testing/device-facts.ts
var typeFiles = [
  ["/var/lib/mender/device_type", /^device_type=(.+)$/m],
  ["/data/mender/device_type", /^device_type=(.+)$/m],
  ["/etc/rauc/system.conf", /^compatible=(.+)$/m],
  ["/etc/hwrevision", /^(\S+)/]
];
async function aboutDevice(connection) {
  const facts = {};
  const note = (name, value) => {
    if (value) facts[name] = shorten(value, 256);
  };
  const read = async (program, ...args) => {
    const { code, stdout } = await connection.run(program, args);
    return code === 0 ? stdout : "";
  };
  note("machine", (await read("uname", "-m")).trim());
  note("kernel", (await read("uname", "-r")).trim());
  const osRelease = await read("cat", "/etc/os-release");
  note("os", /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(osRelease)?.[2]);
  for (const [path, pattern] of typeFiles) {
    const deviceType = pattern.exec(await read("cat", path))?.[1]?.trim();
    if (deviceType) return { deviceType, facts };
  }
  return { deviceType: void 0, facts };
}

// src/testing/run-tests.ts
import { join as join2, resolve as resolve2 } from "node:path";

// src/testing/xml.ts
var maxDepth = 64;
function parseXml(source) {
  const document = { name: "", attributes: {}, children: [], text: "" };
  const open = [document];
  const tokens = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w:.-]*)((?:"[^"<]*"|'[^'<]*'|[^'"<>])*)>|([^<]+)/y;
  const text = source.replace(/^\uFEFF/, "");
  while (tokens.lastIndex < text.length) {
    const at = tokens.lastIndex;
    const match = tokens.exec(text);
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
function escapeXml(text) {
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/\n/g, "&#10;").replace(/\r/g, "&#13;").replace(/\t/g, "&#9;");
}
function addText(element, text, at, isOutside) {
  if (isOutside && text.trim() !== "") throw new Error(`text outside of the root element at character ${at}`);
  element.text += text;
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
function decodeText(text) {
  return text.replace(/&([^;\s&]{0,12});?/g, (all, reference) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference);
    const value = code ? Number.parseInt(code[1] ?? code[2] ?? "", code[1] === void 0 ? 10 : 16) : void 0;
    if (all.endsWith(";") && value !== void 0 && value > 0 && value <= 1114111)
      return String.fromCodePoint(value);
    const character = all.endsWith(";") ? named[reference] : void 0;
    if (character === void 0) throw new Error(`an unknown entity: ${all}`);
    return character;
  });
}

// src/testing/junit.ts
var maxCases = 5e4;
var maxDetails = 64 << 10;
function readJunit(text) {
  const root = parseXml(text);
  const suites = root.name === "testsuites" ? root.children : [root];
  const cases = [];
  for (const suite of suites) {
    if (suite.name !== "testsuite") throw new Error(`<${suite.name}> where <testsuite> was expected`);
    for (const element of suite.children) if (element.name === "testcase") add(cases, testCase(element));
  }
  if (cases.length > maxCases) throw new Error(`more than ${maxCases} tests`);
  return cases;
}
function writeJunit(run, at) {
  const counts2 = `tests="${run.cases.length}" failures="${run.failed}" errors="0" skipped="${run.skipped}"`;
  const when = `time="${run.seconds.toFixed(3)}" timestamp="${at.toISOString()}"`;
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    "<testsuites>",
    `<testsuite name="device" hostname="${escapeXml(run.device)}" ${counts2} ${when}>`,
    `<properties><property name="release" value="${escapeXml(run.release ?? "")}"/></properties>`,
    ...run.cases.map(caseElement),
    "</testsuite>",
    "</testsuites>",
    ""
  ].join("\n");
}
function testCase(element) {
  const { attributes } = element;
  const found = (name) => element.children.find((child) => child.name === name);
  const broken = found("failure") ?? found("error");
  const verdict = broken ?? found("skipped");
  const result = broken ? "failed" : verdict ? "skipped" : "passed";
  const details = (verdict?.text ?? "").slice(0, maxDetails);
  const line = attributes["line"] === void 0 ? void 0 : Number(attributes["line"]) + 1;
  const file = attributes["file"];
  return {
    suite: attributes["classname"] ?? "",
    name: withoutDevice(attributes["name"] ?? ""),
    result,
    message: shortMessage(verdict?.attributes["message"] ?? ""),
    details,
    seconds: Number(attributes["time"]) || 0,
    file,
    line: (broken && file !== void 0 ? failedLine(details, file) : void 0) ?? line
  };
}
function add(cases, next) {
  const last = cases.at(-1);
  const isSame = last && last.suite === next.suite && last.name === next.name;
  if (!isSame) cases.push(next);
  else if (next.result === "failed" && last.result !== "failed") cases[cases.length - 1] = next;
}
function withoutDevice(name) {
  return name.replace(
    /\[(?:ssh:\/\/device|local)(?:-(.*))?\]$/s,
    (_all, rest) => rest === void 0 ? "" : `[${rest}]`
  );
}
function shortMessage(message) {
  return message.split("\n").slice(0, 3).join("\n").slice(0, 1e3);
}
function failedLine(details, file) {
  const places = [...details.matchAll(/^(\S[^:\n]*):(\d+): /gm)].filter((place) => place[1] === file);
  const line = places.at(-1)?.[2];
  return line === void 0 ? void 0 : Number(line);
}
function caseElement({ suite, name, result, message, details, seconds: seconds2, file, line }) {
  const place = file === void 0 ? "" : ` file="${escapeXml(file)}"${line === void 0 ? "" : ` line="${line}"`}`;
  const head = `<testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}"${place} time="${seconds2.toFixed(3)}"`;
  if (result === "passed") return `${head}/>`;
  const tag = result === "failed" ? "failure" : "skipped";
  return `${head}><${tag} message="${escapeXml(message)}">${escapeXml(details)}</${tag}></testcase>`;
}

// src/testing/pytest.ts
import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
var maxReportBytes = 64 << 20;
async function runPytest(connection, options, context) {
  const tests = resolve(options.tests);
  const folder = await folderOf(tests);
  const temporary = await temporaryFolder("tests", context);
  const report = join(temporary, "junit.xml");
  try {
    const pytest = start(
      "pytest-3",
      [...commonOptions(folder, report), ...targetOptions(connection), tests],
      {
        cwd: folder,
        // no compiled files beside somebody's tests
        env: { PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1", ...options.env },
        signal: context.signal,
        onLine: (line) => context.log.info(quotedLine(line))
      }
    );
    const ended = await Promise.race([pytest.done, connection.lost.then(() => void 0)]);
    if (ended === void 0) {
      await pytest.stop();
      context.signal.throwIfAborted();
      const message = `the connection to ${connection.name} broke while the tests ran`;
      return { cases: [], problem: new Failure("device-unreachable", message) };
    }
    return await resultOf(ended, report, tests);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
async function resultOf(ended, report, tests) {
  const cases = await casesIn(report);
  if (cases instanceof Failure) return { cases: [], problem: cases };
  const notRun = (message) => new Failure("tests-not-run", message);
  if (ended.code === 5 || ended.code <= 1 && cases.length === 0) {
    const what = "pytest runs functions test_* in files test_*.py";
    return { cases, problem: notRun(`there is no test in ${tests}: ${what}`) };
  }
  if (ended.code > 1) {
    const message = `pytest could not run the tests (exit status ${ended.code}): ${complaintOf(ended)}`;
    return { cases: [], problem: notRun(message) };
  }
  if (ended.code === 1 && !cases.some((one) => one.result === "failed")) {
    const message = `pytest says that the run failed, and no test did: ${complaintOf(ended)}`;
    return { cases, problem: notRun(message) };
  }
  if (cases.every((one) => one.result === "skipped"))
    return { cases, problem: notRun(`all ${cases.length} tests were skipped`) };
  return { cases, problem: void 0 };
}
function complaintOf({ code, stdout, stderr }) {
  const lines = `${stdout}
${stderr}`.split("\n");
  const marked = lines.filter((line) => /^(E  |ERROR|INTERNALERROR)/.test(line));
  return lastWords(marked.join("\n") || stderr || stdout, "pytest-3", code);
}
async function casesIn(report) {
  if (!existsSync(report)) return [];
  try {
    return readJunit(await readText(report, maxReportBytes, "pytest's report"));
  } catch (error) {
    const message = `pytest's report can't be read: ${messageOf(error)}`;
    return new Failure("tests-not-run", message, { cause: error });
  }
}
async function folderOf(tests) {
  try {
    return (await stat(tests)).isDirectory() ? tests : dirname(tests);
  } catch (error) {
    throw new Failure("file-missing", `tests: there is nothing at ${tests}`, { cause: error });
  }
}
function commonOptions(folder, report) {
  return [
    "-p",
    "no:cacheprovider",
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
var quotedLine = (line) => `| ${line.replaceAll("##[", "## [")}`;

// src/testing/run-tests.ts
async function runTests(connection, options, context) {
  const startedAt = performance.now();
  const expected = expectedName(options.expectRelease);
  let release;
  let cases = [];
  let verdict;
  try {
    release = await connection.release();
    checkRelease(connection, release, expected);
    const bootId = await connection.bootId();
    const env = { ...options.env, ...expected === void 0 ? {} : { EXPECTED_RELEASE: expected } };
    const result = await runPytest(connection, { tests: options.tests, env }, context);
    cases = result.cases;
    if (result.problem) throw result.problem;
    await checkBoot(connection, bootId);
    verdict = { result: cases.some((one) => one.result === "failed") ? "fail" : "pass" };
  } catch (error) {
    verdict = infraVerdict(error);
  }
  const seconds2 = (performance.now() - startedAt) / 1e3;
  const run = {
    ...verdict,
    ...counts(cases),
    device: connection.name,
    release,
    cases,
    seconds: seconds2,
    junit: void 0
  };
  if (cases.length === 0) return run;
  const junit = join2(resolve2(options.output), "junit.xml");
  await writeAtomically(junit, writeJunit(run, context.clock.now()));
  return { ...run, junit };
}
function runWithoutDevice(device, error) {
  return {
    ...infraVerdict(error),
    ...counts([]),
    device,
    release: void 0,
    cases: [],
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
  "missing-tool"
];
function infraVerdict(error) {
  if (!(error instanceof Failure) || !infraReasons.includes(error.reason)) throw error;
  return { result: "infra", reason: error.reason, message: error.message };
}
function expectedName(text) {
  if (text === void 0) return void 0;
  const [name = "", digest] = text.split("@");
  if (name !== "" && (digest === void 0 || isDigest(digest))) return name;
  throw new Failure("bad-input", `expect-release is "${text}": write name or name@sha256:…`);
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
async function checkBoot(connection, before) {
  if (await connection.bootId() === before) return;
  throw new Failure("device-unreachable", `${connection.name} started anew by itself while the tests ran`);
}
function counts(cases) {
  const count = (result) => cases.filter((one) => one.result === result).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

// src/testing/test-device.ts
import { relative } from "node:path";

// src/testing/receipt.ts
import { join as join3, resolve as resolve3 } from "node:path";
var noReceipt = async () => async () => void 0;
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
  return async (connection) => {
    const about = await aboutDevice(connection);
    return (run) => writeReceipt(run, digest, about, { ...options, signingKey }, context);
  };
}
async function writeReceipt(run, contentDigest, { deviceType, facts }, { output, signingKey, passphrase }, context) {
  const { result, release, passed, failed, skipped } = run;
  if (result !== "pass" || release === void 0) return void 0;
  if (deviceType === void 0) {
    context.log.warn(
      `no receipt was written: ${run.device} doesn't say its device type, in /var/lib/mender/device_type, /etc/rauc/system.conf or /etc/hwrevision`
    );
    return void 0;
  }
  const tests = { passed, failed, skipped };
  const testedAt = context.clock.now();
  const statement = { contentDigest, release, deviceType, result, tests, facts, testedAt };
  const path = join3(resolve3(output), "receipt.json");
  await writeAtomically(path, makeReceipt(statement, signingKey, passphrase));
  context.log.info(`receipt: ${contentDigest} passed on ${deviceType}: ${path}`);
  return path;
}

// src/testing/test-device.ts
async function testDevice(options, context) {
  const draft = draftReceipt(options, context);
  await folderOf(options.tests);
  let connection;
  try {
    connection = await context.log.group(
      `Connecting to ${options.device}`,
      () => connect(options.device, { context, sshKey: options.sshKey, hostKey: options.hostKey })
    );
  } catch (error) {
    return runWithoutDevice(options.device, error);
  }
  try {
    const opened = connection;
    const writeReceipt2 = await draft(opened);
    const run = await context.log.group(`Testing ${opened.name}`, () => runTests(opened, options, context));
    context.log.info(`${run.result}: ${tally(run)} on ${run.device} in ${seconds(run.seconds * 1e3)}`);
    return { ...run, receipt: await writeReceipt2(run) };
  } catch (error) {
    return runWithoutDevice(connection.name, error);
  } finally {
    await connection.close();
  }
}
async function requirePass(run, tests) {
  if (run.result === "pass") return;
  if (run.result === "infra") throw new Failure(run.reason, run.message);
  const folder = await folderOf(tests);
  const failed = run.cases.filter((one) => one.result === "failed");
  const problems = failed.map(({ suite, name, message, file, line }) => {
    const path = file === void 0 ? tests : `${folder}/${file}`;
    return {
      file: relative(process.env["GITHUB_WORKSPACE"] ?? process.cwd(), path),
      ...line === void 0 ? {} : { line },
      message: `${suite}::${name}: ${message}`
    };
  });
  const names = failed.slice(0, 5).map(({ name }) => name);
  const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : "";
  throw new Failure(
    "tests-failed",
    `${failed.length} of ${run.cases.length} tests failed on ${run.device}: ${names.join(", ")}${more}`,
    { problems }
  );
}
function tally({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

// src/testing/test-summary.ts
var maxRows = 200;
function testSummary(run) {
  const mark = { pass: "✅", fail: "❌", infra: "⚠️" }[run.result];
  const release = run.release === void 0 ? "" : `, release ${escapeMarkdown(run.release)}`;
  const lines = [`### ${mark} ${tally(run)} on ${escapeMarkdown(run.device)}${release}`, ""];
  if (run.result === "infra") lines.push(`The device was not judged: ${escapeMarkdown(run.message)}`, "");
  if (run.cases.length > 0) lines.push("| | test | seconds | |", "|---|---|---:|---|");
  const rows = run.cases.toSorted((a, b) => rank[a.result] - rank[b.result]);
  lines.push(...rows.slice(0, maxRows).map(row));
  if (rows.length > maxRows) lines.push("", `… and ${rows.length - maxRows} more in the report`);
  return `${lines.join("\n")}
`;
}
var rank = { failed: 0, skipped: 1, passed: 2 };
var marks = { failed: "❌", skipped: "⏭️", passed: "✅" };
function row({ suite, name, result, message, seconds: seconds2 }) {
  const title = escapeMarkdown(`${suite}::${name}`);
  return `| ${marks[result]} | ${title} | ${seconds2.toFixed(2)} | ${escapeMarkdown(shorten(message, 300))} |`;
}

// actions/test-device/main.ts
await runAction("test-device", async (action) => {
  const { input } = action;
  const tests = input.path("tests") ?? input.required("tests");
  const given = {
    sshKey: input.key("ssh-key"),
    hostKey: input.optional("host-key"),
    expectRelease: input.optional("expect-release"),
    signingKey: input.key("signing-key"),
    passphrase: input.passphrase("signing-key")
  };
  const run = await testDevice(
    { device: input.required("device"), tests, output: input.path("output") ?? "test-results", ...given },
    action
  );
  const { result, passed, failed, skipped, junit, receipt } = run;
  await action.output({ result, passed, failed, skipped, junit, receipt });
  await action.summary(testSummary(run));
  await requirePass(run, tests);
  return {};
});
