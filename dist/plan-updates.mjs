import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  headline,
  maxSummaryCharacters,
  planMarkdown,
  planPage
} from "./chunks/chunk-RDHIVT4E.mjs";
import {
  locateStage,
  makePlan,
  overBudget,
  requireMergedServer,
  stageOf,
  writePlan
} from "./chunks/chunk-YSTPRWQ3.mjs";
import {
  loadFleet,
  namedSource,
  warningsFor
} from "./chunks/chunk-HEAYTRHI.mjs";
import {
  digestMark,
  keepComment,
  openGitHub,
  planReview,
  publishCheck,
  readEvent,
  runPage,
  tryToPublish
} from "./chunks/chunk-7UCZKUXH.mjs";
import {
  gatherFacts,
  openServer,
  readFacts
} from "./chunks/chunk-W7R4KM5Y.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  Failure,
  escapeMarkdown,
  oneLine,
  shorten,
  writeAtomically
} from "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

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
  return [...groups.values()].flatMap((changes) => {
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
  if (token === void 0 && pullRequest?.isFromFork)
    throw new Failure(
      "bad-input",
      "this pull request is from a fork, which gets no secrets: its files are valid, but without facts nothing can be said of its devices. Give `facts`, a facts file that a scheduled workflow published, or let somebody with write access push the branch here"
    );
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
async function publishPlan(plan, over, { pullRequest, repository }, { isCommentWanted, token }, context) {
  if (!pullRequest || !repository) return { note: "", hasChanged: false };
  if (token === void 0)
    return { note: "The plan was not published: there is no token for GitHub.\n", hasChanged: false };
  const github = openGitHub({ token, repository }, context);
  const text = planMarkdown(plan, { over, limit: maxCharacters, link: runPage() });
  const results = [];
  if (isCommentWanted) {
    const work2 = () => comment(github, pullRequest.number, plan, over, text);
    results.push(await tryToPublish("The comment", work2, "pull-requests: write"));
  }
  const work = () => check(github, pullRequest.headCommit, plan, over, text);
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
function requireWithinBudget(over) {
  if (over.length > 0)
    throw new Failure(
      "over-budget",
      `${over.join("; ")}: split the change, or raise the budget in a reviewed change`
    );
}
async function comment(github, pullRequest, plan, over, { text, isCut }) {
  const mark = isCut || over.length > 0 ? "" : `
${digestMark(plan.digest)}
`;
  return await keepComment(github, {
    pullRequest,
    marker: planReview(plan.stage).marker,
    body: `${text}${mark}`
  });
}
async function check(github, commit, plan, over, { text, isCut }) {
  return await publishCheck(github, {
    name: planReview(plan.stage).checkName,
    commit,
    // only a success approves, and nobody has seen the whole of a shortened plan
    conclusion: over.length > 0 ? "failure" : isCut ? "neutral" : "success",
    title: `${headline(plan)}${isCut ? ", shortened: it can not be used to approve" : ""}`,
    summary: text,
    externalId: plan.digest,
    annotations: [...causeLines(plan), ...blockedLines(plan)].map((problem) => ({
      file: problem.file,
      line: problem.line ?? 1,
      level: "level" in problem ? "notice" : "warning",
      message: problem.message
    }))
  });
}
function causeLines(plan) {
  const updates = plan.changes.filter((change) => change.kind === "update");
  const groups = Map.groupBy(updates, ({ cause, to }) => JSON.stringify([cause.file, cause.line, to]));
  return [...groups.values()].flatMap((changes) => {
    const [first] = changes;
    const message = `moves ${changes.length} device${changes.length === 1 ? "" : "s"} to ${first?.to}`;
    return first ? [{ ...first.cause, message, level: "notice" }] : [];
  });
}

// actions/plan-updates/write.ts
async function writePlanFiles(file, plan, over) {
  const beside = (ending) => file.replace(/(\.json)?$/, ending);
  await writePlan(file, plan);
  await writeAtomically(beside(".md"), planMarkdown(plan, { over, limit: Infinity }).text);
  await writeAtomically(beside(".html"), planPage(plan, over));
  return beside(".md");
}

// actions/plan-updates/main.ts
await runAction("plan-updates", async (action) => {
  const { input } = action;
  const folder = input.path("fleet") ?? input.required("fleet");
  const event = await readEvent();
  const hint = { stage: input.optional("stage"), target: event.target, branch: event.branch };
  const stage = await locateStage(folder, hint, action);
  const fleet = await loadFleet(folder, action, namedSource(input.optional("inventory")));
  const given = { file: input.path("facts"), token: input.secret("token") };
  const facts = await action.log.group("Reading facts", () => factsFor(fleet, given, event, action));
  const plan = makePlan(fleet, stage, facts, action.clock.now());
  const over = overBudget(plan, stageOf(fleet, stage));
  const file = input.path("output") ?? input.required("output");
  const summary = await writePlanFiles(file, plan, over);
  const { counts, digest } = plan;
  await action.output({ plan: file, summary, digest, changes: counts.updates, blocked: counts.blocked });
  annotatePlan(plan, fleet, action);
  const wanted = { isCommentWanted: input.flag("comment"), token: input.secret("github-token") };
  const { note, hasChanged } = await publishPlan(plan, over, event, wanted, action);
  await action.summary(`${planMarkdown(plan, { over, limit: maxSummaryCharacters }).text}
${note}`);
  requireWithinBudget(over);
  return { changed: hasChanged };
});
