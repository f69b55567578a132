import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  startServer
} from "./chunk-6Q4PLDZH.mjs";
import "./chunk-7YCNJQWT.mjs";
import "./chunk-BOAVFDHL.mjs";
import "./chunk-PWZ4J5Q2.mjs";
import "./chunk-TNMH4EKQ.mjs";
export {
  startServer
};
