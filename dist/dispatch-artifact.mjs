import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  dispatch,
  openServer,
  serverTypes
} from "./chunks/chunk-RHKVDADJ.mjs";
import "./chunks/chunk-BOAVFDHL.mjs";
import {
  runAction
} from "./chunks/chunk-JMANRWDO.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/dispatch-artifact/main.ts
import { randomUUID } from "node:crypto";
await runAction("dispatch-artifact", async (action) => {
  const { input } = action;
  const { GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_REPOSITORY, RUNNER_TEMP } = process.env;
  const server = openServer(
    {
      type: input.choice("server-type", serverTypes),
      url: input.required("server"),
      token: input.secret("token") ?? input.required("token")
    },
    action
  );
  const release = input.required("release");
  const { changed, device, result } = await dispatch(
    server,
    {
      release,
      device: input.required("device"),
      timeoutMs: input.durationMs("timeout") ?? 30 * 6e4,
      lease: input.optional("lease"),
      runId: GITHUB_RUN_ID ? `${GITHUB_REPOSITORY} run ${GITHUB_RUN_ID} attempt ${GITHUB_RUN_ATTEMPT}` : `command ${randomUUID()}`,
      logFolder: RUNNER_TEMP || process.cwd(),
      tell: (known) => action.output(known)
    },
    action
  );
  await action.summary(`**${escapeMarkdown(device)}** itself reports **${escapeMarkdown(release)}**.
`);
  return { device, result, changed };
});
