import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  integer,
  minValue,
  number,
  object,
  pipe,
  string
} from "./chunk-PWZ4J5Q2.mjs";

// src/server/server-file.ts
var serverFileName = "server.json";
var serverFileSchema = object({
  url: string(),
  pid: pipe(number(), integer(), minValue(1)),
  startTime: string()
});

export {
  serverFileName,
  serverFileSchema
};
