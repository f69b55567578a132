import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  stopLaunched
} from "./chunks/chunk-QYEEUHMZ.mjs";
import "./chunks/chunk-7YBT553D.mjs";
import "./chunks/chunk-JHPLHLBK.mjs";
import {
  runPost
} from "./chunks/chunk-4XIRM6HF.mjs";
import "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/serve-ota/post.ts
await runPost("serve-ota", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const wasRunning = await stopLaunched(identity, post);
  post.log.info(
    wasRunning ? `the OTA server has ended; its data stays in ${post.state("data-dir")}` : "the OTA server was not running any more"
  );
});
