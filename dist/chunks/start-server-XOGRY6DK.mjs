import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  startServer
} from "./chunk-VG667SFR.mjs";
import "./chunk-SZIJSRTV.mjs";
import "./chunk-HJQPBUAX.mjs";
import "./chunk-DMJCOLXI.mjs";
import "./chunk-TNMH4EKQ.mjs";
export {
  startServer
};
