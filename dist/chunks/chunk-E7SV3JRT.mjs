import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  parseEndpoint
} from "./chunk-M5SXEEWM.mjs";
import {
  Failure
} from "./chunk-J6UCEAK3.mjs";

// actions/serve-ota/options.ts
function serveOptions(input) {
  const text = input.optional("port") ?? "0";
  const endpoint = parseEndpoint(text);
  if (endpoint === void 0) {
    const forms = "a number up to 65535, 0, or one with an address before it such as 192.168.1.2:8443";
    throw new Failure("bad-input", `port is "${text}"; give ${forms}`);
  }
  const dataDir = input.path("data-dir");
  if (dataDir === void 0) throw new Failure("bad-input", "data-dir is empty: name a folder for the state");
  return { dataDir, ...endpoint, accept: input.choice("accept", ["none", "all"]) };
}

export {
  serveOptions
};
