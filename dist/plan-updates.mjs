import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  headline,
  maxSummaryCharacters,
  mayBeApproved,
  planMarkdown,
  planPage,
  switchNotes
} from "./chunks/chunk-QHYNYLVB.mjs";
import {
  changesIn,
  lacksRelease,
  locateStage,
  makePlan,
  overBudget,
  requireMergedServer,
  requireReleases,
  runnerWarnings,
  stageOf,
  switchesInClone,
  writePlan
} from "./chunks/chunk-3EHZS56L.mjs";
import {
  allowedBy,
  loadFleet,
  policyFileName,
  warningsFor
} from "./chunks/chunk-RTAWKCSZ.mjs";
import {
  digestMark,
  isProtected,
  keepComment,
  openGitHub,
  planReview,
  publishCheck,
  readEvent,
  runPage,
  tryToPublish
} from "./chunks/chunk-Y6KGFFVN.mjs";
import {
  gatherFacts,
  openServer,
  readFacts
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  counted,
  escapeMarkdown,
  oneLine,
  shorten,
  writeAtomically
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/plan-updates/annotate.ts
var maxAnnotations = 9;
function annotatePlan(plan, fleet, { annotate, log }) {
  const warnings = [...blockedLines(plan), ...warningsFor(fleet, plan.stage)];
  for (const warning of warnings.slice(0, maxAnnotations)) annotate(warning);
  for (const { file, line, message } of warnings.slice(maxAnnotations))
    log.info(`warning: ${file}:${line ?? 1}: ${message}`);
}
function blockedLines(plan) {
  const blocked = plan.changes.filter((change) => change.kind === "blocked");
  const groups = Map.groupBy(blocked, ({ cause, why }) => JSON.stringify([cause.file, cause.line, why]));
  const mostFirst = [...groups.values()].sort((a, b) => b.length - a.length);
  return mostFirst.flatMap((changes) => {
    const [first] = changes;
    return first ? [{ ...first.cause, message: blockedMessage(first, changes.length) }] : [];
  });
}
function blockedMessage({ host, by, why }, count) {
  const others = count > 1 ? ` and ${count - 1} more` : "";
  return shorten(oneLine(`${by}: ${host}${others} ${why}`), 2e3);
}

// actions/plan-updates/facts.ts
async function factsFor(fleet, { file, token }, { pullRequest }, context) {
  const { server } = fleet;
  if (file !== void 0) {
    const facts = await readFacts(file);
    if (server && facts.server.replace(/\/+$/, "") !== server.url)
      context.log.warn(`${file} has the facts of ${facts.server}; fleet.yml names ${server.url}`);
    return facts;
  }
  if (token === void 0 && pullRequest?.isFromFork) return void 0;
  if (token === void 0)
    throw new Failure(
      "bad-input",
      "missing input: token (environment: INPUT_TOKEN or DROVER_TOKEN), or facts with the path of a facts file. A pull request from a fork gets no secrets: plan it with a published facts file"
    );
  if (!server)
    throw new Failure(
      "bad-input",
      "fleet.yml names no server: add `server: { type: mender, url: … }`, or give `facts`"
    );
  if (pullRequest) await requireMergedServer(fleet.folder, server, pullRequest.targetCommit);
  return await gatherFacts(openServer({ ...server, token }, context), context);
}

// actions/plan-updates/publish.ts
var maxCharacters = 64e3;
async function publishPlan(plan, remarks, { pullRequest, repository }, { isCommentWanted, token }, context) {
  if (!pullRequest || !repository) return { note: "", hasChanged: false };
  if (token === void 0)
    return { note: "The plan was not published: there is no token for GitHub.\n", hasChanged: false };
  const github = openGitHub({ token, repository }, context);
  const text = planMarkdown(plan, { ...remarks, limit: maxCharacters, link: runPage() });
  const results = [];
  if (isCommentWanted) {
    const work2 = () => comment(github, pullRequest.number, plan, remarks, text);
    results.push(await tryToPublish("The comment", work2, "pull-requests: write"));
  }
  const work = () => check(github, pullRequest.headCommit, plan, remarks, text);
  results.push(await tryToPublish("The check run", work, "checks: write"));
  const refused = results.flatMap((result) => result.isDone ? [] : [result.why]);
  if (refused.length > 0 && pullRequest.isFromFork)
    refused.unshift("The token of a fork's pull request can only read, so the plan is nowhere but here.");
  for (const why of refused) context.log.info(why);
  return {
    note: refused.map((why) => `${escapeMarkdown(why)}
`).join("\n"),
    hasChanged: results.some((result) => result.isDone && result.hasChanged)
  };
}
function requireAcceptable(plan, over) {
  if (over.length > 0)
    throw new Failure(
      "over-budget",
      `${over.join("; ")}: split the change, or raise the budget in a reviewed change`
    );
  requireReleases(plan);
}
async function comment(github, pullRequest, plan, remarks, { text, isCut }) {
  const mark = isCut || !mayBeApproved(remarks) ? "" : `
${digestMark(plan.digest)}
`;
  return await keepComment(github, {
    pullRequest,
    marker: planReview(plan.stage).marker,
    body: `${text}${mark}`
  });
}
async function check(github, commit, plan, remarks, { text, isCut }) {
  return await publishCheck(github, {
    name: planReview(plan.stage).checkName,
    commit,
    // only a success approves, and nobody has seen the whole of a shortened plan
    conclusion: remarks.over.length > 0 || lacksRelease(plan) ? "failure" : isCut || !mayBeApproved(remarks) ? "neutral" : "success",
    title: `${headline(plan)}${isCut ? ", shortened: it can not be used to approve" : ""}`,
    summary: text,
    externalId: plan.digest,
    annotations: [...blockedLines(plan), ...causeLines(plan)].map((problem) => ({
      file: problem.file,
      line: problem.line ?? 1,
      level: "level" in problem ? "notice" : "warning",
      message: problem.message
    }))
  });
}
function causeLines(plan) {
  const changes = plan.changes.flatMap((change) => {
    const does = doesWhat(change);
    return does ? [{ cause: change.cause, does }] : [];
  });
  const groups = Map.groupBy(changes, ({ cause, does }) => JSON.stringify([cause.file, cause.line, does]));
  const mostFirst = [...groups.values()].sort((a, b) => b.length - a.length);
  return mostFirst.flatMap(([first, ...others]) => {
    if (!first) return [];
    const [verb, where] = first.does;
    const message = `${verb} ${counted(others.length + 1, "device")} ${where}`;
    return [{ ...first.cause, message, level: "notice" }];
  });
}
function doesWhat(change) {
  switch (change.kind) {
    case "update":
      return ["moves", `to ${change.to}`];
    case "configure":
      return ["configures", `with ${change.template}`];
    case "enroll":
      return ["lets", "in"];
    case "retire":
      return ["removes", "from the server"];
    default:
      return void 0;
  }
}

// actions/plan-updates/secrets.ts
function hasNoSecrets(missingSecrets, { pullRequest }) {
  if (missingSecrets === void 0) return pullRequest?.isFromFork ?? false;
  if (missingSecrets === "unknown" || missingSecrets === "fail") return missingSecrets === "unknown";
  throw new Failure("bad-input", `missing-secrets is "${missingSecrets}"; it can be fail or unknown`);
}
function unknownNotes({ unknown = [] }) {
  if (unknown.length === 0) return [];
  const [first, ...more] = unknown.map(({ file, line, message }) => `${file}:${line ?? 1} ${message}`);
  const others = more.length > 0 ? `, and ${more.length} more` : "";
  const text = `this plan was made without the secrets of the fleet's files, so it says nothing of what they are for, its digest is not that of the merge, and it can not be used to approve (${first}${others})`;
  return [{ title: "Without secrets", text, isNoApproval: true }];
}
var notPlanned = `### Not planned

The files of this pull request are valid. It is from a fork, which gets no secrets, so no server could be asked for the devices,
and nothing can be said of them. Give plan-updates \`facts\`, a facts file that a scheduled workflow publishes, or let somebody
with write access push the branch to this repository.
`;
async function nothingPlanned({
  log,
  summary
}) {
  log.warn("nothing was planned: a pull request from a fork gets no secrets, and there are no facts");
  await summary(notPlanned);
  return { changed: false };
}

// actions/plan-updates/switches.ts
async function withSwitches(fleet, stage, { defaultBranch }, context) {
  const isDefault = stageOf(fleet, stage).branch === defaultBranch;
  const now = context.clock.now();
  const unknown = unknownNotes(fleet);
  if (isDefault || defaultBranch === void 0) {
    const notes = switchNotes(fleet.switches, isDefault ? void 0 : stage, now);
    return { fleet, notes: [...unknown, ...notes] };
  }
  const switches = await switchesInClone(fleet.folder, defaultBranch, context);
  if (switches)
    return { fleet: { ...fleet, switches }, notes: [...unknown, ...switchNotes(switches, stage, now)] };
  const text = `this checkout has no branch ${defaultBranch}, so what its fleet.yml says of freeze, known-bad, retry and emergency is not in this plan: check out with fetch-depth: 0`;
  return { fleet, notes: [...unknown, { title: "Switches", text }] };
}

// actions/plan-updates/warnings.ts
async function withWarnings(fleet, stage, facts, { event, token }, context) {
  const warnings = [
    ...await protectionWarnings(fleet, stage, event, token, context),
    ...runnerWarnings(fleet, stage, facts)
  ];
  return { ...fleet, warnings: [...fleet.warnings, ...warnings] };
}
async function protectionWarnings(fleet, name, { repository, defaultBranch }, token, context) {
  const stage = stageOf(fleet, name);
  if (stage.branch !== defaultBranch || !repository || token === void 0) return [];
  const github = openGitHub({ token, repository }, context);
  if (await isProtected(github, defaultBranch, context) !== false) return [];
  const { file, line } = stage.at ?? { file: policyFileName, line: 1 };
  const message = `stages.${name}: its branch ${defaultBranch} is the default branch and is not protected: whoever may push to it moves devices without a review, and sets freeze and emergency for every stage. Protect it on GitHub`;
  return [{ stage: name, file, line, message }];
}

// actions/plan-updates/write.ts
async function writePlanFiles(file, plan, remarks) {
  const beside = (ending) => file.replace(/(\.json)?$/, ending);
  await writePlan(file, plan);
  await writeAtomically(beside(".md"), planMarkdown(plan, { ...remarks, limit: Infinity }).text);
  await writeAtomically(beside(".html"), planPage(plan, remarks));
  return beside(".md");
}

// actions/plan-updates/main.ts
await runAction("plan-updates", async (action) => {
  const { input } = action;
  const folder = input.path("fleet") ?? input.required("fleet");
  const event = await readEvent();
  const hint = { stage: input.optional("stage"), target: event.target, branch: event.branch };
  const stage = await locateStage(folder, hint, action);
  const isWithout = hasNoSecrets(input.optional("missing-secrets"), event);
  const allowed = allowedBy(input.optional("inventory"), input.list("allow-env"), isWithout);
  const loaded = await loadFleet(folder, action, allowed);
  const { fleet, notes } = await withSwitches(loaded, stage, event, action);
  const given = { file: input.path("facts"), token: input.secret("token") };
  const facts = await action.log.group("Reading facts", () => factsFor(fleet, given, event, action));
  if (!facts) return await nothingPlanned(action);
  const plan = makePlan(fleet, stage, facts, action.clock.now());
  const over = overBudget(plan, stageOf(fleet, stage));
  const file = input.path("output") ?? input.required("output");
  const summary = await writePlanFiles(file, plan, { over, notes });
  const { counts, digest } = plan;
  await action.output({ plan: file, summary, digest, changes: changesIn(counts), blocked: counts.blocked });
  const wanted = { isCommentWanted: input.flag("comment"), token: input.secret("github-token") };
  annotatePlan(plan, await withWarnings(fleet, stage, facts, { event, ...wanted }, action), action);
  const { note, hasChanged } = await publishPlan(plan, { over, notes }, event, wanted, action);
  await action.summary(`${planMarkdown(plan, { over, notes, limit: maxSummaryCharacters }).text}
${note}`);
  requireAcceptable(plan, over);
  return { changed: hasChanged };
});
