import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure
} from "./chunk-J6UCEAK3.mjs";

// src/cli/report.ts
function reportFailure(error, host, given) {
  if (!(error instanceof Failure)) throw error;
  if (given.json) process.stdout.write(jsonText({ "failure-reason": error.detail }));
  for (const problem of error.problems) host.log.info(placed(problem));
  host.error({ message: `${error.detail}: ${error.message}` });
  return 1;
}
var placed = ({ file, line, column, message }) => `${file}:${line ?? 1}:${column ?? 1} ${message}`;
function jsonText(value, options = {}) {
  const text = JSON.stringify(value, void 0, options.indent ?? 0);
  return `${unsafe.test(text) ? text.replace(new RegExp(unsafe, "g"), escaped) : text}
`;
}
var unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
var escaped = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;

export {
  reportFailure,
  placed,
  jsonText
};
