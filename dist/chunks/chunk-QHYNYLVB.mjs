import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  changesIn,
  hasTurn,
  nextDue,
  progressOf,
  releaseOf,
  whyFailed
} from "./chunk-3EHZS56L.mjs";
import {
  counted,
  escapeHtml,
  escapeMarkdown,
  oneLine,
  shorten
} from "./chunk-J6UCEAK3.mjs";

// src/report/markdown.ts
var maxMarkdownCharacters = 65e3;
var maxSummaryCharacters = 24e4;
function table(head, rows) {
  if (rows.length === 0) return [];
  return [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---|").join("")}`,
    ...rows.map((row) => `| ${row.map((cell) => escapeMarkdown(shorten(cell, 300))).join(" | ")} |`)
  ];
}
function section(title, lines, isFolded = false) {
  if (lines.length === 0) return [];
  if (!isFolded) return ["", `#### ${title}`, "", ...lines];
  return ["", `<details><summary>${title}</summary>`, "", ...lines, "", "</details>"];
}
function someOf(names, limit = 5) {
  const shown = names.slice(0, limit).join(", ");
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}
function verbatim(text2) {
  return ["", ...text2.split(/\r?\n/).map((line) => `    ${line.replace(/[^\P{Cc}\t]/gu, " ")}`), ""];
}
function bounded(lines, limit, tail) {
  let length = 0;
  for (const [index, line] of lines.entries()) {
    length += line.length + 1;
    if (length <= limit) continue;
    const reserve = tail(lines.length).length + 12;
    let kept = index;
    while (kept > 0 && length > limit - reserve) {
      length -= (lines[kept]?.length ?? 0) + 1;
      kept -= 1;
    }
    const fence = lines.slice(0, kept).findLastIndex((one) => one.startsWith("```"));
    const isInFence = lines.slice(0, kept).filter((one) => one.startsWith("```")).length % 2 === 1;
    if (isInFence) kept = fence;
    const shown = lines.slice(0, kept);
    const open = shown.filter((one) => one.startsWith("<details>")).length;
    const ends = shown.filter((one) => one === "</details>").length;
    const close = open > ends ? ["", "</details>"] : [];
    return { text: `${[...shown, ...close, "", tail(lines.length - kept)].join("\n")}
`, isCut: true };
  }
  return { text: `${lines.join("\n")}
`, isCut: false };
}

// src/report/count-rows.ts
function countRows(counts) {
  const columns = [
    ["in Git", counts.inGit, true],
    ["to update", counts.updates, true],
    ["to configure", counts.configures],
    ["to enroll", counts.enrolls],
    ["to retire", counts.retires],
    ["already pending", counts.alreadyPending, true],
    ["already there", counts.alreadyThere, true],
    ["already retired", counts.alreadyRetired],
    ["blocked", counts.blocked, true]
  ];
  const shown = columns.filter(([, count2, isAlways]) => isAlways === true || count2 > 0);
  return { head: shown.map(([name]) => name), rows: [shown.map(([, count2]) => String(count2))] };
}

