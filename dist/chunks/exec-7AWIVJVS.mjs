import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  exec,
  getExecOutput
} from "./chunk-BKCTHG5P.mjs";
import "./chunk-TNMH4EKQ.mjs";
export {
  exec,
  getExecOutput
};
