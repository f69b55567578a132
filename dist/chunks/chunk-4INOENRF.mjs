import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  readCrowd
} from "./chunk-RSGIA35Y.mjs";

// actions/simulate-fleet/inputs.ts
var folderName = "drover-crowd";
async function crowdOptions(input) {
  const devices = input.required("devices");
  return readCrowd({
    server: input.required("server"),
    serverType: input.optional("server-type"),
    token: input.secret("token"),
    devices: /^\d+$/.test(devices) ? devices : input.path("devices") ?? devices,
    faults: input.optional("faults") ?? "",
    seed: input.required("seed")
  });
}

export {
  folderName,
  crowdOptions
};
