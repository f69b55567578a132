import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  requestOf,
  serverOf
} from "./chunks/chunk-JQMK33U2.mjs";
import "./chunks/chunk-XMSVHERK.mjs";
import "./chunks/chunk-HVSC7UPG.mjs";
import "./chunks/chunk-57OLWXUC.mjs";
import "./chunks/chunk-SJ7KEMZE.mjs";
import {
  dispatch,
  openServer
} from "./chunks/chunk-JOLNOYGV.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runAction
} from "./chunks/chunk-KOZKDOD3.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-DMJCOLXI.mjs";
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
