import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  gatherFacts,
  isOpenState
} from "./chunk-RHKVDADJ.mjs";
import {
  Failure,
  array,
  boolean,
  canonicalJson,
  check,
  description,
  digestOf,
  failOn,
  guard,
  hasCode,
  hexOf,
  integer,
  isDigest,
  isInRepository,
  isoTimestamp,
  lastWords,
  lazy,
  literal,
  maxLength,
  maxValue,
  messageOf,
  minLength,
  minValue,
  nonEmpty,
  nullish,
  number,
  object,
  oneLine,
  optional,
  parse,
  parseDuration,
  parseYaml,
  picklist,
  pipe,
  plainContext,
  readText,
  record,
  regex,
  require_dist,
  run,
  safeParse,
  shorten,
  start,
  strictObject,
  string,
  transform,
  trim,
  union,
  unknown,
  variant,
  writeAtomically
} from "./chunk-PWZ4J5Q2.mjs";
import {
  __toESM
} from "./chunk-TNMH4EKQ.mjs";

// src/fleet/load.ts
import { relative as relative2, resolve } from "node:path";

// src/fleet/inventory.ts
import { existsSync } from "node:fs";
import { join } from "node:path";

// src/fleet/display-name.ts
import { relative } from "node:path";
function displayName(path) {
  const name2 = relative(process.cwd(), path);
  return name2 === "" || name2.startsWith("..") ? path : name2;
}

// src/fleet/inside.ts
async function leadsOut(folder, path) {
  if (await isInRepository(folder, path)) return void 0;
  const message = "is a link that leads out of the fleet repository: put what it leads to in its place";
  return { file: displayName(path), line: 1, column: 1, message };
}

// src/fleet/source.ts
var import_yaml = __toESM(require_dist(), 1);
function parseSource(text3, file) {
  if (text3.startsWith("$ANSIBLE_VAULT;")) {
    const place = { file, line: 1, column: 1 };
    return {
      data: void 0,
      at: () => place,
      problems: [{ ...place, message: "is encrypted with Ansible Vault, which is not supported yet" }]
    };
  }
  const lines = new import_yaml.LineCounter();
  const document = (0, import_yaml.parseDocument)(text3, {
    lineCounter: lines,
    prettyErrors: false,
    version: "1.1",
    uniqueKeys: false
    // the parser compares each key with each other one; see repeatedKeys
  });
  const placeOf2 = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = document.errors.map((error) => ({
    ...placeOf2(error.pos[0]),
    message: error.message
  }));
  for (const [key, offset] of repeatedKeys(document))
    problems.push({ ...placeOf2(offset), message: `${key} is there twice` });
  let data;
  try {
    if (problems.length === 0) data = document.toJS({ maxAliasCount: 100 }) ?? void 0;
  } catch (error) {
    problems.push({ file, line: 1, column: 1, message: messageOf(error) });
  }
  let offsets;
  const at = (path) => {
    offsets ??= offsetsOf(document);
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(keyOf(path.slice(0, length)));
      if (offset !== void 0) return placeOf2(offset);
    }
    return placeOf2(0);
  };
  return { data, problems, at };
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
function offsetsOf(document) {
  const offsets = /* @__PURE__ */ new Map();
  const walk = (node, path) => {
    if ((0, import_yaml.isMap)(node)) {
      for (const pair of node.items) {
        if (!(0, import_yaml.isScalar)(pair.key)) continue;
        const inner = [...path, String(pair.key.value)];
        if (pair.key.range) offsets.set(keyOf(inner), pair.key.range[0]);
        walk(pair.value, inner);
      }
    } else if ((0, import_yaml.isSeq)(node)) {
      node.items.forEach((item, index) => {
        const inner = [...path, index];
        const start2 = startOf(item);
        if (start2 !== void 0) offsets.set(keyOf(inner), start2);
        walk(item, inner);
      });
    }
  };
  walk(document.contents, []);
  return offsets;
}
function repeatedKeys(document) {
  const repeated = [];
  (0, import_yaml.visit)(document, {
    Map: (_key, map) => {
      const seen = /* @__PURE__ */ new Set();
      for (const { key } of map.items) {
        if (!(0, import_yaml.isScalar)(key)) continue;
        const name2 = String(key.value);
        if (seen.has(name2) && name2 !== "<<") repeated.push([name2, key.range?.[0] ?? 0]);
        seen.add(name2);
      }
    }
  });
  return repeated;
}
function startOf(item) {
  if (!(0, import_yaml.isMap)(item) && !(0, import_yaml.isSeq)(item) && !(0, import_yaml.isScalar)(item) && !(0, import_yaml.isAlias)(item)) return void 0;
  const { range } = item;
  return range?.[0];
}
var keyOf = (path) => JSON.stringify(path.map(String));

