import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  require_undici
} from "./chunk-O7PW3TDD.mjs";
import "./chunk-A3BQXR3L.mjs";
export default require_undici();
