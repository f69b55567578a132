import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-JQMK33U2.mjs";
import "./chunks/chunk-XMSVHERK.mjs";
import "./chunks/chunk-HVSC7UPG.mjs";
import "./chunks/chunk-57OLWXUC.mjs";
import "./chunks/chunk-SJ7KEMZE.mjs";
import {
  openServer,
  undoDispatch
} from "./chunks/chunk-JOLNOYGV.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runPost
} from "./chunks/chunk-KOZKDOD3.mjs";
import {
  boolean,
  number,
  object,
  optional,
  parse,
  string
} from "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/dispatch-artifact/post.ts
var undone = object({
  device: string(),
  lease: string(),
  number: number(),
  isLent: boolean(),
  order: optional(string())
});
await runPost("dispatch-artifact", async (post) => {
  const state = post.state("undone");
  if (state === "") return;
  const { order, ...rest } = parse(undone, JSON.parse(state));
  await undoDispatch(openServer(serverOf(post.input), post), { ...rest, order }, post);
});
