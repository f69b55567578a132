import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  require_lexer
} from "./chunk-U65WC5EJ.mjs";
import "./chunk-TNMH4EKQ.mjs";
export default require_lexer();
