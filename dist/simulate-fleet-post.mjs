import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import "./chunks/chunk-2IWFXYYQ.mjs";
import {
  endCrowd,
  reportLines
} from "./chunks/chunk-GHNJYWLQ.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runPost
} from "./chunks/chunk-KOZKDOD3.mjs";
import "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/simulate-fleet/post.ts
await runPost("simulate-fleet", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const folder = post.state("folder");
  const report = folder === "" ? void 0 : await endCrowd(identity, folder, post);
  if (report === void 0) return post.log.info("there was no crowd of devices");
  for (const line of reportLines(report)) post.log.info(line);
});
