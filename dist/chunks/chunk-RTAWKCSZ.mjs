import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  boolean,
  canonicalJson,
  check,
  digestOf,
  failOn,
  hasCode,
  integer,
  isInRepository,
  isLoopback,
  lastWords,
  lazy,
  maxLength,
  maxValue,
  messageOf,
  minLength,
  minValue,
  nonEmpty,
  nullish,
  number,
  object,
  objectWithRest,
  oneLine,
  openHttp,
  optional,
  parseDuration,
  parseYaml,
  picklist,
  pipe,
  plainContext,
  readText,
  record,
  regex,
  require_dist,
  safeParse,
  shorten,
  start,
  strictObject,
  string,
  transform,
  trim,
  union,
  unknown
} from "./chunk-J6UCEAK3.mjs";
import {
  __toESM
} from "./chunk-A3BQXR3L.mjs";

// src/fleet/inventory-source.ts
import { existsSync, statSync } from "node:fs";
import { basename, isAbsolute } from "node:path";

// src/fleet/ini-words.ts
function iniWords(line, { hasComments = true } = {}) {
  const words2 = [];
  let word;
  let quote = "";
  for (let at2 = 0; at2 < line.length; at2++) {
    const char = line[at2] ?? "";
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (char === "\\" && quote === '"') {
        const next = line[++at2];
        if (next === void 0) return { why: "it ends within quotes" };
        word += next === '"' || next === "\\" ? next : `\\${next}`;
      } else word += char;
    } else if (char === "#" && hasComments) {
      break;
    } else if (" 	\r\n".includes(char)) {
      if (word !== void 0) words2.push(word);
      word = void 0;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      const next = line[++at2];
      if (next === void 0) return { why: "it ends with a backslash" };
      word = (word ?? "") + next;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return { why: "it ends within quotes" };
  if (word !== void 0) words2.push(word);
  return { words: words2 };
}

// src/fleet/inventory-source.ts
var inventoryTokenVariable = "DROVER_INVENTORY_TOKEN";
var maxBytes = 64 << 20;
var timeoutMs = 12e4;
function inventorySource(given) {
  const { command, url } = given;
  if (command !== void 0 && url !== void 0)
    throw new Failure("bad-input", "an inventory is a command or a URL: give one of them");
  if (command !== void 0) return { command: wordsOf(command) };
  return url === void 0 ? void 0 : { url: checkedUrl(url), token: process.env[inventoryTokenVariable]?.trim() };
}
function namedSource(text3) {
  if (text3 === void 0) return void 0;
  return /^\s*https?:\/\//i.test(text3) ? inventorySource({ url: text3 }) : inventorySource({ command: text3 });
}
function sourceName(source) {
  if ("command" in source) return `inventory-command:${basename(source.command[0])}`;
  return `${source.url.origin}${source.url.pathname}`;
}
async function readSource(source, folder, context) {
  if (!("command" in source)) return await fetched(source, context);
  await requireOutside(source.command, folder);
  return await printed(source.command, context);
}
async function requireOutside(command, folder) {
  for (const word of command) {
    const path = word.slice(word.indexOf("=") + 1);
    if (!isAbsolute(path) || !existsSync(path) || !statSync(path).isFile()) continue;
    if (await isInRepository(folder, path))
      throw new Failure(
        "bad-input",
        `the inventory command names ${basename(path)}, which is in the fleet repository: nothing from a checkout runs; keep it elsewhere`
      );
  }
}
function wordsOf(text3) {
  const words2 = text3.trimStart().startsWith("[") ? listed(text3) : split(text3);
  const [program, ...args] = words2;
  if (program === void 0 || program === "")
    throw new Failure("bad-input", "the inventory command is empty: name a program");
  if (program.includes("/") && !isAbsolute(program))
    throw new Failure(
      "bad-input",
      "the inventory command begins with a relative path: write it absolute, or the name of a program on PATH"
    );
  if (words2.some((word) => word.includes("\0")))
    throw new Failure("bad-input", "the inventory command has a zero byte");
  return [program, ...args];
}
function split(text3) {
  const found = iniWords(text3, { hasComments: false });
  if ("why" in found)
    throw new Failure("bad-input", `the inventory command is no list of words: ${found.why}`);
  return found.words;
}
function listed(text3) {
  try {
    const list3 = JSON.parse(text3);
    if (Array.isArray(list3) && list3.every((word) => typeof word === "string")) return list3;
  } catch {
  }
  throw new Failure("bad-input", "the inventory command begins with [ and is no JSON list of texts");
}
function checkedUrl(text3) {
  const url = URL.parse(text3.trim());
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Failure("bad-input", "the inventory URL is none: write it as https://host/path");
  if (url.username || url.password)
    throw new Failure(
      "bad-input",
      `the inventory URL has a user or a password in it: give a token in ${inventoryTokenVariable}`
    );
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw new Failure("bad-input", "the inventory URL must be https://; http:// is for this machine alone");
  return url;
}
async function printed([program, ...args], context) {
  const what = `the inventory command ${basename(program)}`;
  const tooMuch = new AbortController();
  const late = AbortSignal.timeout(timeoutMs);
  const chunks = [];
  let size = 0;
  const onData = (chunk) => {
    size += chunk.length;
    if (size > maxBytes) tooMuch.abort();
    else chunks.push(chunk);
  };
  try {
    const signal = AbortSignal.any([context.signal, late, tooMuch.signal]);
    const { code, stderr } = await start(program, args, { cwd: "/", signal, onData }).done;
    if (code === 0) return Buffer.concat(chunks).toString("utf8");
    const said2 = shorten(oneLine(withoutArguments(lastWords(stderr, basename(program), code), args)), 500);
    throw new Failure("invalid-file", `${what} failed (${code}): ${said2}`);
  } catch (error) {
    context.signal.throwIfAborted();
    if (tooMuch.signal.aborted)
      throw new Failure("invalid-file", `${what} prints more than ${maxBytes} bytes`, { cause: error });
    if (late.aborted)
      throw new Failure("unreachable", `${what} didn't end within ${timeoutMs / 1e3} s`, { cause: error });
    throw error;
  }
}
function withoutArguments(text3, args) {
  const secrets = args.flatMap((arg) => [arg, arg.slice(arg.indexOf("=") + 1)]).filter((arg) => arg.length > 5);
  return secrets.reduce((shown2, secret) => shown2.replaceAll(secret, "***"), text3);
}
var anyStatus = Array.from({ length: 500 }, (_, index) => index + 100);
async function fetched({ url, token }, context) {
  const what = `the inventory URL ${url.origin}${url.pathname}`;
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  const http = openHttp({ baseUrl: url.origin, attemptMs: timeoutMs, ...authorization }, context);
  const { status, text: text3 } = await http.send({ method: "GET", path: `${url.pathname}${url.search}`, accept: anyStatus }).catch((error) => {
    context.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.reason, `${what}: ${messageOf(error)}`, { cause: error });
  });
  if (status === 200) return text3;
  if (status === 401 || status === 403) {
    const hint = token ? `is refused: check ${inventoryTokenVariable}` : `is needed, in ${inventoryTokenVariable}`;
    throw new Failure("bad-credentials", `${what} answered ${status}: a token ${hint}`);
  }
  const isRedirect = status >= 300 && status < 400;
  throw new Failure(
    "server-refused",
    `${what} answered ${status}${isRedirect ? ": give the URL that it leads to" : ""}`
  );
}

// src/fleet/allowed.ts
function allowedBy(inventory, environment, hasNoSecrets = false) {
  const source = namedSource(inventory);
  return { inventory: source, environment: environmentNames(environment), hasNoSecrets };
}
function environmentNames(names3) {
  const wrong2 = names3.find((name3) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name3));
  if (wrong2 === void 0) return names3;
  throw new Failure(
    "bad-input",
    `allow-env names ${JSON.stringify(wrong2)}, which no environment variable is called: give whole names, separated by commas`
  );
}

// src/fleet/load.ts
import { relative as relative3, resolve } from "node:path";

// src/fleet/inventory.ts
import { existsSync as existsSync2 } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";

// src/fleet/code-points.ts
function byCodePoints(a, b) {
  return /[\ud800-\udfff]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : a > b ? 1 : 0;
}

// src/fleet/display-name.ts
import { relative } from "node:path";
function displayName(path) {
  const name3 = relative(process.cwd(), path);
  return name3 === "" || name3.startsWith("..") ? path : name3;
}

// src/fleet/inside.ts
async function leadsOut(folder, path) {
  if (await isInRepository(folder, path)) return void 0;
  const message = "is a link that leads out of the fleet repository: put what it leads to in its place";
  return { file: displayName(path), line: 1, column: 1, message };
}

