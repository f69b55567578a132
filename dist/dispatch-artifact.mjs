import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-IVCEZ6SN.mjs";
import "./chunks/chunk-RDHIVT4E.mjs";
import "./chunks/chunk-YSTPRWQ3.mjs";
import "./chunks/chunk-HEAYTRHI.mjs";
import "./chunks/chunk-7UCZKUXH.mjs";
import {
  dispatch,
  openServer
} from "./chunks/chunk-W7R4KM5Y.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/dispatch-artifact/main.ts
await runAction("dispatch-artifact", async (action) => {
  const server = openServer(serverOf(action.input), action);
  const request = requestOf(action);
  const { changed, device, result } = await dispatch(server, request, action);
  const { release } = request;
  await action.summary(`**${escapeMarkdown(device)}** itself reports **${escapeMarkdown(release)}**.
`);
  return { device, result, changed };
});
