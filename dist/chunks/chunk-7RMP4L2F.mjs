import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  endedRuns,
  runLink
} from "./chunk-Y6KGFFVN.mjs";
import {
  serverTypes
} from "./chunk-5FZYLKFJ.mjs";

// actions/lease-device/inputs.ts
import { randomUUID } from "node:crypto";
function requestOf(action) {
  const { input } = action;
  return {
    device: input.required("device"),
    timeoutMs: input.durationMs("timeout") ?? 36e5,
    lease: input.optional("lease"),
    // a link, so that who waits can look at what they wait for
    holder: runLink() ?? `command ${randomUUID()}`,
    isGone: endedRuns(input.secret("github-token"), action)
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
