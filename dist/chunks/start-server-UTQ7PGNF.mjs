import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  startServer
} from "./chunk-HGPWPF2A.mjs";
import "./chunk-JHPLHLBK.mjs";
import "./chunk-B6OXDB4Q.mjs";
import "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";
export {
  startServer
};