// src/report/picture.ts
var standings = ["there", "pending", "failed", "toCome", "blocked"];
var standingWords = {
  there: "there",
  pending: "on the way",
  failed: "failed",
  toCome: "to come",
  blocked: "blocked"
};
var [maxRows, maxWaves] = [6, 12];
function planPicture(plan) {
  const begins = new Map(plan.waves.map(({ wave, begins: begins2 }) => [wave, begins2 ?? ""]));
  return picture(plan.stage, plan, progressOf(plan), (wave) => begins.get(wave) ?? "");
}
function tickPicture({
  stage,
  plan,
  progress,
  waiting
}) {
  if (!plan || !progress) return void 0;
  const gate = (wave) => {
    const held = waiting.filter(({ waves = [] }) => waves.includes(wave));
    const next = held.flatMap(({ nextDue: nextDue2 }) => nextDue2 ? [nextDue2.getTime()] : []);
    const until = next.length > 0 ? `; not before ${minute(Math.min(...next))} UTC` : "";
    const [first, ...others] = held;
    if (!first) return "";
    const more = others.length > 0 ? `, and ${counted(others.length, "other reason")}` : "";
    return `${first.why}${more}${first.nextDue ? "" : until}`;
  };
  return picture(stage, plan, progress, gate);
}
var isoTime = /(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z/g;
var minute = (at) => new Date(at).toISOString().slice(0, 16).replace("T", " ");
function picture(stage, plan, progress, gate) {
  const waves = progress.filter(({ groups }) => groups.length > 0);
  const shown = waves.length > maxWaves ? waves.slice(0, maxWaves - 1) : waves;
  const blocked2 = plan.changes.flatMap((change) => change.kind === "blocked" ? [change.by] : []);
  const { enrolls, retires } = plan.counts;
  const members2 = [
    { by: "to enroll", devices: enrolls },
    { by: "to retire", devices: retires }
  ];
  const drawn = shown.map(({ wave, share, groups }) => ({
    wave,
    share: clean(share),
    numbers: total(groups),
    rows: rowsOf(groups),
    gate: clean(gate(wave).replace(isoTime, "$1 $2 UTC"), 120)
  }));
  return {
    title: `Waves of ${clean(stage)}`,
    waves: [...drawn, ...rest(waves.slice(shown.length))],
    blocked: [...Map.groupBy(blocked2, (by) => by)].map(([by, all]) => ({ by, devices: all.length })),
    members: members2.filter(({ devices }) => devices > 0)
  };
}
function rest(waves) {
  const [first] = waves;
  if (!first) return [];
  const groups = waves.flatMap((wave) => wave.groups);
  const share = `and ${counted(waves.length - 1, "more wave")}`;
  return [{ wave: first.wave, share, numbers: total(groups), rows: rowsOf(groups), gate: "" }];
}
function rowsOf(groups) {
  const named = (group) => clean(group.site === void 0 ? group.deviceType : `${group.deviceType}, ${group.site}`);
  const byPlace = byName(groups, named);
  const rows = byPlace.length <= maxRows ? byPlace : byName(groups, (group) => clean(group.deviceType));
  if (rows.length <= maxRows) return rows;
  const others = rows.slice(maxRows - 1);
  return [
    ...rows.slice(0, maxRows - 1),
    { name: `${others.length} more types`, numbers: total(others.map(({ numbers }) => numbers)) }
  ];
}
function byName(groups, name) {
  return [...Map.groupBy(groups, name)].map(([label2, members2]) => ({ name: label2, numbers: total(members2) })).sort((a, b) => count(b.numbers) - count(a.numbers));
}
function total(groups) {
  const sum = (key) => groups.reduce((all, group) => all + group[key], 0);
  return {
    there: sum("there"),
    pending: sum("pending"),
    failed: sum("failed"),
    toCome: sum("toCome"),
    blocked: sum("blocked")
  };
}
var count = (numbers) => standings.reduce((all, key) => all + numbers[key], 0);
function inWords(numbers) {
  return standings.filter((key) => numbers[key] > 0).map((key) => `${numbers[key]} ${standingWords[key]}`).join(", ");
}
function worst(numbers) {
  if (numbers.failed > 0) return "failed";
  if (numbers.pending > 0) return "pending";
  if (numbers.toCome > 0) return "toCome";
  return numbers.blocked > 0 ? "blocked" : "there";
}
var clean = (text2, limit = 48) => shorten(oneLine(text2.slice(0, 1e3)), limit);

// src/report/mermaid.ts
function wavesMermaid(picture2) {
  const { waves, blocked: blocked2, members: members2 } = picture2;
  if (waves.length === 0) return [];
  return [
    "```mermaid",
    "flowchart LR",
    `  accTitle: ${picture2.title.replace(/[^\p{L}\p{N} ,._-]/gu, " ")}`,
    ...waves.map(node),
    ...waves.slice(1).map((wave, index) => `  w${waves[index]?.wave} ${arrow(wave)} w${wave.wave}`),
    ...blocked2.length > 0 ? [sideNode("b", "blocked", blocked2, "blocked")] : [],
    ...members2.length > 0 ? [sideNode("m", "joins and leaves", members2, "toCome")] : [],
    ...styles,
    "```"
  ];
}
function node({ wave, share, numbers, rows, gate }, index) {
  const begin = index === 0 && gate !== "" ? [gate] : [];
  const lines = [
    `wave ${wave}, ${share}`,
    ...begin,
    ...rows.map((row) => `${row.name} – ${inWords(row.numbers)}`)
  ];
  return `  w${wave}["${lines.map(label).join("<br/>")}"]:::${worst(numbers)}`;
}
var arrow = ({ gate }) => gate === "" ? "-->" : `-->|"${label(gate)}"|`;
function sideNode(id, title, groups, look) {
  const sum = groups.reduce((all, { devices }) => all + devices, 0);
  const lines = [`${title}, ${sum}`, ...groups.map(({ by, devices }) => `${by} – ${devices}`)];
  return `  ${id}["${lines.map(label).join("<br/>")}"]:::${look}`;
}
var styles = [
  "  classDef there fill:#1a7f4b,stroke:#1a7f4b,color:#ffffff",
  "  classDef pending fill:#1f6feb,stroke:#1f6feb,color:#ffffff",
  "  classDef failed fill:#b3261e,stroke:#b3261e,color:#ffffff",
  "  classDef toCome fill:#e7ebf1,stroke:#8492a6,color:#1d2430",
  "  classDef blocked fill:#fff4d6,stroke:#9a6700,color:#3d2c00,stroke-dasharray:4"
];
function label(text2) {
  return Array.from(
    text2.toWellFormed(),
    (character) => /[\p{L}\p{N} ,._–…-]/u.test(character) ? character : `#${character.codePointAt(0)};`
  ).join("");
}

// src/report/notes.ts
var mayBeApproved = ({ over, notes }) => over.length === 0 && !notes.some(({ isNoApproval }) => isNoApproval);
function switchNotes({ emergency, freeze, retry }, stage, now) {
  const notes = [];
  if (freeze && (freeze.until === void 0 || freeze.until > now)) {
    const until = freeze.until ? `until ${freeze.until.toISOString()}` : "until it is removed";
    notes.push({ title: "Freeze", text: `nothing new is ordered ${until}: ${freeze.reason}` });
  }
  if (emergency && emergency.until > now && (stage === void 0 || emergency.stage === stage)) {
    const goes = `the stage ${emergency.stage} goes to ${emergency.release} until ${emergency.until.toISOString()}`;
    notes.push({ title: "Emergency", text: `${goes}, whatever its branch says: ${emergency.reason}` });
  }
  const again = [...retry].filter(([rollout]) => stage === void 0 || rollout.startsWith(`${stage}/`));
  if (again.length > 0) {
    const attempts = again.map(([rollout, attempt]) => `${rollout}: attempt ${attempt}`).join(", ");
    notes.push({ title: "Retry", text: `devices that failed are ordered again (${attempts})` });
  }
  return notes;
}
function remarkLines({ over, notes }) {
  const all = [...over.map((text2) => ({ title: "Over budget", text: text2 })), ...notes];
  return all.flatMap(({ title, text: text2 }) => ["", `> **${title}:** ${escapeMarkdown(shorten(text2, 500))}`]);
}

// src/report/plan-tables.ts
function updatesOf({ changes }) {
  return changes.filter((change) => change.kind === "update" || change.kind === "configure");
}
function movesOf(change) {
  if (change.kind === "configure")
    return [
      shortFingerprint(change.from),
      `${change.template} (${shortFingerprint(change.to)}) on ${change.on}`
    ];
  const { from, to, configuration } = change;
  return [from, configuration ? `${to}, then ${configuration.template}` : to];
}
var shortFingerprint = (fingerprint = "no configuration") => fingerprint.replace(/^(?:hmac-)?sha256:([0-9a-f]{12})[0-9a-f]*$/, "$1");
function blockedOf({ changes }) {
  return changes.filter((change) => change.kind === "blocked");
}
function updateRows(plan, isGrouped) {
  const updates = updatesOf(plan);
  if (!isGrouped)
    return {
      head: ["device", "from", "to", "device type", "wave"],
      rows: updates.map((change) => [
        change.host,
        ...movesOf(change),
        change.deviceType,
        String(change.wave)
      ])
    };
  const groups = Map.groupBy(
    updates,
    (change) => JSON.stringify([...movesOf(change), change.deviceType, change.wave])
  );
  return {
    head: ["devices", "from", "to", "device type", "wave", "such as"],
    rows: [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const hosts = someOf(group.map(({ host }) => host));
      return [[String(group.length), ...movesOf(first), first.deviceType, String(first.wave), hosts]];
    })
  };
}
function membersOf({ changes }) {
  return changes.filter((change) => change.kind === "enroll" || change.kind === "retire");
}
function memberRows(plan, isGrouped) {
  const members2 = membersOf(plan);
  if (!isGrouped)
    return {
      head: ["device", "change", "device type", "runs", "is to run", "line"],
      rows: members2.map((change) => [
        change.host,
        change.kind,
        change.deviceType ?? "",
        change.kind === "retire" ? change.from ?? "" : "",
        change.kind === "enroll" ? change.to ?? "" : "",
        `${change.cause.file}:${change.cause.line}`
      ])
    };
  return {
    head: ["devices", "change", "such as"],
    rows: [...Map.groupBy(members2, ({ kind }) => kind)].map(([kind, group]) => [
      String(group.length),
      kind,
      someOf(group.map(({ host }) => host))
    ])
  };
}
function strangerRows({ notInGit }, limit) {
  return {
    head: ["device", "on the server", "device type"],
    rows: notInGit.slice(0, limit).map(({ device, status, deviceType = "" }) => [device, status, deviceType])
  };
}
function blockedRows(plan, isGrouped) {
  const blocked2 = blockedOf(plan);
  if (!isGrouped)
    return {
      head: ["device", "wanted", "blocked by", "why", "until", "line"],
      rows: blocked2.map(({ host, to, by, why, until, cause }) => [
        host,
        to ?? "",
        by,
        why,
        until ?? "",
        `${cause.file}:${cause.line}`
      ])
    };
  return {
    head: ["devices", "blocked by", "such as"],
    rows: [...Map.groupBy(blocked2, ({ by }) => by)].map(([by, group]) => [
      String(group.length),
      by,
      someOf(group.map(({ host }) => host))
    ])
  };
}
function waveRows({ waves }) {
  return {
    head: ["wave", "share", "devices", "to change", "begins"],
    rows: waves.filter(({ updates }) => updates > 0).map(({ wave, share, devices, updates, begins }) => [
      String(wave),
      share,
      String(devices),
      String(updates),
      begins ?? ""
    ])
  };
}

