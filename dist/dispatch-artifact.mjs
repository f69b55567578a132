import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-6BM7TVC2.mjs";
import "./chunks/chunk-QHYNYLVB.mjs";
import "./chunks/chunk-3EHZS56L.mjs";
import "./chunks/chunk-RTAWKCSZ.mjs";
import "./chunks/chunk-Y6KGFFVN.mjs";
import {
  dispatch,
  openServer
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

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
