import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  verbatim
} from "./chunk-QHYNYLVB.mjs";
import {
  endedRuns,
  runLink
} from "./chunk-Y6KGFFVN.mjs";
import {
  serverTypes
} from "./chunk-5FZYLKFJ.mjs";
import {
  escapeMarkdown
} from "./chunk-J6UCEAK3.mjs";

// actions/dispatch-artifact/inputs.ts
import { randomUUID } from "node:crypto";
function requestOf(action) {
  const { input } = action;
  return {
    release: input.required("release"),
    device: input.required("device"),
    timeoutMs: input.durationMs("timeout") ?? 30 * 6e4,
    lease: input.optional("lease"),
    runId: runLink() ?? `command ${randomUUID()}`,
    logFolder: process.env["RUNNER_TEMP"] || process.cwd(),
    isGone: endedRuns(input.secret("github-token"), action),
    tell: ({ hostKey, ...known }) => action.output({ ...known, ...hostKey === void 0 ? {} : { "host-key": hostKey } }),
    showLog: (device, tail) => action.summary(
      [`The end of the log of **${escapeMarkdown(device)}**:`, ...verbatim(tail), ""].join("\n")
    ),
    remember: (undone) => action.saveState("undone", undone ? JSON.stringify(undone) : "")
  };
}
function serverOf(input) {
  return {
    type: input.choice("server-type", serverTypes),
    url: input.required("server"),
    token: input.secret("token") ?? input.required("token")
  };
}

export {
  requestOf,
  serverOf
};
