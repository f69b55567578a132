import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  serverOf
} from "./chunks/chunk-7RMP4L2F.mjs";
import "./chunks/chunk-Y6KGFFVN.mjs";
import {
  openServer
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runPost
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/lease-device/post.ts
await runPost("lease-device", async (post) => {
  const [device, lease] = [post.state("device"), post.state("lease")];
  if (lease === "") return;
  await openServer(serverOf(post.input), post).returnLease(device, lease);
  post.log.info(`the lease of ${device} is returned`);
});