// src/report/plan-markdown.ts
var maxDeviceRows = 1e3;
var maxStrangers = 20;
function planMarkdown(plan, options = {}) {
  const limit = options.limit ?? maxMarkdownCharacters;
  const isLarge = Math.max(updatesOf(plan).length, blockedOf(plan).length, membersOf(plan).length) > maxDeviceRows;
  if (!isLarge || limit === Infinity) {
    const whole = render(plan, options, false, limit);
    if (!whole.isCut) return whole;
  }
  return render(plan, options, true, limit);
}
function render(plan, options, isGrouped, limit) {
  const hasUpdates = plan.counts.updates + plan.counts.configures > 0;
  const lines = [
    `### Plan for ${escapeMarkdown(shorten(plan.stage, 100))}: ${headline(plan)}`,
    "",
    ...countTable(plan.counts),
    ...remarkLines({ over: [], notes: [], ...options }),
    "",
    `Digest of what the stage should run: \`${plan.digest}\``,
    ...options.link === void 0 ? [] : ["", wholePlan(encodeURI(options.link))],
    ...section(
      "Waves",
      hasUpdates ? [...markdownTable(waveRows(plan)), "", ...wavesMermaid(planPicture(plan))] : []
    ),
    ...section("Blocked", markdownTable(blockedRows(plan, isGrouped))),
    ...section("Joins and leaves", markdownTable(memberRows(plan, isGrouped))),
    ...section("Updates", markdownTable(updateRows(plan, isGrouped))),
    ...section("On the server, and in no stage", strangers(plan))
  ];
  return bounded(
    lines,
    limit,
    (left2) => `**Shortened: ${left2} more lines are in the plan file. A shortened plan can't be used to approve.**`
  );
}
var strangers = (plan) => {
  const { rows, head } = strangerRows(plan, maxStrangers);
  const more = plan.notInGit.length - rows.length;
  return [...table(head, rows), ...more > 0 ? ["", `And ${counted(more, "more device")}.`] : []];
};
var wholePlan = (run) => `[The whole plan](${run}), and [its files](${run}#artifacts)`;
var markdownTable = ({ head, rows }) => table(head, rows);
var countTable = (counts) => markdownTable(countRows(counts));
function headline({ counts }) {
  const rest2 = [
    counts.enrolls > 0 ? `${counts.enrolls} to enroll` : "",
    counts.retires > 0 ? `${counts.retires} to retire` : "",
    counts.alreadyPending > 0 ? `${counts.alreadyPending} pending` : "",
    counts.blocked > 0 ? `${counts.blocked} blocked` : ""
  ].filter(Boolean);
  const ordered = counts.updates + counts.configures;
  const first = ordered > 0 ? `${counted(ordered, "device")} of ${counts.inGit} would change` : changesIn(counts) === 0 ? "no changes" : "no updates";
  return [first, ...rest2].join(", ");
}

