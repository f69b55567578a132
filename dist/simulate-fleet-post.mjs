import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import "./chunks/chunk-RSGIA35Y.mjs";
import {
  endCrowd,
  reportLines
} from "./chunks/chunk-FFBWVHVW.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runPost
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/simulate-fleet/post.ts
await runPost("simulate-fleet", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const folder = post.state("folder");
  const report = folder === "" ? void 0 : await endCrowd(identity, folder, post);
  if (report === void 0) return post.log.info("there was no crowd of devices");
  for (const line of reportLines(report)) post.log.info(line);
});
