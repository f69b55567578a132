import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure
} from "./chunk-PWZ4J5Q2.mjs";

// actions/serve-ota/options.ts
function serveOptions(input) {
  const text = input.optional("port") ?? "0";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535)) throw new Failure("bad-input", `port is "${text}"; give a number up to 65535, or 0`);
  const dataDir = input.path("data-dir");
  if (dataDir === void 0) throw new Failure("bad-input", "data-dir is empty: name a folder for the state");
  return { dataDir, port, accept: input.choice("accept", ["none", "all"]) };
}

export {
  serveOptions
};
