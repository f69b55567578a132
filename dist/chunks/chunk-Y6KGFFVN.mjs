import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  boolean,
  hexOf,
  integer,
  isDigest,
  literal,
  messageOf,
  nullish,
  number,
  object,
  oneLine,
  optional,
  parse,
  pipe,
  readText,
  record,
  regex,
  safeParse,
  shorten,
  string,
  transform,
  unknown
} from "./chunk-J6UCEAK3.mjs";

// src/github/event.ts
var maxEventBytes = 30 << 20;
var eventFile = object({
  pull_request: optional(
    object({
      number: pipe(number(), integer()),
      base: object({
        ref: string(),
        sha: pipe(string(), regex(/^[0-9a-f]{40,64}$/)),
        repo: optional(object({ full_name: string() }))
      }),
      // null where the fork is gone
      head: object({ sha: string(), repo: nullish(object({ full_name: string() })) })
    })
  ),
  repository: optional(object({ default_branch: optional(string()) })),
  // null where the fork is gone
  workflow_run: optional(
    object({ head_repository: nullish(object({ full_name: optional(string()) })) })
  ),
  merge_group: optional(object({ base_ref: string() }))
});
async function readEvent(environment = process.env) {
  const [owner, repo] = (environment["GITHUB_REPOSITORY"] ?? "").split("/");
  const ref = environment["GITHUB_REF"] ?? "";
  const event = await readFile(environment["GITHUB_EVENT_PATH"]);
  const pullRequest2 = event.pull_request && {
    number: event.pull_request.number,
    target: event.pull_request.base.ref,
    targetCommit: event.pull_request.base.sha,
    headCommit: event.pull_request.head.sha,
    isFromFork: isFromFork(event.pull_request)
  };
  return {
    repository: owner && repo ? { owner, repo } : void 0,
    pullRequest: pullRequest2,
    target: pullRequest2?.target ?? event.merge_group?.base_ref.replace(/^refs\/heads\//, ""),
    defaultBranch: event.repository?.default_branch,
    branch: ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : void 0
  };
}
async function isOfFork(environment = process.env) {
  const event = await readFile(environment["GITHUB_EVENT_PATH"]);
  const own = environment["GITHUB_REPOSITORY"];
  const name = environment["GITHUB_EVENT_NAME"] ?? "";
  const isOther = (of) => own === void 0 || of?.toLowerCase() !== own.toLowerCase();
  if (event.workflow_run || name === "workflow_run")
    return isOther(event.workflow_run?.head_repository?.full_name);
  if (event.pull_request || name.startsWith("pull_request"))
    return isOther(event.pull_request?.head.repo?.full_name);
  return false;
}
function isFromFork({ base, head }) {
  return base.repo !== void 0 && head.repo?.full_name !== base.repo.full_name;
}
async function readFile(path) {
  if (!path) return {};
  const text = await readText(path, maxEventBytes, "GITHUB_EVENT_PATH");
  try {
    return parse(eventFile, JSON.parse(text));
  } catch (error) {
    throw new Failure("invalid-file", `the file of GITHUB_EVENT_PATH is no event: ${messageOf(error)}`, {
      cause: error
    });
  }
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
      const pauseMs2 = Math.min(result.pauseMs ?? 500 * 2 ** attempt, maxPauseMs);
      context.log.debug(`GitHub: ${result.failure.message}; trying again in ${pauseMs2} ms`);
      await context.clock.sleep(pauseMs2, context.signal);
    }
  };
  return {
    repository,
    send,
    list: async (request, schema, read2) => {
      const items = [];
      for (let page = 1; page <= maxPages; page++) {
        const parameters = { ...request.parameters, per_page: 100, page };
        const found = read2(await send({ ...request, method: "GET", parameters }, schema));
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
    const said = shorten(oneLine(messageOf(error)), 300);
    this.failure = status === void 0 ? new Failure("unreachable", `GitHub can't be reached: ${said}`, { cause: error }) : new Failure("github-refused", `GitHub refused ${method} ${route} (${status}): ${said}`, {
      cause: error
    });
  }
  get isPassing() {
    return this.status === void 0 || this.isRateLimit || [500, 502, 503, 504].includes(this.status);
  }
};
async function sendOnce(token, repository, request, context) {
  const { getOctokit } = await import("./github-EHX2ABWZ.mjs");
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

// src/github/runners.ts
var workFolder = "_work";
var runnerSchema = pipe(
  object({
    id: number(),
    name: string(),
    status: string(),
    busy: boolean(),
    labels: array(object({ name: string() }))
  }),
  transform(({ id, name, status, busy, labels }) => ({
    id,
    name,
    isOnline: status === "online",
    isBusy: busy,
    labels: labels.map((label) => label.name)
  }))
);
var listSchema = object({ runners: array(runnerSchema) });
var madeSchema = object({
  runner: runnerSchema,
  encoded_jit_config: pipe(
    string("encoded_jit_config is no text"),
    regex(/^[\w+/=-]+$/, "encoded_jit_config is no base64")
  )
});
function openRunners(options, context) {
  const github = openGitHub(options, context);
  const { owner, repo } = options.repository;
  return {
    where: `${owner}/${repo}`,
    within: (other) => openRunners(options, other),
    list: () => explained(github.list({ route: "/repos/{owner}/{repo}/actions/runners" }, listSchema, runnersOf)),
    find: (id) => orMissing(explained(find(github, id))),
    register: (runner) => explained(register(github, runner)),
    remove: (id) => orMissing(explained(remove(github, id)))
  };
}
var runnersOf = ({ runners }) => runners;
async function find(github, id) {
  const route = "/repos/{owner}/{repo}/actions/runners/{runner_id}";
  return await github.send({ method: "GET", route, parameters: { runner_id: id } }, runnerSchema);
}
async function register(github, { name, group, labels }) {
  const route = "/repos/{owner}/{repo}/actions/runners/generate-jitconfig";
  const parameters = { name, runner_group_id: group, labels: [...labels], work_folder: workFolder };
  const made = await github.send({ method: "POST", route, parameters }, madeSchema);
  return { runner: made.runner, configuration: made.encoded_jit_config };
}
async function remove(github, id) {
  const route = "/repos/{owner}/{repo}/actions/runners/{runner_id}";
  await github.send({ method: "DELETE", route, parameters: { runner_id: id } }, unknown());
}
async function orMissing(work) {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Failure && /\{runner_id\} \(404\)/.test(error.message)) return void 0;
    throw error;
  }
}
async function explained(work) {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== "github-refused") throw error;
    const hint2 = hintOf(error.message);
    throw hint2 === "" ? error : new Failure(error.reason, `${error.message}. ${hint2}`, { cause: error.cause });
  }
}
function hintOf(message) {
  if (/\((?:401|403|404)\)/.test(message))
    return "github-token needs the permission administration: write, which a job's own token can't have: give an App's token";
  if (message.includes("(409)")) return "A runner of this name is registered already: remove it, or run again";
  return message.includes("generate-jitconfig (422)") ? "Is there a runner group of this number, and may this repository use it?" : "";
}

