import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  exec,
  getExecOutput
} from "./chunk-PE53DU5F.mjs";
import "./chunk-A3BQXR3L.mjs";
export {
  exec,
  getExecOutput
};
