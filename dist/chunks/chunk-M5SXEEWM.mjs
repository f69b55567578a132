import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  integer,
  minValue,
  number,
  object,
  pipe,
  string
} from "./chunk-J6UCEAK3.mjs";

// src/server/endpoint.ts
import { isIP } from "node:net";
function parseEndpoint(text) {
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9a-f:.]+)\]:|([0-9.]+):)?(\d{1,5})$/i.exec(text) ?? [];
  const port = digits === "" ? Number.NaN : Number(digits);
  if (!(port <= 65535)) return void 0;
  const host = bracketed ?? plain;
  if (host === void 0) return { port };
  return isIP(host) === (bracketed === void 0 ? 4 : 6) ? { host, port } : void 0;
}

// src/server/server-file.ts
var serverFileName = "server.json";
var serverFileSchema = object({
  url: string(),
  pid: pipe(number(), integer(), minValue(1)),
  startTime: string()
});

export {
  parseEndpoint,
  serverFileName,
  serverFileSchema
};
