import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  require_lexer
} from "./chunk-L3QD544Q.mjs";
import "./chunk-A3BQXR3L.mjs";
export default require_lexer();