// src/fleet/inventory.ts
var fileNames = ["inventory.yml", "inventory.yaml"];
var otherForms = ["inventory", "inventory.ini", "hosts", "hosts.ini", "hosts.yml", "hosts.yaml"];
var maxBytes = 64 << 20;
async function readInventory(folder) {
  const file = await inventoryFile(folder);
  const name2 = displayName(file);
  const problem = await leadsOut(folder, file);
  failOn(problem ? [problem] : []);
  const source = parseSource(await readText(file, maxBytes, name2), name2);
  failOn(source.problems);
  return new InventoryReader(source, name2).read();
}
async function inventoryFile(folder) {
  for (const name2 of fileNames) if (existsSync(join(folder, name2))) return join(folder, name2);
  for (const name2 of otherForms) {
    if (!existsSync(join(folder, name2))) continue;
    const message = `${displayName(join(folder, name2))}: inventories other than inventory.yml are not supported yet: put the hosts into that file`;
    throw new Failure("invalid-file", message);
  }
  throw new Failure(
    "file-missing",
    `there is no inventory.yml in ${folder}: give the fleet repository's folder as \`fleet\``
  );
}
var InventoryReader = class {
  #source;
  #file;
  #groups = /* @__PURE__ */ new Map();
  #hosts = /* @__PURE__ */ new Map();
  #problems = [];
  #measured = /* @__PURE__ */ new Set();
  constructor(source, file) {
    this.#source = source;
    this.#file = file;
  }
  read() {
    const all = this.#group("all");
    if (isRecord(this.#source.data)) {
      for (const [name2, body] of Object.entries(this.#source.data)) this.#readGroup(name2, body, [name2]);
    } else {
      this.#problem([], "an inventory is a mapping of groups: begin with `all:`");
    }
    for (const group of this.#groups.values())
      if (group !== all && group.parents.length === 0) group.parents.push(all);
    for (const group of this.#groups.values()) this.#setDepth(group, []);
    return { groups: this.#groups, hosts: this.#hosts, problems: this.#problems };
  }
  #readGroup(name2, body, path) {
    const group = this.#group(name2);
    if (body === null || body === void 0) return;
    if (!isRecord(body))
      return this.#problem(path, `${name2}: a group is a mapping of hosts, vars and children`);
    for (const [key, value] of Object.entries(body)) {
      const inner = [...path, key];
      if (!["hosts", "vars", "children"].includes(key)) {
        this.#problem(inner, `${name2}.${key}: a group has hosts, vars and children, nothing else`);
      } else if (value !== null && value !== void 0 && !isRecord(value)) {
        this.#problem(inner, `${name2}.${key} must be a mapping`);
      } else if (key === "vars") {
        this.#setVariables(group, value ?? {}, inner);
      } else {
        for (const [child, childBody] of Object.entries(value ?? {})) {
          if (key === "hosts") this.#readHost(child, childBody, group, [...inner, child]);
          else this.#readChild(child, childBody, group, [...inner, child]);
        }
      }
    }
  }
  #readChild(name2, body, parent, path) {
    const child = this.#group(name2);
    if (!child.parents.includes(parent)) child.parents.push(parent);
    this.#readGroup(name2, body, path);
  }
  #readHost(name2, body, group, path) {
    if (/\[.*\]/.test(name2))
      return this.#problem(path, `${name2}: host ranges are not supported yet: name each host`);
    if (this.#groups.has(name2)) this.#problem(path, `${name2} is a group and a host`);
    let host = this.#hosts.get(name2);
    if (!host) {
      host = { name: name2, groups: [], variables: /* @__PURE__ */ new Map(), at: () => this.#source.at(path) };
      this.#hosts.set(name2, host);
    }
    if (!host.groups.includes(group)) host.groups.push(group);
    if (body === null || body === void 0) return;
    if (!isRecord(body)) return this.#problem(path, `${name2}: a host is a mapping of variables, or empty`);
    this.#addVariables(host.variables, body, path);
  }
  #setVariables(group, values, path) {
    if (!isRecord(values)) return;
    this.#addVariables(group.variables, values, path);
    const priority = values["ansible_group_priority"];
    if (priority === void 0) return;
    if (typeof priority === "number" && Number.isInteger(priority)) group.priority = priority;
    else this.#problem([...path, "ansible_group_priority"], "ansible_group_priority must be a whole number");
  }
  #addVariables(to, values, path) {
    for (const [key, variable] of variablesOf(values, this.#source, this.#file, path)) to.set(key, variable);
  }
  #group(name2) {
    let group = this.#groups.get(name2);
    if (!group) {
      group = { name: name2, depth: name2 === "all" ? 0 : 1, priority: 1, parents: [], variables: /* @__PURE__ */ new Map() };
      this.#groups.set(name2, group);
    }
    return group;
  }
  #setDepth(group, below) {
    if (below.includes(group.name)) {
      this.#problem(
        [],
        `the groups ${[...below.slice(below.indexOf(group.name)), group.name].join(" > ")} contain each other`
      );
      group.parents.splice(0);
      return group.depth;
    }
    if (group.name === "all" || this.#measured.has(group)) return group.depth;
    this.#measured.add(group);
    const above = group.parents.map((parent) => this.#setDepth(parent, [...below, group.name]));
    group.depth = Math.max(1, ...above.map((depth) => depth + 1));
    return group.depth;
  }
  #problem(path, message) {
    this.#problems.push({ ...this.#source.at(path), message });
  }
};
function variablesOf(values, source, file, path) {
  return new Map(
    Object.entries(values).map(([key, value]) => {
      const own = [...path, key];
      return [key, { value, file, path: own, at: (inner = []) => source.at([...own, ...inner]) }];
    })
  );
}

// src/fleet/policy.ts
import { existsSync as existsSync2 } from "node:fs";
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
var text = pipe(string(), trim(), nonEmpty("must not be empty"));
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
function isTimeZone(name2) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name2 }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
var dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
var stage = strictObject({
  branch: text,
  after: optional(text),
  review: optional(picklist(["required", "none"], "write required or none")),
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
        text,
        check(
          (name2) => name2 === "device" || isTimeZone(name2),
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
        text,
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
  freeze: nullish(strictObject({ reason: text, until: optional(instant) })),
  "known-bad": nullish(array(text)),
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
  emergency: nullish(strictObject({ stage: text, release: text, reason: text, until: instant }))
});

// src/fleet/policy-values.ts
function waveStepOf(text3) {
  return text3.endsWith("%") ? { kind: "share", share: shareOf(text3) } : { kind: "per-device-type", count: Number.parseInt(text3, 10) };
}
function limitOf(value) {
  return typeof value === "number" ? { kind: "count", count: value } : { kind: "share", share: shareOf(value) };
}
function shareOf(percent3) {
  return Number(percent3.slice(0, -1)) / 100;
}
function minuteOf(timeOfDay2) {
  const [hour = 0, minute = 0] = timeOfDay2.split(":").map(Number);
  return hour * 60 + minute;
}

// src/fleet/policy-problems.ts
function problemsOf({ value, ...parsed }, file) {
  const stages = Object.entries(value.stages ?? {});
  const problem = (path, message) => ({
    file,
    ...parsed.locate(path),
    message: `${path.join(".")}: ${message}`
  });
  const problems = [];
  const byBranch = /* @__PURE__ */ new Map();
  for (const [name2, stage2] of stages) {
    const other = byBranch.get(stage2.branch);
    if (other !== void 0) {
      const message = `stage ${other} has the branch ${stage2.branch} already: its devices would be in two stages`;
      problems.push(problem(["stages", name2, "branch"], message));
    }
    byBranch.set(stage2.branch, name2);
    const { after } = stage2;
    if (after !== void 0 && !(after in (value.stages ?? {})))
      problems.push(problem(["stages", name2, "after"], `there is no stage ${after}`));
    else if (after !== void 0 && isInCircle(name2, value.stages ?? {}))
      problems.push(problem(["stages", name2, "after"], "the stages wait for each other in a circle"));
    for (const message of waveProblems(stage2.waves ?? [], name2))
      problems.push(problem(message.path, message.text));
    const { window } = stage2;
    if (window && window.from === window.to)
      problems.push(problem(["stages", name2, "window", "to"], "the window ends when it begins"));
  }
  if (value.emergency) {
    const message = "is not acted on yet: set os_image on the stage’s branch instead, and empty this";
    problems.push(problem(["emergency"], message));
  }
  return problems;
}
function warningsOf({ value, ...parsed }, file) {
  return Object.entries(value.stages ?? {}).flatMap(([name2, stage2]) => {
    const warning = (path, message) => [
      {
        stage: name2,
        file,
        ...parsed.locate(["stages", name2, ...path]),
        message: `stages.${name2}.${path.join(".")}: ${message}`
      }
    ];
    return [
      ...stage2.window ? warning(
        ["window"],
        "orders are placed inside the window alone, but one that a device has not begun at its end stays: it may install later"
      ) : [],
      ...stage2.budget?.retire === void 0 ? [] : warning(
        ["budget", "retire"],
        "nothing retires devices yet: one with `state: retired` just gets no orders"
      )
    ];
  });
}
function isInCircle(name2, stages) {
  let at = stages[name2]?.after;
  for (let steps = 0; at !== void 0 && steps <= Object.keys(stages).length; steps++) {
    if (at === name2) return true;
    at = stages[at]?.after;
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
  const name2 = displayName(path);
  if (!existsSync2(folder))
    throw new Failure(
      "file-missing",
      `there is no folder ${folder}: give the fleet repository's as \`fleet\``
    );
  const problem = await leadsOut(folder, path);
  failOn(problem ? [problem] : []);
  return existsSync2(path) ? parseFleetPolicy(await readText(path, 4 << 20, name2), name2) : noPolicy(name2);
}
function parseFleetPolicy(text3, file) {
  const isEmpty = text3.split("\n").every((line) => /^\s*(#.*|---\s*)?$/.test(line));
  const parsed = parseYaml(isEmpty ? "{}" : text3, file, policySchema);
  const { value } = parsed;
  const problems = problemsOf(parsed, file);
  failOn(problems);
  return {
    server: value.server && {
      type: value.server.type ?? "mender",
      url: value.server.url.replace(/\/+$/, "")
    },
    stages: value.stages && new Map(Object.entries(value.stages).map(([name2, stage2]) => [name2, stageOf(name2, stage2)])),
    switches: switchesOf(value),
    warnings: warningsOf(parsed, file),
    at: (path) => ({ file, ...parsed.locate(path) })
  };
}
function defaultStage(branch) {
  return { ...stageOf(branch, { branch }), mayBeEmpty: false };
}
function noPolicy(file) {
  return {
    server: void 0,
    stages: void 0,
    switches: { freeze: void 0, knownBad: /* @__PURE__ */ new Set(), retry: /* @__PURE__ */ new Map() },
    warnings: [],
    at: () => ({ file, line: 1, column: 1 })
  };
}
function stageOf(name2, file) {
  const gate = file.gate ?? {};
  const budget = file.budget ?? {};
  return {
    name: name2,
    branch: file.branch,
    after: file.after,
    needsReview: file.review === void 0 ? file.after !== void 0 : file.review === "required",
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
      missing: budget.missing === void 0 ? void 0 : limitOf(budget.missing)
    },
    mayBeEmpty: file["allow-empty"] === true
  };
}
function switchesOf(value) {
  return {
    freeze: value.freeze ? { reason: value.freeze.reason, until: value.freeze.until ? new Date(value.freeze.until) : void 0 } : void 0,
    knownBad: new Set(value["known-bad"] ?? []),
    retry: new Map(Object.entries(value.retry ?? {}))
  };
}

// src/fleet/variables.ts
import { readdir } from "node:fs/promises";
import { join as join3 } from "node:path";
var concurrency = 32;
var maxBytes2 = 4 << 20;
async function readVariables(folder, inventory) {
  const groups = await readFolder(folder, "group_vars", [...inventory.groups.keys()]);
  const hosts = await readFolder(folder, "host_vars", [...inventory.hosts.keys()]);
  const orphan = (what, kind) => (file) => ({
    file,
    line: 1,
    column: 1,
    message: `these are variables of a ${what} that is not in the inventory: add it there or remove ${kind}`
  });
  const knownGroups = groups.orphans.filter((file) => !/(^|\/)ungrouped(\.\w+)?$/.test(file));
  const byGroups = /* @__PURE__ */ new Map();
  return {
    layersOf: (host) => {
      const key = JSON.stringify(host.groups.map(({ name: name2 }) => name2));
      let layers = byGroups.get(key);
      if (!layers) {
        layers = groupLayers(host.groups, groups.variables);
        byGroups.set(key, layers);
      }
      return [...layers, host.variables, ...hosts.variables.get(host.name) ?? []];
    },
    problems: [...groups.problems, ...hosts.problems, ...hosts.orphans.map(orphan("host", "the file"))],
    warnings: [...groups.warnings, ...hosts.warnings, ...knownGroups.map(orphan("group", "the file"))]
  };
}
function lookUp(layers, name2) {
  for (let index = layers.length - 1; index >= 0; index--) {
    const variable = layers[index]?.get(name2);
    if (variable) return variable;
  }
  return void 0;
}
function groupLayers(direct, files) {
  const groups = /* @__PURE__ */ new Set();
  const add = (group) => {
    if (groups.has(group)) return;
    groups.add(group);
    group.parents.forEach(add);
  };
  direct.forEach(add);
  const sorted = [...groups].sort(
    (a, b) => a.depth - b.depth || a.priority - b.priority || (a.name < b.name ? -1 : 1)
  );
  const all = sorted.filter(({ name: name2 }) => name2 === "all");
  const rest = sorted.filter(({ name: name2 }) => name2 !== "all");
  const fromFiles = (group) => files.get(group.name) ?? [];
  return [
    ...all.map(({ variables }) => variables),
    ...rest.map(({ variables }) => variables),
    ...all.flatMap(fromFiles),
    ...rest.flatMap(fromFiles)
  ];
}
var extensions = ["", ".yml", ".yaml", ".json"];
async function readFolder(root, within, names2) {
  const folder = join3(root, within);
  const problem = await leadsOut(root, folder);
  if (problem) return { variables: /* @__PURE__ */ new Map(), problems: [problem], warnings: [], orphans: [] };
  const entries = await list(folder);
  const unclaimed = new Set(entries.keys());
  const problems = [];
  const warnings = [];
  const files = [];
  for (const name2 of names2) {
    const candidates = extensions.map((extension) => `${name2}${extension}`).filter((entry) => entries.has(entry));
    for (const candidate of candidates) unclaimed.delete(candidate);
    const [first, ...others] = candidates;
    if (first === void 0) continue;
    const found = entries.get(first) === "folder" ? await filesBelow(join3(folder, first)) : [join3(folder, first)];
    for (const file of found) files.push({ name: name2, file });
    for (const other of others) {
      const file = displayName(join3(folder, other));
      warnings.push({ file, line: 1, column: 1, message: `is never read, as ${first} is there too` });
    }
  }
  const read = await inTurns(files, async ({ name: name2, file }) => ({
    name: name2,
    ...await readVariableFile(root, file)
  }));
  const variables = /* @__PURE__ */ new Map();
  for (const { name: name2, layer, problems: found } of read) {
    problems.push(...found);
    variables.set(name2, [...variables.get(name2) ?? [], layer]);
  }
  return {
    variables,
    problems,
    warnings,
    orphans: [...unclaimed].sort().map((entry) => displayName(join3(folder, entry)))
  };
}
async function readVariableFile(root, path) {
  const name2 = displayName(path);
  const problem = await leadsOut(root, path);
  if (problem) return { layer: /* @__PURE__ */ new Map(), problems: [problem] };
  const source = parseSource(await readText(path, maxBytes2, name2), name2);
  if (source.problems.length > 0 || source.data === void 0)
    return { layer: /* @__PURE__ */ new Map(), problems: source.problems };
  if (isRecord(source.data)) return { layer: variablesOf(source.data, source, name2, []), problems: [] };
  return { layer: /* @__PURE__ */ new Map(), problems: [{ ...source.at([]), message: "must be a mapping of variables" }] };
}
async function list(folder) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return new Map(
      entries.filter(({ name: name2 }) => !isPassedOver(name2)).map((entry) => [entry.name, entry.isDirectory() ? "folder" : "file"])
    );
  } catch (error) {
    if (hasCode(error, "ENOENT")) return /* @__PURE__ */ new Map();
    throw error;
  }
}
async function filesBelow(folder) {
  const files = [];
  for (const [name2, kind] of [...await list(folder)].sort(([a], [b]) => a < b ? -1 : 1)) {
    const path = join3(folder, name2);
    if (kind === "folder") files.push(...await filesBelow(path));
    else if (extensions.some((extension) => extension ? name2.endsWith(extension) : !name2.includes(".")))
      files.push(path);
  }
  return files;
}
var isPassedOver = (name2) => name2.startsWith(".") || name2.endsWith("~");
async function inTurns(items, work) {
  const results = [];
  for (let start2 = 0; start2 < items.length; start2 += concurrency)
    results.push(...await Promise.all(items.slice(start2, start2 + concurrency).map(work)));
  return results;
}

// src/fleet/variable-reader.ts
var name = pipe(
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
  name,
  transform((release) => [{ deviceType: void 0, release }])
);
var images = pipe(
  array(strictObject({ device_type: name, image_name: name })),
  minLength(1, "must not be empty"),
  transform(
    (items) => items.map((item) => ({ deviceType: item.device_type, release: item.image_name }))
  )
);
var schemas = {
  subscribed_branch: name,
  os_image: lazy((value) => Array.isArray(value) ? images : image),
  device_id: name,
  device_type: name,
  lab: boolean("must be true or false"),
  site: name,
  time_zone: pipe(name, check(isTimeZone, "must be a time zone such as Europe/Zurich")),
  state: picklist(["present", "retired"], "must be present or retired")
};
var withoutEffect = {
  configuration: "configurations are not applied yet: devices get their OS alone",
  mender_server: "is not read: the server is what fleet.yml names"
};
var VariableReader = class {
  problems = [];
  warnings = [];
  #checked = /* @__PURE__ */ new Map();
  #warned = /* @__PURE__ */ new Set();
  /** The values of one host that are right, and the names of those that are not. */
  read(layers) {
    const values = {};
    const wrong = /* @__PURE__ */ new Set();
    for (const name2 of Object.keys(schemas)) {
      const variable = lookUp(layers, name2);
      if (!variable || variable.value === null) continue;
      const checked = this.#check(name2, variable);
      if (checked.ok) values[name2] = checked.value;
      else wrong.add(name2);
    }
    return { values, wrong };
  }
  warnOf(layers) {
    for (const [name2, message] of Object.entries(withoutEffect)) {
      const variable = lookUp(layers, name2);
      if (!variable || this.#warned.has(variable)) continue;
      this.#warned.add(variable);
      this.warnings.push({ ...variable.at(), message: `${name2}: ${message}` });
    }
  }
  #check(name2, variable) {
    let checked = this.#checked.get(variable);
    if (!checked) {
      checked = this.#checkNew(name2, variable);
      this.#checked.set(variable, checked);
    }
    return checked;
  }
  #checkNew(name2, variable) {
    const unsupported = unsupportedValue(variable.value, []);
    if (unsupported) {
      this.problems.push({ ...variable.at(unsupported.path), message: `${name2}: ${unsupported.message}` });
      return { ok: false };
    }
    const result = safeParse(schemas[name2], variable.value);
    if (result.success) return { ok: true, value: result.output };
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key);
      this.problems.push({ ...variable.at(path), message: `${[name2, ...path].join(".")}: ${said(issue)}` });
    }
    return { ok: false };
  }
};
var said = ({ type, expected, message }) => type === "strict_object" && expected === "never" ? "is not a known key" : message;
function unsupportedValue(value, path) {
  if (typeof value === "string") {
    if (value.startsWith("$ANSIBLE_VAULT;"))
      return { path, message: "is encrypted with Ansible Vault, which is not supported yet" };
    if (/\{\{|\{%|\{#/.test(value))
      return { path, message: `templates in variables are not supported yet: write the value itself` };
    return void 0;
  }
  if (typeof value !== "object" || value === null) return void 0;
  for (const [key, inner] of Object.entries(value)) {
    const found = unsupportedValue(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return void 0;
}

// src/fleet/resolve.ts
function resolveDevices(hosts, variables, stageOf3) {
  const reader = new VariableReader();
  const devices = [];
  const problems = [];
  const warnings = [];
  for (const host of hosts) {
    const layers = variables.layersOf(host);
    reader.warnOf(layers);
    const { values, wrong } = reader.read(layers);
    const device = deviceOf(host, layers, values, wrong, stageOf3, problems);
    if (device) devices.push(device);
    else if (wrong.size === 0 && values.subscribed_branch === void 0 && values.os_image === void 0)
      warnings.push({ ...host.at(), message: `${host.name} subscribes to no branch: it is left alone` });
  }
  problems.push(...duplicates(devices, hostPlaces(hosts)));
  return { devices, problems: [...reader.problems, ...problems], warnings: [...reader.warnings, ...warnings] };
}
function deviceOf(host, layers, values, wrong, stageOf3, problems) {
  const { subscribed_branch: branch, os_image: images2 } = values;
  if (branch === void 0) {
    if (images2 !== void 0 && !wrong.has("subscribed_branch"))
      problems.push({ ...host.at(), message: `${host.name} has an os_image and no subscribed_branch` });
    return void 0;
  }
  const stage2 = stageOf3(branch);
  const branchVariable = lookUp(layers, "subscribed_branch");
  if (!stage2) {
    const message = `${host.name} subscribes to the branch ${branch}, which is no stage of fleet.yml`;
    problems.push({ ...branchVariable?.at() ?? host.at(), message });
    return void 0;
  }
  const isRetired = values.state === "retired";
  const image2 = lookUp(layers, "os_image");
  const problem = wrong.has("os_image") ? void 0 : imageProblem(host, values, image2, isRetired);
  if (problem) problems.push(problem);
  if (stage2.window?.timeZone === "device" && values.time_zone === void 0 && !wrong.has("time_zone") && !isRetired) {
    const message = `${host.name} has no time_zone, which the window of stage ${stage2.name} needs`;
    problems.push({ ...host.at(), message });
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
    at: () => image2?.at() ?? host.at()
  };
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
var hostPlaces = (hosts) => new Map(hosts.map((host) => [host.name, host]));
function duplicates(devices, hosts) {
  const byId2 = /* @__PURE__ */ new Map();
  return devices.flatMap((device) => {
    const other = byId2.get(device.id);
    byId2.set(device.id, other ?? device);
    const place = hosts.get(device.host)?.at();
    if (!other || !place) return [];
    const where = other.stage === device.stage ? "" : `, and the device would be in two stages`;
    return [
      { ...place, message: `${device.host} has the same device id as ${other.host}: ${device.id}${where}` }
    ];
  });
}

// src/fleet/load.ts
async function loadFleet(folder, context) {
  const root = resolve(folder);
  const problems = [];
  const policy = await orProblems(problems, () => readFleetPolicy(root));
  const inventory = await orProblems(problems, () => readInventory(root));
  context?.signal.throwIfAborted();
  if (!inventory) throw failure(problems);
  const variables = await readVariables(root, inventory);
  const stages = new Map(policy?.stages);
  const resolved = resolveDevices(
    [...inventory.hosts.values()],
    variables,
    (branch) => stageOfBranch(stages, branch, policy)
  );
  problems.push(...inventory.problems, ...variables.problems, ...resolved.problems);
  if (problems.length === 0 && policy) problems.push(...emptyStages(stages, resolved.devices, policy));
  if (problems.length > 0 || !policy) throw failure(problems);
  return {
    folder: root,
    server: policy.server,
    stages,
    devices: resolved.devices,
    switches: policy.switches,
    warnings: inOrder([...policy.warnings, ...variables.warnings, ...resolved.warnings])
  };
}
function stageOfBranch(stages, branch, policy) {
  const known = [...stages.values()].find((stage3) => stage3.branch === branch);
  if (known || policy?.stages) return known;
  const stage2 = defaultStage(branch);
  stages.set(stage2.name, stage2);
  return stage2;
}
function emptyStages(stages, devices, policy) {
  const used = new Set(devices.map(({ stage: stage2 }) => stage2));
  return [...stages.values()].filter(({ name: name2, mayBeEmpty }) => !used.has(name2) && !mayBeEmpty).map(({ name: name2, branch }) => ({
    ...policy.at(["stages", name2]),
    message: `stages.${name2}: no device subscribes to ${branch}: subscribe one, or set allow-empty: true`
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
function failure(problems) {
  try {
    failOn(inOrder(problems));
  } catch (error) {
    return error;
  }
  return new Failure("internal", "a fleet that could not be read has no problems");
}
function inOrder(problems) {
  return [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  );
}
function fileIn(folder, file) {
  return relative2(folder, resolve(file));
}

// src/fleet/model.ts
function warningsFor(fleet, stage2) {
  return fleet.warnings.filter((warning) => warning.stage === void 0 || warning.stage === stage2);
}
function releaseFor(device, deviceType) {
  const image2 = device.images.find((image3) => image3.deviceType !== void 0 && image3.deviceType === deviceType) ?? device.images.find((image3) => image3.deviceType === void 0);
  return image2?.release;
}

// src/github/event.ts
var maxEventBytes = 30 << 20;
var eventFile = object({
  pull_request: optional(
    object({
      number: pipe(number(), integer()),
      base: object({ ref: string(), sha: pipe(string(), regex(/^[0-9a-f]{40,64}$/)) }),
      head: object({ sha: string() })
    })
  ),
  merge_group: optional(object({ base_ref: string() }))
});
async function readEvent(environment2 = process.env) {
  const [owner, repo] = (environment2["GITHUB_REPOSITORY"] ?? "").split("/");
  const ref = environment2["GITHUB_REF"] ?? "";
  const event = await readFile(environment2["GITHUB_EVENT_PATH"]);
  const pullRequest2 = event.pull_request && {
    number: event.pull_request.number,
    target: event.pull_request.base.ref,
    targetCommit: event.pull_request.base.sha,
    headCommit: event.pull_request.head.sha
  };
  return {
    repository: owner && repo ? { owner, repo } : void 0,
    pullRequest: pullRequest2,
    target: pullRequest2?.target ?? event.merge_group?.base_ref.replace(/^refs\/heads\//, ""),
    branch: ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : void 0
  };
}
async function readFile(path) {
  if (!path) return {};
  const text3 = await readText(path, maxEventBytes, "GITHUB_EVENT_PATH");
  try {
    return parse(eventFile, JSON.parse(text3));
  } catch (error) {
    throw new Failure("invalid-file", `the file of GITHUB_EVENT_PATH is no event: ${messageOf(error)}`, {
      cause: error
    });
  }
}

// src/github/check.ts
var annotationsPerRequest = 50;
var maxAnnotations = 500;
var checkRun = object({
  id: number(),
  external_id: nullish(string()),
  conclusion: nullish(string()),
  output: optional(object({ title: nullish(string()), summary: nullish(string()) }))
});
var checkRuns = object({ check_runs: array(checkRun) });
async function publishCheck(github, check2) {
  const last = await newestCheck(github, check2.commit, check2.name);
  const isSame = last?.external_id === check2.externalId && last.conclusion === check2.conclusion && last.output?.title === check2.title && last.output.summary === check2.summary;
  if (isSame) return false;
  const annotations = check2.annotations.slice(0, maxAnnotations).map(toGitHub);
  const output = { title: check2.title, summary: check2.summary };
  const { id } = await github.send(
    {
      method: "POST",
      route: "/repos/{owner}/{repo}/check-runs",
      parameters: {
        name: check2.name,
        head_sha: check2.commit,
        status: "completed",
        conclusion: check2.conclusion,
        external_id: check2.externalId,
        output: { ...output, annotations: annotations.slice(0, annotationsPerRequest) }
      }
    },
    checkRun
  );
  for (let start2 = annotationsPerRequest; start2 < annotations.length; start2 += annotationsPerRequest) {
    const more = annotations.slice(start2, start2 + annotationsPerRequest);
    await github.send(
      {
        method: "PATCH",
        route: "/repos/{owner}/{repo}/check-runs/{check_run_id}",
        parameters: { check_run_id: id, output: { ...output, annotations: more } }
      },
      checkRun
    );
  }
  return true;
}
async function newestCheck(github, commit, name2) {
  const request = {
    route: "/repos/{owner}/{repo}/commits/{ref}/check-runs",
    parameters: { ref: commit, check_name: name2, filter: "latest" }
  };
  const runs = await github.list(request, checkRuns, (page) => page.check_runs);
  return runs.reduce((a, b) => a && a.id > b.id ? a : b, void 0);
}
function toGitHub({ file, line, level, message }) {
  return {
    path: file,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: shorten(oneLine(message), 4e3)
  };
}

// src/github/client.ts
var attempts = 4;
var deadlineMs = 3e4;
var maxPauseMs = 6e4;
var maxPages = 50;
function openGitHub({ token, repository }, context) {
  const send = async (request, schema) => {
    for (let attempt = 1; ; attempt++) {
      const result = await sendOnce(token, repository, request, context);
      if (!(result instanceof Refusal)) return parse2(result.data, schema, request);
      const mayRepeat = request.method !== "POST" || result.isRateLimit;
      if (attempt === attempts || !result.isPassing || !mayRepeat) throw result.failure;
      const pauseMs = Math.min(result.pauseMs ?? 500 * 2 ** attempt, maxPauseMs);
      context.log.debug(`GitHub: ${result.failure.message}; trying again in ${pauseMs} ms`);
      await context.clock.sleep(pauseMs, context.signal);
    }
  };
  return {
    send,
    list: async (request, schema, read) => {
      const items = [];
      for (let page = 1; page <= maxPages; page++) {
        const parameters = { ...request.parameters, per_page: 100, page };
        const found = read(await send({ ...request, method: "GET", parameters }, schema));
        items.push(...found);
        if (found.length < 100) break;
      }
      return items;
    }
  };
}
var Refusal = class {
  failure;
  status;
  pauseMs;
  isRateLimit;
  constructor(error, { method, route }) {
    const { status, headers } = statusOf(error);
    this.status = status;
    const retryAfter = Number(headers["retry-after"]);
    this.pauseMs = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1e3 : void 0;
    this.isRateLimit = status === 429 || status === 403 && (headers["x-ratelimit-remaining"] === "0" || this.pauseMs !== void 0);
    const said2 = shorten(oneLine(messageOf(error)), 300);
    this.failure = status === void 0 ? new Failure("unreachable", `GitHub can't be reached: ${said2}`, { cause: error }) : new Failure("github-refused", `GitHub refused ${method} ${route} (${status}): ${said2}`, {
      cause: error
    });
  }
  get isPassing() {
    return this.status === void 0 || this.isRateLimit || [500, 502, 503, 504].includes(this.status);
  }
};
async function sendOnce(token, repository, request, context) {
  const { getOctokit } = await import("./github-KK2HL7G6.mjs");
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)]);
    const reply = await getOctokit(token, {
      userAgent: "drover",
      log: { debug: () => {
      }, info: () => {
      }, warn: () => {
      }, error: () => {
      } }
    }).request(`${request.method} ${request.route}`, {
      ...repository,
      ...request.parameters,
      request: { signal }
    });
    return { data: reply.data };
  } catch (error) {
    context.signal.throwIfAborted();
    return new Refusal(error, request);
  }
}
var errorSchema = object({
  status: pipe(number(), integer()),
  response: object({ headers: record(string(), unknown()) })
});
function statusOf(error) {
  const result = safeParse(errorSchema, error);
  if (!result.success) return { status: void 0, headers: {} };
  return { status: result.output.status, headers: result.output.response.headers };
}
function parse2(data, schema, { method, route }) {
  const result = safeParse(schema, data);
  if (result.success) return result.output;
  throw new Failure(
    "github-refused",
    `GitHub answered ${method} ${route} in an unknown form: ${result.issues[0].message}`
  );
}

// src/github/comment.ts
var comment = object({
  id: number(),
  body: nullish(string()),
  user: nullish(object({ id: number(), type: optional(string()) }))
});
async function keepComment(github, { pullRequest: pullRequest2, marker, body }) {
  const text3 = `${hidden(marker)}
${body}`;
  const existing = await ownComment(github, pullRequest2, marker);
  if (existing?.body === text3) return false;
  if (existing) {
    const parameters = { comment_id: existing.id, body: text3 };
    const route = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    await github.send({ method: "PATCH", route, parameters }, comment);
  } else {
    const parameters = { issue_number: pullRequest2, body: text3 };
    const route = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
    await github.send({ method: "POST", route, parameters }, comment);
  }
  return true;
}
async function findComment(github, pullRequest2, marker) {
  return (await marked(github, pullRequest2, marker)).findLast(({ user }) => user?.type === "Bot");
}
async function ownComment(github, pullRequest2, marker) {
  const comments = await marked(github, pullRequest2, marker);
  const byApp = comments.findLast(({ user }) => user?.type === "Bot");
  if (byApp || comments.length === 0) return byApp;
  const me = await github.send({ method: "GET", route: "/user" }, object({ id: number() })).catch(() => void 0);
  return me && comments.findLast(({ user }) => user?.id === me.id);
}
async function marked(github, pullRequest2, marker) {
  const request = {
    route: "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    parameters: { issue_number: pullRequest2 }
  };
  const comments = await github.list(request, array(comment), (page) => page);
  return comments.filter(({ body }) => body?.startsWith(hidden(marker)));
}
var hidden = (marker) => `<!-- ${marker} -->`;

// src/github/publish.ts
async function tryToPublish(what, work) {
  try {
    return { isDone: true, hasChanged: await work() };
  } catch (error) {
    if (error instanceof Failure && (error.reason === "github-refused" || error.reason === "unreachable"))
      return { isDone: false, why: `${what} could not be published: ${error.message}` };
    throw error;
  }
}

// src/github/review.ts
var pullRequest = object({
  number: number(),
  merged_at: nullish(string()),
  merge_commit_sha: nullish(string()),
  base: object({ ref: string() }),
  head: object({ sha: string() })
});
function planReview(stage2) {
  return { checkName: `drover plan: ${stage2}`, marker: `drover-plan-${stage2.replace(/[^\w.-]/g, "-")}` };
}
function digestMark(digest2) {
  return `<!-- drover-digest ${digest2} -->`;
}
async function reviewedDigest(github, branch, commit, review) {
  const request = {
    route: "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    parameters: { commit_sha: commit }
  };
  const pullRequests = await github.list(request, array(pullRequest), (page) => page);
  const merged = pullRequests.find(
    ({ merged_at, merge_commit_sha, base }) => merged_at && merge_commit_sha === commit && base.ref === branch
  );
  if (!merged) return void 0;
  const check2 = await newestCheck(github, merged.head.sha, review.checkName);
  if (check2)
    return isDigest(check2.external_id ?? "") && check2.conclusion === "success" ? digestOf2(check2.external_id) : void 0;
  const comment2 = await findComment(github, merged.number, review.marker);
  return digestOf2(/<!-- drover-digest (sha256:[0-9a-f]{64}) -->/.exec(comment2?.body ?? "")?.[1]);
}
function digestOf2(text3) {
  return text3 && isDigest(text3) ? text3 : void 0;
}

// src/plan/limits.ts
var epsilon = 1e-9;
function allowed(limit2, total) {
  return limit2.kind === "count" ? limit2.count : Math.floor(limit2.share * total + epsilon);
}
function needed(share, total) {
  return Math.ceil(share * total - epsilon);
}
var clockSkewMs = 5 * 6e4;
function isFresh(reportedAt, limitMs, now) {
  if (reportedAt === void 0) return false;
  const ageMs = now.getTime() - Date.parse(reportedAt);
  return ageMs <= limitMs && ageMs >= -clockSkewMs;
}

// src/plan/budget.ts
function overBudget(plan, stage2) {
  const { budget } = stage2;
  const updates = plan.changes.filter((change2) => change2.kind === "update");
  const types = new Set(updates.map(({ deviceType }) => deviceType));
  const missing = plan.changes.filter(
    (change2) => change2.kind === "blocked" && change2.by === "not-on-server"
  ).length;
  const over = [];
  if (budget.devices !== void 0 && updates.length > budget.devices)
    over.push(`${updates.length} devices would change; budget.devices allows ${budget.devices}`);
  if (budget.deviceTypes !== void 0 && types.size > budget.deviceTypes)
    over.push(`${types.size} device types would change; budget.device-types allows ${budget.deviceTypes}`);
  if (budget.missing !== void 0 && missing > allowed(budget.missing, plan.counts.inGit))
    over.push(
      `${missing} of ${plan.counts.inGit} devices are not on the server; budget.missing allows ${allowed(budget.missing, plan.counts.inGit)}`
    );
  return over;
}

// src/plan/releases.ts
function contentOf(releases, release, deviceType) {
  return combined(
    (releases.get(release)?.artifacts ?? []).filter(({ deviceTypes }) => deviceTypes.includes(deviceType)).map(({ contentDigest }) => contentDigest)
  );
}
function desiredDigest(stage2, devices, releases) {
  const all = (release) => combined((releases.get(release)?.artifacts ?? []).map(({ contentDigest }) => contentDigest));
  const wanted = devices.map((device) => {
    if (device.isRetired) return [device.id, "retired"];
    const images2 = device.images.filter(
      ({ deviceType }) => deviceType === void 0 || (device.deviceType ?? deviceType) === deviceType
    ).map(({ deviceType, release }) => {
      const type = deviceType ?? device.deviceType;
      const content = type === void 0 ? all(release) : contentOf(releases, release, type);
      return [type ?? "*", content ?? `missing:${release}`];
    });
    return [device.id, Object.fromEntries(images2)];
  });
  return digestOf(canonicalJson({ stage: stage2, devices: Object.fromEntries(wanted) }));
}
function combined(digests) {
  const [first, ...others] = [...new Set(digests)].sort();
  return others.length === 0 ? first : digestOf(canonicalJson([first, ...others]));
}

// src/plan/waves.ts
import { createHash } from "node:crypto";
function waves(members, release, steps) {
  const byType = /* @__PURE__ */ new Map();
  for (const { device, deviceType } of members) {
    const devices = byType.get(deviceType);
    if (devices) devices.push(device);
    else byType.set(deviceType, [device]);
  }
  const placed = /* @__PURE__ */ new Map();
  for (const devices of byType.values()) cut(devices, release, steps, placed);
  return placed;
}
function waveLabel(step) {
  return step.kind === "per-device-type" ? `${step.count} per device type` : `${Number((step.share * 100).toFixed(3))}%`;
}
function cut(devices, release, steps, placed) {
  const queue = devices.map((device) => ({ device, place: placeOf(release, device) })).sort((a, b) => a.place - b.place || (a.device < b.device ? -1 : 1));
  let next = 0;
  steps.forEach((step, index) => {
    const start2 = next;
    const isIn = (at) => step.kind === "share" ? (queue[at]?.place ?? 1) < step.share || step.share >= 1 : at - start2 < step.count;
    while (next < queue.length && (next === start2 || isIn(next))) {
      placed.set(queue[next]?.device ?? "", index + 1);
      next += 1;
    }
  });
}
function placeOf(release, device) {
  const hash = createHash("sha256").update(`${release}\0${device}`).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48;
}

// src/plan/make-plan.ts
function makePlan(fleet, stageName, facts, now) {
  const stage2 = stageOf2(fleet, stageName);
  const devices = fleet.devices.filter((device) => device.stage === stage2.name);
  if (devices.length === 0 && !stage2.mayBeEmpty)
    throw new Failure(
      "no-device-matched",
      `no device subscribes to ${stage2.branch}, the branch of ${stage2.name}`
    );
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  const world = { fleet, releases, facts: byId(facts), orders: openOrders(facts), now };
  const drafts = devices.map((device) => draft(device, world));
  if (drafts.length > 0 && drafts.every(({ change: change2 }) => change2?.by === "not-on-server")) {
    const names2 = devices.slice(0, 5).map(({ host, id }) => host === id ? id : `${host} (${id})`);
    throw new Failure(
      "no-device-matched",
      `${facts.server} knows none of the ${devices.length} devices of ${stage2.name} (${names2.join(", ")}): check their device_id and the server`
    );
  }
  const changes = withWaves(drafts, stage2);
  return {
    schema: "drover/plan/v1",
    stage: stage2.name,
    branch: stage2.branch,
    server: facts.server,
    createdAt: now.toISOString(),
    factsAt: facts.gatheredAt,
    digest: desiredDigest(stage2.name, devices, releases),
    counts: {
      inGit: devices.length,
      updates: changes.filter(({ kind }) => kind === "update").length,
      alreadyPending: changes.filter((change2) => change2.kind === "no-op" && change2.why === "already-pending").length,
      alreadyThere: changes.filter((change2) => change2.kind === "no-op" && change2.why === "already-there").length,
      blocked: changes.filter(({ kind }) => kind === "blocked").length
    },
    waves: plannedWaves(stage2, changes),
    changes
  };
}
function stageOf2(fleet, name2) {
  const stage2 = fleet.stages.get(name2);
  if (stage2) return stage2;
  throw new Failure(
    "not-a-stage",
    `there is no stage ${name2}; the fleet has ${[...fleet.stages.keys()].join(", ")}`
  );
}
function draft(device, world) {
  const { file, line } = device.at();
  const cause = { file, line };
  const facts = world.facts.get(device.id);
  const block = (by, why, to2) => ({
    device,
    cause,
    change: {
      kind: "blocked",
      device: device.id,
      host: device.host,
      cause,
      from: facts?.release,
      to: to2,
      by,
      why,
      until: void 0
    }
  });
  if (device.isRetired) return block("retired", "is retired in Git: it gets no orders");
  if (!facts) return block("not-on-server", "is not on the server: let it connect, or correct its device_id");
  if (facts.status !== "accepted")
    return block("not-accepted", `is ${facts.status} on the server: accept it there first`);
  const deviceType = facts.deviceType ?? device.deviceType;
  if (deviceType === void 0) return block("no-release-fact", "has never reported its device type");
  if (device.deviceType !== void 0 && device.deviceType !== deviceType)
    return block("wrong-device-type", `reports the device type ${deviceType}; Git says ${device.deviceType}`);
  const to = releaseFor(device, deviceType);
  if (to === void 0) return block("no-image", `os_image has no image for the device type ${deviceType}`);
  if (facts.release === void 0)
    return block(
      "no-release-fact",
      "does not report which release it runs: look at its inventory on the server",
      to
    );
  const target = { deviceType, from: facts.release, to };
  if (facts.release === to) {
    const order = otherOrder(device, to, world);
    return { device, cause, target: { ...target, state: order ? busy(order) : "already-there" } };
  }
  const problem = releaseProblem(to, deviceType, world);
  if (problem) return block(problem.by, problem.why, to);
  return { device, cause, target: { ...target, state: stateOf(device, to, world) } };
}
function releaseProblem(release, deviceType, { fleet, releases }) {
  const content = contentOf(releases, release, deviceType);
  const { knownBad } = fleet.switches;
  if (knownBad.has(release) || content !== void 0 && knownBad.has(content))
    return { by: "known-bad", why: `${release} is listed in known-bad: choose another release` };
  if (!releases.has(release))
    return { by: "release-missing", why: `the server has no release ${release}: upload its artifact` };
  if (content === void 0)
    return {
      by: "release-missing",
      why: `${release} has no artifact for the device type ${deviceType}: upload one`
    };
  return void 0;
}
function stateOf(device, to, world) {
  const other = otherOrder(device, to, world);
  if (other) return busy(other);
  if ((world.orders.get(device.id) ?? []).some((order) => order.release === to)) return "already-pending";
  const { freeze } = world.fleet.switches;
  if (freeze && (freeze.until === void 0 || freeze.until > world.now)) {
    const until = freeze.until?.toISOString();
    return {
      by: "frozen",
      why: `the fleet is frozen: ${freeze.reason}`,
      ...until === void 0 ? {} : { until }
    };
  }
  return "update";
}
var otherOrder = (device, to, { orders }) => (orders.get(device.id) ?? []).find((order) => order.release !== to);
var busy = (order) => ({
  by: "busy",
  why: `has an open order of ${order.release} (${order.name}): wait for it, or abort it on the server`
});
function withWaves(drafts, stage2) {
  const byRelease = /* @__PURE__ */ new Map();
  for (const { device, target } of drafts) {
    if (!target) continue;
    const members = byRelease.get(target.to) ?? [];
    members.push({ device: device.id, deviceType: target.deviceType });
    byRelease.set(target.to, members);
  }
  const placed = new Map(
    [...byRelease].map(([release, members]) => [release, waves(members, release, stage2.waves)])
  );
  return drafts.flatMap(({ device, cause, change: change2, target }) => {
    if (change2) return [change2];
    if (!target) return [];
    const about2 = { device: device.id, host: device.host, cause };
    const { deviceType, from, to, state } = target;
    const wave2 = placed.get(to)?.get(device.id) ?? stage2.waves.length;
    if (state === "update")
      return [{ kind: "update", ...about2, deviceType, site: device.site, from, to, wave: wave2 }];
    if (typeof state === "string")
      return [{ kind: "no-op", ...about2, deviceType, site: device.site, to, why: state, wave: wave2 }];
    return [{ kind: "blocked", ...about2, from, to, by: state.by, why: state.why, until: state.until }];
  });
}
function plannedWaves(stage2, changes) {
  return stage2.waves.map((step, index) => {
    const members = changes.filter((change2) => change2.kind !== "blocked" && change2.wave === index + 1);
    return {
      wave: index + 1,
      share: waveLabel(step),
      devices: members.length,
      updates: members.filter(({ kind }) => kind === "update").length
    };
  });
}
var byId = (facts) => new Map(facts.devices.map((device) => [device.id, device]));
function openOrders(facts) {
  const orders = /* @__PURE__ */ new Map();
  for (const deployment of facts.openDeployments) {
    for (const [device, state] of deployment.devices) {
      if (!isOpenState(state)) continue;
      const list2 = orders.get(device);
      if (list2) list2.push(deployment);
      else orders.set(device, [deployment]);
    }
  }
  return orders;
}

// src/plan/model.ts
var blockers = [
  "not-on-server",
  "not-accepted",
  "no-release-fact",
  "no-image",
  "wrong-device-type",
  "release-missing",
  "known-bad",
  "busy",
  "frozen",
  "retired"
];

// src/plan/plan-file.ts
var maxPlanBytes = 256 << 20;
var count2 = pipe(number(), integer(), minValue(0));
var wave = pipe(number(), integer(), minValue(1));
var time = pipe(string(), isoTimestamp());
var about = {
  device: pipe(string(), nonEmpty(), description("The device's id on the OTA server.")),
  host: pipe(string(), nonEmpty(), description("Its name in the inventory.")),
  cause: pipe(
    strictObject({ file: string(), line: wave }),
    description("The line in Git that the change comes from.")
  )
};
var digest = pipe(
  string(),
  regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits"),
  guard((value) => isDigest(value)),
  description(
    "Over the stage's desired state alone: the same before and after the merge. What a review approves."
  )
);
var change = variant("kind", [
  strictObject({
    kind: literal("update"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    from: string(),
    to: string(),
    wave
  }),
  strictObject({
    kind: literal("no-op"),
    ...about,
    deviceType: string(),
    site: optional(string()),
    to: string(),
    why: picklist(["already-there", "already-pending"]),
    wave
  }),
  strictObject({
    kind: literal("blocked"),
    ...about,
    from: optional(string()),
    to: optional(string()),
    by: picklist(blockers),
    why: string(),
    until: optional(time)
  })
]);
var planFile = strictObject({
  schema: literal("drover/plan/v1"),
  stage: pipe(string(), nonEmpty()),
  branch: string(),
  server: pipe(string(), description("URL of the OTA server.")),
  createdAt: time,
  factsAt: pipe(time, description("When the facts were read.")),
  digest,
  counts: pipe(
    strictObject({
      inGit: count2,
      updates: count2,
      alreadyPending: count2,
      alreadyThere: count2,
      blocked: count2
    }),
    description("Every device of the stage in Git is in one of these: the others add up to inGit.")
  ),
  waves: array(strictObject({ wave, share: string(), devices: count2, updates: count2 })),
  changes: pipe(
    array(change),
    description("One for each device of the stage, in the order of the inventory.")
  )
});
async function writePlan(path, plan) {
  await writeAtomically(path, `${JSON.stringify(plan, void 0, 2)}
`);
}
async function readPlan(path) {
  const text3 = await readText(path, maxPlanBytes);
  const plan = parsePlan(text3, path);
  const { counts, changes } = plan;
  const sum = counts.updates + counts.alreadyPending + counts.alreadyThere + counts.blocked;
  if (sum !== counts.inGit || changes.length !== counts.inGit)
    throw new Failure("invalid-file", `${path}: the plan's counts don't add up: plan again`);
  return plan;
}
function parsePlan(text3, path) {
  let raw;
  try {
    raw = JSON.parse(text3);
  } catch (error) {
    throw new Failure("invalid-file", `${path} is no plan file: it is not JSON`, { cause: error });
  }
  const result = safeParse(planFile, raw);
  if (result.success) return normal(result.output);
  parseYaml(text3, path, planFile);
  throw new Failure("invalid-file", `${path} is no plan file of version 1: plan again`);
}
function normal(plan) {
  return {
    ...plan,
    changes: plan.changes.map((change2) => {
      if (change2.kind === "blocked")
        return { ...change2, from: change2.from, to: change2.to, until: change2.until };
      return { ...change2, site: change2.site };
    })
  };
}

// src/plan/git.ts
var remoteDeadlineMs = 12e4;
async function openCheckout(folder) {
  const head = await git(folder, ["rev-parse", "--verify", "HEAD^{commit}"]);
  if (head.code !== 0) {
    const why = lastWords(head.stderr, "git", head.code);
    throw new Failure("bad-input", `${folder} is in no Git repository with a commit: ${why}`);
  }
  const branch = await git(folder, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  const remotes = (await text2(folder, ["remote"])).split("\n").filter(Boolean);
  return {
    folder,
    head: head.stdout.trim(),
    branch: branch.code === 0 ? branch.stdout.trim() : void 0,
    remote: remotes.includes("origin") ? "origin" : remotes[0]
  };
}
async function openRepository(folder) {
  const repository = await openCheckout(folder);
  if ((await text2(folder, ["rev-parse", "--is-shallow-repository"])).trim() === "true")
    throw new Failure(
      "shallow-clone",
      "the checkout has no history, which tells when a release was introduced: check out with fetch-depth: 0"
    );
  return repository;
}
async function readTips(repository, context) {
  const { folder, remote } = repository;
  if (remote === void 0) {
    const refs = await text2(folder, ["for-each-ref", "--format=%(objectname)	%(refname)", "refs/heads"]);
    const byBranch = branchesIn(refs);
    const defaultBranch = ["main", "master"].find((name2) => byBranch.has(name2)) ?? repository.branch;
    return { byBranch, defaultBranch };
  }
  const listed = await overNetwork(folder, ["ls-remote", "--symref", remote, "HEAD", "refs/heads/*"], context);
  const head = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed);
  return { byBranch: branchesIn(listed), defaultBranch: head?.[1] };
}
async function readAtTip(repository, tips, branch, file, context) {
  const { folder, remote } = repository;
  const commit = tips.byBranch.get(branch);
  if (commit === void 0) return void 0;
  if (remote !== void 0 && !await hasCommit(repository, commit))
    await overNetwork(
      folder,
      ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, commit],
      context
    );
  return await readAt(repository, commit, file);
}
var isRead = /(\.ya?ml|\.json|\/[^./]*)"?$/;
async function uncommitted(repository, paths) {
  const status = await text2(repository.folder, [
    "status",
    "--porcelain",
    "--untracked-files=all",
    "--ignored=matching",
    "--",
    ...paths
  ]);
  return status.split("\n").filter((line) => line !== "" && (!line.startsWith("!!") || isRead.test(line))).map((line) => line.slice(3));
}
async function historyOf(repository, paths) {
  const log = await text2(repository.folder, [
    "log",
    "--first-parent",
    "--diff-merges=first-parent",
    "--no-renames",
    "--relative",
    "--name-only",
    "-z",
    "--format=%x01%H %ct",
    "HEAD",
    "--",
    ...paths
  ]);
  const history = /* @__PURE__ */ new Map();
  for (const entry of log.split("").slice(1)) {
    const [head = "", ...files] = entry.split("\0");
    const [id = "", seconds = "0"] = head.trim().split(" ");
    const commit = { id, at: new Date(Number(seconds) * 1e3) };
    for (const file of files.map((name2) => name2.replace(/^\n+/, "")).filter(Boolean)) {
      const commits = history.get(file);
      if (commits) commits.push(commit);
      else history.set(file, [commit]);
    }
  }
  return history;
}
async function hasCommit({ folder }, commit) {
  return (await git(folder, ["cat-file", "-e", `${commit}^{commit}`])).code === 0;
}
async function readAt(repository, commit, file) {
  const shown = await git(repository.folder, ["show", `${commit}:./${file}`]);
  if (shown.code === 0) return shown.stdout;
  const listed = await text2(repository.folder, ["ls-tree", "--name-only", commit, "--", file]);
  if (listed.trim() === "") return void 0;
  throw new Failure(
    "bad-input",
    `can't read ${file} at ${commit}: ${lastWords(shown.stderr, "git", shown.code)}`
  );
}
function branchesIn(listing) {
  return new Map(
    [...listing.matchAll(/^([0-9a-f]{40,64})\trefs\/heads\/(.+)$/gm)].map((match) => [
      match[2] ?? "",
      match[1] ?? ""
    ])
  );
}
var environment = { GIT_TERMINAL_PROMPT: "0", GIT_PAGER: "cat", GIT_OPTIONAL_LOCKS: "0" };
var git = (folder, args) => run("git", ["-C", folder, ...args], { env: environment });
async function text2(folder, args) {
  const { code, stdout, stderr } = await git(folder, args);
  if (code === 0) return stdout;
  throw new Failure("bad-input", `git ${args[0]} failed in ${folder}: ${lastWords(stderr, "git", code)}`);
}
async function overNetwork(folder, args, context) {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(remoteDeadlineMs)]);
  try {
    const { code, stdout, stderr } = await start("git", ["-C", folder, ...args], { env: environment, signal }).done;
    if (code === 0) return stdout;
    throw new Failure(
      "unreachable",
      `can't read the branches of the remote: git ${args[0]} failed: ${lastWords(stderr, "git", code)}`
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw new Failure("unreachable", `the Git remote did not answer within ${remoteDeadlineMs / 1e3} s`, {
      cause: error
    });
  }
}

// src/plan/locate.ts
async function locateStage(folder, hint, context) {
  if (hint.stage !== void 0) return hint.stage;
  const policy = await readFleetPolicy(folder);
  if (hint.target !== void 0) return stageOfBranch2(policy, hint.target);
  const checkout = await openCheckout(folder);
  if (checkout.branch !== void 0) return stageOfBranch2(policy, checkout.branch);
  if (hint.branch !== void 0) return stageOfBranch2(policy, hint.branch);
  const { byBranch } = await readTips(checkout, context);
  const stages = policy.stages ? [...policy.stages.values()].map(({ branch }) => branch) : [...byBranch.keys()];
  const here = stages.filter((branch) => byBranch.get(branch) === checkout.head);
  const [only, ...others] = here;
  if (only !== void 0 && others.length === 0) return stageOfBranch2(policy, only);
  throw new Failure(
    "not-a-stage",
    `no branch is checked out (HEAD is detached at ${checkout.head.slice(0, 12)}), and it is the tip of ${here.length === 0 ? "no stage" : `several stages: ${here.join(", ")}`}: name one as \`stage\``
  );
}
function requireServer(fleet) {
  if (fleet.server) return fleet.server;
  throw new Failure("bad-input", "fleet.yml names no server: add `server: { type: mender, url: … }`");
}
async function requireMergedServer(folder, server, targetCommit) {
  const merged = await serverOf(folder, targetCommit);
  if (merged?.url === server.url && merged.type === server.type) return;
  const change2 = merged ? `changes the server from ${merged.url} to` : "is the first to name a server,";
  throw new Failure(
    "bad-input",
    `this pull request ${change2} ${server.url}, and the token isn't sent to a server that nobody merged: merge that alone, or plan with a facts file`
  );
}
async function serverOf(folder, commit) {
  const checkout = await openCheckout(folder);
  if (!await hasCommit(checkout, commit))
    throw new Failure(
      "shallow-clone",
      `the checkout lacks ${commit.slice(0, 12)}, which tells the server that was merged: check out with fetch-depth: 0`
    );
  const text3 = await readAt(checkout, commit, policyFileName);
  return text3 === void 0 ? void 0 : parseFleetPolicy(text3, `${commit.slice(0, 12)}:${policyFileName}`).server;
}
function stageOfBranch2(policy, branch) {
  if (!policy.stages) return branch;
  const stages = [...policy.stages.values()];
  const stage2 = stages.find((one) => one.branch === branch);
  if (stage2) return stage2.name;
  const known = stages.map((one) => `${one.name} (${one.branch})`).join(", ");
  throw new Failure("not-a-stage", `the branch ${branch} is no stage of fleet.yml, which has ${known}`);
}

// src/plan/tick.ts
function nextDue(tick) {
  const times = tick.waiting.flatMap(({ nextDue: nextDue2 }) => nextDue2 ? [nextDue2.getTime()] : []);
  return times.length > 0 ? new Date(Math.min(...times)) : void 0;
}
function supersededTick(stage2, commit, isDryRun) {
  return {
    stage: stage2,
    commit,
    state: "superseded",
    isDryRun,
    plan: void 0,
    counts: void 0,
    orders: [],
    withdrawn: [],
    pending: 0,
    wave: 0,
    waves: 0,
    haltedBy: void 0,
    failures: [],
    waiting: []
  };
}

// src/plan/outputs.ts
function tickOutputs(tick) {
  const ordered = tick.orders.reduce((sum, { devices }) => sum + devices.length, 0);
  return {
    state: tick.state,
    scheduled: tick.isDryRun ? 0 : ordered,
    wave: tick.wave > 0 ? tick.wave : void 0,
    waves: tick.waves > 0 ? tick.waves : void 0,
    "halted-by": tick.haltedBy ?? "",
    "next-due": nextDue(tick)?.toISOString() ?? "",
    changed: !tick.isDryRun && (ordered > 0 || tick.withdrawn.length > 0)
  };
}
function requireNotHalted(tick) {
  if (tick.state !== "halted") return;
  const devices = tick.failures.slice(0, 5).map(({ host, why, log }) => {
    const lastLine = log?.trimEnd().split("\n").at(-1);
    return `${host}: ${why}${lastLine ? ` (its log ends with: ${lastLine})` : ""}`;
  });
  throw new Failure(
    "halted",
    `stage ${tick.stage} is halted, nothing new starts: ${tick.haltedBy}. ${devices.join("; ")}. Set os_image to another release, or raise retry in fleet.yml`
  );
}

// src/plan/after.ts
function afterState(fleet, stage2, release, deviceType, facts, now) {
  const earlier = stage2.after === void 0 ? void 0 : fleet.stages.get(stage2.after);
  if (!earlier) return { isOpen: true };
  const fresh = fleet.devices.flatMap((device) => {
    const reported = facts.get(device.id);
    if (device.stage !== earlier.name || device.isRetired || reported?.status !== "accepted") return [];
    if ((reported.deviceType ?? device.deviceType) !== deviceType) return [];
    return isFresh(reported.reportedAt, earlier.gate.factsYoungerThanMs, now) ? [reported] : [];
  });
  const there = fresh.filter((device) => device.release === release).length;
  if (there > 0 && there >= needed(earlier.gate.minSuccess, fresh.length)) return { isOpen: true };
  const why = fresh.length === 0 ? `stage ${earlier.name} has no device of type ${deviceType} with fresh facts: nothing shows that ${release} works there` : `${there} of ${fresh.length} devices of type ${deviceType} in stage ${earlier.name} report ${release}`;
  return { isOpen: false, why, nextDue: void 0 };
}

// src/plan/gate.ts
function gateOf(wave2, deviceType, members, gate, now) {
  for (let earlier = 1; earlier < wave2; earlier++) {
    const inWave = members.filter((member) => member.wave === earlier);
    const ofType = inWave.filter((member) => member.deviceType === deviceType);
    if (ofType.length === 0) continue;
    const closed2 = withoutSuccess(ofType, earlier, deviceType) ?? tooFewSuccesses(inWave, earlier, gate) ?? tooManyPending(inWave, earlier, gate) ?? soaking(ofType, earlier, deviceType, gate, now);
    if (closed2) return closed2;
  }
  return { isOpen: true };
}
function tooManyFailures(members, gate) {
  const failed = members.filter(({ outcome }) => outcome.kind === "failure").length;
  const limit2 = allowed(gate.maxFailures, members.length);
  return failed > limit2 ? `${failed} of ${members.length} devices failed; max-failures allows ${limit2}` : void 0;
}
var closed = (why, nextDue2) => ({ isOpen: false, why, nextDue: nextDue2 });
function withoutSuccess(ofType, wave2, deviceType) {
  if (ofType.some(({ outcome }) => outcome.kind === "success")) return void 0;
  return closed(`no device of type ${deviceType} in wave ${wave2} reports the release with fresh facts yet`);
}
function tooFewSuccesses(inWave, wave2, gate) {
  const { successes, reported } = reportedIn(inWave);
  if (successes.length >= needed(gate.minSuccess, reported)) return void 0;
  return closed(
    `${successes.length} of ${reported} devices of wave ${wave2} that reported succeeded; min-success asks for ${percent2(gate.minSuccess)}`
  );
}
function tooManyPending(inWave, wave2, gate) {
  if (!gate.maxPending) return void 0;
  const pending = inWave.filter(
    ({ outcome }) => outcome.kind === "pending" || outcome.kind === "not-ordered"
  ).length;
  const limit2 = allowed(gate.maxPending, inWave.length);
  return pending > limit2 ? closed(`${pending} devices of wave ${wave2} are pending; max-pending allows ${limit2}`) : void 0;
}
function soaking(ofType, wave2, deviceType, gate, now) {
  const { successes, reported } = reportedIn(ofType);
  const counted = Math.min(successes.length, Math.max(1, needed(gate.minSuccess, reported)));
  const last = successes.sort((a, b) => a - b)[counted - 1] ?? now.getTime();
  const until = new Date(last + gate.soakMs);
  if (until <= now) return void 0;
  return closed(`wave ${wave2} soaks until ${until.toISOString()} for the device type ${deviceType}`, until);
}
function reportedIn(members) {
  const successes = members.flatMap(
    ({ outcome }) => outcome.kind === "success" ? [outcome.since.getTime()] : []
  );
  const failures = members.filter(({ outcome }) => outcome.kind === "failure").length;
  return { successes, reported: successes.length + failures };
}
var percent2 = (share) => `${Number((share * 100).toFixed(3))}%`;

// src/plan/rollout.ts
var maxNameLength = 256;
var hexDigits = 12;
function rolloutId(stage2, content, commit) {
  return `${shortStage(stage2)}/${hexOf(content).slice(0, hexDigits)}/${commit.slice(0, hexDigits)}`;
}
function orderName(rollout, attempt, wave2, part) {
  return `drover/${rollout.id}/${attempt}/w${wave2}${part > 1 ? `.${part}` : ""}`;
}
function isOrderOf(stage2, name2) {
  return name2.startsWith(`drover/${shortStage(stage2)}/`);
}
async function findPlaced(server, rollout, waveCount) {
  const placed = [];
  for (let attempt = 1; attempt <= rollout.attempt; attempt++) {
    for (let wave2 = 1; wave2 <= waveCount; wave2++) {
      for (let part = 1; ; part++) {
        const deployment = await server.findDeployment(orderName(rollout, attempt, wave2, part));
        if (!deployment) break;
        placed.push({ attempt, wave: wave2, part, deployment });
      }
    }
  }
  return placed;
}
var reportMarginMs = 5 * 6e4;
function outcomeOf(facts, rollout, placed, gate, now) {
  const own = placed.filter(({ deployment: deployment2 }) => deployment2.devices.has(facts.id));
  const last = own.at(-1);
  const state = last?.deployment.devices.get(facts.id);
  if (state !== void 0 && isOpenState(state)) return { kind: "pending" };
  const reportedAt = facts.reportedAt === void 0 ? 0 : Date.parse(facts.reportedAt);
  const finishedAt = last?.deployment.finishedAt?.get(facts.id);
  if (facts.release === rollout.release) {
    if (!isFresh(facts.reportedAt, gate.factsYoungerThanMs, now)) return { kind: "pending" };
    const isOlder = finishedAt !== void 0 && reportedAt < Date.parse(finishedAt);
    if (state === "failure" && isOlder) return { kind: "pending" };
    return { kind: "success", since: last ? new Date(finishedAt ?? now) : rollout.commit.at };
  }
  if (!last || state === void 0 || last.attempt !== rollout.attempt) return { kind: "not-ordered" };
  const deployment = last.deployment.id;
  if (state === "aborted" || state === "decommissioned") return { kind: "aborted", deployment };
  if (state === "failure") return { kind: "failure", deployment, why: "the update failed" };
  if (state === "no-artifact")
    return { kind: "failure", deployment, why: "the server had no artifact for this device" };
  if (finishedAt === void 0 || reportedAt <= Date.parse(finishedAt) + reportMarginMs)
    return { kind: "pending" };
  const why = `its update ended with ${state}, but the device reports ${facts.release ?? "no release"}`;
  return { kind: "failure", deployment, why };
}
function shortStage(stage2) {
  const limit2 = maxNameLength - "drover////w100000.100000/999".length - 2 * hexDigits;
  return stage2.length <= limit2 ? stage2 : `${stage2.slice(0, limit2 - 13)}-${hexOf(digestOf(stage2)).slice(0, 12)}`;
}

// src/plan/window.ts
function windowAt(window, timeZone, now) {
  if (isOpen(window, timeZone, now)) return { isOpen: true };
  let at = Math.ceil(now.getTime() / minuteMs) * minuteMs;
  for (let steps = 0; steps < 9 * 96 && !isOpen(window, timeZone, new Date(at)); steps++) at += 15 * minuteMs;
  while (isOpen(window, timeZone, new Date(at - minuteMs)) && at - minuteMs > now.getTime()) at -= minuteMs;
  return { isOpen: false, opensAt: new Date(at) };
}
var minuteMs = 6e4;
function isOpen({ days, fromMinute, toMinute }, timeZone, at) {
  const { day, minute } = localTime(timeZone, at);
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
  if (minute >= fromMinute) return days.includes(day);
  return minute < toMinute && days.includes((day + 6) % 7);
}
var formats = /* @__PURE__ */ new Map();
var dayOf = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 };
function localTime(timeZone, at) {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23"
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: dayOf[parts["weekday"] ?? ""] ?? 0,
    minute: Number(parts["hour"]) * 60 + Number(parts["minute"])
  };
}

// src/plan/due.ts
function whatIsDue(fleet, stage2, plan, states, facts, now) {
  const byId2 = new Map(facts.devices.map((device) => [device.id, device]));
  const members = membersOf(plan, states, byId2, stage2, now);
  const byRelease = Map.groupBy(members, ({ change: change2 }) => change2.to);
  for (const [release, group] of byRelease) {
    const rule = tooManyFailures([...group, ...failedAndBlocked(plan, states, release)], stage2.gate);
    if (rule) return { members, due: [], waiting: [], haltedBy: `${release}: ${rule}` };
  }
  const waiting = new Held();
  const zones = new Map(fleet.devices.map(({ id, timeZone }) => [id, timeZone]));
  const due = [];
  const gates = /* @__PURE__ */ new Map();
  for (const member of members) {
    if (member.change.kind !== "update" || !mayBeOrdered(member, waiting)) continue;
    const key = JSON.stringify([member.change.to, member.deviceType, member.wave]);
    let gate = gates.get(key);
    if (!gate) {
      const group = byRelease.get(member.change.to) ?? [];
      gate = gateFor(member, group, fleet, stage2, byId2, now);
      gates.set(key, gate);
    }
    const window = gate.isOpen ? windowFor(member, zones.get(member.device), stage2, now) : gate;
    if (window.isOpen) due.push(member);
    else waiting.add(window.why, window.nextDue);
  }
  const within = withinSites(due, fleet, stage2, facts, waiting);
  return { members, due: within, waiting: waiting.list(), haltedBy: void 0 };
}
function membersOf(plan, states, facts, stage2, now) {
  const stateOf2 = new Map(
    states.flatMap((state) => [...state.devices].map((device) => [device, state]))
  );
  return plan.changes.flatMap((change2) => {
    const state = stateOf2.get(change2.device);
    const reported = facts.get(change2.device);
    if (change2.kind === "blocked" || !state || !reported) return [];
    const { device, deviceType } = change2;
    const outcome = outcomeOf(reported, state.rollout, state.placed, stage2.gate, now);
    const ordered = state.placed.filter(({ deployment }) => deployment.devices.has(device));
    const wave2 = Math.min(change2.wave, ...ordered.map((order) => order.wave));
    return [{ device, deviceType, wave: wave2, outcome: pendingElsewhere(change2, outcome), change: change2, state }];
  });
}
function failedAndBlocked(plan, states, release) {
  const orders = states.filter(({ rollout }) => rollout.release === release).flatMap(({ rollout, placed }) => placed.filter(({ attempt }) => attempt === rollout.attempt));
  return plan.changes.flatMap((change2) => {
    if (change2.kind !== "blocked" || change2.by === "retired" || (change2.to ?? release) !== release) return [];
    const { device } = change2;
    const order = orders.find(({ deployment }) => isFailed(deployment.devices.get(device)));
    if (!order) return [];
    const outcome = { kind: "failure", why: "the update failed", deployment: order.deployment.id };
    return [{ device, deviceType: "", wave: order.wave, outcome }];
  });
}
var isFailed = (state) => state === "failure" || state === "no-artifact";
function pendingElsewhere(change2, outcome) {
  const isPending = change2.kind === "no-op" && change2.why === "already-pending";
  return isPending && outcome.kind === "not-ordered" ? { kind: "pending" } : outcome;
}
function mayBeOrdered({ outcome, state }, waiting) {
  if (outcome.kind === "not-ordered") return true;
  const again = `set retry: { ${state.rollout.id}: ${state.rollout.attempt + 1} } in fleet.yml to order again`;
  if (outcome.kind === "failure") waiting.add(`failed: ${again}`, void 0);
  if (outcome.kind === "aborted") waiting.add(`the order was aborted: ${again}`, void 0);
  return false;
}
function gateFor(member, group, fleet, stage2, facts, now) {
  const after = afterState(fleet, stage2, member.change.to, member.deviceType, facts, now);
  return after.isOpen ? gateOf(member.wave, member.deviceType, group, stage2.gate, now) : after;
}
function windowFor(member, own, stage2, now) {
  if (!stage2.window) return { isOpen: true };
  const { timeZone } = stage2.window;
  const zone = timeZone === "device" ? own : timeZone;
  if (zone === void 0)
    return { isOpen: false, why: `${member.change.host} has no time zone`, nextDue: void 0 };
  const state = windowAt(stage2.window, zone, now);
  if (state.isOpen) return state;
  return {
    isOpen: false,
    why: `the window in ${zone} opens at ${state.opensAt.toISOString()}`,
    nextDue: state.opensAt
  };
}
function withinSites(due, fleet, stage2, facts, waiting) {
  const { perSite } = stage2.budget;
  if (perSite === void 0) return due;
  const siteOf = new Map(
    fleet.devices.flatMap(({ id, site }) => site === void 0 ? [] : [[id, site]])
  );
  const size = countBy([...siteOf.values()]);
  const busy2 = new Set(
    facts.openDeployments.flatMap(
      ({ devices }) => [...devices].filter(([, state]) => isOpenState(state)).map(([id]) => id)
    )
  );
  const used = countBy([...busy2].flatMap((id) => siteOf.get(id) ?? []));
  return due.filter(({ device }) => {
    const site = siteOf.get(device);
    if (site === void 0) return true;
    const limit2 = Math.max(1, allowed({ kind: "share", share: perSite }, size.get(site) ?? 0));
    const count3 = used.get(site) ?? 0;
    if (count3 >= limit2) {
      waiting.add(
        `site ${site} has ${limit2} devices on their way, all that budget.per-site allows`,
        void 0
      );
      return false;
    }
    used.set(site, count3 + 1);
    return true;
  });
}
function countBy(names2) {
  const counts = /* @__PURE__ */ new Map();
  for (const name2 of names2) counts.set(name2, (counts.get(name2) ?? 0) + 1);
  return counts;
}
var Held = class {
  #reasons = /* @__PURE__ */ new Map();
  add(why, nextDue2) {
    const reason = this.#reasons.get(why);
    if (reason) reason.devices += 1;
    else this.#reasons.set(why, { devices: 1, nextDue: nextDue2 });
  }
  list() {
    return [...this.#reasons].map(([why, { devices, nextDue: nextDue2 }]) => ({ why, devices, nextDue: nextDue2 }));
  }
};

// src/plan/review.ts
async function requireReview(plan, stage2, commit, review) {
  if (review.plan) return requireSame(plan, review.plan);
  if (!stage2.needsReview) return;
  const digest2 = await review.digestFor?.(commit);
  if (digest2 === plan.digest) return;
  if (digest2 === void 0)
    throw new Failure(
      "not-reviewed",
      `stage ${stage2.name} needs a review, and no merged pull request of ${commit.slice(0, 12)} has a plan: merge a pull request with a plan, or hand over the reviewed plan file as \`plan\``
    );
  throw new Failure(
    "plan-changed",
    `the plan that was reviewed for ${commit.slice(0, 12)} has the digest ${digest2}, this one ${plan.digest}: plan again and have it reviewed`
  );
}
function requireSame(plan, reviewed) {
  if (reviewed.stage !== plan.stage)
    throw new Failure("plan-changed", `the plan file is for stage ${reviewed.stage}, not ${plan.stage}`);
  const known = new Set(
    reviewed.changes.flatMap(
      (change2) => change2.kind === "blocked" ? [] : [`${change2.device}\0${change2.to}`]
    )
  );
  const changed = plan.changes.filter(
    (change2) => change2.kind === "update" && !known.has(`${change2.device}\0${change2.to}`)
  );
  if (changed.length === 0 && reviewed.digest === plan.digest) return;
  const what = changed.length > 0 ? `${changed.length} device${changed.length === 1 ? "" : "s"} changed (${changed.slice(0, 5).map(({ host }) => host).join(", ")}${changed.length > 5 ? ", …" : ""})` : "what the stage should run changed";
  throw new Failure("plan-changed", `${what} since ${reviewed.createdAt}: plan again and have it reviewed`);
}

// src/plan/orders.ts
var maxDevicesPerOrder = 5e3;
function heldByPlan(plan) {
  const held = plan.changes.filter((change2) => change2.kind === "blocked" && change2.by !== "retired");
  return [...Map.groupBy(held, (change2) => change2.kind === "blocked" ? change2.why : "")].map(
    ([why, changes]) => {
      const [first] = changes;
      const until = first?.kind === "blocked" ? first.until : void 0;
      return { why, devices: changes.length, nextDue: until === void 0 ? void 0 : new Date(until) };
    }
  );
}
function ordersFor(due) {
  return [
    ...Map.groupBy(due, ({ state, wave: wave2 }) => JSON.stringify([state.rollout.id, wave2])).values()
  ].flatMap((members) => {
    const [first] = members;
    if (!first) return [];
    const { wave: wave2, state } = first;
    const { rollout, placed } = state;
    const taken = placed.filter((order) => order.wave === wave2 && order.attempt === rollout.attempt).length;
    const chunks = Math.ceil(members.length / maxDevicesPerOrder);
    return Array.from({ length: chunks }, (_, index) => ({
      name: orderName(rollout, rollout.attempt, wave2, taken + index + 1),
      release: rollout.release,
      wave: wave2,
      devices: members.slice(index * maxDevicesPerOrder, (index + 1) * maxDevicesPerOrder).map(({ device }) => device).sort()
    }));
  });
}

// src/plan/introduced.ts
async function introducingCommits(repository, wanted) {
  const files = new Set(wanted.map(({ device }) => fileIn(repository.folder, device.imageSource.file)));
  const history = files.size > 0 ? await historyOf(repository, pathsOf(files)) : /* @__PURE__ */ new Map();
  const known = /* @__PURE__ */ new Map();
  const byDevice = /* @__PURE__ */ new Map();
  for (const { device, deviceType, release } of wanted) {
    const file = fileIn(repository.folder, device.imageSource.file);
    const key = JSON.stringify([file, device.imageSource.path, deviceType, release]);
    let commit = known.get(key);
    if (!commit) {
      commit = await introducing(
        repository,
        { file, path: device.imageSource.path, deviceType, release },
        history.get(file) ?? []
      );
      known.set(key, commit);
    }
    byDevice.set(device.id, commit);
  }
  return byDevice;
}
async function introducing(repository, line, commits) {
  let introduced;
  for (const commit of commits) {
    const text3 = await readAt(repository, commit.id, line.file);
    if (text3 === void 0 || !names(parseSource(text3, line.file).data, line)) break;
    introduced = commit;
  }
  if (introduced) return introduced;
  throw new Failure(
    "bad-input",
    `${line.file} names ${line.release}, but no commit of this branch does: commit it first`
  );
}
function names(data, { path, deviceType, release }) {
  let value = data;
  for (const key of path) {
    if (!isRecord(value)) return false;
    value = value[String(key)];
  }
  if (!Array.isArray(value)) return value === release;
  return value.some(
    (item) => isRecord(item) && item["device_type"] === deviceType && item["image_name"] === release
  );
}
function pathsOf(files) {
  return files.size <= 200 ? [...files] : [...new Set([...files].map((file) => file.split("/")[0] ?? file))];
}

// src/plan/rollouts.ts
async function rolloutsOf(plan, facts, fleet, stage2, repository, server) {
  if (plan.counts.updates === 0 && plan.counts.alreadyPending === 0) return [];
  const members = await membersByRollout(plan, facts, fleet, stage2, repository);
  const states = [];
  for (const { rollout, devices } of members)
    states.push({ rollout, devices, placed: await findPlaced(server, rollout, stage2.waves.length) });
  return states;
}
async function membersByRollout(plan, facts, fleet, stage2, repository) {
  const devices = new Map(fleet.devices.map((device) => [device.id, device]));
  const releases = new Map(facts.releases.map((release) => [release.name, release]));
  const moving = plan.changes.flatMap((change2) => {
    const device = devices.get(change2.device);
    if (change2.kind === "blocked" || !device) return [];
    return [{ device, deviceType: change2.deviceType, release: change2.to }];
  });
  const commits = await introducingCommits(repository, moving);
  const members = /* @__PURE__ */ new Map();
  for (const { device, deviceType, release } of moving) {
    const commit = commits.get(device.id);
    const content = contentOf(releases, release, deviceType);
    if (!commit || !content) continue;
    const id = rolloutId(stage2.name, content, commit.id);
    const attempt = fleet.switches.retry.get(id) ?? 1;
    const member = members.get(id) ?? { rollout: { id, release, commit, attempt }, devices: /* @__PURE__ */ new Set() };
    member.devices.add(device.id);
    members.set(id, member);
  }
  return members.values();
}

// src/plan/schedule.ts
var fleetPaths = ["inventory.yml", "inventory.yaml", "group_vars", "host_vars", policyFileName];
async function schedule(fleet, stageName, server, options = {}, context = plainContext()) {
  const stage2 = stageOf2(fleet, stageName);
  const isDryRun = options.isDryRun ?? false;
  const repository = await openRepository(fleet.folder);
  const tips = await readTips(repository, context);
  if (isBehind(repository, tips, stage2)) return supersededTick(stage2.name, repository.head, isDryRun);
  await requireCommitted(repository);
  for (const { file, line, message } of warningsFor(fleet, stage2.name))
    context.log.info(`warning: ${file}:${line ?? 1}: ${message}`);
  const current = { ...fleet, switches: await switchesFor(fleet, stage2, repository, tips, context) };
  const tick = new TickRun(current, stage2, server, options, context, repository);
  return await tick.run();
}
function isBehind({ head }, { byBranch }, stage2) {
  const tip = byBranch.get(stage2.branch);
  if (tip === void 0)
    throw new Failure(
      "not-a-stage",
      `the branch ${stage2.branch} of stage ${stage2.name} does not exist: push it`
    );
  return tip !== head;
}
async function requireCommitted(repository) {
  const changed = await uncommitted(repository, fleetPaths);
  if (changed.length > 0)
    throw new Failure(
      "bad-input",
      `the fleet's files have changes that are not committed (${changed.slice(0, 5).join(", ")}): a tick acts on commits alone`
    );
}
async function switchesFor(fleet, stage2, repository, tips, context) {
  const { defaultBranch } = tips;
  if (defaultBranch === void 0 || defaultBranch === stage2.branch) return fleet.switches;
  const text3 = await readAtTip(repository, tips, defaultBranch, policyFileName, context);
  return parseFleetPolicy(text3 ?? "", `${defaultBranch}:${policyFileName}`).switches;
}
function requireReleases({ changes, counts, stage: stage2 }) {
  const missing = changes.filter((change2) => change2.kind === "blocked" && change2.by === "release-missing");
  const [first] = missing;
  if (first?.kind !== "blocked" || counts.updates > 0 || counts.alreadyPending > 0) return;
  const others = missing.length > 1 ? ` and ${missing.length - 1} more devices` : "";
  throw new Failure("release-missing", `${stage2}: ${first.host}${others} can't be updated: ${first.why}`);
}
var TickRun = class {
  #fleet;
  #stage;
  #server;
  #options;
  #context;
  #repository;
  constructor(fleet, stage2, server, options, context, repository) {
    this.#fleet = fleet;
    this.#stage = stage2;
    this.#server = server;
    this.#options = options;
    this.#context = context;
    this.#repository = repository;
  }
  async run() {
    const { log } = this.#context;
    let facts = await gatherFacts(this.#server, this.#context);
    let plan = this.#plan(facts);
    requireReleases(plan);
    const stale = this.#staleOrders(facts, plan);
    if (plan.counts.updates > 0 || stale.length > 0)
      await requireReview(plan, this.#stage, this.#repository.head, this.#options.review ?? {});
    const over = overBudget(plan, this.#stage);
    if (over.length > 0)
      throw new Failure("over-budget", `${over.join("; ")}: raise the budget in a reviewed change`);
    const states = await this.#rollouts(plan, facts);
    let due = whatIsDue(this.#fleet, this.#stage, plan, states, facts, this.#now());
    if ((due.due.length > 0 || stale.length > 0) && await this.#hasMoved())
      return supersededTick(this.#stage.name, this.#repository.head, this.#isDryRun);
    const withdrawn = due.haltedBy === void 0 ? await this.#withdraw(stale) : [];
    if (withdrawn.length > 0) {
      facts = await gatherFacts(this.#server, this.#context);
      plan = this.#plan(facts);
      due = whatIsDue(this.#fleet, this.#stage, plan, await this.#rollouts(plan, facts), facts, this.#now());
    }
    const orders = ordersFor(due.due);
    for (const order of orders) {
      log.info(
        `${this.#isDryRun ? "would order" : "ordering"} ${order.release} for ${order.devices.length === 1 ? "1 device" : `${order.devices.length} devices`}: ${order.name}`
      );
      if (!this.#isDryRun) await this.#server.deploy(order);
    }
    return await this.#tick(plan, due, orders, withdrawn);
  }
  get #isDryRun() {
    return this.#options.isDryRun ?? false;
  }
  #now() {
    return this.#context.clock.now();
  }
  #plan(facts) {
    return makePlan(this.#fleet, this.#stage.name, facts, this.#now());
  }
  /** Our own open orders of this stage whose release no device that has not begun is to run any more. */
  #staleOrders(facts, plan) {
    const wanted = new Map(plan.changes.map((change2) => [change2.device, change2.to]));
    return facts.openDeployments.filter(({ name: name2, release, devices }) => {
      if (!isOrderOf(this.#stage.name, name2)) return false;
      const waiting = [...devices].filter(([, state]) => state === "pending");
      return waiting.length > 0 && waiting.every(([id]) => wanted.get(id) !== release);
    });
  }
  async #withdraw(stale) {
    for (const { id, name: name2 } of stale) {
      this.#context.log.info(
        `${this.#isDryRun ? "would withdraw" : "withdrawing"} ${name2} where no device has begun`
      );
      if (!this.#isDryRun) await this.#server.withdraw(id);
    }
    return this.#isDryRun ? [] : stale.map(({ name: name2 }) => name2);
  }
  /** Reads the tip again: what was merged while this tick was reading must not be overtaken by it. */
  async #hasMoved() {
    return isBehind(this.#repository, await readTips(this.#repository, this.#context), this.#stage);
  }
  async #rollouts(plan, facts) {
    return await rolloutsOf(plan, facts, this.#fleet, this.#stage, this.#repository, this.#server);
  }
  async #tick(plan, due, orders, withdrawn) {
    const pending = due.members.filter(({ outcome }) => outcome.kind === "pending").length;
    const placed = due.members.flatMap(({ state }) => state.placed.map(({ wave: wave2 }) => wave2));
    const waves2 = Math.max(1, ...plan.changes.map((change2) => change2.kind === "blocked" ? 1 : change2.wave));
    const waiting = [...due.waiting, ...heldByPlan(plan)];
    const isDone = orders.length === 0 && pending === 0 && waiting.length === 0;
    return {
      stage: this.#stage.name,
      commit: this.#repository.head,
      state: due.haltedBy !== void 0 ? "halted" : orders.length > 0 || pending > 0 ? "in-progress" : isDone ? "done" : "waiting",
      isDryRun: this.#isDryRun,
      plan,
      counts: plan.counts,
      orders,
      withdrawn,
      pending,
      wave: isDone ? waves2 : Math.max(0, ...placed, ...orders.map(({ wave: wave2 }) => wave2)),
      waves: waves2,
      haltedBy: due.haltedBy,
      failures: await this.#failures(due),
      waiting
    };
  }
  async #failures(due) {
    const failed = [];
    for (const { device, change: change2, outcome } of due.members) {
      if (outcome.kind !== "failure") continue;
      const log = outcome.deployment !== void 0 && failed.length < 5 ? await this.#server.log(outcome.deployment, device) : void 0;
      const lines = log?.trimEnd().split("\n").slice(-12).join("\n");
      failed.push({ device, host: change2.host, why: outcome.why, log: lines });
    }
    return failed;
  }
};

export {
  readFleetPolicy,
  loadFleet,
  warningsFor,
  publishCheck,
  openGitHub,
  keepComment,
  readEvent,
  tryToPublish,
  planReview,
  digestMark,
  reviewedDigest,
  overBudget,
  makePlan,
  stageOf2 as stageOf,
  writePlan,
  readPlan,
  locateStage,
  requireServer,
  requireMergedServer,
  tickOutputs,
  requireNotHalted,
  schedule
};
