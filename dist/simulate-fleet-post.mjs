import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import "./chunks/chunk-6YVUVJQR.mjs";
import {
  endCrowd,
  reportLines
} from "./chunks/chunk-EFXEDWEY.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runPost
} from "./chunks/chunk-4XIRM6HF.mjs";
import "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/simulate-fleet/post.ts
await runPost("simulate-fleet", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const folder = post.state("folder");
  const report = folder === "" ? void 0 : await endCrowd(identity, folder, post);
  if (report === void 0) return post.log.info("there was no crowd of devices");
  for (const line of reportLines(report)) post.log.info(line);
});
