import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  stopLaunched
} from "./chunks/chunk-6B2J6VPI.mjs";
import "./chunks/chunk-ZKU7JFCZ.mjs";
import "./chunks/chunk-SZIJSRTV.mjs";
import {
  runPost
} from "./chunks/chunk-KOZKDOD3.mjs";
import "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/serve-ota/post.ts
await runPost("serve-ota", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const wasRunning = await stopLaunched(identity, post);
  post.log.info(
    wasRunning ? `the OTA server has ended; its data stays in ${post.state("data-dir")}` : "the OTA server was not running any more"
  );
});