// src/fleet/inventory-data.ts
var InventoryData = class {
  problems = [];
  warnings = [];
  #groups = /* @__PURE__ */ new Map();
  #hosts = /* @__PURE__ */ new Map();
  #members = /* @__PURE__ */ new Map();
  #all;
  #ungrouped;
  constructor() {
    this.#all = this.#group("all");
    this.#ungrouped = this.#group("ungrouped");
    this.#link(this.#all, this.#ungrouped);
  }
  hasGroup(name3) {
    return this.#groups.has(name3);
  }
  addGroup(name3) {
    this.#group(name3);
  }
  /** Makes `child` part of `parent`; both have to be there. A circle is a problem at `at`. */
  addChild(parent, child, at2) {
    const [above, below] = [this.#group(parent), this.#group(child)];
    if (above.children.includes(below)) return;
    if (above === below || this.#isBelow(above, below)) {
      const message = `the groups ${parent} and ${child} contain each other`;
      this.problems.push({ ...at2(), message });
    } else this.#link(above, below);
  }
  /** Adds a host to a group; the port counts where the host is new. */
  addHost(name3, group2, port, at2) {
    let host = this.#hosts.get(name3);
    if (!host) {
      host = { name: name3, groups: [], variables: /* @__PURE__ */ new Map(), at: at2 };
      this.#hosts.set(name3, host);
      if (port) host.variables.set("ansible_port", port);
    }
    this.#join(host, this.#group(group2));
  }
  /** Sets a variable of a group; `ansible_group_priority` is none. */
  setOfGroup(name3, key, variable) {
    const group2 = this.#group(name3);
    if (key !== "ansible_group_priority") return void group2.variables.set(key, variable);
    const priority = priorityOf(variable.value);
    if (priority !== void 0) group2.priority = priority;
    else this.problems.push({ ...variable.at(), message: "ansible_group_priority must be a whole number" });
  }
  /** Sets a variable of a host, or of the group with its name where there is one already, as Ansible does. */
  setOfHost(name3, key, variable) {
    if (this.#groups.has(name3)) return this.setOfGroup(name3, key, variable);
    this.#hosts.get(name3)?.variables.set(key, variable);
  }
  /** Ends the reading: puts what is nowhere into `all` and `ungrouped`, and measures depths. */
  finish() {
    for (const group2 of this.#groups.values())
      if (group2 !== this.#all && group2.parents.length === 0) {
        if (this.#isBelow(this.#all, group2)) this.#parentOfAll(group2);
        else this.#link(this.#all, group2);
      }
    for (const host of this.#hosts.values()) this.#settle(host);
    for (const group2 of this.#groups.values()) group2.depth = -1;
    for (const group2 of this.#groups.values()) measure(group2);
    for (const group2 of this.#groups.values())
      group2.hosts = group2.hosts.filter((host) => host.groups.includes(group2));
    return { groups: this.#groups, hosts: this.#hosts, problems: this.problems, warnings: this.warnings };
  }
  #settle(host) {
    const groups = ancestry(host.groups);
    const isElsewhere = [...groups].some((group2) => group2 !== this.#all && group2 !== this.#ungrouped);
    if (groups.has(this.#ungrouped)) {
      if (isElsewhere) host.groups = host.groups.filter((group2) => group2 !== this.#ungrouped);
    } else if (!isElsewhere) {
      const namesake = this.#groups.get(host.name);
      if (!namesake) this.#join(host, this.#ungrouped);
      else if (!this.#isBelow(this.#ungrouped, namesake) && !this.#ungrouped.children.includes(namesake))
        this.#link(this.#ungrouped, namesake);
    }
    if (this.#groups.has(host.name)) {
      const message = `${host.name} is a group and a host: give one of them another name`;
      this.warnings.push({ ...host.at(), message });
    }
  }
  #parentOfAll(group2) {
    const [host] = this.#hosts.values();
    const place = host?.at() ?? { file: "", line: 1, column: 1 };
    this.problems.push({ ...place, message: `the group ${group2.name} contains all, which contains it` });
  }
  #join(host, group2) {
    const members = this.#members.get(group2) ?? /* @__PURE__ */ new Set();
    this.#members.set(group2, members);
    if (members.has(host)) return;
    members.add(host);
    group2.hosts.push(host);
    host.groups.push(group2);
  }
  #link(parent, child) {
    parent.children.push(child);
    child.parents.push(parent);
  }
  /** Whether `group` is somewhere within `above`. */
  #isBelow(group2, above) {
    return ancestry([group2]).has(above);
  }
  #group(name3) {
    let group2 = this.#groups.get(name3);
    if (!group2) {
      group2 = { name: name3, depth: 0, priority: 1, parents: [], children: [], hosts: [], variables: /* @__PURE__ */ new Map() };
      this.#groups.set(name3, group2);
    }
    return group2;
  }
};
function priorityOf(value) {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string") return /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : void 0;
  return typeof value === "number" && Number.isFinite(value) ? Math.trunc(value) : void 0;
}
function ancestry(groups) {
  const found = new Set(groups);
  for (const group2 of found) for (const parent of group2.parents) found.add(parent);
  return found;
}
function measure(group2) {
  if (group2.depth < 0) group2.depth = Math.max(0, ...group2.parents.map((parent) => measure(parent) + 1));
  return group2.depth;
}

// src/fleet/host-pattern.ts
var maxHosts = 1e6;
var asciiLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
var numeric = String.raw`\[[0-9]+:[0-9]+(?::[0-9]+)?\]`;
var hexadecimal = String.raw`\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]`;
var alphanumeric = String.raw`\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`;
var v4 = String.raw`(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${numeric})`;
var v6 = String.raw`(?:[0-9a-f]{1,4}|${hexadecimal})`;
var label = String.raw`(?:[\p{L}\p{N}_]|${alphanumeric})(?:[\p{L}\p{N}_\-]|${alphanumeric})*(?<![_\-])`;
var v6Forms = [
  `(?:${v6}:){7}${v6}`,
  `(?:${v6}:){1,6}:`,
  ...[6, 5, 4, 3, 2].map((count2, index) => `(?:${v6}:){${index + 1}}(?::${v6}){1,${count2}}`),
  `(?:${v6}:){6}(?::${v6})`,
  `:(?::${v6}){1,6}`,
  `${v6}?::`
];
var addresses = [`(?:${v4}\\.){3}${v4}`, `(?:${v6Forms.join("|")})`, `${label}(?:\\.${label})*`].map(
  (form2) => new RegExp(`^${form2}$`, "iu")
);
function hostNames(pattern) {
  if (!/[:[]/.test(pattern)) return { names: [pattern], port: void 0 };
  const { name: name3, port } = withoutPort(pattern);
  try {
    return { names: expand(name3, maxHosts), port };
  } catch (error) {
    if (error instanceof WrongRange) return { why: error.message };
    throw error;
  }
}
function withoutPort(pattern) {
  let name3 = pattern;
  let port;
  for (const form2 of [/^\[(.+)\]:([0-9]+)$/, /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/]) {
    const [, host, digits] = form2.exec(name3) ?? [];
    if (host !== void 0) [name3, port] = [host, Number(digits)];
  }
  return addresses.some((address) => address.test(name3)) ? { name: name3, port } : { name: pattern, port: void 0 };
}
var WrongRange = class extends Error {
};
function expand(name3, limit2) {
  if (!name3.includes("[")) return [name3];
  const parts = name3.replace("[", "|").replace("]", "|").split("|");
  const [head = "", range = "", tail = ""] = parts;
  if (parts.length !== 3) throw new WrongRange(`${name3}: a range is [begin:end] or [begin:end:step]`);
  const names3 = [];
  for (const item of sequence(name3, range)) {
    names3.push(...expand(`${head}${item}${tail}`, limit2 - names3.length));
    if (names3.length > limit2) throw new WrongRange(`${name3}: more than ${maxHosts} hosts`);
  }
  return names3;
}
function* sequence(name3, range) {
  const bounds = range.split(":");
  const [first, end2 = "", step = "1"] = bounds;
  const begin = first || "0";
  if (bounds.length < 2 || bounds.length > 3 || end2 === "")
    throw new WrongRange(`${name3}: a range is [begin:end] or [begin:end:step]`);
  const isPadded = begin.startsWith("0") && begin.length > 1;
  if (isPadded && begin.length !== end2.length)
    throw new WrongRange(`${name3}: with leading zeros, begin and end have the same length`);
  const every = whole(step);
  const [from, to] = [asciiLetters.indexOf(begin), asciiLetters.indexOf(end2)];
  if (from >= 0 && to >= 0) {
    if (from > to) throw new WrongRange(`${name3}: a range begins before its end`);
    if (every === void 0 || every <= 0) throw new WrongRange(`${name3}: a step is 1 or more`);
    for (let at2 = from; at2 <= to; at2 += every) yield asciiLetters[at2] ?? "";
    return;
  }
  const [low, high] = [whole(begin), whole(end2)];
  if (low === void 0 || high === void 0 || every === void 0)
    throw new WrongRange(`${name3}: a range has numbers or single letters`);
  if (every <= 0) throw new WrongRange(`${name3}: a step is 1 or more`);
  for (let at2 = low; at2 <= high; at2 += every)
    yield isPadded ? String(at2).padStart(begin.length, "0") : String(at2);
}
function whole(text3) {
  const value = /^\s*[-+]?\d+\s*$/.test(text3) ? Number(text3) : NaN;
  return Number.isSafeInteger(value) ? value : void 0;
}

// src/fleet/odd-values.ts
var import_yaml = __toESM(require_dist(), 1);

// src/fleet/vault.ts
import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
var vaultVariable = "DROVER_VAULT_PASSWORD";
var vaultHeader = "$ANSIBLE_VAULT;";
var encrypted = (text3) => ({ __ansible_vault: text3 });
function isEncrypted(value) {
  return typeof value === "object" && value !== null && "__ansible_vault" in value && typeof value.__ansible_vault === "string" && Object.keys(value).length === 1;
}
function openVault(vault2, password = passwordFromEnvironment()) {
  const [header = "", ...body] = vault2.trim().split(/\r?\n/);
  const [, version, cipher] = header.split(";").map((part) => part.trim());
  if (!header.startsWith(vaultHeader) || version !== "1.1" && version !== "1.2" || cipher !== "AES256")
    return failed("is encrypted, but not with Ansible Vault 1.1 or 1.2 and AES256: encrypt it again");
  if (password === void 0) {
    const why = `is encrypted with Ansible Vault: give the password in ${vaultVariable}`;
    return { ok: false, why, isLocked: true };
  }
  const parts = fromHex(body.map((line) => line.trim()).join(""))?.toString("latin1").split("\n") ?? [];
  const [salt, code, data] = parts.map(fromHex);
  if (parts.length !== 3 || !salt || code?.length !== 32 || !data)
    return failed("is damaged: it is no text of Ansible Vault after its first line");
  const plain3 = decrypt(password, salt, code, data);
  if (plain3) return { ok: true, text: plain3.toString("utf8") };
  return failed(`can't be decrypted: ${vaultVariable} is not its password, or it is damaged`);
}
var failed = (why) => ({ ok: false, why });
function passwordFromEnvironment() {
  return process.env[vaultVariable]?.trim() || void 0;
}
function decrypt(password, salt, code, data) {
  const derived = pbkdf2Sync(password, salt, 1e4, 80, "sha256");
  const [key, macKey, counter] = [derived.subarray(0, 32), derived.subarray(32, 64), derived.subarray(64)];
  if (!timingSafeEqual(createHmac("sha256", macKey).update(data).digest(), code)) return void 0;
  const cipher = createDecipheriv("aes-256-ctr", key, counter);
  const padded = Buffer.concat([cipher.update(data), cipher.final()]);
  const padding = padded.at(-1) ?? 0;
  return padding >= 1 && padding <= 16 ? padded.subarray(0, padded.length - padding) : void 0;
}
function fromHex(text3) {
  return text3 !== void 0 && text3.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text3) ? Buffer.from(text3, "hex") : void 0;
}

// src/fleet/yaml-scalars.ts
var textOf = (value) => value.replaceAll("_", "");
var stringify = ({ value }) => String(value);
var plain = (tag, test, read2) => ({ tag, test, read: read2 });
function sexagesimal(text3) {
  const sign = text3.startsWith("-") ? -1 : 1;
  return sign * textOf(text3.replace(/^[-+]/, "")).split(":").reduce((sum, digits) => sum * 60 + Number(digits), 0);
}
function integer2(text3, radix, prefix) {
  const sign = text3.startsWith("-") ? -1 : 1;
  return sign * Number.parseInt(textOf(text3.replace(/^[-+]/, "")).slice(prefix), radix) || 0;
}
var plains = [
  plain("null", /^(?:~|null|Null|NULL|)$/, () => null),
  plain("bool", /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  plain("bool", /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  plain("int", /^[-+]?0b[0-1_]+$/, (text3) => integer2(text3, 2, 2)),
  plain("int", /^[-+]?0[0-7_]+$/, (text3) => integer2(text3, 8, 1)),
  plain("int", /^[-+]?(?:0|[1-9][0-9_]*)$/, (text3) => integer2(text3, 10, 0)),
  plain("int", /^[-+]?0x[0-9a-fA-F_]+$/, (text3) => integer2(text3, 16, 2)),
  plain("int", /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, sexagesimal),
  plain("float", /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, sexagesimal),
  plain(
    "float",
    /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/,
    (text3) => Number(textOf(text3))
  ),
  plain("float", /^[-+]?\.(?:inf|Inf|INF)$/, (text3) => text3.startsWith("-") ? -Infinity : Infinity),
  plain("float", /^\.(?:nan|NaN|NAN)$/, () => NaN),
  plain(
    "timestamp",
    /^\d{4}-\d\d-\d\d$|^\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?$/,
    timestamp
  )
];
function timestamp(text3) {
  const form2 = /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?)?$/;
  const [
    ,
    year = "",
    month = "",
    day = "",
    hour,
    minute,
    second,
    fraction = "",
    utc,
    sign,
    zoneHour = "",
    zoneMinute
  ] = form2.exec(text3) ?? [];
  const two = (digits) => (digits ?? "").padStart(2, "0");
  const date = `${year}-${two(month)}-${two(day)}`;
  if (hour === void 0) return date;
  const micro = fraction.slice(0, 6).padEnd(6, "0");
  const offset = utc ? "+00:00" : sign ? `${sign}${two(zoneHour)}:${two(zoneMinute)}` : "";
  const shown2 = offset === "-00:00" ? "+00:00" : offset;
  return `${date}T${two(hour)}:${minute}:${second}${micro === "000000" ? "" : `.${micro}`}${shown2}`;
}
var vault = { tag: "!vault", resolve: (text3) => encrypted(text3), stringify };
var otherVault = { ...vault, tag: "!vault-encrypted" };
var unsafe = { tag: "!unsafe", resolve: (text3) => text3, stringify };
var text = { tag: "tag:yaml.org,2002:str", resolve: (value) => value, stringify };
var kept = /:(?:map|seq|merge)$/;
function plainScalar(text3) {
  if (/^[a-eg-mp-su-xzA-EG-MP-SU-XZ_/($]/.test(text3)) return text3;
  const form2 = plains.find(({ test }) => test.test(text3));
  return form2 ? form2.read(text3) : text3;
}
var scalars = plains.map(({ tag, test, read: read2 }) => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve: (text3) => read2(text3),
  stringify
}));
var ansibleTags = (tags2) => [
  ...tags2.filter((tag) => typeof tag === "object" && kept.test(tag.tag)),
  ...scalars,
  text,
  vault,
  otherVault,
  unsafe
];
function isInexact(value) {
  return typeof value === "number" && (!Number.isFinite(value) || Number.isInteger(value) && !Number.isSafeInteger(value));
}

// src/fleet/odd-values.ts
function oddValues(text3) {
  let found;
  return (path) => {
    found ??= /[0-9]\.|\.[0-9]|[0-9][eE]|!unsafe/.test(text3) ? oddIn(text3) : /* @__PURE__ */ new Map();
    return found.get(keyOf(path));
  };
}
var isOddLiteral = (text3) => /[0-9]\.|\.[0-9]|[0-9][eE][-+0-9]|\(/.test(text3.replace(/'[^']*'|"[^"]*"/g, ""));
var maxDepth = 100;
function oddIn(text3) {
  const found = /* @__PURE__ */ new Map();
  const document = (0, import_yaml.parseDocument)(text3, { version: "1.1", customTags: ansibleTags, uniqueKeys: false });
  walk(document.contents, [], document, found, 0);
  return found;
}
function walk(node, path, document, found, depth) {
  if (depth > maxDepth) return;
  if ((0, import_yaml.isAlias)(node)) return walk(node.resolve(document), path, document, found, depth + 1);
  if ((0, import_yaml.isSeq)(node))
    return node.items.forEach((item, index) => walk(item, [...path, index], document, found, depth + 1));
  if ((0, import_yaml.isMap)(node)) {
    for (const { key, value } of node.items) {
      if (!(0, import_yaml.isScalar)(key)) continue;
      const isMerge = typeof key.value === "symbol";
      walk(value, isMerge ? path : [...path, String(key.value)], document, found, depth + 1);
    }
  } else if ((0, import_yaml.isScalar)(node)) {
    const { value, source = "", tag } = node;
    if (tag === "!unsafe") found.set(keyOf(path), "unsafe");
    else if (typeof value === "number" && /[.eE]/.test(source) && !/^[-+]?0x/.test(source))
      found.set(keyOf(path), "float");
  }
}
var keyOf = (path) => JSON.stringify(path.map(String));

// src/fleet/python-literal.ts
var maxDepth2 = 200;
var NotLiteral = class extends Error {
};
var OddLiteral = class extends Error {
};
function pythonLiteral(text3, { hasJson = false } = {}) {
  try {
    return { kind: "value", value: new LiteralReader(text3.replace(/^[ \t]+/, ""), hasJson).read() };
  } catch (error) {
    if (error instanceof NotLiteral) return { kind: "text" };
    if (error instanceof OddLiteral) return { kind: "odd" };
    throw error;
  }
}
var number2 = /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9](?:_?[0-9])*)?[jJ]?)/y;
var stringStart = /([rR][bB]?|[bB][rR]?|[uU])?('''|"""|'|")/y;
var escape = /\\(?:\n|([\\'"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([NxuU]))/g;
var letters = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "	", v: "\v" };
var LiteralReader = class {
  #text;
  #hasJson;
  #at = 0;
  #depth = 0;
  #isOdd = false;
  constructor(text3, hasJson) {
    this.#text = text3;
    this.#hasJson = hasJson;
  }
  read() {
    const first = this.#value();
    const value = this.#next(",") ? [first, ...this.#items("")] : first;
    this.#space();
    if (this.#at < this.#text.length) throw new NotLiteral();
    if (this.#isOdd) throw new OddLiteral();
    return value;
  }
  #value() {
    this.#space();
    if (++this.#depth > maxDepth2) throw new NotLiteral();
    const value = this.#bracketed() ?? this.#atom();
    this.#depth--;
    return value.value;
  }
  #bracketed() {
    if (this.#next("[")) return { value: this.#items("]") };
    if (this.#next("{")) return { value: this.#mapping() };
    if (!this.#next("(")) return void 0;
    if (this.#next(")")) return { value: [] };
    const first = this.#value();
    if (this.#next(",")) return { value: [first, ...this.#items(")")] };
    if (this.#next(")")) return { value: first };
    throw new NotLiteral();
  }
  /** Values between commas up to `end`, which is passed over; the end of the text where it is empty. */
  #items(end2) {
    const items = [];
    for (; ; ) {
      this.#space();
      if (end2 === "" ? this.#at >= this.#text.length : this.#next(end2)) return items;
      items.push(this.#value());
      if (this.#next(",")) continue;
      if (end2 === "" ? this.#at >= this.#text.length : this.#next(end2)) return items;
      throw new NotLiteral();
    }
  }
  #mapping() {
    const entries = [];
    for (let isFirst = true; ; isFirst = false) {
      if (this.#next("}")) break;
      const key = this.#value();
      if (isFirst && !this.#next(":")) {
        if (!this.#next("}") && this.#next(",")) this.#items("}");
        else if (this.#text[this.#at - 1] !== "}") throw new NotLiteral();
        this.#isOdd = true;
        return {};
      }
      if (!isFirst && !this.#next(":")) throw new NotLiteral();
      entries.push([this.#keyOf(key), this.#value()]);
      if (this.#next(",")) continue;
      if (this.#next("}")) break;
      throw new NotLiteral();
    }
    return Object.fromEntries(entries);
  }
  #keyOf(key) {
    if (typeof key === "object" && key !== null) this.#isOdd = true;
    return String(key);
  }
  #atom() {
    const word = this.#match(/(?:True|False|None|\.\.\.)(?![\w\p{L}])/uy)?.[0];
    if (word === "...") this.#isOdd = true;
    const json2 = this.#hasJson ? this.#match(/(?:true|false|null)(?![\w\p{L}])/uy)?.[0] : void 0;
    if (json2 !== void 0) return { value: json2 === "true" ? true : json2 === "false" ? false : null };
    if (word !== void 0) return { value: word === "True" ? true : word === "False" ? false : null };
    const parts = [];
    for (let part = this.#string(); part !== void 0; part = this.#string()) parts.push(part);
    if (parts.length > 0) return { value: parts.join("") };
    return { value: this.#signedNumber() };
  }
  #signedNumber() {
    const sign = this.#match(/[-+]/y)?.[0] === "-" ? -1 : 1;
    this.#space();
    if (this.#next("(")) {
      const inner = this.#value();
      if (typeof inner !== "number" || !this.#next(")")) throw new NotLiteral();
      return sign * inner || 0;
    }
    const digits = this.#match(number2)?.[0];
    if (digits === void 0 || /[\w\p{L}.]/u.test(this.#text[this.#at] ?? "")) throw new NotLiteral();
    if (/^0[0-9_]*[1-9]/.test(digits) && !/[.eEjJ]/.test(digits)) throw new NotLiteral();
    const value = Number(digits.replaceAll("_", "").replace(/[jJ]$/, ""));
    const isWhole = !/[.eEjJ]/.test(digits) || /^0[xX]/.test(digits);
    if (/[jJ]$/.test(digits) || !Number.isFinite(value) || isWhole && !Number.isSafeInteger(value))
      this.#isOdd = true;
    return sign * value || 0;
  }
  #string() {
    const start3 = this.#match(stringStart);
    if (!start3) return void 0;
    const [, prefix = "", quotes = ""] = start3;
    const from = this.#at;
    while (!this.#text.startsWith(quotes, this.#at)) {
      if (this.#at >= this.#text.length) throw new NotLiteral();
      this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    }
    const body = this.#text.slice(from, this.#at);
    if (quotes.length === 1 && body.replace(/\\[^]/g, "").includes("\n")) throw new NotLiteral();
    this.#at += quotes.length;
    this.#space();
    if (/b/i.test(prefix)) this.#isOdd = true;
    return /r/i.test(prefix) ? body : body.replace(escape, (...match) => this.#unescaped(match));
  }
  #unescaped([all, letter, octal, ...more]) {
    if (typeof letter === "string") return letters[letter] ?? letter;
    if (typeof octal === "string") return String.fromCodePoint(Number.parseInt(octal, 8));
    const hex = more.slice(0, 3).find((digits) => typeof digits === "string");
    if (hex !== void 0) {
      const code = Number.parseInt(hex, 16);
      if (code > 1114111) throw new NotLiteral();
      return String.fromCodePoint(code);
    }
    if (all === "\\N") this.#isOdd = true;
    else if (typeof more[3] === "string") throw new NotLiteral();
    return "";
  }
  #next(text3) {
    this.#space();
    if (!this.#text.startsWith(text3, this.#at)) return false;
    this.#at += text3.length;
    return true;
  }
  #space() {
    this.#match(this.#hasJson ? /(?:[ \t\f\r\n]|#.*)*/y : /(?:[ \t\f]|#.*$)*/y);
  }
  #match(pattern) {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match ?? void 0;
  }
};

// src/fleet/inventory-ini.ts
var space = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
var end = String.raw`[${space}]*(?:#.*)?$`;
var sectionForm = new RegExp(String.raw`^\[([^:\]${space}]+)(?::([\p{L}\p{N}_]+))?\]${end}`, "u");
var groupForm = new RegExp(String.raw`^([^:\]${space}]+)${end}`, "u");
var lineEnd = new RegExp(String.raw`\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]`);
var edges = new RegExp(`^[${space}]+|[${space}]+$`, "g");
var strip = (text3) => text3.replace(edges, "");
function readIniInventory(text3, file, inventory) {
  new IniInventoryReader(file, inventory).read(text3);
}
var IniInventoryReader = class {
  #file;
  #inventory;
  /** Groups that something was said of before they were declared, with where and, for children, their parents. */
  #pending = /* @__PURE__ */ new Map();
  #section = { group: "ungrouped", kind: "hosts" };
  #place;
  constructor(file, inventory) {
    this.#file = file;
    this.#inventory = inventory;
    this.#place = { file, line: 1, column: 1 };
  }
  read(text3) {
    text3.split(lineEnd).forEach((raw, index) => {
      const line = strip(raw);
      if (line === "" || line.startsWith(";") || line.startsWith("#")) return;
      this.#place = { file: this.#file, line: index + 1, column: raw.indexOf(line) + 1 };
      const [, group2, kind = "hosts"] = sectionForm.exec(line) ?? [];
      if (group2 !== void 0) this.#open(group2, kind);
      else if (line.startsWith("[") && line.endsWith("]")) {
        this.#section = void 0;
        this.#problem(`${line}: a section is [group], [group:vars] or [group:children], without spaces`);
      } else if (this.#section) this.#readLine(line, this.#section);
    });
    for (const [name3, { at: at2, parents }] of this.#pending) {
      const by = parents.length > 0 ? `${parents.join(", ")} includes it` : "it has variables";
      this.#inventory.problems.push({ ...at2, message: `there is no group ${name3}, and ${by}: add [${name3}]` });
    }
  }
  #open(group2, kind) {
    this.#section = void 0;
    if (kind !== "hosts" && kind !== "vars" && kind !== "children")
      return this.#problem(`[${group2}:${kind}]: a section is [group], [group:vars] or [group:children]`);
    this.#section = { group: group2, kind };
    if (!this.#inventory.hasGroup(group2)) {
      if (kind === "vars" && !this.#pending.has(group2))
        this.#pending.set(group2, { at: this.#place, parents: [] });
      this.#inventory.addGroup(group2);
    }
    if (kind !== "vars") this.#declare(group2);
  }
  #declare(group2) {
    const waiting = this.#pending.get(group2);
    if (!waiting) return;
    this.#pending.delete(group2);
    for (const parent of waiting.parents) this.#inventory.addChild(parent, group2, () => waiting.at);
  }
  #readLine(line, { group: group2, kind }) {
    if (kind === "hosts") this.#readHosts(line, group2);
    else if (kind === "vars") this.#readVariable(line, group2);
    else this.#readChild(line, group2);
  }
  #readChild(line, parent) {
    const child = groupForm.exec(line)?.[1];
    if (child === void 0) return this.#problem(`${line}: here stands the name of a group`);
    const waiting = this.#pending.get(child);
    const at2 = this.#place;
    if (this.#inventory.hasGroup(child)) this.#inventory.addChild(parent, child, () => at2);
    else if (waiting) waiting.parents.push(parent);
    else this.#pending.set(child, { at: at2, parents: [parent] });
  }
  #readVariable(line, group2) {
    const [key, value] = cut(line);
    if (value === void 0) return this.#problem(`${key}: here stands a variable, as key=value`);
    const variable = this.#variable(strip(key), strip(value));
    if (variable) this.#inventory.setOfGroup(group2, strip(key), variable);
  }
  #readHosts(line, group2) {
    const split2 = iniWords(line);
    if ("why" in split2) return this.#problem(`this line of hosts can't be read: ${split2.why}`);
    const [pattern = "", ...assignments] = split2.words;
    const found = namesOf(pattern);
    if ("why" in found) return this.#problem(found.why);
    const variables2 = [];
    for (const assignment of assignments) {
      const [key, value] = cut(assignment);
      if (value === void 0) return this.#problem(`${key}: after a host stand its variables, as key=value`);
      const variable = this.#variable(key, value);
      if (variable) variables2.push([key, variable]);
    }
    const at2 = this.#place;
    const port = found.port === void 0 ? void 0 : this.#given("ansible_port", found.port);
    for (const name3 of found.names) {
      this.#inventory.addHost(name3, group2, port, () => at2);
      for (const [key, variable] of variables2) this.#inventory.setOfHost(name3, key, variable);
    }
  }
  #variable(key, text3) {
    const literal2 = pythonLiteral(text3);
    if (literal2.kind === "text") return this.#given(key, text3);
    if (literal2.kind === "value") {
      const variable = this.#given(key, literal2.value);
      if (!isOddLiteral(text3)) return variable;
      const odd = typeof literal2.value === "number" ? "float" : "python";
      return { ...variable, oddAt: () => odd };
    }
    this.#problem(
      `${key}: this value of Python can't be kept exactly: write text in two pairs of quotes, '"like this"'`
    );
    return void 0;
  }
  #given(key, value) {
    const at2 = this.#place;
    return { value, file: this.#file, path: [key], at: () => at2 };
  }
  #problem(message) {
    this.#inventory.problems.push({ ...this.#place, message });
  }
};
function namesOf(pattern) {
  const found = hostNames(pattern);
  if ("why" in found) return found;
  if (pattern.trim().endsWith(":") && found.port === void 0)
    return { why: `${pattern}: after a colon stands a port` };
  const strange = found.names.find((name3) => name3 === "" || name3.trim() === "---");
  return strange === void 0 ? found : { why: `${strange || '""'} is no name of a host` };
}
function cut(text3) {
  const at2 = text3.indexOf("=");
  return at2 < 0 ? [text3, void 0] : [text3.slice(0, at2), text3.slice(at2 + 1)];
}

// src/fleet/json-floats.ts
function floatsIn(text3) {
  let found;
  return (path) => {
    found ??= /[-\s[:,][0-9]+[.eE]/.test(text3) ? readFloats(text3) : () => false;
    return found(path);
  };
}
function readFloats(text3) {
  const floats = /* @__PURE__ */ new WeakMap();
  const note = function(key, value, context) {
    if (typeof value !== "number" || !/[.eE]/.test(context?.source ?? "")) return value;
    if (typeof this !== "object" || this === null) return value;
    const keys = floats.get(this);
    if (keys) keys.add(key);
    else floats.set(this, /* @__PURE__ */ new Set([key]));
    return value;
  };
  const root = JSON.parse(text3, note);
  return (path) => {
    let holder = root;
    for (const key of path.slice(0, -1)) holder = inside(holder, key);
    const last = path.at(-1);
    if (typeof holder !== "object" || holder === null || last === void 0) return false;
    return floats.get(holder)?.has(String(last)) ?? false;
  };
}
function inside(value, key) {
  if (typeof value !== "object" || value === null) return void 0;
  const own = Object.getOwnPropertyDescriptor(value, String(key)) ?? {};
  return own.value;
}

// src/fleet/source.ts
var import_yaml2 = __toESM(require_dist(), 1);

// src/fleet/plain-yaml.ts
function plainYaml(text3, note) {
  if (unusual.test(text3)) return void 0;
  try {
    return new PlainReader(text3, note).read();
  } catch (error) {
    if (error instanceof Declined) return void 0;
    throw error;
  }
}
var unusual = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe]/;
var quotedKeyForm = /(?:'([^'\n]+)'|"([^"\\\n]+)"):(?=[ \n]|$)/y;
var maxKeyLength = 512;
var wordForm = /^[A-Za-z0-9_./][\w./+\- ]*$/;
var quotedForm = /^(?:'[^']*'|"[^"\\]*")$/;
var flowKeyForm = /^[A-Za-z_][\w.-]*$/;
var Declined = class extends Error {
};
var [newline, space2, hash, dash, colonCode, singleQuote, doubleQuote] = [10, 32, 35, 45, 58, 39, 34];
var isKeyCode = (code) => code >= 97 && code <= 122 || code >= 45 && code <= 57 || code >= 65 && code <= 90 || code === 95;
var PlainReader = class {
  #text;
  #note;
  /** Where we are, kept for the notes alone. */
  #path = [];
  /** The line that is looked at: its indentation (-1 after the last one), and where its content begins and ends. */
  #indent = -1;
  #start = 0;
  #end = 0;
  #next = 0;
  constructor(text3, note) {
    this.#text = text3;
    this.#note = note;
  }
  read() {
    this.#advance();
    if (this.#indent === 0 && this.#text.slice(this.#start, this.#end) === "---") this.#advance();
    if (this.#indent < 0) return void 0;
    if (this.#indent > 0) throw new Declined();
    const data = this.#block();
    if (this.#indent >= 0) throw new Declined();
    return data;
  }
  /** To the next line that has more than a comment. */
  #advance() {
    const text3 = this.#text;
    while (this.#next < text3.length) {
      const from = this.#next;
      const found = text3.indexOf("\n", from);
      const end2 = found < 0 ? text3.length : found;
      this.#next = end2 + 1;
      let at2 = from;
      while (at2 < end2 && text3.charCodeAt(at2) === space2) at2++;
      if (at2 === end2 || text3.charCodeAt(at2) === hash) continue;
      this.#indent = at2 - from;
      this.#start = at2;
      this.#end = end2;
      return;
    }
    this.#indent = -1;
  }
  #isItem() {
    return this.#text.charCodeAt(this.#start) === dash && this.#text.charCodeAt(this.#start + 1) === space2;
  }
  #block() {
    return this.#isItem() ? this.#list(this.#indent) : this.#map(this.#indent);
  }
  #map(indent) {
    const map = {};
    while (this.#indent === indent) {
      const from = this.#start;
      const colon = this.#keyEnd(from);
      const key = this.#key(from, colon);
      if (colon - from > maxKeyLength || key === "<<" || key === "__proto__" || Object.hasOwn(map, key))
        throw new Declined();
      this.#enter(key, from);
      map[key] = this.#value(colon + 1, indent);
      this.#leave();
    }
    if (this.#indent > indent) throw new Declined();
    return map;
  }
  /** Where the colon of a key that begins at `from` is; -1 where there is no key. */
  #keyEnd(from) {
    const text3 = this.#text;
    const first = text3.charCodeAt(from);
    if (first === singleQuote || first === doubleQuote) {
      quotedKeyForm.lastIndex = from;
      return quotedKeyForm.test(text3) ? quotedKeyForm.lastIndex - 1 : -1;
    }
    if (first === dash || first === 46 || first === 47) return -1;
    let at2 = from;
    while (isKeyCode(text3.charCodeAt(at2))) at2++;
    if (at2 === from || text3.charCodeAt(at2) !== colonCode) return -1;
    return at2 + 1 === text3.length || [space2, newline].includes(text3.charCodeAt(at2 + 1)) ? at2 : -1;
  }
  #key(from, colon) {
    if (colon < 0) throw new Declined();
    const key = this.#text.slice(from, colon);
    if (key.startsWith("'") || key.startsWith('"')) return key.slice(1, -1);
    if (plainScalar(key) !== key) throw new Declined();
    return key;
  }
  /** What stands after a key, or on the lines below it. */
  #value(after, indent) {
    const at2 = this.#skipSpaces(after);
    if (at2 < this.#end && this.#text.charCodeAt(at2) !== hash) return this.#scalar(at2, indent, true);
    this.#advance();
    if (this.#indent > indent) return this.#block();
    return this.#indent === indent && this.#isItem() ? this.#list(indent) : null;
  }
  #list(indent) {
    const list3 = [];
    while (this.#indent === indent && this.#isItem()) {
      const at2 = this.#skipSpaces(this.#start + 1);
      const code = this.#text.charCodeAt(at2);
      if (at2 >= this.#end || code === hash || code === dash) throw new Declined();
      this.#enter(list3.length, at2);
      if (this.#keyEnd(at2) >= 0) {
        this.#indent += at2 - this.#start;
        this.#start = at2;
        list3.push(this.#map(this.#indent));
      } else list3.push(this.#scalar(at2, indent, false));
      this.#leave();
    }
    if (this.#indent > indent) throw new Declined();
    return list3;
  }
  /** A value that begins at `at`; what is deeper on the lines below would belong to it, and is declined by who asked. */
  #scalar(at2, indent, mayBeTagged) {
    const given = this.#text.slice(at2, this.#end);
    const literal2 = /^(!vault +)?\| *$/.exec(given);
    if (literal2) {
      const isVault = literal2[1] !== void 0;
      if (isVault && !mayBeTagged) throw new Declined();
      const text3 = this.#literal(indent);
      return isVault ? encrypted(text3) : text3;
    }
    const value = this.#onOneLine(given, at2);
    this.#advance();
    return value;
  }
  #onOneLine(given, at2) {
    const first = given.charCodeAt(0);
    if (first === singleQuote || first === doubleQuote) {
      const close = given.indexOf(given.charAt(0), 1);
      const rest = given.slice(close + 1);
      const inner = given.slice(1, close);
      if (close < 0 || !/^ *(?: #.*)?$/.test(rest) || first === doubleQuote && inner.includes("\\"))
        throw new Declined();
      return inner;
    }
    if (first === 91 || first === 123) return this.#flow(given, at2);
    const isWord = first >= 160 || /[\w./~+($]/.test(given.charAt(0)) || first === dash && /^-[\d.]/.test(given);
    if (!isWord) throw new Declined();
    const comment = given.indexOf(" #");
    const word = withoutEnd(comment < 0 ? given : given.slice(0, comment));
    if (word.endsWith(":") || word.includes(": ")) throw new Declined();
    return scalarOf(word);
  }
  /** A list or a mapping in brackets, with nothing in it that has parts. */
  #flow(given, at2) {
    const flow = withoutEnd(given);
    const isList2 = flow.startsWith("[");
    if (flow.length < 2 || !flow.endsWith(isList2 ? "]" : "}")) throw new Declined();
    const inner = flow.slice(1, -1);
    const isEmpty = /^ *$/.test(inner);
    const list3 = [];
    const map = {};
    let offset = at2 + 1;
    for (const part of isEmpty ? [] : inner.split(",")) {
      const start3 = this.#skipSpaces(offset);
      const item = withoutEnd(part.slice(start3 - offset));
      offset += part.length + 1;
      if (isList2) {
        this.#enter(list3.length, start3);
        list3.push(flowScalar(item));
      } else {
        const colon = item.indexOf(": ");
        const key = item.slice(0, colon);
        if (colon < 0 || !flowKeyForm.test(key) || plainScalar(key) !== key) throw new Declined();
        if (key === "__proto__" || Object.hasOwn(map, key)) throw new Declined();
        this.#enter(key, start3);
        map[key] = flowScalar(item.slice(colon + 2).replace(/^ +/, ""));
      }
      this.#leave();
    }
    return isList2 ? list3 : map;
  }
  /** The lines of a literal block within something at `indent`. */
  #literal(indent) {
    const text3 = this.#text;
    let [own, found, hasGap] = [-1, "", false];
    while (this.#next < text3.length) {
      const from = this.#next;
      const end2 = text3.indexOf("\n", from);
      if (end2 < 0) throw new Declined();
      let at2 = from;
      while (text3.charCodeAt(at2) === space2) at2++;
      const isBlank = text3.charCodeAt(at2) === newline;
      if (!isBlank && at2 - from <= indent) break;
      this.#next = end2 + 1;
      if (isBlank) {
        if (at2 > from || own < 0) throw new Declined();
        hasGap = true;
        continue;
      }
      if (own < 0) own = at2 - from;
      if (hasGap || at2 - from < own) throw new Declined();
      found += text3.slice(from + own, end2 + 1);
    }
    if (own < 0) throw new Declined();
    this.#advance();
    return found;
  }
  #skipSpaces(from) {
    let at2 = from;
    while (this.#text.charCodeAt(at2) === space2) at2++;
    return at2;
  }
  #enter(key, offset) {
    if (!this.#note) return;
    this.#path.push(key);
    this.#note(this.#path, offset);
  }
  #leave() {
    if (this.#note) this.#path.pop();
  }
};
function flowScalar(item) {
  if (quotedForm.test(item)) return item.slice(1, -1);
  if (!wordForm.test(item)) throw new Declined();
  return scalarOf(item);
}
function scalarOf(word) {
  const value = plainScalar(word);
  if (isInexact(value)) throw new Declined();
  return value;
}
function withoutEnd(text3) {
  let end2 = text3.length;
  while (text3.charCodeAt(end2 - 1) === space2) end2--;
  return end2 === text3.length ? text3 : text3.slice(0, end2);
}

// src/fleet/source.ts
function plainText(text3, file) {
  if (!text3.startsWith(vaultHeader)) return { text: text3, problems: [] };
  const opened = openVault(text3);
  if (opened.ok) return { text: opened.text, problems: [] };
  const { why, isLocked = false } = opened;
  return { text: "", problems: [{ file, line: 1, column: 1, message: why }], isLocked };
}
function parseSource(given, file) {
  const { text: text3, problems: closed, isLocked = false } = plainText(given, file);
  if (closed.length > 0)
    return {
      data: void 0,
      problems: closed,
      isLocked,
      at: () => ({ file, line: 1, column: 1 }),
      oddAt: () => void 0
    };
  const data = plainYaml(text3);
  if (data === void 0) return parseAll(text3, file, text3 !== given);
  let places;
  return {
    data,
    problems: [],
    oddAt: oddValues(text3),
    at: (path) => {
      places ??= plainPlaces(text3, file);
      return places(path);
    }
  };
}
function plainPlaces(text3, file) {
  const offsets = /* @__PURE__ */ new Map();
  plainYaml(text3, (path, offset) => offsets.set(keyOf2(path), offset));
  const lines = new import_yaml2.LineCounter();
  lines.addNewLine(0);
  for (let end2 = text3.indexOf("\n"); end2 >= 0; end2 = text3.indexOf("\n", end2 + 1)) lines.addNewLine(end2 + 1);
  return (path) => placeIn(lines, file, nearest(offsets, path));
}
function placeIn(lines, file, offset) {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}
function parseAll(text3, file, isSecret) {
  const lines = new import_yaml2.LineCounter();
  const document = (0, import_yaml2.parseDocument)(text3, {
    lineCounter: lines,
    prettyErrors: false,
    version: "1.1",
    customTags: ansibleTags,
    uniqueKeys: false
    // the parser compares each key with each other one; see findings
  });
  const placeOf = (offset) => placeIn(lines, file, offset);
  const json2 = jsonOf(text3);
  const wrong2 = json2 === void 0 ? [...document.errors, ...document.warnings] : [];
  const problems = wrong2.map((error) => ({
    ...placeOf(error.pos[0]),
    message: isSecret ? "is no YAML, decrypted" : error.message
  }));
  for (const [message, offset] of findings(document)) problems.push({ ...placeOf(offset), message });
  let data;
  try {
    if (problems.length === 0) data = json2 ?? document.toJS({ maxAliasCount: 100 }) ?? void 0;
  } catch (error) {
    problems.push({ file, line: 1, column: 1, message: messageOf(error) });
  }
  let offsets;
  const at2 = (path) => {
    offsets ??= offsetsOf(document);
    return placeOf(nearest(offsets, path));
  };
  const isFloat2 = json2 === void 0 ? void 0 : floatsIn(text3);
  const oddAt = isFloat2 ? (path) => isFloat2(path) ? "float" : void 0 : oddValues(text3);
  return { data, problems, at: at2, oddAt };
}
function nearest(offsets, path) {
  for (let length = path.length; length > 0; length--) {
    const offset = offsets.get(keyOf2(path.slice(0, length)));
    if (offset !== void 0) return offset;
  }
  return 0;
}
function jsonOf(text3) {
  if (!/^\s*\{/.test(text3)) return void 0;
  try {
    return JSON.parse(text3);
  } catch {
    return void 0;
  }
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
function offsetsOf(document) {
  const offsets = /* @__PURE__ */ new Map();
  const walk2 = (node, path) => {
    if ((0, import_yaml2.isMap)(node)) {
      for (const pair of node.items) {
        if (!(0, import_yaml2.isScalar)(pair.key)) continue;
        const inner = [...path, nameOf(pair.key.value)];
        if (pair.key.range) offsets.set(keyOf2(inner), pair.key.range[0]);
        walk2(pair.value, inner);
      }
    } else if ((0, import_yaml2.isSeq)(node)) {
      node.items.forEach((item, index) => {
        const inner = [...path, index];
        const start3 = startOf(item);
        if (start3 !== void 0) offsets.set(keyOf2(inner), start3);
        walk2(item, inner);
      });
    }
  };
  walk2(document.contents, []);
  return offsets;
}
function findings(document) {
  const found = [];
  (0, import_yaml2.visit)(document, {
    Map: (_key, map) => {
      const seen = /* @__PURE__ */ new Set();
      for (const { key } of map.items) {
        if (!(0, import_yaml2.isScalar)(key)) continue;
        const name3 = nameOf(key.value);
        if (seen.has(name3) && name3 !== "<<") found.push([`${name3} is there twice`, key.range?.[0] ?? 0]);
        seen.add(name3);
        if (key.value === null) key.value = "null";
      }
    },
    Scalar: (_key, scalar) => {
      if (isInexact(scalar.value))
        found.push(["this number can't be kept exactly: write it in quotes", scalar.range?.[0] ?? 0]);
    }
  });
  return found;
}
var nameOf = (key) => typeof key === "symbol" ? "<<" : String(key);
function startOf(item) {
  if (!(0, import_yaml2.isMap)(item) && !(0, import_yaml2.isSeq)(item) && !(0, import_yaml2.isScalar)(item) && !(0, import_yaml2.isAlias)(item)) return void 0;
  const { range } = item;
  return range?.[0];
}
var keyOf2 = (path) => JSON.stringify(path.map(String));

// src/fleet/inventory-json.ts
var name = pipe(string("must be text"), nonEmpty("must not be empty"));
var names = array(name, "must be a list of names");
var variables = record(string(), unknown(), "must be a mapping of variables");
var group = strictObject(
  { hosts: optional(names, []), children: optional(names, []), vars: optional(variables, {}) },
  "is no group: a group has hosts, children and vars, nothing else"
);
var hosts = pipe(
  names,
  transform((hosts2) => ({ hosts: hosts2, children: [], vars: {} }))
);
var noMeta = "must be there, with hostvars in it: programs that print variables host by host are not asked";
var meta = object({ hostvars: record(string(), variables, "must be a mapping of hosts") }, noMeta);
var list = objectWithRest(
  { _meta: meta },
  lazy((value) => Array.isArray(value) ? hosts : group),
  noMeta
);
function readJsonInventory(text3, source, inventory) {
  const at2 = () => ({ file: source, line: 1, column: 1 });
  const problem = (path, message) => void inventory.problems.push({
    ...at2(),
    message: path.length > 0 ? `${path.join(".")}: ${message}` : message
  });
  const raw = parsed(text3);
  if (!isRecord(raw))
    return problem([], "is no JSON object of groups: print what ansible-inventory --list prints");
  for (const path of inexact(raw, [])) problem(path, "this number can't be kept exactly: write it as text");
  const result = safeParse(list, raw);
  if (!result.success) {
    for (const issue of result.issues)
      problem(
        (issue.path ?? []).map((item) => String(item.key)),
        issue.type === "strict_object" && issue.expected === "never" ? "a group has hosts, children and vars, nothing else" : issue.message
      );
    return;
  }
  const { _meta, ...groups } = result.output;
  const isFloat2 = floatsIn(text3);
  const variable = (value, path) => ({
    value,
    file: source,
    path,
    at: at2,
    oddAt: (inner = []) => isFloat2([...path, ...inner]) ? "float" : void 0
  });
  for (const [name3, { hosts: hosts2, children, vars }] of Object.entries(groups)) {
    if (name3 === "") return problem([], "a group has a name");
    inventory.addGroup(name3);
    for (const host of hosts2) inventory.addHost(host, name3, void 0, at2);
    for (const [key, value] of Object.entries(vars))
      inventory.setOfGroup(name3, key, variable(value, [name3, "vars", key]));
    for (const child of children) {
      inventory.addGroup(child);
      inventory.addChild(name3, child, at2);
    }
  }
  const members = new Set(Object.values(groups).flatMap((group2) => group2.hosts));
  for (const [host, values] of Object.entries(_meta.hostvars)) {
    const path = ["_meta", "hostvars", host];
    if (!members.has(host)) problem(path, "is a host of no group");
    else
      for (const [key, value] of Object.entries(values))
        inventory.setOfHost(host, key, variable(value, [...path, key]));
  }
}
function parsed(text3) {
  try {
    return JSON.parse(text3);
  } catch {
    return void 0;
  }
}
function inexact(value, path) {
  if (Array.isArray(value)) return value.flatMap((inner, index) => inexact(inner, [...path, index]));
  if (isRecord(value)) return Object.entries(value).flatMap(([key, inner]) => inexact(inner, [...path, key]));
  return isInexact(value) ? [path] : [];
}

// src/fleet/inventory-model.ts
function variablesOf(values, source, file, path) {
  const variables2 = /* @__PURE__ */ new Map();
  for (const key of Object.keys(values))
    variables2.set(key, new VariableOfFile(values[key], source, file, path, key));
  return variables2;
}
var VariableOfFile = class {
  value;
  file;
  #source;
  #parent;
  #key;
  constructor(value, source, file, parent, key) {
    this.value = value;
    this.file = file;
    this.#source = source;
    this.#parent = parent;
    this.#key = key;
  }
  get path() {
    return [...this.#parent, this.#key];
  }
  at(inner = []) {
    return this.#source.at([...this.path, ...inner]);
  }
  oddAt(inner = []) {
    return this.#source.oddAt([...this.path, ...inner]);
  }
};

// src/fleet/inventory-yaml.ts
function readYamlInventory(source, file, inventory) {
  new YamlInventoryReader(source, file, inventory).read();
}
var YamlInventoryReader = class {
  #source;
  #file;
  #inventory;
  constructor(source, file, inventory) {
    this.#source = source;
    this.#file = file;
    this.#inventory = inventory;
  }
  read() {
    const { data } = this.#source;
    if (!isRecord(data)) return this.#problem([], "an inventory is a mapping of groups: begin with `all:`");
    if (data["plugin"])
      return this.#problem(["plugin"], "inventory plugins are not run: write down what this one finds");
    for (const [name3, body] of Object.entries(data)) this.#readGroup(name3, body, [name3]);
  }
  #readGroup(name3, body, path) {
    if (name3 === "") return this.#problem(path, "a group has a name");
    this.#inventory.addGroup(name3);
    if (body === null || body === void 0) return;
    if (!isRecord(body))
      return this.#problem(path, `${name3}: a group is a mapping of hosts, vars and children`);
    for (const [key, given] of Object.entries(body)) {
      const inner = [...path, key];
      const value = typeof given === "string" ? { [given]: null } : given;
      if (!["hosts", "vars", "children"].includes(key)) {
        this.#problem(inner, `${name3}.${key}: a group has hosts, vars and children, nothing else`);
      } else if (value === null || value === void 0) {
        continue;
      } else if (!isRecord(value)) {
        this.#problem(inner, `${name3}.${key} must be a mapping`);
      } else if (key === "vars") {
        for (const [variable, found] of variablesOf(value, this.#source, this.#file, inner))
          this.#inventory.setOfGroup(name3, variable, found);
      } else {
        for (const [child, childBody] of Object.entries(value)) {
          if (key === "hosts") this.#readHosts(child, childBody, name3, [...inner, child]);
          else this.#readChild(child, childBody, name3, [...inner, child]);
        }
      }
    }
  }
  #readChild(name3, body, parent, path) {
    this.#readGroup(name3, body, path);
    if (name3 !== "") this.#inventory.addChild(parent, name3, () => this.#source.at(path));
  }
  #readHosts(pattern, body, group2, path) {
    const found = hostNames(pattern);
    if ("why" in found) return this.#problem(path, found.why);
    if (body && !isRecord(body))
      return this.#problem(path, `${pattern}: a host is a mapping of variables, or empty`);
    const variables2 = isRecord(body) ? variablesOf(body, this.#source, this.#file, path) : /* @__PURE__ */ new Map();
    const at2 = () => this.#source.at(path);
    const port = found.port === void 0 ? void 0 : { value: found.port, file: this.#file, path, at: at2 };
    for (const name3 of found.names) {
      if (name3 === "") return this.#problem(path, "a host has a name");
      this.#inventory.addHost(name3, group2, port, at2);
      for (const [key, variable] of variables2) this.#inventory.setOfHost(name3, key, variable);
    }
  }
  #problem(path, message) {
    this.#inventory.problems.push({ ...this.#source.at(path), message });
  }
};

// src/fleet/inventory.ts
var names2 = ["inventory", "hosts"].flatMap(
  (name3) => [".yml", ".yaml", "", ".ini", ".json"].map((extension) => `${name3}${extension}`)
);
var yamlExtensions = [".yml", ".yaml", ".json"];
var maxBytes2 = 64 << 20;
var ignored = /^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;
async function readInventory(folder, elsewhere) {
  const [first, ...others] = names2.map((name3) => join(folder, name3)).filter((path) => existsSync2(path));
  if (elsewhere) return await readElsewhere(elsewhere, folder, first);
  if (first === void 0)
    throw new Failure(
      "file-missing",
      `there is no inventory.yml in ${folder}: give the fleet repository's folder as \`fleet\``
    );
  const data = new InventoryData();
  const isFolder = (await stat(first)).isDirectory();
  await read(folder, first, data);
  for (const other of others)
    data.warnings.push(problemOf(other, `is never read, as ${displayName(first)} is there too`));
  return { ...data.finish(), base: isFolder ? first : dirname(first) };
}
async function readElsewhere({ source, context }, folder, unread) {
  const data = new InventoryData();
  readJsonInventory(await readSource(source, folder, context), sourceName(source), data);
  if (unread !== void 0)
    data.warnings.push(problemOf(unread, "is not read, as the inventory comes from elsewhere"));
  return { ...data.finish(), base: folder };
}
async function read(root, path, data, seen = []) {
  const problem = await leadsOut(root, path);
  if (problem) return void data.problems.push(problem);
  const status = await statusOf(path);
  if (!status) return void data.problems.push(problemOf(path, "is a link that leads nowhere"));
  if (!status.isDirectory()) return await readFile(path, data);
  const identity = `${status.dev}:${status.ino}`;
  if (seen.includes(identity))
    return void data.problems.push(problemOf(path, "is a link to a folder that it is in"));
  for (const name3 of (await readdir(path)).sort(byCodePoints)) {
    if (!ignored.test(name3)) await read(root, join(path, name3), data, [...seen, identity]);
    else if (/\.(?:ini|cfg)$/.test(name3))
      data.warnings.push(
        problemOf(join(path, name3), "is not read: in a folder, Ansible passes over .ini and .cfg")
      );
  }
}
async function readFile(path, data) {
  const name3 = displayName(path);
  const given = await readText(path, maxBytes2, name3);
  if (given.startsWith("#!") || extname(path) === ".toml") {
    const message = "is a program or TOML: inventories are read in YAML and INI, and programs of a checkout never run";
    return void data.problems.push(problemOf(path, message));
  }
  const extension = extname(path);
  if (extension === "" || yamlExtensions.includes(extension)) {
    const source = parseSource(given, name3);
    const isYaml = source.problems.length === 0 && isRecord(source.data);
    if (isYaml || extension !== "") {
      data.problems.push(...source.problems);
      if (source.problems.length === 0) readYamlInventory(source, name3, data);
      return;
    }
  }
  const { text: text3, problems } = plainText(given, name3);
  data.problems.push(...problems);
  readIniInventory(text3, name3, data);
}
async function statusOf(path) {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ELOOP")) return void 0;
    throw error;
  }
}
var problemOf = (path, message) => ({
  file: displayName(path),
  line: 1,
  column: 1,
  message
});

// src/fleet/policy.ts
import { existsSync as existsSync3 } from "node:fs";
import { join as join2 } from "node:path";

// src/fleet/policy-schema.ts
var duration = pipe(
  string("write a duration such as 90s, 15m, 24h or 2d"),
  regex(/^\d{1,6}(s|m|h|d)$/, "write a duration such as 90s, 15m, 24h or 2d")
);
var percentPattern = /^(100|\d{1,2})(\.\d+)?%$/;
var percent = pipe(
  string("write a share such as 95%"),
  regex(percentPattern, "write a share such as 95%")
);
var count = pipe(number(), integer("write a whole number"), minValue(0, "write a number from 0 on"));
var limit = union(
  [count, pipe(string(), regex(percentPattern))],
  "write a number of devices, or a share such as 2%"
);
var text2 = pipe(string(), trim(), nonEmpty("must not be empty"));
var instant = pipe(
  string("write a time such as 2026-05-01T12:00:00Z"),
  regex(
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/,
    "write a time such as 2026-05-01T12:00:00Z, or a date"
  ),
  check((value) => !Number.isNaN(Date.parse(value)), "there is no such time")
);
var timeOfDay = pipe(
  string('write a time of day such as "02:00", in quotes'),
  regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time of day such as "02:00"')
);
function isTimeZone(name3) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name3 }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
var dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
var stage = strictObject({
  branch: text2,
  after: optional(text2),
  review: optional(picklist(["required", "none"], "write required or none")),
  enroll: optional(picklist(["in-git", "none"], "write in-git or none")),
  waves: optional(
    pipe(
      array(
        pipe(
          string('write a step such as "1 per device type" or 10%'),
          regex(
            /^([1-9]\d{0,5} per device type|(100|\d{1,2})(\.\d+)?%)$/,
            'write a step such as "1 per device type" or 10%'
          )
        )
      ),
      minLength(1, "write at least one wave")
    )
  ),
  gate: optional(
    strictObject({
      soak: optional(duration),
      "max-failures": optional(limit),
      "min-success": optional(percent),
      "max-pending": optional(limit),
      "facts-younger-than": optional(duration)
    })
  ),
  window: optional(
    strictObject({
      days: optional(pipe(array(picklist(dayNames, "write days as mon, tue, …")), minLength(1))),
      from: timeOfDay,
      to: timeOfDay,
      "time-zone": pipe(
        text2,
        check(
          (name3) => name3 === "device" || isTimeZone(name3),
          'write "device" or a time zone such as Europe/Zurich'
        )
      )
    })
  ),
  budget: optional(
    strictObject({
      devices: optional(count),
      "per-site": optional(percent),
      "device-types": optional(count),
      missing: optional(limit),
      retire: optional(count)
    })
  ),
  "allow-empty": optional(boolean())
});
var policySchema = strictObject({
  server: optional(
    strictObject({
      type: optional(picklist(["mender", "hawkbit"], "write mender or hawkbit")),
      url: pipe(
        text2,
        regex(
          /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
          "write the server's URL, such as https://ota.example.com"
        )
      )
    })
  ),
  stages: optional(
    record(
      pipe(
        string(),
        regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "name a stage with lower-case letters, digits and dashes")
      ),
      stage
    )
  ),
  freeze: nullish(strictObject({ reason: text2, until: optional(instant) })),
  "known-bad": nullish(array(text2)),
  retry: nullish(
    record(
      pipe(
        string(),
        regex(
          /^[^\s]+\/[0-9a-f]{12}\/[0-9a-f]{12}$/,
          "name a rollout as a tick does: stage/digest/commit, with 12 hex digits each"
        )
      ),
      pipe(
        number(),
        integer("write a whole number"),
        minValue(1),
        maxValue(999, "attempts go up to 999")
      )
    )
  ),
  emergency: nullish(strictObject({ stage: text2, release: text2, reason: text2, until: instant }))
});

// src/fleet/policy-values.ts
function waveStepOf(text3) {
  return text3.endsWith("%") ? { kind: "share", share: shareOf(text3) } : { kind: "per-device-type", count: Number.parseInt(text3, 10) };
}
function limitOf(value) {
  return typeof value === "number" ? { kind: "count", count: value } : { kind: "share", share: shareOf(value) };
}
function shareOf(percent2) {
  return Number(percent2.slice(0, -1)) / 100;
}
function minuteOf(timeOfDay2) {
  const [hour = 0, minute = 0] = timeOfDay2.split(":").map(Number);
  return hour * 60 + minute;
}

// src/fleet/policy-problems.ts
function problemsOf({ value, ...parsed3 }, file) {
  const stages = Object.entries(value.stages ?? {});
  const problem = (path, message) => ({
    file,
    ...parsed3.locate(path),
    message: `${path.join(".")}: ${message}`
  });
  const problems = [];
  const byBranch = /* @__PURE__ */ new Map();
  for (const [name3, stage2] of stages) {
    const other = byBranch.get(stage2.branch);
    if (other !== void 0) {
      const message = `stage ${other} has the branch ${stage2.branch} already: its devices would be in two stages`;
      problems.push(problem(["stages", name3, "branch"], message));
    }
    byBranch.set(stage2.branch, name3);
    const { after } = stage2;
    if (after !== void 0 && !Object.hasOwn(value.stages ?? {}, after))
      problems.push(problem(["stages", name3, "after"], `there is no stage ${after}`));
    else if (after !== void 0 && isInCircle(name3, value.stages ?? {}))
      problems.push(problem(["stages", name3, "after"], "the stages wait for each other in a circle"));
    for (const message of waveProblems(stage2.waves ?? [], name3))
      problems.push(problem(message.path, message.text));
    const { window } = stage2;
    if (window && window.from === window.to)
      problems.push(problem(["stages", name3, "window", "to"], "the window ends when it begins"));
  }
  const { emergency } = value;
  if (emergency && value.stages && !Object.hasOwn(value.stages, emergency.stage))
    problems.push(problem(["emergency", "stage"], `there is no stage ${emergency.stage}`));
  return problems;
}
function warningsOf({ value, ...parsed3 }, file) {
  return Object.entries(value.stages ?? {}).flatMap(([name3, stage2]) => {
    const warning = (path, message) => [
      {
        stage: name3,
        file,
        ...parsed3.locate(["stages", name3, ...path]),
        message: `stages.${name3}.${path.join(".")}: ${message}`
      }
    ];
    if (!stage2.window) return [];
    const minutes = (minuteOf(stage2.window.to) - minuteOf(stage2.window.from) + 24 * 60) % (24 * 60);
    return [
      ...warning(
        ["window"],
        "at its end the next run of schedule-updates takes back what no device has begun: run it then, for until then a device may begin"
      ),
      ...minutes < usualScheduleMinutes ? warning(
        ["window"],
        `it is open for ${minutes} min: a schedule that runs every ${usualScheduleMinutes} min may never run in it. Make it longer, or schedule a run inside it`
      ) : []
    ];
  });
}
var usualScheduleMinutes = 15;
function isInCircle(name3, stages) {
  let at2 = stages[name3]?.after;
  for (let steps = 0; at2 !== void 0 && steps <= Object.keys(stages).length; steps++) {
    if (at2 === name3) return true;
    at2 = stages[at2]?.after;
  }
  return false;
}
function waveProblems(steps, stage2) {
  const problems = [];
  let before = 0;
  for (const [index, text3] of steps.entries()) {
    const step = waveStepOf(text3);
    const path = ["stages", stage2, "waves", index];
    if (step.kind === "per-device-type") {
      if (index > 0) problems.push({ path, text: `"${text3}" can only be the first wave` });
    } else if (step.share <= before) {
      problems.push({ path, text: `${text3} is not more than the wave before: shares add up to 100%` });
    } else {
      before = step.share;
    }
  }
  if (steps.length > 0 && before !== 1)
    problems.push({ path: ["stages", stage2, "waves"], text: "the last wave must be 100%" });
  return problems;
}

// src/fleet/policy.ts
var policyFileName = "fleet.yml";
async function readFleetPolicy(folder) {
  const path = join2(folder, policyFileName);
  const name3 = displayName(path);
  if (!existsSync3(folder))
    throw new Failure(
      "file-missing",
      `there is no folder ${folder}: give the fleet repository's as \`fleet\``
    );
  const problem = await leadsOut(folder, path);
  failOn(problem ? [problem] : []);
  return existsSync3(path) ? parseFleetPolicy(await readText(path, 4 << 20, name3), name3) : noPolicy(name3);
}
function parseFleetPolicy(text3, file) {
  const isEmpty = text3.split("\n").every((line) => /^\s*(#.*|---\s*)?$/.test(line));
  const parsed3 = parseYaml(isEmpty ? "{}" : text3, file, policySchema);
  const { value } = parsed3;
  const problems = problemsOf(parsed3, file);
  failOn(problems);
  return {
    server: value.server && {
      type: value.server.type ?? "mender",
      url: value.server.url.replace(/\/+$/, "")
    },
    stages: value.stages && new Map(
      Object.entries(value.stages).map(([name3, stage2]) => {
        const at2 = { file, ...parsed3.locate(["stages", name3]) };
        return [name3, { ...stageOf(name3, stage2), at: at2 }];
      })
    ),
    switches: switchesOf(value),
    warnings: warningsOf(parsed3, file),
    at: (path) => ({ file, ...parsed3.locate(path) })
  };
}
function defaultStage(branch) {
  return { ...stageOf(branch, { branch }), mayBeEmpty: false };
}
function noPolicy(file) {
  return {
    server: void 0,
    stages: void 0,
    switches: { freeze: void 0, knownBad: /* @__PURE__ */ new Set(), retry: /* @__PURE__ */ new Map(), emergency: void 0 },
    warnings: [],
    at: () => ({ file, line: 1, column: 1 })
  };
}
function stageOf(name3, file) {
  const gate = file.gate ?? {};
  const budget = file.budget ?? {};
  return {
    name: name3,
    branch: file.branch,
    after: file.after,
    needsReview: file.review === void 0 ? file.after !== void 0 : file.review === "required",
    isEnrolling: file.enroll === "in-git",
    waves: (file.waves ?? ["1 per device type", "100%"]).map(waveStepOf),
    gate: {
      soakMs: parseDuration(gate.soak ?? "24h") ?? 0,
      maxFailures: limitOf(gate["max-failures"] ?? 0),
      minSuccess: shareOf(gate["min-success"] ?? "100%"),
      maxPending: gate["max-pending"] === void 0 ? void 0 : limitOf(gate["max-pending"]),
      factsYoungerThanMs: parseDuration(gate["facts-younger-than"] ?? "9h") ?? 0
    },
    window: file.window && {
      days: (file.window.days ?? dayNames).map((day) => dayNames.indexOf(day)),
      fromMinute: minuteOf(file.window.from),
      toMinute: minuteOf(file.window.to),
      timeZone: file.window["time-zone"]
    },
    budget: {
      devices: budget.devices,
      perSite: budget["per-site"] === void 0 ? void 0 : shareOf(budget["per-site"]),
      deviceTypes: budget["device-types"],
      missing: budget.missing === void 0 ? void 0 : limitOf(budget.missing),
      retire: budget.retire ?? 0
    },
    mayBeEmpty: file["allow-empty"] === true
  };
}
function inOurSpelling(entry) {
  const digits = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(entry)?.[1];
  return digits === void 0 ? entry : `sha256:${digits.toLowerCase()}`;
}
function switchesOf(value) {
  return {
    freeze: value.freeze ? { reason: value.freeze.reason, until: value.freeze.until ? new Date(value.freeze.until) : void 0 } : void 0,
    knownBad: new Set((value["known-bad"] ?? []).map(inOurSpelling)),
    retry: new Map(Object.entries(value.retry ?? {})),
    emergency: value.emergency ? { ...value.emergency, until: new Date(value.emergency.until) } : void 0
  };
}

// src/fleet/architecture.ts
var narrow = /^(arm|armel|armhf|armv[5-7]\w*|i[3-6]86|x86|ia32|mips|mipsel|powerpc|riscv32|m68k|sh4|hppa|armv8l)$/i;
function is32Bit(architecture) {
  return narrow.test(architecture.trim());
}

// src/fleet/configuration-fingerprint.ts
import { createHmac as createHmac2 } from "node:crypto";
var configurationKeyVariable = "DROVER_CONFIGURATION_KEY";
var minKeyLength = 20;
function fingerprintOf(canonical, digest, hasSecrets) {
  if (!hasSecrets) return { fingerprint: digest, salt: void 0 };
  const key = process.env[configurationKeyVariable]?.trim();
  if (!key) return { fingerprint: void 0, salt: void 0 };
  if (key.length < minKeyLength)
    throw new Failure(
      "bad-input",
      `${configurationKeyVariable} has fewer than ${minKeyLength} characters: make one with openssl rand -hex 32`
    );
  const keyed = (use) => createHmac2("sha256", key).update(`drover configuration ${use}\0${canonical}`).digest("hex");
  return { fingerprint: `hmac-sha256:${keyed("fingerprint")}`, salt: keyed("salt") };
}

// src/fleet/configuration-schema.ts
var known = /* @__PURE__ */ new Set([
  "$schema",
  "$id",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "type",
  "enum",
  "const",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "required",
  "properties",
  "patternProperties",
  "additionalProperties",
  "minProperties",
  "maxProperties",
  "allOf",
  "anyOf"
]);
function unknownIn(schema, path = "") {
  if (typeof schema === "boolean") return [];
  if (!isRecord(schema)) return [path || "the schema"];
  const inner = (key, value) => {
    const at2 = path === "" ? key : `${path}.${key}`;
    if (key === "properties" || key === "patternProperties")
      return isRecord(value) ? Object.entries(value).flatMap(([name3, of]) => [
        ...key === "patternProperties" && !patternOf(name3) ? [`${at2}.${name3}`] : [],
        ...unknownIn(of, `${at2}.${name3}`)
      ]) : [at2];
    if (key === "allOf" || key === "anyOf")
      return Array.isArray(value) ? value.flatMap((of, index) => unknownIn(of, `${at2}.${index}`)) : [at2];
    if (key === "additionalProperties") return unknownIn(value, at2);
    return known.has(key) && (key !== "pattern" || patternOf(value)) ? [] : [at2];
  };
  return Object.entries(schema).flatMap(([key, value]) => inner(key, value));
}
function problemsWith(data, schema, key) {
  if (schema === true) return [];
  if (!isRecord(schema)) return [{ key, message: "is not allowed" }];
  const found = isRecord(data) ? ofMapping(data, schema) : ofValue(data, schema).map((message) => ({ key, message }));
  const all = listOf(schema["allOf"]).flatMap((of) => problemsWith(data, of, key));
  const any = listOf(schema["anyOf"]);
  const isNone = any.length > 0 && any.every((of) => problemsWith(data, of, key).length > 0);
  const types = typesOf(schema["type"]);
  return [
    ...types && !types.some((type) => isOfType(data, type)) ? [{ key, message: `must be ${types.join(" or ")}` }] : [],
    ...found,
    ...all,
    ...isNone ? [{ key, message: "is none of what the schema allows" }] : []
  ];
}
function ofMapping(data, schema) {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const patterns = isRecord(schema["patternProperties"]) ? Object.entries(schema["patternProperties"]) : [];
  const rest = schema["additionalProperties"];
  const missing = listOf(schema["required"]).flatMap(
    (name3) => typeof name3 === "string" && !Object.hasOwn(data, name3) ? [{ key: void 0, message: `has no ${name3}` }] : []
  );
  const wrong2 = Object.entries(data).flatMap(([name3, value]) => {
    const own = Object.hasOwn(properties, name3) ? [properties[name3]] : [];
    const matching = patterns.filter(([pattern]) => patternOf(pattern)?.test(name3)).map(([, of]) => of);
    const schemas2 = [...own, ...matching];
    if (schemas2.length === 0 && rest === false) return [{ key: name3, message: "is no key of the schema" }];
    if (schemas2.length === 0 && rest !== void 0) return problemsWith(value, rest, name3);
    return schemas2.flatMap((of) => problemsWith(value, of, name3));
  });
  const count2 = Object.keys(data).length;
  const [least, most] = [numberIn(schema, "minProperties", 0), numberIn(schema, "maxProperties", Infinity)];
  const size = count2 < least || count2 > most ? [{ key: void 0, message: `has ${count2} keys` }] : [];
  return [...missing, ...wrong2, ...size];
}
function ofValue(data, schema) {
  const problems = [];
  const allowed = "const" in schema ? [schema["const"]] : Array.isArray(schema["enum"]) ? listOf(schema["enum"]) : void 0;
  if (allowed && !allowed.includes(data))
    problems.push(`must be ${allowed.map((one) => JSON.stringify(one)).join(" or ")}`);
  if (typeof data === "string") {
    const { length } = Array.from(data);
    if (length < numberIn(schema, "minLength", 0)) problems.push("is too short");
    if (length > numberIn(schema, "maxLength", Infinity)) problems.push("is too long");
    if (patternOf(schema["pattern"])?.test(data) === false)
      problems.push(`must match ${String(schema["pattern"])}`);
  }
  if (typeof data === "number") {
    if (data < numberIn(schema, "minimum", -Infinity)) problems.push("is too small");
    if (data > numberIn(schema, "maximum", Infinity)) problems.push("is too large");
  }
  return problems;
}
function isOfType(data, type) {
  if (type === "object") return isRecord(data);
  if (type === "array") return Array.isArray(data);
  if (type === "null") return data === null;
  return type === "integer" ? Number.isInteger(data) : typeof data === type;
}
function typesOf(type) {
  if (type === void 0) return void 0;
  return (Array.isArray(type) ? listOf(type) : [type]).filter((one) => typeof one === "string");
}
var listOf = (value) => Array.isArray(value) ? value : [];
var numberIn = (schema, name3, otherwise) => {
  const value = schema[name3];
  return typeof value === "number" ? value : otherwise;
};
function patternOf(pattern) {
  if (typeof pattern !== "string" || pattern.length > 500) return void 0;
  try {
    return new RegExp(pattern, "u");
  } catch {
    return void 0;
  }
}

// src/fleet/template-files.ts
import { readdir as readdir2 } from "node:fs/promises";
import { join as join3, relative as relative2 } from "node:path";
var templateFolders = ["templates", "roles/apply_configuration/templates"];
var maxFiles = 500;
var maxBytes3 = 256 << 10;
async function readTemplateFiles(root) {
  const files = /* @__PURE__ */ new Map();
  const problems = [];
  for (const folder of templateFolders) {
    const paths = await filesBelow(join3(root, folder));
    if (paths.length > maxFiles) {
      const file = displayName(join3(root, folder));
      problems.push({ file, line: 1, column: 1, message: `has more than ${maxFiles} templates` });
    }
    for (const path of paths.slice(0, maxFiles)) {
      const name3 = relative2(join3(root, folder), path);
      const problem = await leadsOut(root, path);
      if (problem) problems.push(problem);
      else if (!files.has(name3)) {
        const file = displayName(path);
        files.set(name3, { text: await readText(path, maxBytes3, file), file });
      }
    }
  }
  return { files, problems };
}
async function filesBelow(folder) {
  try {
    const entries = await readdir2(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => join3(entry.parentPath, entry.name)).sort();
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
    throw error;
  }
}

// src/fleet/template-tree.ts
var TemplateProblem = class extends Error {
  name = "TemplateProblem";
  isUnsupported;
  /** Whether it is that something has no value. */
  isUndefined;
  /** Whether nothing is wrong, but for a secret that this run doesn't have. */
  isUnknown = false;
  spot;
  constructor(message, spot, isUnsupported = false, isUndefined = false) {
    super(message);
    this.isUndefined = isUndefined;
    this.spot = { line: spot.line, column: spot.column };
    this.isUnsupported = isUnsupported;
  }
};
var UnknownSecret = class extends TemplateProblem {
  isUnknown = true;
};
function unsupported(what, spot) {
  throw new TemplateProblem(`${what} in templates is not supported here`, spot, true);
}

// src/fleet/template-values.ts
var Float = class {
  number;
  constructor(number3) {
    this.number = number3;
  }
};
var KeptText = class {
  text;
  constructor(text3) {
    this.text = text3;
  }
};
var Undefined = class {
  error;
  /** Jinja2 prints nothing for an `if` without `else`, where anything else that is undefined is an error. */
  printsNothing;
  constructor(error, printsNothing = false) {
    this.error = error;
    this.printsNothing = printsNothing;
  }
};
var undefinedFor = (what, spot) => new Undefined(new TemplateProblem(what, spot, false, true));
var maxText = 1 << 20;
function valueOf(given) {
  if (given instanceof Undefined) throw given.error;
  return given instanceof KeptText ? given.text : given;
}
function fromData(data, spot) {
  if (data === null || typeof data === "boolean" || typeof data === "string") return data;
  if (typeof data === "number") {
    if (!Number.isFinite(data)) return unsupported("this number", spot);
    return Number.isInteger(data) ? data : new Float(data);
  }
  if (Array.isArray(data)) return data.map((item) => fromData(item, spot));
  if (typeof data === "object")
    return new Map(Object.entries(data).map(([key, inner]) => [key, fromData(inner, spot)]));
  return unsupported("this value", spot);
}
function toData(value) {
  if (value instanceof Float) return value.number;
  if (isList(value)) return value.map(toData);
  return isMapping(value) ? Object.fromEntries([...value].map(([key, inner]) => [key, toData(inner)])) : value;
}
var isList = (value) => Array.isArray(value);
var isMapping = (value) => value instanceof Map;
function numberOf(value) {
  if (typeof value === "boolean") return Number(value);
  return value instanceof Float ? value.number : typeof value === "number" ? value : void 0;
}
function isTrue(value) {
  if (isList(value)) return value.length > 0;
  if (isMapping(value)) return value.size > 0;
  return value instanceof Float ? value.number !== 0 : Boolean(value);
}
function textOf2(value, spot) {
  const text3 = typeof value === "string" ? value : representation(value, spot);
  return text3.length > maxText ? unsupported(`a text of more than ${maxText} characters`, spot) : text3;
}
function representation(value, spot) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (value instanceof Float) return floatText(value.number);
  if (typeof value === "string") return quoted(value, spot);
  if (isList(value)) return `[${value.map((item) => representation(item, spot)).join(", ")}]`;
  const entries = keysOf(value, spot).map((key) => {
    const inner = value.get(key) ?? null;
    return `${quoted(key, spot)}: ${representation(inner, spot)}`;
  });
  return `{${entries.join(", ")}}`;
}
function floatText(number3) {
  const size = Math.abs(number3);
  if (number3 === 0) return Object.is(number3, -0) ? "-0.0" : "0.0";
  if (size >= 1e-4 && size < 1e16) return Number.isInteger(number3) ? `${number3}.0` : String(number3);
  const [digits = "", exponent = ""] = number3.toExponential().split("e");
  const [sign, power] = [exponent[0] ?? "+", exponent.slice(1).padStart(2, "0")];
  return `${digits}e${sign}${power}`;
}
function quoted(text3, spot) {
  if (/[^\x20-\x7e\t\n\r\u00a1-\u00ac\u00ae-\u0377]/.test(text3))
    unsupported("printing this text within a list or mapping", spot);
  const quote = text3.includes("'") && !text3.includes('"') ? '"' : "'";
  const inner = text3.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("	", "\\t");
  return `${quote}${quote === "'" ? inner.replaceAll("'", "\\'") : inner}${quote}`;
}
function keysOf(mapping, spot) {
  const keys = [...mapping.keys()];
  const odd = keys.find((key) => /^[-+.]?[0-9]|^(true|false|null|~|)$|^\.(inf|nan)$/i.test(key));
  return odd === void 0 ? keys : unsupported(`the key ${odd}, which may be no text,`, spot);
}
function areEqual(a, b) {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== void 0 || right !== void 0) return left === right;
  if (isList(a))
    return isList(b) && a.length === b.length && a.every((item, at2) => areEqual(item, b[at2] ?? null));
  if (isMapping(a)) {
    if (!isMapping(b) || a.size !== b.size) return false;
    return [...a].every(([key, inner]) => b.has(key) && areEqual(inner, b.get(key) ?? null));
  }
  return a === b;
}
function compare(a, b, spot) {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== void 0 && right !== void 0) return left - right;
  if (typeof a === "string" && typeof b === "string") return byCodePoints(a, b);
  if (isList(a) && isList(b)) return unsupported("an order of lists", spot);
  throw new TemplateProblem(`${kindOf(a)} and ${kindOf(b)} have no order`, spot);
}
function kindOf(value) {
  if (value === null) return "none";
  if (typeof value === "boolean") return "true or false";
  if (typeof value === "string") return "a text";
  if (isList(value)) return "a list";
  return isMapping(value) ? "a mapping" : "a number";
}

// src/fleet/template-json.ts
function jsonText(value, form2, depth = 0) {
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (value instanceof Float) return floatText(value.number);
  if (typeof value === "string") return textOf3(value, form2);
  if (isList(value))
    return bracketed(
      "[",
      value.map((item) => jsonText(item, form2, depth + 1)),
      "]",
      form2,
      depth
    );
  if (!isMapping(value)) return "null";
  const entries = form2.isSorted ? [...value].sort(([a], [b]) => byCodePoints(a, b)) : [...value];
  const parts = entries.map(([key, inner]) => `${textOf3(key, form2)}: ${jsonText(inner, form2, depth + 1)}`);
  return bracketed("{", parts, "}", form2, depth);
}
function bracketed(open, parts, close, { indent }, depth) {
  if (parts.length === 0) return open + close;
  if (indent === void 0) return `${open}${parts.join(", ")}${close}`;
  const [inner, outer] = [depth + 1, depth].map((level) => `
${" ".repeat(indent * level)}`);
  return `${open}${inner}${parts.join(`,${inner}`)}${outer}${close}`;
}
function textOf3(text3, { isAscii }) {
  const plain3 = JSON.stringify(text3);
  return isAscii ? plain3.replace(/[\u007f-\uffff]/g, escaped) : plain3;
}
var escaped = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;

// src/fleet/template-filters.ts
var plain2 = (work) => (call) => {
  argumentsOf(call, []);
  return work(valueOf(call.of), call.spot);
};
var ofText = (work) => plain2((value, spot) => work(textOf2(value, spot), spot));
var strip2 = (text3) => text3.replace(/^[\s\u001c-\u001f\u0085]+|[\s\u001c-\u001f\u0085]+$/g, "");
var filters = {
  default: byDefault,
  d: byDefault,
  mandatory,
  lower: ofText((text3) => text3.toLowerCase()),
  upper: ofText((text3) => text3.toUpperCase()),
  trim: ofText(strip2),
  string: ofText((text3) => new KeptText(text3)),
  replace,
  join: join4,
  length: plain2(lengthOf),
  count: plain2(lengthOf),
  first: plain2((value, spot) => endOf(itemsOf(value, spot), 0, spot)),
  last: plain2((value, spot) => endOf(itemsOf(value, spot), -1, spot)),
  list: plain2(itemsOf),
  unique: plain2(
    (value, spot) => itemsOf(value, spot).filter((item, at2, all) => all.findIndex((other) => areEqual(other, item)) === at2)
  ),
  int,
  bool: plain2(bool),
  ternary,
  to_json: json,
  from_json: plain2(fromJson),
  b64encode: ofText((text3) => Buffer.from(text3).toString("base64")),
  b64decode: plain2(b64decode),
  combine,
  dict2items: plain2(
    (value, spot) => isMapping(value) ? keysOf(value, spot).map(
      (key) => /* @__PURE__ */ new Map([
        ["key", key],
        ["value", value.get(key) ?? null]
      ])
    ) : wrong(`dict2items needs a mapping, and this is ${kindOf(value)}`, spot)
  )
};
function applyFilter(name3, call) {
  const filter = filterOf(name3);
  return filter ? filter(call) : unsupported(`the filter ${name3}`, call.spot);
}
var isFilter = (name3) => filterOf(name3) !== void 0;
function filterOf(name3) {
  const short = name3.replace(/^ansible\.builtin\./, "");
  return Object.hasOwn(filters, short) ? filters[short] : void 0;
}
function argumentsOf({ args, named, spot }, names3) {
  if (args.length > names3.length) unsupported("so many arguments", spot);
  for (const name3 of named.keys())
    if (!names3.some((known2) => known2 === name3)) unsupported(`the argument ${name3}`, spot);
  const found = {};
  for (const [index, name3] of names3.entries()) {
    const given = args[index] ?? (index < args.length ? null : named.get(name3));
    if (given !== void 0) found[name3] = given;
  }
  return found;
}
function byDefault(call) {
  const { default_value: fallback = "", boolean: boolean2 = false } = argumentsOf(call, ["default_value", "boolean"]);
  if (call.of instanceof Undefined) return fallback;
  return isTrue(valueOf(boolean2)) && !isTrue(valueOf(call.of)) ? fallback : call.of;
}
function mandatory(call) {
  const { msg } = argumentsOf(call, ["msg"]);
  if (!(call.of instanceof Undefined)) return call.of;
  return msg === void 0 ? valueOf(call.of) : wrong(textOf2(valueOf(msg), call.spot), call.spot);
}
function replace(call) {
  const { old: from, new: by, ...more } = argumentsOf(call, ["old", "new", "count"]);
  if (from === void 0 || by === void 0 || "count" in more)
    return unsupported("replace without a text, and what takes its place,", call.spot);
  const [text3, old, now] = [call.of, from, by].map((given) => textOf2(valueOf(given), call.spot));
  if (text3 === void 0 || !old || now === void 0) return unsupported("replacing nothing", call.spot);
  const parts = text3.split(old);
  if (text3.length + (parts.length - 1) * now.length > maxText)
    unsupported(`a text of more than ${maxText} characters`, call.spot);
  return parts.join(now);
}
function join4(call) {
  const { d = "" } = argumentsOf(call, ["d"]);
  const texts = itemsOf(valueOf(call.of), call.spot).map((item) => textOf2(item, call.spot));
  const between = textOf2(valueOf(d), call.spot);
  const size = texts.reduce((sum, text3) => sum + text3.length + between.length, 0);
  return size > maxText ? unsupported(`a text of more than ${maxText} characters`, call.spot) : texts.join(between);
}
function itemsOf(value, spot) {
  if (isList(value)) return value;
  if (isMapping(value)) return keysOf(value, spot);
  return typeof value === "string" ? Array.from(value) : wrong(`${kindOf(value)} has no items`, spot);
}
function endOf(items, at2, spot) {
  const item = items.at(at2);
  return item === void 0 ? undefinedFor("there is no first or last item of nothing", spot) : item;
}
function lengthOf(value, spot) {
  if (isMapping(value)) return value.size;
  return itemsOf(value, spot).length;
}
function int(call) {
  const { default: fallback = 0 } = argumentsOf(call, ["default"]);
  const value = valueOf(call.of);
  const given = numberOf(value);
  const text3 = typeof value === "string" ? strip2(value) : "";
  if (/[^\x20-\x7e]|_|inf|nan/i.test(text3)) unsupported("int of this text", call.spot);
  const number3 = given ?? (/^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$/i.test(text3) ? Number(text3) : void 0);
  if (number3 === void 0) return fallback;
  const whole3 = Math.trunc(number3) || 0;
  return Number.isSafeInteger(whole3) ? whole3 : unsupported("a number of this size", call.spot);
}
function bool(value) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return ["yes", "on", "1", "true"].includes(value.toLowerCase());
  return numberOf(value) === 1;
}
function ternary(call) {
  const { true_val: yes, false_val: no, ...more } = argumentsOf(call, ["true_val", "false_val", "none_val"]);
  if (yes === void 0 || no === void 0 || "none_val" in more)
    return unsupported("ternary without two values", call.spot);
  return isTrue(valueOf(call.of)) ? yes : no;
}
function json(call) {
  const {
    sort_keys: sort = false,
    indent = null,
    ensure_ascii: ascii = true
  } = argumentsOf(call, ["sort_keys", "indent", "ensure_ascii"]);
  if (call.args.length > 0) unsupported("an argument without its name", call.spot);
  const width = valueOf(indent);
  if (width !== null && (typeof width !== "number" || width < 0 || width > 16))
    return unsupported("this indent", call.spot);
  const text3 = jsonText(valueOf(call.of), {
    isSorted: isTrue(valueOf(sort)),
    indent: width ?? void 0,
    isAscii: isTrue(valueOf(ascii))
  });
  return new KeptText(
    text3.length > maxText ? unsupported(`a text of more than ${maxText} characters`, call.spot) : text3
  );
}
function fromJson(value, spot) {
  if (typeof value !== "string") return unsupported(`from_json of ${kindOf(value)}`, spot);
  if (/[0-9][.eE]|[0-9]{16}/.test(value.replace(/"(?:[^"\\]|\\.)*"/g, "")))
    unsupported("from_json of these numbers", spot);
  try {
    return fromData(JSON.parse(value), spot);
  } catch (error) {
    if (error instanceof TemplateProblem) throw error;
    return wrong("from_json is given something that is no JSON", spot);
  }
}
function b64decode(value, spot) {
  if (typeof value !== "string" || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    return wrong("b64decode is given something that is no base64", spot);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, "base64"));
  } catch {
    return wrong("b64decode gives no text", spot);
  }
}
function combine(call) {
  for (const name3 of call.named.keys())
    if (name3 !== "recursive") unsupported(`combine with ${name3}`, call.spot);
  const isDeep = isTrue(valueOf(call.named.get("recursive") ?? false));
  const mappings = [call.of, ...call.args].flatMap((given) => {
    const value = valueOf(given);
    const values = isList(value) ? value : [value];
    return values.filter((one) => one !== null && one !== "None" && one !== "null");
  });
  return mappings.reduceRight((high, low) => {
    if (!isMapping(low)) return wrong(`combine needs mappings, and this is ${kindOf(low)}`, call.spot);
    return merged(low, high, isDeep);
  }, /* @__PURE__ */ new Map());
}
function merged(low, high, isDeep) {
  const result = new Map(low);
  if (low.size === 0 || areEqual(low, high)) return new Map(high.size === 0 ? low : high);
  for (const [key, value] of high) {
    const before = result.get(key) ?? null;
    result.set(key, isDeep && isMapping(before) && isMapping(value) ? merged(before, value, true) : value);
  }
  return result;
}
function wrong(message, spot) {
  throw new TemplateProblem(message, spot);
}

// src/fleet/template-tests.ts
var ofNothing = {
  none: (value) => value === null,
  string: (value) => typeof value === "string",
  mapping: isMapping,
  iterable: (value) => typeof value === "string" || isMapping(value) || isList(value),
  sequence: (value) => typeof value === "string" || isMapping(value) || isList(value),
  boolean: (value) => typeof value === "boolean",
  number: (value) => numberOf(value) !== void 0,
  integer: (value) => typeof value === "number",
  true: (value) => value === true,
  false: (value) => value === false,
  truthy: isTrue,
  falsy: (value) => !isTrue(value),
  odd: (value, spot) => wholeOf(value, spot) % 2 !== 0,
  even: (value, spot) => wholeOf(value, spot) % 2 === 0
};
var ofOne = {
  eq: areEqual,
  equalto: areEqual,
  ne: (value, other) => !areEqual(value, other),
  lt: (value, other, spot) => compare(value, other, spot) < 0,
  gt: (value, other, spot) => compare(value, other, spot) > 0,
  in: isIn,
  divisibleby: (value, other, spot) => {
    const by = wholeOf(other, spot);
    if (by === 0) throw new TemplateProblem("nothing is divisible by 0", spot);
    return wholeOf(value, spot) % by === 0;
  }
};
var kinds = /* @__PURE__ */ new Set(["none", "string", "mapping", "boolean", "number", "integer", "true", "false"]);
function isTest(name3, args) {
  if (name3 === "defined" || name3 === "undefined") return args === 0;
  return Object.hasOwn(args === 0 ? ofNothing : ofOne, name3) && args < 2;
}
function applyTest(name3, given, args, spot) {
  if (name3 === "defined") return !(given instanceof Undefined);
  if (name3 === "undefined") return given instanceof Undefined;
  if (given instanceof Undefined && kinds.has(name3)) return false;
  const value = valueOf(given);
  const [other] = args;
  if (other === void 0) return ofNothing[name3]?.(value, spot) ?? unsupported(`the test ${name3}`, spot);
  return ofOne[name3]?.(value, valueOf(other), spot) ?? unsupported(`the test ${name3}`, spot);
}
function isIn(item, container, spot) {
  if (typeof container === "string") {
    if (typeof item !== "string") throw new TemplateProblem("only a text can be in a text", spot);
    return container.includes(item);
  }
  if (isMapping(container)) {
    if (isList(item) || isMapping(item)) throw new TemplateProblem(`${kindOf(item)} is no key`, spot);
    keysOf(container, spot);
    return typeof item === "string" && container.has(item);
  }
  return itemsOf(container, spot).some((other) => areEqual(other, item));
}
var methodsOfMappings = /* @__PURE__ */ new Set([
  "clear",
  "copy",
  "fromkeys",
  "get",
  "items",
  "keys",
  "pop",
  "popitem",
  "setdefault",
  "update",
  "values"
]);
function callMethod(of, name3, args, spot) {
  const [first, second, ...more] = args.map(valueOf);
  if (isMapping(of) && first === void 0) {
    const keys = keysOf(of, spot);
    if (name3 === "keys") return keys;
    if (name3 === "values") return [...of.values()];
    if (name3 === "items") return keys.map((key) => [key, of.get(key) ?? null]);
  }
  if (isMapping(of) && name3 === "get" && typeof first === "string" && more.length === 0)
    return of.get(first) ?? second ?? null;
  if (typeof of === "string" && typeof first === "string" && second === void 0) {
    if (name3 === "startswith") return of.startsWith(first);
    if (name3 === "endswith") return of.endsWith(first);
    if (name3 === "split" && first !== "") return of.split(first);
  }
  return unsupported(`the method ${name3}()`, spot);
}
function rangeOf(args, spot) {
  const numbers = args.map((arg) => wholeOf(valueOf(arg), spot));
  const [start3, end2] = numbers.length === 1 ? [0, numbers[0]] : numbers;
  if (start3 === void 0 || end2 === void 0 || numbers.length > 2) return unsupported("this range", spot);
  if (end2 - start3 > 1e4) unsupported("a range of more than 10000", spot);
  return Array.from({ length: Math.max(0, end2 - start3) }, (_, index) => start3 + index);
}
function wholeOf(value, spot) {
  if (typeof value === "number" || typeof value === "boolean") return Number(value);
  if (value instanceof Float) return unsupported("a number that is not whole here", spot);
  throw new TemplateProblem(`${kindOf(value)} is no whole number`, spot);
}

// src/fleet/template-arithmetic.ts
var maxItems = 1e5;
function operate(operator, left, right, spot) {
  if (operator === "~") return together(textOf2(left, spot), textOf2(right, spot), spot);
  if (operator === "+" && typeof left === "string" && typeof right === "string")
    return together(left, right, spot);
  if (operator === "+" && isList(left) && isList(right))
    return left.length + right.length > maxItems ? unsupported(`more than ${maxItems} items`, spot) : [...left, ...right];
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== void 0 && b !== void 0)
    return calculate(operator, a, b, isFloat(left) || isFloat(right), spot);
  const isPython = operator === "%" && typeof left === "string" || operator === "*" && [left, right].some((value) => typeof value === "string" || isList(value));
  if (isPython) return unsupported(`${kindOf(left)} ${operator} ${kindOf(right)}`, spot);
  throw new TemplateProblem(`${kindOf(left)} ${operator} ${kindOf(right)} has no meaning`, spot);
}
var isFloat = (value) => value instanceof Float;
function together(left, right, spot) {
  if (left.length + right.length > maxText) unsupported(`a text of more than ${maxText} characters`, spot);
  return left + right;
}
function calculate(operator, a, b, isFloating, spot) {
  if (b === 0 && ["/", "//", "%"].includes(operator)) throw new TemplateProblem("a division by 0", spot);
  if (operator === "/") return new Float(a / b);
  if (operator === "//" || operator === "%") {
    if (isFloating) return unsupported(`${operator} of numbers that are not whole`, spot);
    const floor = Math.floor(a / b);
    return whole2(operator === "//" ? floor : a - floor * b, spot);
  }
  const result = operator === "+" ? a + b : operator === "-" ? a - b : a * b;
  return isFloating ? new Float(result) : whole2(result, spot);
}
function whole2(number3, spot) {
  return Number.isSafeInteger(number3) ? number3 || 0 : unsupported("a number of this size", spot);
}

// src/fleet/template-evaluate.ts
var Evaluation = class {
  #around;
  constructor(around) {
    this.#around = around;
  }
  /** What an expression gives, and never what is undefined. Throws `TemplateProblem`. */
  value(expression) {
    return valueOf(this.given(expression));
  }
  /** What an expression gives. Throws `TemplateProblem`. */
  given(expression) {
    this.#around.step(expression);
    switch (expression.kind) {
      case "value":
        return expression.value;
      case "float":
        return new Float(expression.value);
      case "name":
        return this.#named(expression.name, expression);
      case "list":
        return expression.items.map((item) => this.value(item));
      case "mapping":
        return new Map(expression.entries.map(([key, value]) => [key, this.value(value)]));
      case "member":
      case "item":
        return this.#inner(expression);
      case "filter":
        return applyFilter(expression.name, {
          ...this.#arguments(expression),
          of: this.given(expression.of),
          spot: expression
        });
      case "test":
        return applyTest(
          expression.name,
          this.given(expression.of),
          this.#arguments(expression).args,
          expression
        );
      case "method":
        return callMethod(
          this.value(expression.of),
          expression.name,
          this.#arguments(expression).args,
          expression
        );
      case "call":
        return this.#called(expression);
      default:
        return this.#computed(expression);
    }
  }
  #computed(expression) {
    switch (expression.kind) {
      case "not":
        return !isTrue(this.value(expression.of));
      case "and":
      case "or": {
        const left = this.given(expression.left);
        return isTrue(valueOf(left)) === (expression.kind === "or") ? left : this.given(expression.right);
      }
      case "if":
        if (isTrue(this.value(expression.condition))) return this.given(expression.whenTrue);
        return expression.otherwise ? this.given(expression.otherwise) : withoutElse(expression);
      case "in":
        return isIn(this.value(expression.left), this.value(expression.right), expression);
      case "negative": {
        const value = this.value(expression.of);
        const number3 = numberOf(value);
        if (number3 === void 0) throw new TemplateProblem("only a number has a negative", expression);
        return value instanceof Float ? new Float(-number3) : 0 - number3;
      }
      case "operation":
        return operate(
          expression.operator,
          this.value(expression.left),
          this.value(expression.right),
          expression
        );
      case "comparison":
        return this.#compared(expression);
      default:
        return unsupported("this", expression);
    }
  }
  #compared({ first, rest }) {
    let left = this.value(first);
    for (const { operator, value } of rest) {
      const right = this.value(value);
      if (!holds(operator, left, right, value)) return false;
      left = right;
    }
    return true;
  }
  #named(name3, spot) {
    const { names: names3 } = this.#around;
    return this.#around.local(name3) ?? names3.value(name3, spot) ?? undefinedFor(`${name3} is not defined`, spot);
  }
  #inner(expression) {
    const of = this.given(expression.of);
    if (of instanceof Undefined) return of;
    const value = valueOf(of);
    const at2 = expression.kind === "member" ? expression.name : this.value(expression.at);
    if (isMapping(value) && typeof at2 === "string") {
      if (expression.kind === "member" && (methodsOfMappings.has(at2) || at2.startsWith("__")))
        return unsupported(`.${at2} (write ['${at2}'] for the key)`, expression);
      const inner = value.get(at2);
      if (inner !== void 0) return inner;
      return methodsOfMappings.has(at2) || at2.startsWith("__") ? unsupported(`['${at2}']`, expression) : undefinedFor(`there is no key ${at2}`, expression);
    }
    if (isList(value) && typeof at2 === "number") {
      const inner = value.at(at2);
      return inner === void 0 ? undefinedFor(`there is no item ${at2}`, expression) : inner;
    }
    return unsupported("this look-up", expression);
  }
  #arguments({ args, named }) {
    return {
      args: args.map((arg) => this.given(arg)),
      named: new Map([...named].map(([name3, arg]) => [name3, this.given(arg)]))
    };
  }
  #called(call) {
    const { args, named } = this.#arguments(call);
    const [what, name3, ...more] = args.map(valueOf);
    if (call.name === "range" && named.size === 0) return rangeOf(args, call);
    if (call.name !== "lookup") return unsupported(`the function ${call.name}()`, call);
    if (what !== "env" && what !== "ansible.builtin.env") return unsupported("any look-up but env", call);
    const fallback = named.get("default");
    if (typeof name3 !== "string" || more.length > 0 || named.size > (fallback === void 0 ? 0 : 1))
      return unsupported("any other form than lookup('env', 'NAME', default='…')", call);
    return this.#around.names.environment(
      name3,
      fallback === void 0 ? void 0 : textOf2(valueOf(fallback), call),
      call
    );
  }
};
function withoutElse(spot) {
  const message = "this has no value: the condition is false, and there is no else";
  return new Undefined(new TemplateProblem(message, spot, true, true), true);
}
function holds(operator, left, right, spot) {
  if (operator === "==") return areEqual(left, right);
  if (operator === "!=") return !areEqual(left, right);
  const order = compare(left, right, spot);
  if (operator === "<") return order < 0;
  if (operator === ">") return order > 0;
  return operator === "<=" ? order <= 0 : order >= 0;
}

// src/fleet/template-render.ts
var maxSteps = 2e5;
function renderParts(template, names3) {
  try {
    return new Rendering(names3).parts(template.body);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return unsupported("so much within each other", { line: 1, column: 1 });
  }
}
function joined(parts) {
  const start3 = { line: 1, column: 1 };
  const text3 = parts.map((part) => part === null ? "" : part instanceof KeptText ? part.text : textOf2(part, start3)).join("");
  return text3.length > maxText ? unsupported(`a result of more than ${maxText} characters`, start3) : text3;
}
var Rendering = class {
  #evaluation;
  #scopes = [/* @__PURE__ */ new Map()];
  #parts = [];
  #steps = 0;
  #size = 0;
  constructor(names3) {
    this.#evaluation = new Evaluation({
      names: names3,
      local: (name3) => this.#local(name3),
      step: (spot) => this.#step(spot)
    });
  }
  parts(body) {
    this.#run(body);
    return this.#parts;
  }
  #run(body) {
    for (const statement of body) {
      this.#step(statement);
      if (statement.kind === "text") this.#emit(statement.text, statement);
      else if (statement.kind === "output") this.#output(statement);
      else if (statement.kind === "set")
        this.#scopes.at(-1)?.set(statement.name, this.#evaluation.given(statement.value));
      else if (statement.kind === "if")
        this.#run(
          isTrue(this.#evaluation.value(statement.condition)) ? statement.whenTrue : statement.otherwise
        );
      else this.#loop(statement);
    }
  }
  #output({ value, ...spot }) {
    const given = this.#evaluation.given(value);
    if (given instanceof Undefined && given.printsNothing) return this.#emit("", spot);
    this.#emit(given instanceof KeptText ? given : valueOf(given), spot);
  }
  #emit(part, spot) {
    this.#size += part instanceof KeptText ? part.text.length : textOf2(part, spot).length;
    if (this.#size > maxText) unsupported(`a result of more than ${maxText} characters`, spot);
    this.#parts.push(part);
  }
  #loop(loop) {
    const { where } = loop;
    const all = itemsOf(this.#evaluation.value(loop.over), loop);
    const items = where ? all.filter((item) => this.#within(loop, item, () => isTrue(this.#evaluation.value(where)))) : all;
    for (const [index, item] of items.entries()) {
      this.#step(loop);
      this.#within(loop, item, (scope) => {
        scope.set("loop", loopState(index, items.length));
        this.#run(loop.body);
      });
    }
    if (items.length > 0) return;
    this.#scopes.push(/* @__PURE__ */ new Map());
    this.#run(loop.otherwise);
    this.#scopes.pop();
  }
  /** Does `work` in a scope with the loop's variables. */
  #within(loop, item, work) {
    const scope = /* @__PURE__ */ new Map();
    this.#bind(loop, item, scope);
    this.#scopes.push(scope);
    const result = work(scope);
    this.#scopes.pop();
    return result;
  }
  #bind({ names: names3, ...spot }, item, scope) {
    const [first, second] = names3;
    if (first !== void 0 && second === void 0) return void scope.set(first, item);
    const pair = itemsOf(item, spot);
    const [one, other, ...more] = pair;
    if (first === void 0 || second === void 0 || one === void 0 || other === void 0 || more.length > 0)
      throw new TemplateProblem(
        `${names3.length} variables take as many items, and here are ${pair.length}`,
        spot
      );
    scope.set(first, one);
    scope.set(second, other);
  }
  #local(name3) {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const given = this.#scopes[index]?.get(name3);
      if (given !== void 0) return given;
    }
    return void 0;
  }
  #step(spot) {
    if (++this.#steps > maxSteps) unsupported(`more than ${maxSteps} steps`, spot);
  }
};
function loopState(index, length) {
  return /* @__PURE__ */ new Map([
    ["index", index + 1],
    ["index0", index],
    ["revindex", length - index],
    ["revindex0", length - index - 1],
    ["first", index === 0],
    ["last", index === length - 1],
    ["length", length]
  ]);
}

// src/fleet/variables.ts
import { realpath } from "node:fs/promises";

// src/fleet/variable-files.ts
import { readdir as readdir3, stat as stat2 } from "node:fs/promises";
import { extname as extname2, join as join5 } from "node:path";

// src/fleet/small-file.ts
import { closeSync, constants, openSync, readSync } from "node:fs";
var buffer = Buffer.alloc(64 << 10);
function smallText(path) {
  let file;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    let size = 0;
    for (let read2 = -1; read2 !== 0 && size < buffer.length; size += read2)
      read2 = readSync(file, buffer, size, buffer.length - size, null);
    return size < buffer.length ? buffer.toString("utf8", 0, size) : void 0;
  } catch {
    return void 0;
  } finally {
    if (file !== void 0) closeSync(file);
  }
}

// src/fleet/variable-files.ts
var maxBytes4 = 4 << 20;
var lockedLayer = /* @__PURE__ */ new Map();
var extensions = ["", ".yml", ".yaml", ".json"];
async function readVariableFiles(root, base, within, names3, hasNoSecrets = false) {
  const folder = join5(base, within);
  const problem = await leadsOut(root, folder);
  if (problem) return { variables: /* @__PURE__ */ new Map(), problems: [problem], warnings: [], locked: [], orphans: [] };
  const entries = await list2(folder);
  const { files, shadowed, unclaimed } = await choose(folder, entries, names3);
  const variables2 = /* @__PURE__ */ new Map();
  const problems = [];
  const locked = [];
  for (const { name: name3, file, isLinked } of files) {
    const read2 = await readFile2(root, file, isLinked);
    const isUnknown = hasNoSecrets && read2.layer === lockedLayer;
    (isUnknown ? locked : problems).push(...read2.problems);
    const layers = variables2.get(name3);
    if (layers) layers.push(read2.layer);
    else variables2.set(name3, [read2.layer]);
  }
  return {
    variables: variables2,
    problems,
    warnings: shadowed,
    locked: locked.map(({ file }) => ({ file, line: 1, column: 1, message: lockedMessage })),
    orphans: [...unclaimed].sort(byCodePoints).map((entry) => displayName(join5(folder, entry)))
  };
}
var lockedMessage = "is encrypted, and this run has no password: what it says is not in this plan";
async function choose(folder, entries, names3) {
  const unclaimed = new Set(entries.keys());
  const shadowed = [];
  const files = [];
  for (const name3 of names3) {
    const candidates = [];
    for (const extension of extensions) {
      const candidate = `${name3}${extension}`;
      if (!entries.has(candidate)) continue;
      candidates.push(candidate);
      unclaimed.delete(candidate);
    }
    const [first, ...others] = candidates;
    if (first === void 0) continue;
    const path = join5(folder, first);
    const { kind, isLink } = entries.get(first) ?? { kind: "file", isLink: false };
    if (kind === "file") files.push({ name: name3, file: path, isLinked: isLink });
    else for (const found of await filesBelow2(path, isLink)) files.push({ name: name3, ...found });
    for (const other of others) {
      const file = displayName(join5(folder, other));
      shadowed.push({ file, line: 1, column: 1, message: `is never read, as ${first} is there too` });
    }
  }
  return { files, shadowed, unclaimed };
}
async function readFile2(root, path, isLinked) {
  const name3 = displayName(path);
  const problem = isLinked ? await leadsOut(root, path) : void 0;
  if (problem) return { layer: /* @__PURE__ */ new Map(), problems: [problem] };
  const source = parseSource(smallText(path) ?? await readText(path, maxBytes4, name3), name3);
  if (source.isLocked) return { layer: lockedLayer, problems: source.problems };
  const isEmpty = !source.data || Array.isArray(source.data) && source.data.length === 0;
  if (source.problems.length > 0 || isEmpty) return { layer: /* @__PURE__ */ new Map(), problems: source.problems };
  if (isRecord(source.data)) return { layer: variablesOf(source.data, source, name3, []), problems: [] };
  return { layer: /* @__PURE__ */ new Map(), problems: [{ ...source.at([]), message: "must be a mapping of variables" }] };
}
async function list2(folder) {
  try {
    const entries = (await readdir3(folder, { withFileTypes: true })).filter(
      ({ name: name3 }) => !name3.startsWith(".") && !name3.endsWith("~")
    );
    const found = /* @__PURE__ */ new Map();
    for (const entry of entries) {
      const isLink = entry.isSymbolicLink();
      const isFolder = isLink ? await isLinkToFolder(join5(folder, entry.name)) : entry.isDirectory();
      found.set(entry.name, { kind: isFolder ? "folder" : "file", isLink });
    }
    return found;
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return /* @__PURE__ */ new Map();
    throw error;
  }
}
async function isLinkToFolder(path) {
  try {
    return (await stat2(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ELOOP")) return false;
    throw error;
  }
}
var maxFolders = 40;
async function filesBelow2(folder, isLinked, depth = 0) {
  const files = [];
  for (const [name3, entry] of [...await list2(folder)].sort(([a], [b]) => byCodePoints(a, b))) {
    const path = join5(folder, name3);
    const isLink = isLinked || entry.isLink;
    if (entry.kind === "file" && extensions.includes(extname2(name3)))
      files.push({ file: path, isLinked: isLink });
    else if (entry.kind === "folder" && extname2(name3) === "" && depth < maxFolders)
      files.push(...await filesBelow2(path, isLink, depth + 1));
  }
  return files;
}

// src/fleet/variables.ts
async function readVariables(folder, inventory, hasNoSecrets = false) {
  const isOne = await realpath(folder) === await realpath(inventory.base);
  const bases = isOne ? [folder] : [inventory.base, folder];
  const groups = [];
  const hosts2 = [];
  for (const base of bases) {
    groups.push(
      await readVariableFiles(folder, base, "group_vars", [...inventory.groups.keys()], hasNoSecrets)
    );
    hosts2.push(await readVariableFiles(folder, base, "host_vars", [...inventory.hosts.keys()], hasNoSecrets));
  }
  const orphan = (what) => (file) => ({
    file,
    line: 1,
    column: 1,
    message: `these are variables of a ${what} that is not in the inventory: add it there or remove the file`
  });
  const all = [...groups, ...hosts2];
  const byGroups = /* @__PURE__ */ new Map();
  return {
    layersOf: (host) => {
      const key = JSON.stringify(host.groups.map(({ name: name3 }) => name3));
      let layers = byGroups.get(key);
      if (!layers) {
        layers = groupLayers(host.groups, groups);
        byGroups.set(key, layers);
      }
      return [...layers, host.variables, ...hosts2.flatMap(({ variables: variables2 }) => variables2.get(host.name) ?? [])];
    },
    isWhole: all.every(({ problems }) => problems.length === 0),
    locked: all.flatMap(({ locked }) => locked),
    problems: [
      ...all.flatMap(({ problems }) => problems),
      ...hosts2.flatMap(({ orphans }) => orphans.map(orphan("host")))
    ],
    // Ansible's users keep variables of groups that are empty just now
    warnings: [
      ...all.flatMap(({ warnings }) => warnings),
      ...groups.flatMap(({ orphans }) => orphans.map(orphan("group")))
    ]
  };
}
function lookUp(layers, name3) {
  for (let index = layers.length - 1; index >= 0; index--) {
    const variable = layers[index]?.get(name3);
    if (variable) return variable;
  }
  return void 0;
}
function written(layers, name3) {
  const seen = /* @__PURE__ */ new Set();
  for (let variable = lookUp(layers, name3); ; ) {
    if (!variable || seen.has(variable) || typeof variable.value !== "string") return variable;
    seen.add(variable);
    const other = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(variable.value)?.[1];
    const next = other === void 0 ? void 0 : lookUp(layers, other);
    if (!next || isEncrypted(next.value) || /^[[{](?!\{)/.test(String(next.value))) return variable;
    variable = next;
  }
}
function groupLayers(direct, files) {
  const sorted = [...ancestry(direct)].sort(
    (a, b) => a.depth - b.depth || a.priority - b.priority || byCodePoints(a.name, b.name)
  );
  const all = sorted.filter(({ name: name3 }) => name3 === "all");
  const rest = sorted.filter(({ name: name3 }) => name3 !== "all");
  const fromFiles = (groups) => files.flatMap(({ variables: variables2 }) => groups.flatMap(({ name: name3 }) => variables2.get(name3) ?? []));
  return [
    ...all.map(({ variables: variables2 }) => variables2),
    ...rest.map(({ variables: variables2 }) => variables2),
    ...fromFiles(all),
    ...fromFiles(rest)
  ];
}

// src/fleet/template-variables.ts
var PlacedProblem = class extends Error {
  name = "PlacedProblem";
  problem;
  isUnsupported;
  isUndefined;
  isUnknown;
  constructor(problem, { isUnsupported, isUndefined, isUnknown }) {
    super(problem.message);
    this.problem = problem;
    this.isUnsupported = isUnsupported;
    this.isUndefined = isUndefined;
    this.isUnknown = isUnknown;
  }
};
var maxDepth3 = 50;
var start2 = { line: 1, column: 1 };
var unknowable = /^(ansible_.*|groups|hostvars|omit|playbook_dir|role_.*|inventory_dir|inventory_file|vars)$/;
var isTemplate = (text3) => /\{\{|\{%|\{#/.test(text3);
var HostTemplates = class {
  #world;
  #known = /* @__PURE__ */ new Map();
  #open = [];
  constructor(world) {
    this.#world = world;
  }
  /** A variable's value with every template within rendered, as plain data. Throws `PlacedProblem`. */
  data(name3) {
    return toData(valueOf(this.value(name3, start2) ?? null));
  }
  /** A file's text, rendered; `file` is what messages call it. Throws `PlacedProblem`. */
  file(text3, file) {
    return placed(
      ({ line, column }) => ({ file, line, column }),
      () => joined(renderParts(this.#world.parse(text3, { hasEscapes: true }), this))
    );
  }
  value(name3, spot) {
    const known2 = this.#known.get(name3);
    if (known2 !== void 0) return known2;
    const variable = this.#world.variable(name3);
    if (!variable) {
      const magic = this.#world.magic();
      if (Object.hasOwn(magic, name3)) return fromData(magic[name3], spot);
      if (name3 === "desired_os_image")
        throw new TemplateProblem("desired_os_image is known only with a device_type in Git", spot);
      if (unknowable.test(name3)) return unsupported(`the variable ${name3}, which is Ansible's own,`, spot);
      this.#world.missing?.(name3, spot);
      return void 0;
    }
    const circle = this.#open.indexOf(name3);
    if (circle >= 0) {
      const names3 = [...this.#open.slice(circle), name3].join(" → ");
      throw new TemplateProblem(`these variables are made of each other: ${names3}`, spot);
    }
    if (this.#open.length >= maxDepth3) unsupported(`more than ${maxDepth3} variables made of each other`, spot);
    this.#open.push(name3);
    try {
      const given = this.#templated(variable, variable.value, []);
      this.#known.set(name3, given);
      return given;
    } catch (error) {
      if (error instanceof PlacedProblem && error.isUndefined) return new Undefined(error);
      throw error;
    } finally {
      this.#open.pop();
    }
  }
  environment(name3, fallback, spot) {
    return this.#world.environment(name3, spot) ?? fallback ?? "";
  }
  #templated(variable, data, path) {
    return placed(
      ({ line, column }) => ({ ...variable.at(path), inner: `, at ${line}:${column} of its text` }),
      () => {
        if (isEncrypted(data)) return this.#world.decrypt(data.__ansible_vault, start2);
        const odd = variable.oddAt?.(path);
        if (odd === "python") return unsupported("this value of Python", start2);
        if (typeof data === "string") return odd === "unsafe" ? data : this.#text(data);
        if (typeof data === "number" && odd === "float") return new Float(data);
        if (Array.isArray(data))
          return data.map((item, index) => valueOf(this.#templated(variable, item, [...path, index])));
        if (typeof data !== "object" || data === null) return fromData(data, start2);
        const entries = Object.entries(data).map(([key, inner]) => [
          key,
          valueOf(this.#templated(variable, inner, [...path, key]))
        ]);
        return new Map(entries);
      }
    );
  }
  #text(text3) {
    if (text3.startsWith(vaultHeader))
      throw new TemplateProblem("is encrypted with Ansible Vault, and has no !vault before it", start2);
    if (!isTemplate(text3)) return text3;
    const only = /^\{\{\s*(\w*)\s*\}\}\n?$/.exec(text3)?.[1];
    const raw = only === void 0 ? void 0 : this.#world.variable(only)?.value;
    const isKept = raw === null || typeof raw === "number" || typeof raw === "boolean";
    if (only !== void 0 && isKept) return this.value(only, start2) ?? null;
    const template = this.#world.parse(text3, { hasEscapes: false });
    const parts = renderParts(template, this);
    const [first, ...more] = parts;
    const given = first instanceof KeptText && more.length === 0 ? first : converted(joined(parts));
    if (typeof given !== "string" && !(given instanceof KeptText)) return given;
    const result = typeof given === "string" ? given : given.text;
    const missing = template.trailing - (/\n*$/.exec(result)?.[0].length ?? 0);
    return missing > 0 ? result + "\n".repeat(missing) : given;
  }
};
function converted(text3) {
  if (!/^[[{]/.test(text3) && text3 !== "True" && text3 !== "False") return text3;
  if (/\n[ \t]+$/.test(text3)) return unsupported("white space after the last line break", start2);
  const literal2 = pythonLiteral(text3, { hasJson: true });
  if (literal2.kind === "text") return text3;
  const bare = text3.replace(/'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/g, "");
  if (literal2.kind === "odd" || /[0-9]\.0*(?![0-9])|[0-9.][eE]|\(/.test(bare))
    return unsupported("this value of Python", start2);
  return fromData(literal2.value, start2);
}
function placed(placeOf, work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error;
    const { inner = "", ...place } = placeOf(error.spot);
    throw new PlacedProblem({ ...place, message: `${error.message}${inner}` }, error);
  }
}
function magicOf(host, layers) {
  const image2 = wantedImage(layers);
  const groups = [...ancestry(host.groups)].map(({ name: name3 }) => name3).filter((name3) => name3 !== "all");
  return {
    inventory_hostname: host.name,
    inventory_hostname_short: host.name.split(".")[0],
    group_names: groups.sort(byCodePoints),
    ...image2 === void 0 ? {} : { desired_os_image: image2 }
  };
}
function wantedImage(layers) {
  const images2 = written(layers, "os_image")?.value;
  if (!Array.isArray(images2)) return images2 ?? void 0;
  const type = lookUp(layers, "device_type")?.value;
  const image2 = images2.find((item) => isRecord(item) && item["device_type"] === type);
  return isRecord(image2) ? image2["image_name"] : void 0;
}
function hasTemplate(data) {
  if (typeof data === "string") return isTemplate(data);
  if (isEncrypted(data) || typeof data !== "object" || data === null) return false;
  return Object.values(data).some(hasTemplate);
}

// src/fleet/time-limit.ts
import { Script, createContext } from "node:vm";
var box = { work: void 0 };
var script;
function withinTime(limitMs, work) {
  let result;
  box.work = () => {
    result = { value: work() };
  };
  script ??= prepared();
  try {
    script.run(limitMs);
  } catch (error) {
    if (isTimeout(error)) return void 0;
    throw error;
  }
  return result;
}
function isTimeout(error) {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
function prepared() {
  const context = createContext(box);
  const call = new Script("work()");
  return { run: (timeout) => void call.runInContext(context, { timeout }) };
}

// src/fleet/configuration.ts
var maxCharacters = 4096;
var maxCheckMs = 250;
var form = object({ template: optional(pipe(string(), nonEmpty())) });
var namesForm = "configuration: must be a mapping with the name of a template, and parameters where it has some";
function configurationOf(variable, { templates, others }, { files }) {
  const checked2 = safeParse(form, templates.data("configuration"));
  if (!checked2.success) return { ok: false, problems: [{ ...variable.at(), message: namesForm }] };
  const { template: name3 } = checked2.output;
  if (name3 === void 0) return void 0;
  const file = files.get(name3);
  if (!file) {
    const message = `configuration: there is no template ${name3} in ${templateFolders.join(" or ")}`;
    return { ok: false, problems: [{ ...variable.at(["template"]), message }] };
  }
  const rendered = parsed2(templates.file(file.text, file.file), file);
  if ("problems" in rendered) return { ok: false, problems: rendered.problems };
  const { values, problems } = valuesOf(rendered.data, file);
  const wrong2 = [...schemaProblems(rendered.data, name3, file, files), ...problems];
  if (wrong2.length > 0) return { ok: false, problems: wrong2 };
  const secretKeys = secretKeysOf(values, file, others());
  const canonical = canonicalJson(Object.fromEntries(values));
  const digest = digestOf(canonical);
  const source = { file: file.file, digest: digestOf(file.text) };
  const fingerprint = fingerprintOf(canonical, digest, secretKeys.size > 0);
  const at2 = () => variable.at(["template"]);
  return {
    ok: true,
    configuration: { template: name3, source, values, secretKeys, digest, at: at2, ...fingerprint }
  };
}
function secretKeysOf(values, file, others) {
  if (!others) return /* @__PURE__ */ new Set();
  const keys = new Set(values.keys());
  try {
    const other = parsed2(others.file(file.text, file.file), file);
    if ("problems" in other) return keys;
    const otherValues = valuesOf(other.data, file).values;
    for (const [key, text3] of values) if (otherValues.get(key) === text3) keys.delete(key);
  } catch (error) {
    if (!(error instanceof PlacedProblem)) throw error;
  }
  return keys;
}
function parsed2(text3, { file }) {
  try {
    const data = JSON.parse(text3);
    if (isRecord(data)) return { data };
    return { problems: [{ file, line: 1, column: 1, message: "gives no mapping of keys and values" }] };
  } catch (error) {
    const place = /line (\d+) column (\d+)/.exec(error instanceof Error ? error.message : "");
    const where = place ? `, at line ${place[1]}, column ${place[2]} of what it gives` : "";
    return { problems: [{ file, line: 1, column: 1, message: `gives no JSON${where}` }] };
  }
}
function valuesOf(data, file) {
  const values = /* @__PURE__ */ new Map();
  const problems = [];
  for (const [key, value] of Object.entries(data)) {
    const isPlain = typeof value === "string" || typeof value === "boolean" || typeof value === "number";
    if (!isPlain) problems.push(at(file, key, "must be a text, a number, true or false"));
    else if (Number.isInteger(value) && !Number.isSafeInteger(value))
      problems.push(at(file, key, "is a number that can't be kept exactly: write it in quotes"));
    else if (String(value).length > maxCharacters)
      problems.push(at(file, key, `has more than ${maxCharacters} characters`));
    else values.set(key, String(value));
  }
  return { values, problems };
}
var slow = /* @__PURE__ */ new WeakSet();
function schemaProblems(data, name3, template, files) {
  const schema = files.get(`${name3}.schema.json`) ?? files.get(`${name3.replace(/\.json$/, "")}.schema.json`);
  if (!schema) return [];
  const { file, text: text3 } = schema;
  let rules;
  try {
    rules = JSON.parse(text3);
  } catch {
    return [{ file, line: 1, column: 1, message: "is no JSON" }];
  }
  const unknown2 = unknownIn(rules);
  if (unknown2.length > 0)
    return unknown2.map((path) => {
      const message2 = `${path}: is not supported in the schema of a configuration`;
      return { ...placeIn2(schema, path.split(".").at(-1) ?? ""), message: message2 };
    });
  const found = slow.has(schema) ? void 0 : withinTime(maxCheckMs, () => problemsWith(data, rules));
  if (found) return found.value.map(({ key, message: message2 }) => at(template, key, message2));
  slow.add(schema);
  const message = `takes longer than ${maxCheckMs} ms for one configuration: look for a pattern with a repetition within a repetition`;
  return [{ ...placeIn2(schema, "pattern"), message }];
}
function at(file, key, message) {
  return { ...placeIn2(file, key ?? ""), message: key === void 0 ? message : `${key}: ${message}` };
}
function placeIn2({ text: text3, file }, key) {
  const offset = key === "" ? -1 : text3.indexOf(JSON.stringify(key));
  if (offset < 0) return { file, line: 1, column: 1 };
  const before = text3.slice(0, offset).split("\n");
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

// src/fleet/template-environment.ts
var allowVariable = "DROVER_ALLOW_ENV";
function environmentFor(allowed) {
  const names3 = /* @__PURE__ */ new Set([
    ...allowed,
    ...(process.env[allowVariable] ?? "").split(",").map((one) => one.trim())
  ]);
  return (name3, spot) => {
    if (/^FLEET_[A-Z0-9_]+$/.test(name3) || names3.has(name3)) return process.env[name3];
    throw new TemplateProblem(
      `templates read environment variables of names with FLEET_ alone: rename ${name3}, or let the workflow allow it with allow-env`,
      spot
    );
  };
}

// src/fleet/template-tokens.ts
var maxDepth4 = 60;
var tags = ["if", "elif", "else", "endif", "for", "endfor", "set"];
var closers = {
  "left-paren": "right-paren",
  "left-bracket": "right-bracket",
  "left-curly": "right-curly"
};
var escapes = { n: "\n", t: "	", r: "\r", "\\": "\\", "'": "'", '"': '"' };
function tokensOf(source, lex, options) {
  const lexer = lex(source);
  const starts = lineStarts(source);
  const found = [];
  try {
    for (let token = lexer.nextToken(); token; token = lexer.nextToken()) found.push(token);
  } catch {
    const spot = { line: lexer.lineno + 1, column: lexer.colno + 1 };
    unsupported("#} without {#, or {# without #},", spot);
  }
  const reader = { source, offsetOf: (token) => (starts[token.lineno] ?? 0) + token.colno, ...options };
  checkBrackets(found);
  let before;
  let test;
  const tokens = withoutComments(found).map((token) => {
    const kept2 = checked(token, before, reader);
    if (token.type === "whitespace") return kept2;
    test = checkedTest(token, test);
    before = token;
    return kept2;
  });
  return { tokens, tags: lexer.tags };
}
function checkedTest(token, test) {
  if (token.type !== "symbol") return test === "is" ? "name" : void 0;
  const word = String(token.value);
  if (test === "name" && !["else", "or", "and"].includes(word))
    unsupported(`"${word}" after a test without parentheses`, spotOf(token));
  if (word === "is") return "is";
  return test === "is" ? word === "not" ? "is" : "name" : void 0;
}
var spotOf = ({ lineno, colno }) => ({
  line: lineno + 1,
  column: colno + 1
});
function checked(token, before, reader) {
  const spot = spotOf(token);
  const value = String(token.value);
  if (before?.type === "block-start" && token.type === "symbol" && !tags.includes(value))
    unsupported(`{% ${value} %}`, spot);
  switch (token.type) {
    case "symbol":
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) unsupported(`"${value}"`, spot);
      return before?.type === "operator" && before.value === "." ? { ...token, value: { member: value, toString: () => value } } : token;
    case "none":
      return value === "null" ? { ...token, type: "symbol" } : token;
    case "int":
      if (!/^(0|[1-9][0-9]*)$/.test(value) || !Number.isSafeInteger(Number(value)))
        unsupported(`the number ${value}`, spot);
      return token;
    case "float":
      if (!/^[0-9]+\.[0-9]+$/.test(value)) unsupported(`the number ${value}`, spot);
      return { ...token, type: "string", value: { float: Number(value) } };
    case "regex":
      return unsupported("a regular expression", spot);
    case "operator":
      if (value === "===" || value === "!==" || value === "**") unsupported(`the operator ${value}`, spot);
      return token;
    case "string":
      return { ...token, value: stringOf(token, reader) };
    case "left-paren":
      if (before?.type === "right-paren") unsupported("a call of what a call gave", spot);
      return token;
    default:
      return token;
  }
}
function stringOf(token, { source, offsetOf, hasEscapes }) {
  const start3 = offsetOf(token);
  const quote = source[start3];
  let text3 = "";
  for (let at2 = start3 + 1; at2 < source.length; at2++) {
    const letter = source[at2] ?? "";
    if (letter === quote) return text3;
    if (letter !== "\\") {
      text3 += letter;
      continue;
    }
    const escaped2 = source[++at2] ?? "";
    const meant = hasEscapes ? escapes[escaped2] : void 0;
    if (meant === void 0)
      unsupported(
        hasEscapes ? `the escape \\${escaped2}` : "a backslash in a text of a variable",
        spotOf(token)
      );
    text3 += meant;
  }
  throw new TemplateProblem("this text has no end", spotOf(token));
}
function checkBrackets(tokens) {
  const open = [];
  for (const token of tokens) {
    const closer = closers[token.type];
    if (closer !== void 0) {
      open.push(closer);
      if (open.length > maxDepth4)
        unsupported(`more than ${maxDepth4} brackets within each other`, spotOf(token));
    } else if (Object.values(closers).includes(token.type)) {
      if (open.pop() !== token.type)
        throw new TemplateProblem(`"${String(token.value)}" closes no bracket`, spotOf(token));
    } else if (token.type === "block-end" || token.type === "variable-end") {
      if (open.length > 0)
        unsupported(
          `"${String(token.value)}" before a bracket is closed (write a space between } and }})`,
          spotOf(token)
        );
    }
  }
}
function withoutComments(tokens) {
  const kept2 = [];
  let after;
  for (const token of tokens) {
    if (token.type === "comment") {
      const text4 = String(token.value);
      const previous = kept2.at(-1);
      if (text4.startsWith("{#-") && previous?.type === "data")
        kept2[kept2.length - 1] = { ...previous, value: String(previous.value).trimEnd() };
      if (/^\{#\+|\+#\}$/.test(text4)) unsupported("a + beside a comment", spotOf(token));
      after = text4.endsWith("-#}") && text4.length > 4 ? "all" : "line break";
      kept2.push({ ...token, type: "data", value: "" });
      continue;
    }
    const text3 = String(token.value);
    if (token.type === "data" && after !== void 0)
      kept2.push({ ...token, value: after === "all" ? text3.trimStart() : text3.replace(/^\n/, "") });
    else kept2.push(token);
    after = void 0;
  }
  return kept2;
}
function lineStarts(source) {
  const starts = [0];
  for (let at2 = source.indexOf("\n"); at2 >= 0; at2 = source.indexOf("\n", at2 + 1)) starts.push(at2 + 1);
  return starts;
}

// src/fleet/template-operators.ts
var byType = {
  Add: "+",
  Sub: "-",
  Concat: "~",
  Mul: "*",
  Div: "/",
  FloorDiv: "//",
  Mod: "%"
};
var infixOf = (type) => Object.hasOwn(byType, type) ? byType[type] : void 0;
var levels = [["+", "-"], ["~"], ["*", "/", "//", "%"]];
function inJinjaOrder(sequence2, level = 0) {
  const operators = levels[level];
  const [first] = sequence2;
  if (!operators || sequence2.length === 1) {
    if (first && "operand" in first) return first.operand;
    throw new Error("operators stand between operands");
  }
  const parts = [[]];
  const between = [];
  for (const item of sequence2) {
    if ("operator" in item && operators.includes(item.operator)) {
      between.push(item.operator);
      parts.push([]);
    } else parts.at(-1)?.push(item);
  }
  const bound = parts.map((part) => inJinjaOrder(part, level + 1));
  return bound.reduce((left, right, index) => {
    const { line, column } = left;
    return { kind: "operation", line, column, operator: between[index - 1] ?? "+", left, right };
  });
}

// src/fleet/template-translate.ts
var words = /* @__PURE__ */ new Set(["and", "or", "not", "in", "is", "if", "else", "elif", "for", "endif", "endfor", "set"]);
var constants2 = /* @__PURE__ */ new Map([
  ["True", true],
  ["False", false],
  ["None", null]
]);
function statementsOf(node) {
  return childrenOf(node).flatMap((child) => {
    const spot = spotOf2(child);
    switch (typeOf(child)) {
      case "Output":
        return childrenOf(child).flatMap((part) => output(part, spot));
      case "If":
        return [
          {
            kind: "if",
            ...spot,
            condition: conditionIn(field(child, "cond"), spot),
            whenTrue: statementsOf(field(child, "body")),
            otherwise: elseOf(field(child, "else_"))
          }
        ];
      case "For":
        return [
          {
            kind: "for",
            ...spot,
            names: loopNames(field(child, "name"), spot),
            ...loopItems(field(child, "arr"), spot),
            body: statementsOf(field(child, "body")),
            otherwise: elseOf(field(child, "else_"))
          }
        ];
      case "Set":
        return [setOf(child, spot)];
      default:
        return unsupported(typeOf(child), spot);
    }
  });
}
function output(part, spot) {
  if (typeOf(part) !== "TemplateData") return [{ kind: "output", ...spot, value: expressionOf(part) }];
  const text3 = String(field(part, "value"));
  return text3 === "" ? [] : [{ kind: "text", ...spot, text: text3 }];
}
function elseOf(node) {
  if (!isNode(node)) return [];
  return typeOf(node) === "If" ? statementsOf({ children: [node] }) : statementsOf(node);
}
function loopNames(node, spot) {
  const names3 = isNode(node) && typeOf(node) === "Array" ? childrenOf(node) : [node];
  if (names3.length > 2) unsupported("a loop over more than two variables", spot);
  return names3.map((name3) => nameOf2(name3, spot));
}
function conditionIn(node, spot) {
  if (isNode(node) && typeOf(node) === "InlineIf") unsupported("a condition in a condition", spot);
  return expressionOf(node);
}
function loopItems(node, spot) {
  if (!isNode(node) || typeOf(node) !== "InlineIf") return { over: expressionOf(node), where: void 0 };
  if (isNode(field(node, "else_"))) unsupported("a loop over one of two", spot);
  return { over: expressionOf(field(node, "body")), where: expressionOf(field(node, "cond")) };
}
function setOf(node, spot) {
  const targets = field(node, "targets");
  if (!Array.isArray(targets) || targets.length !== 1 || !isNode(field(node, "value")))
    return unsupported("{% set %} of several variables, or of a block,", spot);
  return { kind: "set", ...spot, name: nameOf2(targets[0], spot), value: expressionOf(field(node, "value")) };
}
function expressionOf(node) {
  if (!isNode(node)) return unsupported("nothing as a value", { line: 1, column: 1 });
  const spot = spotOf2(node);
  const type = typeOf(node);
  if (infixOf(type)) return inJinjaOrder(infixSequence(node));
  switch (type) {
    case "Literal":
      return literal(node, spot);
    case "Symbol": {
      const name3 = nameOf2(node, spot);
      const constant = constants2.get(name3);
      return constant === void 0 ? { kind: "name", ...spot, name: name3 } : { kind: "value", ...spot, value: constant };
    }
    case "Group": {
      const [only, ...more] = childrenOf(node);
      return only && more.length === 0 ? expressionOf(only) : unsupported("a tuple", spot);
    }
    case "Array":
      return { kind: "list", ...spot, items: childrenOf(node).map(expressionOf) };
    case "Dict":
      return { kind: "mapping", ...spot, entries: childrenOf(node).map(entryOf) };
    case "LookupVal":
      return lookUpOf(node, spot);
    case "Filter":
      return filterOf2(node, spot);
    case "FunCall":
      return callOf(node, spot);
    default:
      return conditionOf(node, type, spot);
  }
}
function conditionOf(node, type, spot) {
  const sides = () => ({ left: expressionOf(field(node, "left")), right: expressionOf(field(node, "right")) });
  switch (type) {
    case "Neg":
      return { kind: "negative", ...spot, of: expressionOf(field(node, "target")) };
    case "Not":
      return { kind: "not", ...spot, of: expressionOf(field(node, "target")) };
    case "And":
    case "Or":
      return { kind: type === "And" ? "and" : "or", ...spot, ...sides() };
    case "In":
      refuseMixed(node, ["Compare", "In"], spot);
      return { kind: "in", ...spot, ...sides() };
    case "Is":
      return testOf(node, spot);
    case "Compare":
      return comparisonOf(node, spot);
    case "InlineIf":
      return {
        kind: "if",
        ...spot,
        condition: expressionOf(field(node, "cond")),
        whenTrue: expressionOf(field(node, "body")),
        otherwise: isNode(field(node, "else_")) ? expressionOf(field(node, "else_")) : void 0
      };
    default:
      return unsupported(type, spot);
  }
}
function refuseMixed(node, types, spot) {
  for (const side of [field(node, "left"), field(node, "right")]) {
    const inner = isNode(side) && typeOf(side) === "Not" ? field(side, "target") : side;
    if (isNode(inner) && types.includes(typeOf(inner)))
      unsupported("this order of comparisons without parentheses", spot);
  }
}
function testOf(node, spot) {
  const left = field(node, "left");
  if (isNode(left) && (infixOf(typeOf(left)) || typeOf(left) === "Compare"))
    unsupported('"is" after an operator without parentheses', spot);
  const test = testNamed(field(node, "right"), spot);
  if (!isTest(test.name, test.args.length) || test.named.size > 0) unsupported(`the test ${test.name}`, spot);
  return { kind: "test", ...spot, of: expressionOf(left), ...test };
}
function testNamed(right, spot) {
  if (!isNode(right)) return unsupported('"is"', spot);
  if (typeOf(right) === "FunCall") return argumentsOf2(right, spot, nameOf2(field(right, "name"), spot));
  const value = typeOf(right) === "Literal" ? field(right, "value") : void 0;
  const isWord = value === null || typeof value === "boolean";
  const name3 = isWord ? String(value ?? "none") : nameOf2(right, spot);
  return { name: name3, args: [], named: /* @__PURE__ */ new Map() };
}
function comparisonOf(node, spot) {
  const ops = field(node, "ops");
  if (!Array.isArray(ops)) return unsupported("this comparison", spot);
  return {
    kind: "comparison",
    ...spot,
    first: expressionOf(field(node, "expr")),
    rest: ops.map((op) => {
      const operator = isNode(op) ? field(op, "type") : void 0;
      if (!isComparison(operator)) return unsupported("this comparison", spot);
      return { operator, value: expressionOf(isNode(op) ? field(op, "expr") : void 0) };
    })
  };
}
function isComparison(value) {
  return typeof value === "string" && ["==", "!=", "<", ">", "<=", ">="].includes(value);
}
function literal(node, spot) {
  const value = field(node, "value");
  if (typeof value === "object" && value !== null && "float" in value)
    return { kind: "float", ...spot, value: Number(value.float) };
  if (value === null || typeof value === "string" || typeof value === "boolean")
    return { kind: "value", ...spot, value };
  if (typeof value !== "number") return unsupported("this value", spot);
  return Number.isInteger(value) ? { kind: "value", ...spot, value } : { kind: "float", ...spot, value };
}
function entryOf(node) {
  const key = field(node, "key");
  const name3 = isNode(key) && typeOf(key) === "Literal" ? field(key, "value") : void 0;
  if (typeof name3 !== "string") return unsupported("a key that is not a text in quotes", spotOf2(node));
  return [name3, expressionOf(field(node, "value"))];
}
function lookUpOf(node, spot) {
  const at2 = field(node, "val");
  const of = expressionOf(field(node, "target"));
  if (!isNode(at2)) return unsupported("[]", spot);
  const value = field(at2, "value");
  if (typeOf(at2) === "Literal" && typeof value === "object" && value !== null && "member" in value)
    return { kind: "member", ...spot, of, name: String(value.member) };
  return { kind: "item", ...spot, of, at: expressionOf(at2) };
}
function filterOf2(node, spot) {
  const list3 = field(node, "args");
  const [of, ...args] = childrenOf(list3);
  const name3 = field(field(node, "name"), "value");
  if (typeof name3 !== "string" || !isFilter(name3)) return unsupported(`the filter ${String(name3)}`, spot);
  return {
    kind: "filter",
    ...spot,
    of: expressionOf(of),
    ...argumentsOf2({ args: { children: args } }, spot, name3)
  };
}
function callOf(node, spot) {
  const callee = field(node, "name");
  if (isNode(callee) && typeOf(callee) === "Symbol")
    return { kind: "call", ...spot, ...argumentsOf2(node, spot, nameOf2(callee, spot)) };
  const member = isNode(callee) && typeOf(callee) === "LookupVal" ? lookUpOf(callee, spot) : void 0;
  if (member?.kind !== "member") return unsupported("this call", spot);
  return { kind: "method", ...spot, of: member.of, ...argumentsOf2(node, spot, member.name) };
}
function argumentsOf2(node, spot, name3) {
  const args = [];
  const named = /* @__PURE__ */ new Map();
  for (const arg of childrenOf(field(node, "args"))) {
    if (typeOf(arg) !== "KeywordArgs") args.push(expressionOf(arg));
    else
      for (const pair of childrenOf(arg))
        named.set(nameOf2(field(pair, "key"), spot), expressionOf(field(pair, "value")));
  }
  return { name: name3, args, named };
}
function infixSequence(node) {
  const operator = infixOf(typeOf(node));
  if (!operator) return [{ operand: expressionOf(node) }];
  const sides = [field(node, "left"), field(node, "right")].map(
    (side) => isNode(side) ? infixSequence(side) : []
  );
  return [...sides[0] ?? [], { operator }, ...sides[1] ?? []];
}
function nameOf2(node, spot) {
  const name3 = isNode(node) && typeOf(node) === "Symbol" ? field(node, "value") : void 0;
  if (typeof name3 !== "string") return unsupported("something else than a name", spot);
  return words.has(name3) ? unsupported(`${name3} as a name`, spot) : name3;
}
var isNode = (node) => typeof node === "object" && node !== null;
var typeOf = (node) => "typename" in node ? String(node.typename) : "";
function field(node, name3) {
  return isNode(node) ? Reflect.get(node, name3) : void 0;
}
function childrenOf(node) {
  const children = field(node, "children");
  return Array.isArray(children) ? children.filter(isNode) : [];
}
function spotOf2(node) {
  const [line, column] = [field(node, "lineno"), field(node, "colno")];
  return {
    line: typeof line === "number" ? line + 1 : 1,
    column: typeof column === "number" ? column + 1 : 1
  };
}

// src/fleet/template-parse.ts
var maxCharacters2 = 256 << 10;
var maxKnown = 1e3;
var oddCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\ufeff]/;
async function loadTemplateParser() {
  const [{ default: lexer }, { default: parser }] = await Promise.all([
    import("./lexer-Q5HT4LAH.mjs"),
    import("./parser-GL3NI4P3.mjs")
  ]);
  const lex = (source) => lexer.lex(source, { trimBlocks: true });
  return remembering((text3, options) => {
    const source = prepared2(text3);
    const { tokens, tags: tags2 } = tokensOf(source, lex, options);
    let at2 = 0;
    const root = attempt(
      tokens,
      () => at2,
      () => new parser.Parser({ nextToken: () => tokens[at2++] ?? null, tags: tags2 }).parseAsRoot()
    );
    return { body: statementsOf(root), trailing: trailingBreaks(text3) };
  });
}
function trailingBreaks(text3) {
  let count2 = 0;
  while (text3[text3.length - 1 - count2] === "\n") count2++;
  return count2;
}
function remembering(parse) {
  const known2 = /* @__PURE__ */ new Map();
  return (text3, options) => {
    const key = `${options.hasEscapes ? "file" : "variable"} ${text3}`;
    const before = known2.get(key);
    if (before) return before;
    try {
      const template = parse(text3, options);
      if (known2.size >= maxKnown) known2.clear();
      known2.set(key, template);
      return template;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return unsupported("so much within each other", { line: 1, column: 1 });
    }
  };
}
function prepared2(text3) {
  const start3 = { line: 1, column: 1 };
  if (text3.length > maxCharacters2) unsupported(`more than ${maxCharacters2} characters`, start3);
  if (oddCharacters.test(text3)) unsupported("a control character", start3);
  if (text3.startsWith("#jinja2:")) unsupported("#jinja2:", start3);
  return text3.replace(/\r\n?/g, "\n").replace(/\n$/, "");
}
function attempt(tokens, at2, parse) {
  try {
    const root = parse();
    if (typeof root === "object" && root !== null) return root;
  } catch (error) {
    if (error instanceof TemplateProblem || error instanceof RangeError) throw error;
    const message = error instanceof Error ? error.message.split("\n").at(-1)?.trim() : "";
    const last = tokens[Math.max(0, Math.min(at2() - 1, tokens.length - 1))];
    const why = /^[a-z][\w :]+/i.test(message ?? "") && !(error instanceof TypeError) ? ` (${message})` : "";
    throw new TemplateProblem(
      `this can't be read as a template${why}`,
      last ? spotOf(last) : { line: 1, column: 1 },
      true
    );
  }
  return unsupported("this", { line: 1, column: 1 });
}

// src/fleet/template-hosts.ts
async function loadTemplateKit(root, { environment = [], hasNoSecrets = false } = {}) {
  const [parse, files] = await Promise.all([loadTemplateParser(), readTemplateFiles(root)]);
  return { parse, files, environment: environmentFor(environment), hasNoSecrets };
}
var minSecret = 4;
var Secrets = class {
  #texts = /* @__PURE__ */ new Set();
  #opened = /* @__PURE__ */ new Map();
  /** Takes a value of the environment. Shorter ones are no secrets, and taken out they would leave no word whole. */
  add(text3) {
    if (text3.length >= minSecret) this.#texts.add(text3);
  }
  /** `openVault`, once for each text: it takes milliseconds, and hosts share them. */
  open(vault2) {
    let opened = this.#opened.get(vault2);
    if (!opened) {
      opened = openVault(vault2);
      this.#opened.set(vault2, opened);
      if (opened.ok && opened.text !== "") this.#texts.add(opened.text);
    }
    return opened;
  }
  /** A problem whose message has nothing in it that was secret. */
  withoutSecrets = (problem) => ({
    ...problem,
    message: [...this.#texts].reduce(
      (message, secret) => message.replaceAll(secret, "(encrypted)"),
      problem.message
    )
  });
};
function templatesOfHost(kit, secrets, host, layers) {
  let hasRead = false;
  const withSecrets = (change) => {
    const read2 = (secret) => {
      hasRead = true;
      return change(secret);
    };
    return new HostTemplates({
      parse: kit.parse,
      variable: (name3) => lookUp(layers, name3),
      magic: () => magicOf(host, layers),
      decrypt: (vault2, spot) => read2(textIn(secrets.open(vault2), spot, kit)),
      environment: (name3, spot) => {
        const value = kit.environment(name3, spot);
        if (kit.hasNoSecrets && !value) throw new UnknownSecret(`${name3} is not set in this run`, spot);
        if (value === void 0) return void 0;
        secrets.add(value);
        return read2(value);
      },
      missing: (name3, spot) => {
        if (!layers.includes(lockedLayer)) return;
        throw new UnknownSecret(`${name3} may be in a file that this run has no password for`, spot);
      }
    });
  };
  return {
    templates: withSecrets((secret) => secret),
    others: () => hasRead ? withSecrets(otherSecret) : void 0
  };
}
function textIn(opened, spot, { hasNoSecrets }) {
  if (opened.ok) return opened.text;
  if (opened.isLocked && hasNoSecrets)
    throw new UnknownSecret("is encrypted, and this run has no password", spot);
  throw new TemplateProblem(opened.why, spot);
}
function otherSecret(secret) {
  return secret.replace(/[a-z0-9]/gi, (letter) => {
    const alphabet = alphabets.find((letters2) => letters2.includes(letter)) ?? letter;
    return alphabet[(alphabet.indexOf(letter) + 1) % alphabet.length] ?? letter;
  });
}
var alphabets = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"];

// src/fleet/variable-reader.ts
var name2 = pipe(
  string("must be text: write it in quotes"),
  trim(),
  nonEmpty("must not be empty"),
  maxLength(256, "has more than 256 characters"),
  // oxlint-disable-next-line no-control-regex -- control characters are what a name may not have
  regex(/^[^\u0000-\u001f\u007f]*$/, "has control characters")
);
var image = pipe(
  string(
    "must be the name of a release, in quotes where it is a number, or a list of device_type and image_name"
  ),
  name2,
  transform((release) => [{ deviceType: void 0, release }])
);
var images = pipe(
  array(strictObject({ device_type: name2, image_name: name2 })),
  minLength(1, "must not be empty"),
  transform(
    (items) => items.map((item) => ({ deviceType: item.device_type, release: item.image_name }))
  )
);
var schemas = {
  subscribed_branch: name2,
  os_image: lazy((value) => Array.isArray(value) ? images : image),
  device_id: name2,
  device_type: name2,
  lab: boolean("must be true or false"),
  site: name2,
  time_zone: pipe(name2, check(isTimeZone, "must be a time zone such as Europe/Zurich")),
  state: picklist(["present", "retired"], "must be present or retired")
};
var withoutEffect = {
  mender_server: "is not read: the server is what fleet.yml names"
};
var VariableReader = class {
  problems = [];
  warnings = [];
  /** What this run knows nothing of for want of a secret. */
  unknown = [];
  /** Whether a template was met without a kit: then nothing that was read counts. */
  needsTemplates = false;
  /** Whether everything wrong is that templates have what is not supported. */
  isUnsupported = true;
  #kit;
  #checked = /* @__PURE__ */ new Map();
  #said = /* @__PURE__ */ new Set();
  #warned = /* @__PURE__ */ new Set();
  #secrets = new Secrets();
  withoutSecrets = this.#secrets.withoutSecrets;
  constructor(kit) {
    this.#kit = kit;
  }
  /** The values of one host that are right, and the names of those that are not. */
  read(host, layers) {
    const templates = this.#templatesOf(host, layers);
    const values = {};
    const wrong2 = /* @__PURE__ */ new Set();
    for (const name3 of Object.keys(schemas)) {
      const variable = name3 === "os_image" ? written(layers, name3) : lookUp(layers, name3);
      if (!variable || variable.value === null) continue;
      const checked2 = this.#check(name3, variable, templates);
      if (checked2.ok && checked2.value === null) continue;
      if (checked2.ok) values[name3] = checked2.value;
      else wrong2.add(name3);
    }
    const isConfigured = values["subscribed_branch"] !== void 0 && values["state"] !== "retired";
    const configuration = isConfigured ? this.#configuration(layers, templates) : void 0;
    return { values, wrong: wrong2, configuration };
  }
  warnOf(layers) {
    for (const [name3, message] of Object.entries(withoutEffect)) {
      const variable = lookUp(layers, name3);
      if (!variable || this.#warned.has(variable)) continue;
      this.#warned.add(variable);
      this.warnings.push({ ...variable.at(), message: `${name3}: ${message}` });
    }
  }
  #check(name3, variable, templates) {
    let checked2 = this.#checked.get(variable);
    if (!checked2) {
      if (hasTemplate(variable.value)) return this.#checkTemplate(name3, variable, templates);
      checked2 = this.#checkNew(name3, variable);
      this.#checked.set(variable, checked2);
    }
    return checked2;
  }
  #checkNew(name3, variable) {
    const opened = this.#opened(name3, variable, variable.value, []);
    if (!opened.ok) return opened;
    const unmarked = firstPath(opened.value, (text3) => text3.startsWith(vaultHeader));
    if (unmarked) {
      const message = `${name3}: is encrypted with Ansible Vault, and has no !vault before it`;
      this.#wrong({ ...variable.at(unmarked), message });
      return { ok: false };
    }
    return this.#checkValue(name3, variable, opened.value);
  }
  #configuration(layers, templates) {
    const variable = lookUp(layers, "configuration");
    if (!variable || variable.value === null) return void 0;
    this.needsTemplates ||= !this.#kit;
    if (!templates || !this.#kit) return void 0;
    try {
      const outcome = configurationOf(variable, templates, this.#kit.files);
      if (!outcome) return void 0;
      if (outcome.ok) return outcome.configuration;
      for (const problem of outcome.problems) this.#wrong(problem);
    } catch (error) {
      if (!(error instanceof PlacedProblem)) throw error;
      const problem = { ...error.problem, message: `configuration: ${error.message}` };
      if (!error.isUnknown) this.#wrong(problem, error.isUnsupported);
      else if (this.#isNew(problem)) this.unknown.push(problem);
    }
    return void 0;
  }
  #checkValue(name3, variable, value) {
    const result = safeParse(schemas[name3], value);
    if (result.success) return { ok: true, value: result.output };
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key);
      this.#wrong({ ...variable.at(path), message: `${[name3, ...path].join(".")}: ${said(issue)}` });
    }
    return { ok: false };
  }
  #checkTemplate(name3, variable, templates) {
    if (!templates) {
      this.needsTemplates = true;
      return { ok: false };
    }
    try {
      const value = templates.templates.data(name3);
      if (name3 === "os_image") {
        const at2 = firstPath(variable.value, isTemplate);
        const message = `${name3}: a template here can only be the name of one variable with the whole value, {{ name }}: the commit that brings a release is found by its line`;
        this.#wrong({ ...variable.at(at2), message });
        return { ok: false };
      }
      return value === null ? { ok: true, value } : this.#checkValue(name3, variable, value);
    } catch (error) {
      if (!(error instanceof PlacedProblem)) throw error;
      this.#wrong({ ...error.problem, message: `${name3}: ${error.message}` }, error.isUnsupported);
      return { ok: false };
    }
  }
  #templatesOf(host, layers) {
    return this.#kit && templatesOfHost(this.#kit, this.#secrets, host, layers);
  }
  #isNew({ file, line, column, message }) {
    const key = JSON.stringify([file, line, column, message]);
    const isNew = !this.#said.has(key);
    this.#said.add(key);
    return isNew;
  }
  /** Many hosts share a line: what is wrong with it is one problem. */
  #wrong(problem, isUnsupported = false) {
    if (!this.#isNew(problem)) return;
    this.isUnsupported &&= isUnsupported;
    this.problems.push(problem);
  }
  /** The value with everything decrypted within it. */
  #opened(name3, variable, value, path) {
    if (isEncrypted(value)) {
      const opened = this.#secrets.open(value.__ansible_vault);
      if (opened.ok) {
        return { ok: true, value: opened.text };
      }
      this.#wrong({ ...variable.at(path), message: `${name3}: ${opened.why}` });
      return { ok: false };
    }
    if (typeof value !== "object" || value === null) return { ok: true, value };
    const entries = Object.entries(value).map(([key, inner]) => [
      key,
      this.#opened(name3, variable, inner, [...path, Array.isArray(value) ? Number(key) : key])
    ]);
    const values = entries.flatMap(
      ([key, inner]) => inner.ok ? [[key, inner.value]] : []
    );
    if (values.length < entries.length) return { ok: false };
    return {
      ok: true,
      value: Array.isArray(value) ? values.map(([, inner]) => inner) : Object.fromEntries(values)
    };
  }
};
var said = ({ type, expected, message }) => type === "strict_object" && expected === "never" ? "is not a known key" : message;
function firstPath(value, isOne, path = []) {
  if (typeof value === "string") return isOne(value) ? path : void 0;
  if (typeof value !== "object" || value === null) return void 0;
  for (const [key, inner] of Object.entries(value)) {
    const found = firstPath(inner, isOne, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return void 0;
}

// src/fleet/resolve.ts
function resolveDevices(hosts2, variables2, stageOf2, kit) {
  const reader = new VariableReader(kit);
  const devices = [];
  const problems = [];
  const warnings = [];
  let isBranchUnknown = false;
  for (const host of hosts2) {
    const layers = variables2.layersOf(host);
    reader.warnOf(layers);
    const read2 = reader.read(host, layers);
    const { values, wrong: wrong2 } = read2;
    isBranchUnknown ||= wrong2.has("subscribed_branch");
    const device = deviceOf(host, layers, read2, stageOf2, problems);
    if (device) devices.push(device);
    else if (wrong2.size === 0 && values.subscribed_branch === void 0 && values.os_image === void 0)
      warnings.push({ ...host.at(), message: `${host.name} subscribes to no branch: it is left alone` });
  }
  problems.push(...duplicates(devices, hostPlaces(hosts2)));
  return {
    devices,
    problems: [...reader.problems, ...problems].map(reader.withoutSecrets),
    warnings: [...reader.warnings, ...warnings],
    unknown: reader.unknown.map(reader.withoutSecrets),
    isBranchUnknown,
    needsTemplates: reader.needsTemplates,
    isUnsupported: reader.isUnsupported && problems.length === 0
  };
}
function deviceOf(host, layers, { values, wrong: wrong2, configuration }, stageOf2, problems) {
  const { subscribed_branch: branch, os_image: images2 } = values;
  if (branch === void 0) {
    if (images2 !== void 0 && !wrong2.has("subscribed_branch"))
      problems.push({ ...host.at(), message: `${host.name} has an os_image and no subscribed_branch` });
    return void 0;
  }
  const stage2 = stageOf2(branch);
  const branchVariable = lookUp(layers, "subscribed_branch");
  if (!stage2) {
    const message = `${host.name} subscribes to the branch ${branch}, which is no stage of fleet.yml`;
    problems.push({ ...branchVariable?.at() ?? host.at(), message });
    return void 0;
  }
  const isRetired = values.state === "retired";
  const image2 = written(layers, "os_image");
  const problem = wrong2.has("os_image") ? void 0 : imageProblem(host, values, image2, isRetired);
  if (problem) problems.push(problem);
  if (stage2.window?.timeZone === "device" && values.time_zone === void 0 && !wrong2.has("time_zone") && !isRetired) {
    const message = `${host.name} has no time_zone, which the window of stage ${stage2.name} needs`;
    problems.push({ ...host.at(), message });
  }
  const isRunner = !isRetired && hasRole(layers, "runner");
  const architecture = lookUp(layers, "architecture")?.value;
  if (isRunner && typeof architecture === "string" && is32Bit(architecture)) {
    const message = `roles: ${host.name} is a 32-bit device (${oneLine(architecture)}) and can't be a runner: GitHub's runner needs a 64-bit system. Test it over ssh from another one`;
    problems.push({ ...lookUp(layers, "roles")?.at() ?? host.at(), message });
  }
  return {
    host: host.name,
    id: values.device_id ?? host.name,
    stage: stage2.name,
    images: images2 ?? [],
    imageSource: { file: image2?.file ?? "", path: image2?.path ?? [] },
    deviceType: values.device_type,
    isLab: values.lab ?? false,
    site: values.site,
    timeZone: values.time_zone,
    isRetired,
    isRunner,
    configuration,
    at: () => image2?.at() ?? host.at(),
    memberAt: () => lookUp(layers, "state")?.at() ?? host.at()
  };
}
function hasRole(layers, role) {
  const roles = lookUp(layers, "roles")?.value;
  return Array.isArray(roles) ? roles.includes(role) : roles === role;
}
function imageProblem(host, values, image2, isRetired) {
  if (isRetired) return void 0;
  const { os_image: images2, device_type: type } = values;
  if (!images2) return { ...host.at(), message: `${host.name} has no os_image` };
  if (type === void 0 || images2.some(({ deviceType }) => deviceType === void 0 || deviceType === type))
    return void 0;
  return {
    ...image2?.at() ?? host.at(),
    message: `os_image has no image for the device type ${type} of ${host.name}`
  };
}
var hostPlaces = (hosts2) => new Map(hosts2.map((host) => [host.name, host]));
function duplicates(devices, hosts2) {
  const byId = /* @__PURE__ */ new Map();
  return devices.flatMap((device) => {
    const other = byId.get(device.id);
    byId.set(device.id, other ?? device);
    const place = hosts2.get(device.host)?.at();
    if (!other || !place) return [];
    const where = other.stage === device.stage ? "" : `, and the device would be in two stages`;
    return [
      { ...place, message: `${device.host} has the same device id as ${other.host}: ${device.id}${where}` }
    ];
  });
}

// src/fleet/load.ts
async function loadFleet(folder, context = plainContext(), allowed = {}) {
  const root = resolve(folder);
  const problems = [];
  const policy = await orProblems(problems, () => readFleetPolicy(root));
  const { inventory: source, hasNoSecrets } = allowed;
  const inventory = await orProblems(problems, () => readInventory(root, source && { source, context }));
  context.signal.throwIfAborted();
  if (!inventory) throw failureWith(problems);
  const variables2 = await readVariables(root, inventory, hasNoSecrets);
  const stages = new Map(policy?.stages);
  const devicesWith = (kit2) => resolveDevices(
    [...inventory.hosts.values()],
    variables2,
    (branch) => stageOfBranch(stages, branch, policy),
    kit2
  );
  const first = devicesWith();
  const kit = first.needsTemplates ? await loadTemplateKit(root, allowed) : void 0;
  const resolved = kit ? devicesWith(kit) : first;
  problems.push(...kit?.files.problems ?? []);
  problems.push(...inventory.problems, ...variables2.problems, ...resolved.problems);
  const isRead = inventory.problems.length === 0 && variables2.isWhole && !resolved.isBranchUnknown;
  if (isRead && policy) problems.push(...emptyStages(stages, resolved.devices, policy));
  const isUnsupported = resolved.isUnsupported && problems.length === resolved.problems.length;
  if (problems.length > 0 || !policy) throw failureWith(problems, isUnsupported);
  const unknown2 = inOrder([...variables2.locked, ...resolved.unknown]);
  return {
    folder: root,
    server: policy.server,
    stages,
    devices: resolved.devices,
    switches: policy.switches,
    unknown: unknown2,
    warnings: inOrder([
      ...policy.warnings,
      ...inventory.warnings,
      ...variables2.warnings,
      ...resolved.warnings,
      ...unknown2
    ])
  };
}
function stageOfBranch(stages, branch, policy) {
  const known2 = [...stages.values()].find((stage3) => stage3.branch === branch);
  if (known2 || policy?.stages) return known2;
  const stage2 = defaultStage(branch);
  stages.set(stage2.name, stage2);
  return stage2;
}
function emptyStages(stages, devices, policy) {
  const used = new Set(devices.map(({ stage: stage2 }) => stage2));
  return [...stages.values()].filter(({ name: name3, mayBeEmpty }) => !used.has(name3) && !mayBeEmpty).map(({ name: name3, branch }) => ({
    ...policy.at(["stages", name3]),
    message: `stages.${name3}: no device subscribes to ${branch}: subscribe one, or set allow-empty: true`
  }));
}
async function orProblems(problems, work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure) || error.problems.length === 0) throw error;
    problems.push(...error.problems);
    return void 0;
  }
}
function failureWith(problems, isUnsupported = false) {
  try {
    failOn(inOrder(problems));
  } catch (error) {
    if (!isUnsupported || !(error instanceof Failure)) return error;
    return new Failure("unsupported-template", error.message, { problems: error.problems });
  }
  return new Failure("internal", "a fleet that could not be read has no problems");
}
function inOrder(problems) {
  return [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  );
}
function fileIn(folder, file) {
  return relative3(folder, resolve(file));
}

// src/fleet/inventory-list.ts
import { resolve as resolve2 } from "node:path";
async function listInventory(folder, context = plainContext(), allowed = {}) {
  const root = resolve2(folder);
  const { inventory: source } = allowed;
  const inventory = await readInventory(root, source && { source, context });
  const variables2 = await readVariables(root, inventory);
  failOn([...inventory.problems, ...variables2.problems]);
  const hostvars = [];
  const configured = [];
  for (const host of inventory.hosts.values()) {
    const values = /* @__PURE__ */ new Map();
    for (const layer of variables2.layersOf(host))
      for (const [name3, { value }] of layer) if (!internal.has(name3)) values.set(name3, value);
    if (values.size > 0) hostvars.push([host.name, Object.fromEntries(values)]);
    if (values.has("configuration")) configured.push(host);
  }
  return {
    list: {
      ...groupsOf(inventory.groups),
      _meta: {
        hostvars: Object.fromEntries(hostvars),
        ...await configurationsOf(configured, variables2, () => loadTemplateKit(root, allowed))
      }
    },
    warnings: [...inventory.warnings, ...variables2.warnings]
  };
}
async function configurationsOf(hosts2, variables2, loadKit) {
  if (hosts2.length === 0) return {};
  const kit = await loadKit();
  const reader = new VariableReader(kit);
  const found = hosts2.flatMap((host) => {
    const { configuration } = reader.read(host, variables2.layersOf(host));
    return configuration ? [[host.name, shown(configuration)]] : [];
  });
  const problems = [...kit.files.problems, ...reader.problems.map(reader.withoutSecrets)];
  if (problems.length > 0)
    throw failureWith(problems, reader.isUnsupported && kit.files.problems.length === 0);
  return found.length > 0 ? { configurations: Object.fromEntries(found) } : {};
}
function shown({ template, values, secretKeys, digest }) {
  const known2 = [...values].map(([key, text3]) => [key, secretKeys.has(key) ? "(secret)" : text3]);
  return { template, values: Object.fromEntries(known2), ...secretKeys.size === 0 ? { digest } : {} };
}
function groupsOf(groups) {
  const shown2 = [];
  for (const { name: name3, hosts: hosts2, children } of groups.values()) {
    const members = name3 === "all" ? [] : hosts2.map((host) => host.name);
    if (members.length === 0 && children.length === 0) continue;
    shown2.push([
      name3,
      {
        ...members.length > 0 ? { hosts: members } : {},
        ...children.length > 0 ? { children: children.map((child) => child.name) } : {}
      }
    ]);
  }
  return Object.fromEntries(shown2);
}
var internal = /* @__PURE__ */ new Set([
  "ansible_diff_mode",
  "ansible_config_file",
  "ansible_facts",
  "ansible_forks",
  "ansible_inventory_sources",
  "ansible_limit",
  "ansible_playbook_python",
  "ansible_run_tags",
  "ansible_skip_tags",
  "ansible_verbosity",
  "ansible_version",
  "inventory_dir",
  "inventory_file",
  "inventory_hostname",
  "inventory_hostname_short",
  "groups",
  "group_names",
  "omit",
  "playbook_dir"
]);

// src/fleet/model.ts
function warningsFor(fleet, stage2) {
  return fleet.warnings.filter((warning) => warning.stage === void 0 || warning.stage === stage2);
}
function releaseFor(device, deviceType) {
  const image2 = device.images.find((image3) => image3.deviceType !== void 0 && image3.deviceType === deviceType) ?? device.images.find((image3) => image3.deviceType === void 0);
  return image2?.release;
}

// src/fleet/known-bad.ts
var import_yaml3 = __toESM(require_dist(), 1);
function withKnownBad(text3, entries, file) {
  const { knownBad } = parseFleetPolicy(text3, file).switches;
  const missing = entries.filter((entry) => !knownBad.has(entry));
  if (missing.length === 0) return void 0;
  const changed = inserted(
    text3,
    missing.map((entry) => JSON.stringify(entry))
  );
  const { knownBad: after } = parseFleetPolicy(changed, file).switches;
  if (entries.every((entry) => after.has(entry)) && [...knownBad].every((entry) => after.has(entry)))
    return changed;
  throw new Failure("invalid-file", `${file}: known-bad is written in a way that nothing can be added to`);
}
function inserted(text3, entries) {
  const { contents } = (0, import_yaml3.parseDocument)(text3);
  const pair = (0, import_yaml3.isMap)(contents) ? contents.items.find(({ key: key2 }) => (0, import_yaml3.isScalar)(key2) && key2.value === "known-bad") : void 0;
  const list3 = entries.map((entry) => `  - ${entry}
`).join("");
  if (!pair) return `${text3}${text3 === "" || text3.endsWith("\n") ? "" : "\n"}known-bad:
${list3}`;
  const { key, value } = pair;
  if ((0, import_yaml3.isSeq)(value) && value.range && !value.flow) {
    const [begin, end2] = value.range;
    const indent = " ".repeat(begin - (text3.lastIndexOf("\n", begin) + 1));
    const last = text3.slice(0, end2).trimEnd().length;
    const at3 = lineEnd2(text3, last);
    return `${text3.slice(0, at3)}${entries.map((entry) => `
${indent}- ${entry}`).join("")}${text3.slice(at3)}`;
  }
  if ((0, import_yaml3.isSeq)(value) && value.range) {
    const close = value.range[1] - 1;
    const separator = value.items.length > 0 ? ", " : "";
    return `${text3.slice(0, close).trimEnd()}${separator}${entries.join(", ")}${text3.slice(close)}`;
  }
  const at2 = (0, import_yaml3.isScalar)(key) && key.range ? lineEnd2(text3, key.range[1]) : text3.length;
  const from = (0, import_yaml3.isScalar)(key) && key.range ? key.range[1] : 0;
  const line = text3.slice(from, at2).replace(/^(\s*:\s*)(?:null|~)?(\s*(?:#.*)?)$/, "$1$2");
  return `${text3.slice(0, from)}${line}
${list3.trimEnd()}${text3.slice(at2)}`;
}
function lineEnd2(text3, from) {
  const end2 = text3.indexOf("\n", from);
  return end2 === -1 ? text3.length : end2;
}

export {
  inventorySource,
  allowedBy,
  environmentNames,
  parseSource,
  isRecord,
  policyFileName,
  readFleetPolicy,
  parseFleetPolicy,
  is32Bit,
  loadFleet,
  fileIn,
  listInventory,
  warningsFor,
  releaseFor,
  withKnownBad
};
