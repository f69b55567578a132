import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  stopLaunched
} from "./chunks/chunk-SGTLPRKX.mjs";
import "./chunks/chunk-FJFUTSZC.mjs";
import "./chunks/chunk-7YCNJQWT.mjs";
import {
  runPost
} from "./chunks/chunk-JMANRWDO.mjs";
import "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/serve-ota/post.ts
await runPost(async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const wasRunning = await stopLaunched(identity, post);
  post.log.info(
    wasRunning ? `the OTA server has ended; its data stays in ${post.state("data-dir")}` : "the OTA server was not running any more"
  );
});
