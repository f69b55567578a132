import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-6BM7TVC2.mjs";
import "./chunks/chunk-QHYNYLVB.mjs";
import "./chunks/chunk-3EHZS56L.mjs";
import "./chunks/chunk-RTAWKCSZ.mjs";
import "./chunks/chunk-Y6KGFFVN.mjs";
import {
  openServer,
  undoDispatch
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runPost
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  boolean,
  number,
  object,
  optional,
  parse,
  string
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

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