// src/github/change.ts
var number2 = object({ number: number(), html_url: optional(string()) });
var content = object({ sha: string(), content: string(), encoding: literal("base64") });
function branchFor(what, digest) {
  return `drover/${what}-${hexOf(digest).slice(0, 12)}`;
}
async function offerChange(github, change) {
  const { branch, path, title, body } = change;
  const owner = github.repository.owner;
  const list = { head: `${owner}:${branch}`, state: "all", per_page: 1 };
  const route = "/repos/{owner}/{repo}/pulls";
  const offered = await github.send({ method: "GET", route, parameters: list }, array(number2));
  if (offered.length > 0) return false;
  const { default_branch: base } = await github.send(
    { method: "GET", route: "/repos/{owner}/{repo}" },
    object({ default_branch: string() })
  );
  const old = await read(github, path, base);
  const text = change.edit(old?.text ?? "", `${base}:${path}`);
  if (text === void 0) return false;
  await commit(github, { branch, base, path, text, old: old?.sha, title });
  const parameters = { title: shorten(oneLine(title), 250), head: branch, base, body };
  await github.send({ method: "POST", route, parameters }, number2);
  return true;
}
async function read(github, path, ref) {
  const request = {
    method: "GET",
    route: "/repos/{owner}/{repo}/contents/{path}",
    parameters: { path, ref }
  };
  try {
    const found = await github.send(request, content);
    return { sha: found.sha, text: Buffer.from(found.content, "base64").toString("utf8") };
  } catch (error) {
    if (error instanceof Failure && /\(404\)/.test(error.message)) return void 0;
    throw error;
  }
}
async function commit(github, { branch, base, path, text, old, title }) {
  const tip = await github.send(
    { method: "GET", route: "/repos/{owner}/{repo}/git/ref/{ref}", parameters: { ref: `heads/${base}` } },
    object({ object: object({ sha: string() }) })
  );
  const made = { ref: `refs/heads/${branch}`, sha: tip.object.sha };
  try {
    const route2 = "/repos/{owner}/{repo}/git/refs";
    await github.send({ method: "POST", route: route2, parameters: made }, object({ ref: string() }));
  } catch (error) {
    if (!(error instanceof Failure) || !/\(422\)/.test(error.message)) throw error;
    const there = await read(github, path, branch);
    if (there?.text === text) return;
  }
  const parameters = {
    path,
    branch,
    message: shorten(oneLine(title), 250),
    content: Buffer.from(text).toString("base64"),
    ...old === void 0 ? {} : { sha: old }
  };
  const route = "/repos/{owner}/{repo}/contents/{path}";
  await github.send({ method: "PUT", route, parameters }, object({ commit: object({ sha: string() }) }));
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
async function publishCheck(github, check) {
  const { annotations, summary } = shownOf(check);
  const last = await newestCheck(github, check.commit, check.name);
  const isSame = last?.external_id === check.externalId && last.conclusion === check.conclusion && last.output?.title === check.title && last.output.summary === summary;
  if (isSame) return false;
  const output = { title: check.title, summary };
  const state = (end) => end < annotations.length ? { status: "in_progress" } : { status: "completed", conclusion: check.conclusion };
  const { id } = await github.send(
    {
      method: "POST",
      route: "/repos/{owner}/{repo}/check-runs",
      parameters: {
        name: check.name,
        head_sha: check.commit,
        ...state(annotationsPerRequest),
        external_id: check.externalId,
        output: { ...output, annotations: annotations.slice(0, annotationsPerRequest) }
      }
    },
    checkRun
  );
  for (let start = annotationsPerRequest; start < annotations.length; start += annotationsPerRequest) {
    const end = start + annotationsPerRequest;
    const more = { ...output, annotations: annotations.slice(start, end) };
    const parameters = { check_run_id: id, ...state(end), output: more };
    const route = "/repos/{owner}/{repo}/check-runs/{check_run_id}";
    await github.send({ method: "PATCH", route, parameters }, checkRun);
  }
  return true;
}
async function newestCheck(github, commit2, name) {
  const request = {
    route: "/repos/{owner}/{repo}/commits/{ref}/check-runs",
    parameters: { ref: commit2, check_name: name, filter: "latest" }
  };
  const runs = await github.list(request, checkRuns, (page) => page.check_runs);
  return runs.reduce((a, b) => a && a.id > b.id ? a : b, void 0);
}
var worstFirst = ["failure", "warning", "notice"];
function shownOf({ annotations: all, summary }) {
  const known = worstFirst.flatMap((level) => all.filter((one) => one.level === level && isInRepository(one)));
  const annotations = known.slice(0, maxAnnotations).map(toGitHub);
  const left = all.length - annotations.length;
  if (left === 0) return { annotations, summary };
  const why = `${left} of ${all.length} annotations are not shown at their lines: GitHub gets the worst ${maxAnnotations}, and none of files outside of the repository.`;
  return { annotations, summary: `${summary}
**${why}**
` };
}
var isInRepository = ({ file }) => file !== "" && !/^(?:\/|\.\.(?:\/|$))/.test(file);
function toGitHub({ file, line, level, message }) {
  return {
    path: file,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: shorten(oneLine(message), 4e3)
  };
}

// src/github/comment.ts
var comment = object({
  id: number(),
  body: nullish(string()),
  user: nullish(object({ id: number(), type: optional(string()) }))
});
async function keepComment(github, { pullRequest: pullRequest2, marker, body }) {
  const text = `${hidden(marker)}
${body}`;
  const existing = await ownComment(github, pullRequest2, marker);
  if (existing?.body === text) return false;
  if (existing) {
    const parameters = { comment_id: existing.id, body: text };
    const route = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    await github.send({ method: "PATCH", route, parameters }, comment);
  } else {
    const parameters = { issue_number: pullRequest2, body: text };
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

// src/github/deployment.ts
var maxDescription = 140;
var task = "drover";
var deployment = object({ id: number() });
var deploymentStatus = object({ state: string(), description: nullish(string()) });
var commitStatus = object({
  context: string(),
  state: string(),
  description: nullish(string())
});
async function keepDeployment(github, status) {
  const { commit: commit2, state, link } = status;
  const environment = shorten(oneLine(status.stage), 255);
  const found = await github.send(
    {
      method: "GET",
      route: "/repos/{owner}/{repo}/deployments",
      parameters: { sha: commit2, environment, task, per_page: 1 }
    },
    array(deployment)
  );
  const { id } = found[0] ?? await createDeployment(github, commit2, environment);
  const route = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
  const newest = { deployment_id: id, per_page: 1 };
  const [last] = found[0] ? await github.send({ method: "GET", route, parameters: newest }, array(deploymentStatus)) : [];
  const description = short(status.description);
  if (last?.state === state && last.description === description) return false;
  const parameters = {
    deployment_id: id,
    state,
    description,
    ...link === void 0 ? {} : { log_url: link }
  };
  await github.send({ method: "POST", route, parameters }, deploymentStatus);
  return true;
}
async function createDeployment(github, commit2, environment) {
  const parameters = { ref: commit2, environment, task, auto_merge: false, required_contexts: [] };
  return await github.send(
    { method: "POST", route: "/repos/{owner}/{repo}/deployments", parameters },
    deployment
  );
}
async function keepCommitStatus(github, status) {
  const context = `drover/${shorten(oneLine(status.stage), 200)}`;
  const parameters = { ref: status.commit, per_page: 100 };
  const route = "/repos/{owner}/{repo}/commits/{ref}/status";
  const { statuses } = await github.send(
    { method: "GET", route, parameters },
    object({ statuses: array(commitStatus) })
  );
  const last = statuses.find((one) => one.context === context);
  const state = status.state === "success" || status.state === "failure" ? status.state : "pending";
  const description = short(status.description);
  if (last?.state === state && last.description === description) return false;
  await github.send(
    {
      method: "POST",
      route: "/repos/{owner}/{repo}/statuses/{sha}",
      parameters: {
        sha: status.commit,
        state,
        context,
        description,
        ...status.link === void 0 ? {} : { target_url: status.link }
      }
    },
    commitStatus
  );
  return true;
}
var short = (text) => shorten(oneLine(text), maxDescription);

// src/github/protection.ts
async function isProtected(github, branch, { log }) {
  const parameters = { branch };
  try {
    const route = "/repos/{owner}/{repo}/branches/{branch}";
    const found = await github.send(
      { method: "GET", route, parameters },
      object({ protected: boolean() })
    );
    if (found.protected) return true;
    const rules = "/repos/{owner}/{repo}/rules/branches/{branch}";
    return (await github.send({ method: "GET", route: rules, parameters }, array(unknown()))).length > 0;
  } catch (error) {
    if (!(error instanceof Failure) || !["github-refused", "unreachable"].includes(error.reason)) throw error;
    log.debug(`whether ${branch} is protected is not known: ${error.message}`);
    return void 0;
  }
}

// src/github/publish.ts
async function tryToPublish(what, work, permission) {
  try {
    return { isDone: true, hasChanged: await work() };
  } catch (error) {
    if (error instanceof Failure && (error.reason === "github-refused" || error.reason === "unreachable"))
      return {
        isDone: false,
        why: `${what} could not be published: ${error.message}${hint(error, permission)}`
      };
    throw error;
  }
}
function hint({ message }, permission) {
  const isForbidden = /\((?:401|403|404)\)/.test(message);
  return permission !== void 0 && isForbidden ? `. The token needs the permission ${permission}` : "";
}

// src/github/run.ts
function runLink(environment = process.env) {
  const { GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_REPOSITORY, GITHUB_SERVER_URL } = environment;
  if (!GITHUB_RUN_ID) return void 0;
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID} attempt ${GITHUB_RUN_ATTEMPT}`;
}
function runPage(environment = process.env) {
  return runLink(environment)?.split(" ")[0];
}
var pauseMs = 6e4;
var deadlineMs2 = 1e4;
function endedRuns(token, context, environment = process.env) {
  if (token === void 0) return void 0;
  const asked = /* @__PURE__ */ new Map();
  return async (link) => {
    const { server, owner, repo, run } = /^(?<server>https?:\/\/[^/\s]+)\/(?<owner>[\w.-]+)\/(?<repo>[\w.-]+)\/actions\/runs\/(?<run>\d+) /.exec(
      link
    )?.groups ?? {};
    if (owner === void 0 || repo === void 0 || server !== environment["GITHUB_SERVER_URL"]) return false;
    const now = context.clock.now().getTime();
    if (now - (asked.get(link) ?? -Infinity) < pauseMs) return false;
    asked.set(link, now);
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs2)]);
    try {
      const github = openGitHub({ token, repository: { owner, repo } }, { ...context, signal });
      const route = "/repos/{owner}/{repo}/actions/runs/{run_id}";
      const request = { method: "GET", route, parameters: { run_id: Number(run) } };
      return (await github.send(request, object({ status: nullish(string()) }))).status === "completed";
    } catch (error) {
      context.signal.throwIfAborted();
      context.log.debug(`whether ${link} is over is not known: ${messageOf(error)}`);
      return false;
    }
  };
}

// src/github/review.ts
var pullRequest = object({
  number: number(),
  merged_at: nullish(string()),
  merge_commit_sha: nullish(string()),
  base: object({ ref: string() }),
  head: object({ sha: string() })
});
function planReview(stage) {
  return { checkName: `drover plan: ${stage}`, marker: `drover-plan-${markerWord(stage)}` };
}
function markerWord(stage) {
  return stage.replace(
    /(?<=^|-)-|[^\w.-]/gu,
    (character) => `%${(character.codePointAt(0) ?? 0).toString(16)};`
  );
}
function digestMark(digest) {
  return `<!-- drover-digest ${digest} -->`;
}
async function reviewedDigest(github, branch, commit2, review) {
  const request = {
    route: "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    parameters: { commit_sha: commit2 }
  };
  const pullRequests = await github.list(request, array(pullRequest), (page) => page);
  const merged = pullRequests.find(
    ({ merged_at, merge_commit_sha, base }) => merged_at && merge_commit_sha === commit2 && base.ref === branch
  );
  if (!merged) return void 0;
  const check = await newestCheck(github, merged.head.sha, review.checkName);
  if (check)
    return isDigest(check.external_id ?? "") && check.conclusion === "success" ? digestOf(check.external_id) : void 0;
  const comment2 = await findComment(github, merged.number, review.marker);
  return digestOf(/<!-- drover-digest (sha256:[0-9a-f]{64}) -->/.exec(comment2?.body ?? "")?.[1]);
}
function digestOf(text) {
  return text && isDigest(text) ? text : void 0;
}

export {
  branchFor,
  offerChange,
  publishCheck,
  openGitHub,
  keepComment,
  keepDeployment,
  keepCommitStatus,
  readEvent,
  isOfFork,
  isProtected,
  tryToPublish,
  runLink,
  runPage,
  endedRuns,
  openRunners,
  planReview,
  digestMark,
  reviewedDigest
};
