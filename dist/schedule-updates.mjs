import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  haltMarkdown,
  maxSummaryCharacters,
  tickHeadline,
  tickMarkdown
} from "./chunks/chunk-QHYNYLVB.mjs";
import {
  locateStage,
  readPlan,
  requireNotHalted,
  requireServer,
  schedule,
  stageOf,
  tickOutputs
} from "./chunks/chunk-3EHZS56L.mjs";
import {
  allowedBy,
  loadFleet,
  policyFileName,
  withKnownBad
} from "./chunks/chunk-RTAWKCSZ.mjs";
import {
  branchFor,
  keepCommitStatus,
  keepDeployment,
  offerChange,
  openGitHub,
  planReview,
  readEvent,
  reviewedDigest,
  runPage,
  tryToPublish
} from "./chunks/chunk-Y6KGFFVN.mjs";
import {
  openServer
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  digestOf,
  messageOf,
  runOk,
  shorten
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/schedule-updates/offer.ts
import { join } from "node:path/posix";
var dayMs = 864e5;
async function offerKnownBad(tick, { folder, repository, token }, context) {
  const contents = [...new Set(tick.failures.flatMap(({ content }) => content ?? []))].sort();
  const releases = [...new Set(tick.failures.flatMap(({ release }) => release ?? []))].map(inTitle).sort();
  if (tick.state !== "halted" || tick.isDryRun || contents.length === 0) return;
  if (!repository || token === void 0) return;
  const github = openGitHub({ token, repository }, context);
  const now = context.clock.now().getTime();
  const work = async () => await offerChange(github, {
    branch: branchFor("known-bad", digestOf(contents.join(" "))),
    path: join(await folderInRepository(folder), policyFileName),
    edit: (text, file) => edited(text, contents, file, context),
    title: `Mark ${releases.join(", ")} as known to be bad`,
    body: haltMarkdown(tick, new Date(now + dayMs)).text
  });
  const permissions = "contents: write, pull-requests: write (and the right of Actions to open pull requests)";
  const result = await tryToPublish("The pull request that marks what failed", work, permissions);
  if (!result.isDone) context.log.warn(result.why);
  else if (result.hasChanged)
    context.log.info(`a pull request offers to mark ${releases.join(", ")} as known to be bad`);
}
var inTitle = (release) => shorten(release.replace(/[^\w.+:-]+/g, "_"), 80);
function edited(text, contents, file, { log }) {
  try {
    return withKnownBad(text, contents, file);
  } catch (error) {
    log.warn(`${file} could not be changed: add ${contents.join(", ")} to known-bad (${messageOf(error)})`);
    return void 0;
  }
}
async function folderInRepository(folder) {
  return (await runOk("git", ["rev-parse", "--show-prefix"], { cwd: folder, what: "git rev-parse" })).trim();
}

// actions/schedule-updates/publish.ts
async function showTick(tick, place, context) {
  const state = stateOf(tick);
  if (state === void 0) return;
  const { stage, commit } = tick;
  await show({ stage, commit, state, description: tickHeadline(tick) }, place, context);
  await offerKnownBad(tick, place, context);
}
var lasting = [
  "not-reviewed",
  "plan-changed",
  "over-budget",
  "release-missing",
  "no-device-matched"
];
async function orShowRefusal(stage, place, context, work) {
  try {
    return await context.log.group(`Stage ${stage}`, work);
  } catch (error) {
    if (!(error instanceof Failure) || !lasting.includes(error.reason)) throw error;
    const description = `${error.reason}: ${error.message}`;
    const commit = await runOk("git", ["rev-parse", "HEAD"], { cwd: place.folder, what: "git rev-parse" });
    await show({ stage, commit: commit.trim(), state: "failure", description }, place, context);
    throw error;
  }
}
async function show(status, { repository, token, isDryRun }, context) {
  if (!repository || token === void 0 || isDryRun) return;
  const github = openGitHub({ token, repository }, context);
  const linked = { ...status, link: runPage() };
  const results = await Promise.all([
    tryToPublish("The deployment", () => keepDeployment(github, linked), "deployments: write"),
    tryToPublish("The commit status", () => keepCommitStatus(github, linked), "statuses: write")
  ]);
  for (const result of results) if (!result.isDone) context.log.warn(result.why);
}
function stateOf(tick) {
  switch (tick.state) {
    case "superseded":
      return void 0;
    case "done":
      return "success";
    case "halted":
      return "failure";
    case "in-progress":
      return "in_progress";
    case "waiting":
      return tick.wave > 0 ? "in_progress" : "queued";
  }
}

// actions/schedule-updates/review.ts
function reviewOnGitHub(fleet, stage, repository, token, context) {
  if (token === void 0 || !repository) return void 0;
  const github = openGitHub({ token, repository }, context);
  const { branch } = stageOf(fleet, stage);
  return async (commit) => await reviewedDigest(github, branch, commit, planReview(stage));
}
async function givenPlan(file) {
  return file === void 0 ? void 0 : await readPlan(file);
}

// actions/schedule-updates/main.ts
await runAction("schedule-updates", async (action) => {
  const { input } = action;
  const folder = input.path("fleet") ?? input.required("fleet");
  const event = await readEvent();
  const stage = await locateStage(folder, { stage: input.optional("stage"), branch: event.branch }, action);
  const allowed = allowedBy(input.optional("inventory"), input.list("allow-env"));
  const fleet = await loadFleet(folder, action, allowed);
  const token = input.secret("token") ?? input.required("token");
  const server = openServer({ ...requireServer(fleet), token }, action);
  const gitHubToken = input.secret("github-token");
  const digestFor = reviewOnGitHub(fleet, stage, event.repository, gitHubToken, action);
  const review = { plan: await givenPlan(input.path("plan")), digestFor };
  const options = { review, isDryRun: input.flag("dry-run"), signing: input.signingFromEnvironment() };
  const place = { repository: event.repository, token: gitHubToken, folder: fleet.folder, ...options };
  const work = () => schedule(fleet, stage, server, options, action);
  const tick = await orShowRefusal(stage, place, action, work);
  await action.output(tickOutputs(tick));
  await action.summary(tickMarkdown(tick, maxSummaryCharacters).text);
  await showTick(tick, place, action);
  requireNotHalted(tick);
  return {};
});
