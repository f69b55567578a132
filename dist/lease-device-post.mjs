import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-UQ52ZS2R.mjs";
import "./chunks/chunk-7UCZKUXH.mjs";
import {
  openServer
} from "./chunks/chunk-W7R4KM5Y.mjs";
import "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runPost
} from "./chunks/chunk-4XIRM6HF.mjs";
import "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/lease-device/post.ts
await runPost("lease-device", async (post) => {
  const [device, lease] = [post.state("device"), post.state("lease")];
  if (lease === "") return;
  await openServer(serverOf(post.input), post).returnLease(device, lease);
  post.log.info(`the lease of ${device} is returned`);
});
