import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-WSUATRLN.mjs";
import "./chunks/chunk-SJ7KEMZE.mjs";
import {
  openServer
} from "./chunks/chunk-JOLNOYGV.mjs";
import "./chunks/chunk-HJQPBUAX.mjs";
import {
  runPost
} from "./chunks/chunk-KOZKDOD3.mjs";
import "./chunks/chunk-DMJCOLXI.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/lease-device/post.ts
await runPost("lease-device", async (post) => {
  const [device, lease] = [post.state("device"), post.state("lease")];
  if (lease === "") return;
  await openServer(serverOf(post.input), post).returnLease(device, lease);
  post.log.info(`the lease of ${device} is returned`);
});
