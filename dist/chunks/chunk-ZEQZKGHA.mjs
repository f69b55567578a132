import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  escapeMarkdown,
  shorten
} from "./chunk-PWZ4J5Q2.mjs";

// src/report/markdown.ts
var maxMarkdownCharacters = 65e3;
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
function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
function verbatim(text) {
  return ["", ...text.split(/\r?\n/).map((line) => `    ${line.replace(/[^\P{Cc}\t]/gu, " ")}`), ""];
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

// src/report/plan-markdown.ts
var maxDeviceRows = 200;
function planMarkdown(plan, options = {}) {
  const updates = plan.changes.filter((change) => change.kind === "update");
  const lines = [
    `### Plan for ${escapeMarkdown(plan.stage)}: ${headline(plan)}`,
    "",
    ...countTable(plan.counts),
    ...(options.over ?? []).flatMap((sentence2) => ["", `> **Over budget:** ${escapeMarkdown(sentence2)}`]),
    ...section("Updates", updateTable(updates)),
    ...section("Blocked", blockedTable(plan)),
    ...section("Waves", updates.length > 0 ? picture(plan) : []),
    "",
    `Digest of what the stage should run: \`${plan.digest}\``
  ];
  return bounded(
    lines,
    options.limit ?? maxMarkdownCharacters,
    (left) => `**Shortened: ${left} more lines are in the plan file. A shortened plan can't be used to approve.**`
  );
}
function countTable({ inGit, updates, alreadyPending, alreadyThere, blocked: blocked2 }) {
  return table(
    ["in Git", "to update", "already pending", "already there", "blocked"],
    [[inGit, updates, alreadyPending, alreadyThere, blocked2].map(String)]
  );
}
function headline({ counts }) {
  const rest = [
    counts.alreadyPending > 0 ? `${counts.alreadyPending} pending` : "",
    counts.blocked > 0 ? `${counts.blocked} blocked` : ""
  ].filter(Boolean);
  const first = counts.updates === 0 ? "no changes" : `${counted(counts.updates, "device")} of ${counts.inGit} would change`;
  return [first, ...rest].join(", ");
}
function updateTable(updates) {
  if (updates.length <= maxDeviceRows) {
    return table(
      ["device", "from", "to", "device type", "wave"],
      updates.map((change) => [change.host, change.from, change.to, change.deviceType, String(change.wave)])
    );
  }
  const groups = Map.groupBy(
    updates,
    ({ from, to, deviceType, wave }) => JSON.stringify([from, to, deviceType, wave])
  );
  return table(
    ["devices", "from", "to", "device type", "wave", "such as"],
    [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const hosts = someOf(group.map(({ host }) => host));
      return [[String(group.length), first.from, first.to, first.deviceType, String(first.wave), hosts]];
    })
  );
}
function blockedTable(plan) {
  const blocked2 = plan.changes.filter((change) => change.kind === "blocked");
  if (blocked2.length <= maxDeviceRows) {
    return table(
      ["device", "wanted", "blocked by", "why", "until", "line"],
      blocked2.map(({ host, to, by, why, until, cause }) => [
        host,
        to ?? "",
        by,
        why,
        until ?? "",
        `${cause.file}:${cause.line}`
      ])
    );
  }
  return table(
    ["devices", "blocked by", "such as"],
    [...Map.groupBy(blocked2, ({ by }) => by)].map(([by, group]) => [
      String(group.length),
      by,
      someOf(group.map(({ host }) => host))
    ])
  );
}
function picture(plan) {
  const waves = plan.waves.filter(({ devices }) => devices > 0);
  if (waves.length === 0) return [];
  const label = (text) => text.replace(/[^\w %.,:]/g, " ");
  const nodes = waves.map(
    ({ wave, share, devices, updates }) => `  w${wave}["wave ${wave}: ${label(share)}<br/>${counted(devices, "device")}, ${updates} to update"]`
  );
  const arrows = waves.slice(1).map(({ wave }, index) => `  w${waves[index]?.wave} -- gate --> w${wave}`);
  return ["```mermaid", "flowchart LR", ...nodes, ...arrows, "```"];
}

// src/report/tick-markdown.ts
var signs = {
  done: "✅",
  "in-progress": "🔄",
  waiting: "⏳",
  halted: "🛑",
  superseded: "⏭️"
};
function tickMarkdown(tick, limit = maxMarkdownCharacters) {
  const lines = [
    `### ${signs[tick.state]} ${escapeMarkdown(tick.stage)}: ${tick.state}${tick.isDryRun ? " (dry run: nothing was written)" : ""}`,
    "",
    sentence(tick),
    ...tick.counts ? ["", ...countTable(tick.counts)] : [],
    ...section(tick.isDryRun ? "Would order" : "Ordered", orderTable(tick)),
    ...section(
      "Withdrawn",
      table(
        ["older order"],
        tick.withdrawn.map((name) => [name])
      )
    ),
    ...section("Waits", waitingTable(tick)),
    ...section("Failed", failed(tick)),
    ...section("Blocked", blocked(tick))
  ];
  return bounded(lines, limit, (left) => `**Shortened: ${left} more lines.**`);
}
function sentence(tick) {
  const commit = `\`${tick.commit.slice(0, 12)}\``;
  switch (tick.state) {
    case "superseded":
      return `The branch has moved on from ${commit}: nothing was done.`;
    case "halted":
      return `Nothing new starts: ${escapeMarkdown(tick.haltedBy ?? "")}.`;
    case "done":
      return `Every device runs what ${commit} says, but for those that are retired.`;
    case "in-progress":
      return `${counted(
        tick.orders.reduce((sum, { devices }) => sum + devices.length, 0),
        "device"
      )} ordered now, ${tick.pending} on their way; wave ${tick.wave} of ${tick.waves}.`;
    case "waiting":
      return `Nothing is due now; wave ${tick.wave} of ${tick.waves} has begun.`;
  }
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
function waitingTable({ waiting }) {
  return table(
    ["devices", "for", "until"],
    waiting.map(({ devices, why, nextDue }) => [String(devices), why, nextDue?.toISOString() ?? ""])
  );
}
function failed({ failures }) {
  return failures.flatMap(({ host, why, log }) => [
    `- **${escapeMarkdown(host)}**: ${escapeMarkdown(why)}`,
    ...log === void 0 ? [] : verbatim(log)
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

export {
  planMarkdown,
  headline,
  tickMarkdown
};
