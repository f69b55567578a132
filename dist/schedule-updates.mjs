import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  tickMarkdown
} from "./chunks/chunk-ZEQZKGHA.mjs";
import {
  loadFleet,
  locateStage,
  openGitHub,
  planReview,
  readEvent,
  readPlan,
  requireNotHalted,
  requireServer,
  reviewedDigest,
  schedule,
  stageOf,
  tickOutputs
} from "./chunks/chunk-YQ43OYVG.mjs";
import {
  openServer
} from "./chunks/chunk-RHKVDADJ.mjs";
import "./chunks/chunk-BOAVFDHL.mjs";
import {
  runAction
} from "./chunks/chunk-JMANRWDO.mjs";
import "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/schedule-updates/review.ts
function reviewOnGitHub(fleet, stage, repository, token, context) {
  if (token === void 0 || !repository) return void 0;
  const github = openGitHub({ token, repository }, context);
  const { branch } = stageOf(fleet, stage);
  return async (commit) => await reviewedDigest(github, branch, commit, planReview(stage));
}

// actions/schedule-updates/main.ts
await runAction("schedule-updates", async (action) => {
  const { input } = action;
  const folder = input.path("fleet") ?? input.required("fleet");
  const event = await readEvent();
  const stage = await locateStage(folder, { stage: input.optional("stage"), branch: event.branch }, action);
  const fleet = await loadFleet(folder, action);
  const token = input.secret("token") ?? input.required("token");
  const server = openServer({ ...requireServer(fleet), token }, action);
  const planFile = input.path("plan");
  const review = {
    plan: planFile === void 0 ? void 0 : await readPlan(planFile),
    digestFor: reviewOnGitHub(fleet, stage, event.repository, input.secret("github-token"), action)
  };
  const options = { review, isDryRun: input.flag("dry-run") };
  const tick = await action.log.group(`Stage ${stage}`, () => schedule(fleet, stage, server, options, action));
  await action.output(tickOutputs(tick));
  await action.summary(tickMarkdown(tick).text);
  requireNotHalted(tick);
  return {};
});
