import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  stopLaunched
} from "./chunks/chunk-DNDUTTEZ.mjs";
import "./chunks/chunk-M5SXEEWM.mjs";
import "./chunks/chunk-GYPLRWSG.mjs";
import {
  runPost
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/serve-ota/post.ts
await runPost("serve-ota", async (post) => {
  const identity = { pid: Number(post.state("pid")) || 0, startTime: post.state("start-time") };
  const wasRunning = await stopLaunched(identity, post);
  post.log.info(
    wasRunning ? `the OTA server has ended; its data stays in ${post.state("data-dir")}` : "the OTA server was not running any more"
  );
});
