import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  enrollRunner,
  requireRunner,
  runnerDevice
} from "./chunks/chunk-FGAU5WLP.mjs";
import "./chunks/chunk-BV5EGKDN.mjs";
import "./chunks/chunk-MZND4F6A.mjs";
import {
  requireMergedServer
} from "./chunks/chunk-3EHZS56L.mjs";
import {
  loadFleet
} from "./chunks/chunk-RTAWKCSZ.mjs";
import {
  isOfFork,
  openRunners,
  readEvent
} from "./chunks/chunk-Y6KGFFVN.mjs";
import {
  openServer,
  serverAddress
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/enroll-device/device.ts
async function deviceOf({ device }, action) {
  const { input } = action;
  const fleet = await loadFleet(input.path("fleet") ?? ".", action, { hasNoSecrets: true });
  const token = input.secret("token");
  const server = token === void 0 ? void 0 : await serverOf(fleet, token, action);
  const given = { device, address: input.optional("address"), hostKey: input.optional("host-key") };
  return await runnerDevice(fleet, given, server);
}
async function serverOf(fleet, token, action) {
  const { pullRequest } = await readEvent();
  if (fleet.server && pullRequest)
    await requireMergedServer(fleet.folder, fleet.server, pullRequest.targetCommit);
  return openServer({ ...serverAddress({ url: void 0, type: void 0 }, fleet.server), token }, action);
}

// actions/enroll-device/inputs.ts
async function refuseStrangers() {
  if (!await isOfFork()) return;
  throw new Failure(
    "fork-refused",
    "this job was started by a pull request from a fork, whose code would run on a device of yours: test it on a virtual device on GitHub's own runners, or after the merge"
  );
}
async function repositoryOf() {
  const { repository } = await readEvent();
  if (repository) return repository;
  throw new Failure(
    "bad-input",
    "a runner belongs to a repository: set GITHUB_REPOSITORY to owner/repository where no job does"
  );
}
function wishOf(input) {
  const [device, labels] = [input.optional("device"), input.list("require-runner")];
  const isCheck = input.optional("require-runner") !== void 0;
  if (device !== void 0 && isCheck)
    throw new Failure(
      "bad-input",
      "give device or require-runner: what is started for this job needs no check"
    );
  if (isCheck) return { kind: "check", labels };
  const other = input.list("roles").find((role) => role !== "runner");
  if (other !== void 0)
    throw new Failure(
      "bad-input",
      `roles: "${other}" is not built yet: the one role that can be given is runner`
    );
  return { kind: "enroll", device: device ?? input.required("device") };
}
function requestOf(device, hostKey, action) {
  const { input } = action;
  const group = input.optional("runner-group") ?? "1";
  if (!/^[1-9]\d{0,9}$/.test(group))
    throw new Failure(
      "bad-input",
      `runner-group is "${group}"; write the group's number, as its address has it`
    );
  const { GITHUB_RUN_ID: run = "shell", GITHUB_RUN_ATTEMPT: attempt = "1" } = process.env;
  return {
    device,
    hostKey,
    sshKey: input.key("ssh-key"),
    attempt: { run, attempt },
    group: Number(group),
    labels: input.list("labels"),
    mask: (secret) => action.mask(secret)
  };
}

// actions/enroll-device/summary.ts
function enrolledSummary(host, { name, labels, isNew }) {
  const what = isNew ? "has a runner for one job" : "had its runner already";
  return `**${escapeMarkdown(host)}** ${what}: ${escapeMarkdown(name)} with ${listed(labels)}.
`;
}
function foundSummary({ labels, runners }) {
  return `${listed(labels)}: online are ${listed(runners.slice(0, 10))}.
`;
}
var listed = (names) => names.map(escapeMarkdown).join(", ");

// actions/enroll-device/main.ts
await runAction("enroll-device", async (action) => {
  await refuseStrangers();
  const token = action.input.secret("github-token") ?? action.input.required("github-token");
  const runners = openRunners({ token, repository: await repositoryOf() }, action);
  const wish = wishOf(action.input);
  if (wish.kind === "check") {
    const found = await requireRunner(runners, wish.labels);
    await action.summary(foundSummary(found));
    return { "runs-on": JSON.stringify(found.labels) };
  }
  const { device, hostKey } = await deviceOf(wish, action);
  await action.output({ device: device.id });
  const enrolled = await enrollRunner(requestOf(device, hostKey, action), runners, action);
  await action.summary(enrolledSummary(device.host, enrolled));
  return { "runs-on": JSON.stringify(enrolled.labels), changed: enrolled.isNew };
});
