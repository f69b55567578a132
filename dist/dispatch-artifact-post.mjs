import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-IVCEZ6SN.mjs";
import "./chunks/chunk-RDHIVT4E.mjs";
import "./chunks/chunk-YSTPRWQ3.mjs";
import "./chunks/chunk-HEAYTRHI.mjs";
import "./chunks/chunk-7UCZKUXH.mjs";
import {
  openServer,
  undoDispatch
} from "./chunks/chunk-W7R4KM5Y.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runPost
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  boolean,
  number,
  object,
  optional,
  parse,
  string
} from "./chunks/chunk-I22TAEI5.mjs";
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
