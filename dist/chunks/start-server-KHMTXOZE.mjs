import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  startServer
} from "./chunk-4Q524XSY.mjs";
import "./chunk-GYPLRWSG.mjs";
import "./chunk-OCPNMXBO.mjs";
import "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";
export {
  startServer
};
