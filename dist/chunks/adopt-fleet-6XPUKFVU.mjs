import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  jsonText,
  reportFailure
} from "./chunk-BALUSF3Z.mjs";
import {
  makePlan
} from "./chunk-3EHZS56L.mjs";
import {
  loadFleet
} from "./chunk-RTAWKCSZ.mjs";
import {
  gatherFacts,
  isInLab,
  openServer,
  readFacts,
  requireDevices,
  serverAddress,
  serverTypes
} from "./chunk-5FZYLKFJ.mjs";
import "./chunk-OCPNMXBO.mjs";
import {
  terminalHost
} from "./chunk-AWI2SVCX.mjs";
import {
  Failure,
  counted,
  endingSignal,
  hasCode,
  messageOf,
  plainContext,
  storageFailure
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

// src/cli/adopt-fleet.ts
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

// src/cli/adopted-files.ts
import { createHash } from "node:crypto";
function adoptedFiles(facts, serverType, stages) {
  const leftOut = [];
  const members = [];
  const names = new Names();
  for (const device of [...facts.devices].sort((a, b) => compare(a.id, b.id))) {
    const { deviceType, release } = device;
    const why = whyNot(device);
    if (why !== void 0 || deviceType === void 0 || release === void 0)
      leftOut.push({ id: device.id, why: why ?? "" });
    else members.push({ facts: device, ...names.of(device.id, deviceType), deviceType, release });
  }
  const files = /* @__PURE__ */ new Map();
  const usual = usualReleases(members);
  const branches = members.map((member) => branchOf(member.facts, stages));
  files.set("inventory.yml", inventory(members));
  for (const [group, { deviceType, release }] of usual)
    files.set(`group_vars/${group}.yml`, osImage(deviceType, release));
  members.forEach((member, index) => {
    const isUsual = usual.get(member.group)?.release === member.release;
    files.set(`host_vars/${member.host}.yml`, variables(member, branches[index] ?? "", isUsual));
  });
  files.set("fleet.yml", policy(facts.server, serverType, stages, new Set(branches)));
  files.set("README.md", readme(members.length, leftOut.length, stages));
  return { files, devices: members.length, leftOut };
}
function whyNot(device) {
  if (device.status !== "accepted") return `is ${device.status} on the server`;
  if (device.deviceType === void 0) return "never reported its device type";
  if (device.release === void 0) return "doesn't report which release it runs";
  const unsafe = [device.id, device.deviceType, device.release].find((text) => !isName(text));
  return unsafe === void 0 ? void 0 : `has a name that can't stand in an inventory: ${JSON.stringify(unsafe.slice(0, 80))}`;
}
function isName(text) {
  return /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u.test(text) && text.trim() === text && !/\{[{%#]|^\$ANSIBLE_VAULT/.test(text);
}
var Names = class {
  #taken = /* @__PURE__ */ new Map([
    ["all", ""],
    ["ungrouped", ""],
    ["localhost", ""]
  ]);
  of(id, deviceType) {
    const group = this.#claim(`type_${deviceType.replace(/[^A-Za-z0-9]+/g, "_")}`, `type ${deviceType}`, "_");
    const isPlain = /^[A-Za-z0-9](?:[\w-]{0,98}[A-Za-z0-9])?$/.test(id) && /[A-Za-z-]/.test(id);
    return { host: this.#claim(isPlain ? id : "device", `device ${id}`, "-"), group };
  }
  #claim(wanted, owner, joint) {
    const short = createHash("sha256").update(owner).digest("hex").slice(0, 12);
    const isBare = wanted === "device";
    const holder = this.#taken.get(wanted.toLowerCase());
    const name = isBare || holder !== void 0 && holder !== owner ? `${wanted}${joint}${short}` : wanted;
    this.#taken.set(name.toLowerCase(), owner);
    return name;
  }
};
function usualReleases(members) {
  const counts = /* @__PURE__ */ new Map();
  for (const member of members) {
    const releases = counts.get(member.group) ?? /* @__PURE__ */ new Map();
    counts.set(member.group, releases);
    const alike = releases.get(member.release);
    if (alike) alike.push(member);
    else releases.set(member.release, [member]);
  }
  const usual = /* @__PURE__ */ new Map();
  for (const [group, releases] of [...counts].sort(([a], [b]) => compare(a, b))) {
    const [most] = [...releases.values()].sort(
      (a, b) => b.length - a.length || compare(b[0]?.release ?? "", a[0]?.release ?? "")
    );
    if (most?.[0]) usual.set(group, { deviceType: most[0].deviceType, release: most[0].release });
  }
  return usual;
}
function branchOf(device, stages) {
  const named = stages.find(({ branch }) => branch === device.attributes["subscribed_branch"]);
  return (named ?? (isInLab(device) ? stages[0] : stages.at(-1)))?.branch ?? "";
}
function inventory(members) {
  const groups = /* @__PURE__ */ new Map();
  for (const { group, host } of members) {
    const hosts = groups.get(group) ?? [];
    groups.set(group, hosts);
    hosts.push(`        ${scalar(host)}:
`);
  }
  const text = [...groups].sort(([a], [b]) => compare(a, b)).map(([group, hosts]) => `    ${group}:
      hosts:
${hosts.join("")}`);
  return `all:
  children:
${text.join("")}`;
}
var osImage = (deviceType, release) => `os_image:
  - device_type: ${scalar(deviceType)}
    image_name: ${scalar(release)}
`;
function variables({ facts, deviceType, release }, branch, isUsual) {
  const { site, time_zone: timeZone } = facts.attributes;
  return [
    `device_id: ${scalar(facts.id)}
`,
    `device_type: ${scalar(deviceType)}
`,
    `subscribed_branch: ${scalar(branch)}
`,
    ...isInLab(facts) ? ["lab: true\n"] : [],
    ...site !== void 0 && isName(site) ? [`site: ${scalar(site)}
`] : [],
    ...timeZone !== void 0 && isZone(timeZone) ? [`time_zone: ${scalar(timeZone)}
`] : [],
    ...isUsual ? [] : [osImage(deviceType, release)]
  ].join("");
}
function policy(server, type, stages, used) {
  const blocks = stages.map(({ name, branch }, index) => {
    const before = stages[index - 1];
    return [
      `  ${scalar(name)}:
    branch: ${scalar(branch)}
`,
      ...before ? [`    after: ${scalar(before.name)}
`] : [],
      ...used.has(branch) ? [] : ["    allow-empty: true\n"]
    ].join("");
  });
  return `server:
  type: ${type}
  url: ${scalar(server)}
stages:
${blocks.join("")}`;
}
function readme(devices, leftOut, stages) {
  const rows = stages.map(({ name, branch }) => `- ${name}: the branch \`${branch}\`
`);
  return `# Fleet

What each device of this fleet should run. It was written from what ${counted(devices, "device")} reported, so that nothing changes at
first${leftOut > 0 ? `; ${counted(leftOut, "device")} of the server ${leftOut === 1 ? "is" : "are"} not in it` : ""}.

- \`inventory.yml\`: the devices, in a group for each device type
- \`group_vars/\`: what the devices of a type run; change \`image_name\` here to update them
- \`host_vars/\`: each device's id and branch, and its release where it is another than its group's
- \`fleet.yml\`: the OTA server and the stages

Stages, in their order:

${rows.join("")}
Look through it before the first merge: which stage a device is in, and its site, are what the device said itself.
`;
}
var uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
var word = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*_?$/i;
function scalar(text) {
  if (uuid.test(text) || word.test(text)) return text;
  return JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  );
}
function isZone(name) {
  try {
    return isName(name) && new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
var compare = (a, b) => a < b ? -1 : a > b ? 1 : 0;

// src/cli/adopt-fleet.ts
var usage = `drover adopt-fleet --output DIR (--server URL | --facts FILE) [--stages NAME=BRANCH,…]

  --output            folder for the fleet repository; it must be empty or not there
  --server            OTA server to read the devices from; its token is read from DROVER_TOKEN
  --server-type       ${serverTypes.join(" or ")} (default: ${serverTypes[0]})
  --facts             a facts file from gather-facts in the place of the server
  --stages            stages with their branches, each after the one before (default: main=main)
  --json              one JSON object on standard output: fleet, devices, left-out, blocked

Writes inventory.yml, group_vars, host_vars, fleet.yml and a README that say what the fleet is now. Devices that name a branch
in the attribute subscribed_branch are in its stage, other lab devices in the first, all others in the last. The first plan
changes nothing, which is tried before anything is left behind.
`;
async function adoptCommand(args) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const given = readArguments(args);
  if (given === void 0) return 2;
  const host = terminalHost({}, { json: given.json, debug: false });
  const signal = endingSignal((line) => host.log.info(line));
  try {
    const context = plainContext({ log: host.log, signal });
    const { adopted, blocked } = await adopt(given, context);
    for (const { id, why } of adopted.leftOut) host.log.info(`left out: ${JSON.stringify(id)} ${why}`);
    for (const line of blocked) host.log.info(`blocked for now: ${line}`);
    host.log.info(
      `${given.output}: ${counted(adopted.devices, "device")}, ${adopted.leftOut.length} left out; the first plan changes nothing`
    );
    const outputs = {
      fleet: given.output,
      devices: adopted.devices,
      "left-out": adopted.leftOut.length,
      blocked: blocked.length
    };
    if (given.json) process.stdout.write(jsonText(outputs));
    return 0;
  } catch (error) {
    return reportFailure(error, host, given);
  }
}
async function adopt(given, context) {
  await requireEmpty(given.output);
  const { facts, type } = await factsFor(given, context);
  const adopted = adoptedFiles(facts, type, given.stages);
  if (adopted.devices === 0)
    throw new Failure(
      "no-device-matched",
      `${facts.server} has no device that is accepted and reports its type and release: ${adopted.leftOut.length} are left out`
    );
  const draft = join(given.output, `.draft-${randomBytes(4).toString("hex")}`);
  const made = await mkdir(given.output, { recursive: true });
  let isWritten = false;
  try {
    for (const [name, text] of adopted.files) {
      context.signal.throwIfAborted();
      await mkdir(dirname(join(draft, name)), { recursive: true });
      await writeFile(join(draft, name), text, { flag: "wx" });
    }
    const blocked = await provenEmpty(draft, facts, context);
    for (const name of await readdir(draft)) await rename(join(draft, name), join(given.output, name));
    isWritten = true;
    return { adopted, blocked };
  } catch (error) {
    throw storageFailure(error, given.output);
  } finally {
    await rm(draft, { recursive: true, force: true });
    if (!isWritten && made !== void 0) await rm(made, { recursive: true, force: true });
  }
}
async function requireEmpty(folder) {
  const entries = await readdir(folder).catch((error) => {
    if (hasCode(error, "ENOENT")) return [];
    throw new Failure(
      "bad-input",
      `output is ${folder}, which can't be read as a folder: ${messageOf(error)}`
    );
  });
  if (entries.length > 0)
    throw new Failure(
      "bad-input",
      `${folder} has something in it: give an empty folder, or one that is not there`
    );
}
async function factsFor(given, context) {
  const address = serverAddress({ url: given.server ?? "https://facts.invalid", type: given.serverType });
  if (given.facts !== void 0)
    return { facts: requireDevices(await readFacts(given.facts)), type: address.type };
  const token = process.env["DROVER_TOKEN"];
  if (!token) throw new Failure("bad-input", `no token for ${address.url}: give it in DROVER_TOKEN`);
  const server = openServer({ ...address, token }, context);
  return { facts: requireDevices(await gatherFacts(server, context)), type: address.type };
}
async function provenEmpty(folder, facts, context) {
  const fleet = await loadFleet(folder, context);
  const stages = new Set(fleet.devices.map(({ stage }) => stage));
  const blocked = [];
  for (const stage of stages) {
    for (const change of makePlan(fleet, stage, facts, context.clock.now()).changes) {
      if (change.kind === "blocked") blocked.push(`${change.host} ${change.why}`);
      else if (change.kind !== "no-op" || change.why !== "already-there")
        throw new Failure(
          "internal",
          `the first plan would change ${change.host} (${change.kind}): nothing was written`
        );
    }
  }
  return blocked;
}
function readArguments(args) {
  try {
    const text = { type: "string" };
    const { values } = parseArgs({
      args,
      options: {
        output: text,
        server: text,
        "server-type": text,
        facts: text,
        stages: text,
        json: { type: "boolean" }
      }
    });
    if (values.output === void 0) throw new Error("give a folder to write to with --output");
    if (values.server === void 0 === (values.facts === void 0))
      throw new Error("give either --server or --facts");
    return {
      output: resolve(values.output),
      server: values.server,
      serverType: values["server-type"],
      facts: values.facts === void 0 ? void 0 : resolve(values.facts),
      stages: stagesIn(values.stages ?? "main=main"),
      json: values.json === true
    };
  } catch (error) {
    process.stderr.write(`drover adopt-fleet: ${messageOf(error)}

${usage}`);
    return void 0;
  }
}
function stagesIn(text) {
  const word2 = "[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?";
  const stages = text.split(",").map((part) => {
    const [, name, branch = name] = new RegExp(`^(${word2})(?:=(${word2}))?$`).exec(part.trim()) ?? [];
    if (name === void 0 || branch === void 0)
      throw new Error(`--stages has ${JSON.stringify(part)}: write NAME=BRANCH,NAME=BRANCH`);
    return { name, branch };
  });
  for (const key of ["name", "branch"])
    if (new Set(stages.map((stage) => stage[key])).size < stages.length)
      throw new Error(`--stages has one ${key} twice`);
  return stages;
}
export {
  adoptCommand
};
