import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  require_undici
} from "./chunk-URME6QNG.mjs";
import "./chunk-TNMH4EKQ.mjs";
export default require_undici();