// src/report/tick-markdown.ts
var maxMembers = 100;
var signs = {
  done: "✅",
  "in-progress": "🔄",
  waiting: "⏳",
  halted: "🛑",
  superseded: "⏭️"
};
function tickMarkdown(tick, limit = maxMarkdownCharacters) {
  const picture2 = tickPicture(tick);
  const lines = [
    `### ${signs[tick.state]} ${escapeMarkdown(shorten(tick.stage, 100))}: ${tick.state}${tick.isDryRun ? " (dry run: nothing was written)" : ""}`,
    "",
    sentence(tick),
    ...windowEnd(tick),
    ...tick.counts ? ["", ...countTable(tick.counts)] : [],
    ...section("Waves", picture2 ? wavesMermaid(picture2) : []),
    ...section(tick.isDryRun ? "Would order" : "Ordered", orderTable(tick)),
    ...section(
      "Withdrawn",
      table(
        ["older order"],
        tick.withdrawn.map((name) => [name])
      )
    ),
    ...section(tick.isDryRun ? "Would enroll" : "Enrolled", memberTable(tick, tick.enrolled)),
    ...section(tick.isDryRun ? "Would retire" : "Retired", memberTable(tick, tick.retired)),
    ...section("Waits", waitingTable(tick)),
    ...section("Failed", failed(tick)),
    ...section("Blocked", blocked(tick))
  ];
  return bounded(lines, limit, (left2) => `**Shortened: ${left2} more lines.**`);
}
function sentence(tick) {
  const commit = `\`${tick.commit.slice(0, 12)}\``;
  switch (tick.state) {
    case "superseded":
      return `The branch has moved on from ${commit}: ${hasWritten(tick) ? "nothing more" : "nothing"} was done.`;
    case "halted":
      return `Nothing new starts: ${escapeMarkdown(shorten(tick.haltedBy ?? "", 500))}.`;
    case "done":
      return `Every device runs what ${commit} says, but for those that are retired.`;
    case "in-progress":
      return `${counted(
        tick.orders.reduce((sum, { devices }) => sum + devices.length, 0),
        "device"
      )} ordered now, ${members(tick)}${tick.pending} on their way; wave ${tick.wave} of ${tick.waves}.`;
    case "waiting":
      return `Nothing is due now; wave ${tick.wave} of ${tick.waves} has begun.`;
  }
}
function hasWritten({ orders, withdrawn, enrolled, retired }) {
  return orders.length + withdrawn.length + enrolled.length + retired.length > 0;
}
function members({ enrolled, retired }) {
  const joined = enrolled.length > 0 ? `${enrolled.length} let in, ` : "";
  return `${joined}${retired.length > 0 ? `${retired.length} removed, ` : ""}`;
}
function windowEnd({ windowEnd: end }) {
  if (!end) return [];
  const time = end.toISOString();
  return [
    "",
    `The window closes at ${time}: a run after that takes back the orders that no device has begun.`
  ];
}
function orderTable({ orders }) {
  return table(
    ["release", "wave", "devices", "such as", "deployment"],
    orders.map(({ release, wave, devices, name }) => [
      release,
      String(wave),
      String(devices.length),
      someOf(devices, 3),
      name
    ])
  );
}
function memberTable({ plan }, devices) {
  const hosts = new Map(plan?.changes.map(({ device, host }) => [device, host]));
  const rows = devices.slice(0, maxMembers).map((device) => [hosts.get(device) ?? device, device]);
  const more = devices.length - rows.length;
  return [...table(["device", "id"], rows), ...more > 0 ? ["", `And ${counted(more, "more device")}.`] : []];
}
function waitingTable({ waiting }) {
  return table(
    ["devices", "for", "until"],
    waiting.map(({ devices, why, nextDue: nextDue2 }) => [String(devices), why, nextDue2?.toISOString() ?? ""])
  );
}
function failed({ failures }) {
  return failures.flatMap((device) => [
    `- **${escapeMarkdown(shorten(device.host, 100))}**: ${escapeMarkdown(shorten(whyFailed(device), 500))}`,
    ...device.log === void 0 ? [] : verbatim(device.log)
  ]);
}
function blocked({ plan }) {
  const changes = plan?.changes.filter((change) => change.kind === "blocked") ?? [];
  const groups = Map.groupBy(changes, ({ by }) => by);
  return table(
    ["by", "devices", "such as"],
    [...groups].map(([by, group]) => [by, String(group.length), someOf(group.map(({ host }) => host))])
  );
}

// src/report/svg.ts
var [width, left, barsLeft, barHeight, rowHeight] = [900, 24, 300, 18, 28];
var barsWidth = 240;
function wavesSvg(picture2, id = "waves") {
  const { waves, blocked: blocked2, members: members2, title } = picture2;
  const parts = [];
  let y = 34;
  for (const [index, wave] of waves.entries()) {
    parts.push(drawWave(wave, y, index));
    y += waveHeight(wave) + 16;
  }
  if (blocked2.length > 0) {
    parts.push(drawSide("Blocked", blocked2, y, "card held"));
    y += 64;
  }
  if (members2.length > 0) {
    parts.push(drawSide("Joins and leaves", members2, y, "card"));
    y += 64;
  }
  const height = y + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="waves" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${text(title)}</title>
<desc id="${id}-desc">${text(described(picture2))}</desc>
<style>${style}</style>
${legend()}
${parts.join("\n")}
</svg>`;
}
function described({ waves, blocked: blocked2, members: members2 }) {
  const sentences = waves.map(({ wave, share, numbers, rows, gate }) => {
    const each = rows.map((row) => `${row.name}: ${inWords(row.numbers)}`).join("; ");
    return `Wave ${wave} (${share}): ${inWords(numbers)}${gate === "" ? "" : `; ${gate}`}. ${each}.`;
  });
  const side = (name, groups) => groups.length === 0 ? [] : [`${name}: ${groups.map(({ by, devices }) => `${devices} ${by}`).join(", ")}.`];
  return [...sentences, ...side("Blocked", blocked2), ...side("Joins and leaves", members2)].join(" ");
}
var waveHeight = ({ rows, gate }) => 40 + (gate === "" ? 0 : 20) + rows.length * rowHeight + 8;
function drawWave(wave, y, index) {
  const head = `<text x="${left + 16}" y="${y + 26}" class="wave-name">${text(`Wave ${wave.wave}`)}<tspan class="soft" dx="10">${text(`${wave.share} · ${count(wave.numbers)} in it`)}</tspan></text>`;
  const gate = wave.gate === "" ? "" : `<text x="${left + 16}" y="${y + 46}" class="gate">${text(`${index === 0 ? "begins" : "gate"}: ${wave.gate}`)}</text>`;
  const top = y + 40 + (wave.gate === "" ? 0 : 20);
  const rows = wave.rows.map((row, at) => drawRow(row, top + at * rowHeight));
  const card = `<rect x="${left}" y="${y}" width="${width - 2 * left}" height="${waveHeight(wave)}" rx="10" class="card"/>`;
  const link = index === 0 ? "" : `<path d="M${left + 32} ${y - 16}v16" class="link"/>`;
  return [link, card, head, gate, ...rows].join("");
}
function drawRow({ name, numbers }, y) {
  const middle = y + barHeight - 4;
  const room = barsLeft - left - 32;
  const fit = estimated(name) > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : "";
  return `<text x="${left + 16}" y="${middle}"${fit}>${text(name)}</text>${drawBar(numbers, y)}<text x="${barsLeft + barsWidth + 12}" y="${middle}" class="numbers">${text(inWords(numbers))}</text>`;
}
function estimated(name) {
  return Array.from(name).reduce((sum, one) => sum + ((one.codePointAt(0) ?? 0) > 4351 ? 14 : 7.5), 0);
}
function drawBar(numbers, y) {
  const all = Math.max(count(numbers), 1);
  let x = barsLeft;
  const parts = standings.map((key) => {
    const wide = numbers[key] === 0 ? 0 : Math.max(numbers[key] / all * barsWidth, 4);
    const at = Math.min(x, barsLeft + barsWidth - wide);
    x = at + wide;
    return wide === 0 ? "" : `<rect x="${at.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${barHeight}" class="${key}"/>`;
  });
  return `<rect x="${barsLeft}" y="${y}" width="${barsWidth}" height="${barHeight}" class="ground"/>${parts.join("")}`;
}
function drawSide(name, groups, y, look) {
  const sum = groups.reduce((all, { devices }) => all + devices, 0);
  const why = groups.map(({ by, devices }) => `${devices} ${by}`).join(" · ");
  return `<rect x="${left}" y="${y}" width="${width - 2 * left}" height="56" rx="10" class="${look}"/><text x="${left + 16}" y="${y + 24}" class="wave-name">${text(`${name}: ${sum}`)}</text><text x="${left + 16}" y="${y + 44}" class="gate">${text(shorten(why, 125))}</text>`;
}
function legend() {
  return standings.map((key, index) => {
    const x = left + 16 + index * 116;
    return `<rect x="${x}" y="8" width="14" height="14" rx="3" class="${key}"/><text x="${x + 20}" y="20" class="soft">${standingWords[key]}</text>`;
  }).join("");
}
var text = (value) => escapeHtml(value.toWellFormed());
var style = `
.waves{--wave-ink:#1d2430;--wave-soft:#5a6575;--wave-line:#c9d1dc;--wave-card:#f5f7fa;--wave-there:#1a7f4b;--wave-pending:#1f6feb;--wave-failed:#b3261e;--wave-to-come:#b6c0cd;--wave-held:#d4a72c}
@media (prefers-color-scheme:dark){.waves{--wave-ink:#e6eaf0;--wave-soft:#9aa6b6;--wave-line:#3b4655;--wave-card:#1c222b;--wave-there:#4cc38a;--wave-pending:#6ea8fe;--wave-failed:#ff7b72;--wave-to-come:#5a6678;--wave-held:#e3b341}}
.waves text{font:13px system-ui,sans-serif;fill:var(--wave-ink)}
.waves .wave-name{font-size:15px;font-weight:600}
.waves .soft,.waves .gate{fill:var(--wave-soft);font-size:12.5px;font-weight:400}
.waves .numbers{font-size:12.5px}
.waves .card{fill:var(--wave-card);stroke:var(--wave-line)}
.waves .held{stroke:var(--wave-held);stroke-dasharray:5 4}
.waves .link{stroke:var(--wave-line);stroke-width:3;fill:none}
.waves .ground{fill:none;stroke:var(--wave-line)}
.waves .there{fill:var(--wave-there)}.waves .pending{fill:var(--wave-pending)}.waves .failed{fill:var(--wave-failed)}.waves .toCome{fill:var(--wave-to-come)}.waves .blocked{fill:var(--wave-held)}
`;

// src/report/html.ts
function renderPage(page) {
  const { title, verdict, lead, sections } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${plain(title)}</title>
<style>${style2}</style>
</head>
<body>
<main>
<header>
<h1>${plain(title)}</h1>
<p class="verdict ${verdict.isGood ? "good" : "bad"}"><span aria-hidden="true">${verdict.isGood ? "✔" : "✖"}</span> ${plain(verdict.text)}</p>
${lead.map((text2) => `<p>${plain(text2)}</p>`).join("\n")}
</header>
${sections.map(renderSection).join("\n")}
</main>
</body>
</html>
`;
}
function renderSection(section2) {
  const lead = "lead" in section2 && section2.lead ? `<p>${plain(section2.lead)}</p>` : "";
  return `<section>
<h2>${plain(section2.title)}</h2>
${lead}${renderBody(section2)}
</section>`;
}
function renderBody(section2) {
  switch (section2.kind) {
    case "table":
      return renderTable(section2.head, section2.rows);
    case "timeline":
      return renderTimeline(section2.bars);
    case "waves":
      return `<div class="scroll">${wavesSvg(section2.picture)}</div>`;
    case "verbatim":
      return `<pre>${escapeHtml(visible(section2.text))}</pre>`;
  }
}
function renderTable(head, rows) {
  const cell = (value) => {
    const { text: text2, look } = typeof value === "string" ? { text: value, look: "" } : value;
    const inner = look === "code" ? `<code>${plain(text2)}</code>` : plain(text2);
    return `<td${look ? ` class="${look}"` : ""}>${inner}</td>`;
  };
  const isNumber = head.map((_, i) => rows.some((row) => isLook(row[i], "number")));
  const heads = head.map(
    (text2, i) => `<th scope="col"${isNumber[i] ? ' class="number"' : ""}>${plain(text2)}</th>`
  );
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  return `<div class="scroll"><table>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>`;
}
var plain = (text2) => escapeHtml(shorten(oneLine(text2), 4e3));
var visible = (text2) => text2.split(/\r?\n/).map((line) => line.replace(/[^\P{C}\t]/gu, " ")).join("\n");
var isLook = (cell, look) => typeof cell === "object" && cell.look === look;
var [labelWidth, barsWidth2, rowHeight2] = [300, 560, 26];
function renderTimeline(bars) {
  const total2 = Math.max(
    bars.reduce((sum, { seconds }) => sum + seconds, 0),
    1e-3
  );
  let at = 0;
  const rows = bars.map(({ label: label2, seconds, isBad }, index) => {
    const x = labelWidth + at / total2 * barsWidth2;
    const width2 = Math.max(seconds / total2 * barsWidth2, 2);
    const y = index * rowHeight2;
    at += seconds;
    const isLate = x + width2 + 60 > labelWidth + barsWidth2;
    const time = `<text x="${(isLate ? x - 6 : x + width2 + 6).toFixed(1)}" y="${y + 17}" class="time"${isLate ? ' text-anchor="end"' : ""}>${seconds.toFixed(1)} s</text>`;
    return `<text x="${labelWidth - 12}" y="${y + 17}" text-anchor="end">${plain(label2)}</text><rect x="${x.toFixed(1)}" y="${y + 5}" width="${width2.toFixed(1)}" height="${rowHeight2 - 10}" rx="3" class="${isBad ? "bad" : "good"}"/>${time}`;
  });
  const [w, h] = [labelWidth + barsWidth2 + 20, bars.length * rowHeight2 + 4];
  const words = bars.map(({ label: label2, seconds }) => `${label2}: ${seconds.toFixed(1)} s`).join("; ");
  return `<div class="scroll"><svg viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-label="${plain(words)}">${rows.join("")}</svg></div>`;
}
var style2 = `
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5a6575;--line:#dde2ea;--paper:#fff;--wash:#f5f7fa;--good:#1a7f4b;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--line:#333c49;--paper:#14181f;--wash:#1c222b;--good:#4cc38a;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:940px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 12px}
h2{font-size:1.15rem;margin:44px 0 12px}
p{margin:0 0 10px;max-width:70ch}
.verdict{font-weight:600;padding:10px 14px;border-radius:8px;background:var(--wash);border-left:5px solid currentColor;max-width:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.94rem}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:11em}
th{color:var(--soft);font-weight:600;white-space:nowrap}
th.number,td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.quiet{color:var(--soft)}
code,pre{font:.86em/1.5 ui-monospace,monospace}
pre{background:var(--wash);border-radius:8px;padding:14px;overflow-x:auto;white-space:pre-wrap}
svg{max-width:100%;height:auto}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .time{fill:var(--soft);font-size:12px}
svg rect.good{fill:var(--good)}svg rect.bad{fill:var(--bad)}
`;

// src/report/plan-page.ts
var maxDeviceRows2 = 2e4;
var maxStrangers2 = 1e3;
function planPage(plan, { over = [], notes = [] } = {}) {
  const isGrouped = Math.max(updatesOf(plan).length, blockedOf(plan).length, membersOf(plan).length) > maxDeviceRows2;
  const { inGit, blocked: blocked2 } = plan.counts;
  const { head, rows } = countRows(plan.counts);
  const counts = rows.map((row) => row.map((text2) => ({ text: text2, look: "number" })));
  const sections = [
    {
      kind: "table",
      title: "Devices",
      head,
      rows: counts
    },
    ...inGit > blocked2 ? [{ kind: "waves", title: "Picture", picture: planPicture(plan) }] : [],
    ...filled("Waves", waveRows(plan)),
    ...filled("Blocked", blockedRows(plan, isGrouped)),
    ...filled("Joins and leaves", memberRows(plan, isGrouped)),
    ...filled("Updates", updateRows(plan, isGrouped)),
    ...filled(strangersTitle(plan), strangerRows(plan, maxStrangers2))
  ];
  return renderPage({
    title: `Plan for ${plan.stage}`,
    verdict: {
      isGood: over.length === 0,
      text: over.length === 0 ? headline(plan) : `Over budget: ${over.join("; ")}`
    },
    lead: [
      `Digest of what the stage should run: ${plan.digest}`,
      ...notes.map(({ title, text: text2 }) => `${title}: ${text2}`),
      `Made ${plan.createdAt} of the facts of ${plan.factsAt} (${plan.server}).`
    ],
    sections
  });
}
var strangersTitle = ({ notInGit }) => notInGit.length > maxStrangers2 ? `On the server, and in no stage: the first ${maxStrangers2} of ${notInGit.length}` : "On the server, and in no stage";
var filled = (title, { head, rows }) => rows.length === 0 ? [] : [{ kind: "table", title, head, rows }];

// src/report/halt-markdown.ts
function haltMarkdown(tick, until) {
  const { failures, haltedBy = "" } = tick;
  const logs = failures.filter(({ log }) => log !== void 0);
  const lines = [
    `Stage ${escapeMarkdown(shorten(tick.stage, 100))} is halted at \`${tick.commit.slice(0, 12)}\`: ${escapeMarkdown(shorten(haltedBy, 500))}.`,
    "",
    "Once this is merged, no stage orders that content any more, under whatever name. Close it where the content is not to blame: it is not offered again.",
    ...section("Failed", [
      ...table(
        ["device", "why", "was to run", "reports"],
        failures.slice(0, 50).map((failed2) => [failed2.host, whyFailed(failed2), failed2.release ?? "", failed2.from ?? ""])
      ),
      ...failures.length > 50 ? ["", `And ${counted(failures.length - 50, "more device")}.`] : []
    ]),
    ...section("To go back at once", wayBack(tick, failures, until)),
    ...logs.flatMap(
      ({ host, log = "" }) => section(`End of the log of ${escapeMarkdown(shorten(host, 100))}`, verbatim(log))
    )
  ];
  return bounded(lines, maxMarkdownCharacters, (left2) => `**Shortened: ${left2} more lines.**`);
}
function wayBack({ stage }, failures, until) {
  const before = Map.groupBy(
    failures.flatMap(({ from }) => from === void 0 ? [] : [from]),
    (from) => from
  );
  const [last] = [...before.values()].sort((a, b) => b.length - a.length);
  if (last?.[0] === void 0) return [];
  const text2 = (value) => JSON.stringify(oneLine(value));
  return [
    "Add this to `fleet.yml` on this branch, or set `os_image` back in a change of its own:",
    "",
    "```yaml",
    "emergency:",
    `  stage: ${text2(stage)}`,
    `  release: ${text2(last[0])} # what most of the failed devices ran before`,
    `  reason: ${text2("…")} # say why`,
    `  until: ${until.toISOString().slice(0, 16)}Z`,
    "```"
  ];
}

// src/report/tick-headline.ts
function tickHeadline(tick) {
  const { counts, plan, progress = [] } = tick;
  if (!counts || !plan) return "superseded by a newer commit";
  const held = plan.changes.filter((change) => change.kind === "blocked" && change.by === "retired").length;
  const retired = held + counts.retires + counts.alreadyRetired;
  if (counts.inGit === retired) return "no devices";
  const groups = progress.flatMap((wave) => wave.groups);
  const sum = (key) => groups.reduce((all, group) => all + group[key], 0);
  const parts = [
    [sum("pending"), "pending"],
    [sum("failed"), "rolled back"],
    [sum("toCome"), "to come"],
    [counts.enrolls, "to enroll"],
    [counts.blocked - held, "blocked"]
  ];
  const rest2 = parts.flatMap(([count2, words]) => count2 > 0 ? [`${count2} ${words}`] : []);
  const first = `${counts.alreadyThere} of ${counts.inGit - retired} on ${releaseOf2(tick)}`;
  const due = tick.state === "waiting" ? nextDue(tick) : void 0;
  const until = due === void 0 ? "" : `; next ${shortTime(due)}`;
  const end = tick.windowEnd ? `; the window closes ${shortTime(tick.windowEnd)}` : "";
  return `${[first, ...rest2].join(", ")}${until}${end}`;
}
var shortTime = (time) => `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
function releaseOf2({ plan }) {
  const releases = new Set(plan?.changes.flatMap((change) => hasTurn(change) ? [releaseOf(change)] : []) ?? []);
  const [first] = releases;
  if (first === void 0) return "their release";
  return releases.size === 1 ? shorten(oneLine(first), 60) : `their ${counted(releases.size, "release")}`;
}

export {
  maxSummaryCharacters,
  verbatim,
  mayBeApproved,
  switchNotes,
  planMarkdown,
  headline,
  planPage,
  haltMarkdown,
  tickHeadline,
  tickMarkdown
};
