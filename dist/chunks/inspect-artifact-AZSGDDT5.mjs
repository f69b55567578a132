import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  artifactText,
  openArtifact
} from "./chunk-B6OXDB4Q.mjs";
import {
  terminalHost
} from "./chunk-4XIRM6HF.mjs";
import {
  Failure,
  endingSignal,
  hasCode,
  messageOf,
  untilRepeatsAreOver
} from "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";

// src/cli/inspect-artifact.ts
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
var usage = `drover inspect-artifact FILE [--verify-key KEYS] [--json]

  FILE                a .mender, .swu or .raucb file; all of it is read and every checksum verified
  --verify-key        files with public keys or certificates (PEM), separated by commas: one must have signed it; may be
                      given several times
  --json              everything as one JSON object on standard output

Ends with 1 where the file is damaged, or where none of the keys has signed it.
`;
async function inspectCommand(args) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const given = readArguments(args);
  if (given === void 0) return 2;
  const host = terminalHost({}, { json: given.json, debug: false });
  const signal = endingSignal((line) => host.log.info(line));
  try {
    const verifyKeys = await Promise.all(given.keyFiles.map(keysFrom));
    const info = await openArtifact(given.file, { verifyKeys, signal, log: host.log });
    process.stdout.write(given.json ? jsonOf(info) : artifactText(info));
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (given.json) process.stdout.write(jsonOf({ "failure-reason": error.detail }));
    host.error({ message: `${error.detail}: ${error.message}` });
    return 1;
  } finally {
    await untilRepeatsAreOver();
  }
}
async function keysFrom(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = hasCode(error, "ENOENT") ? "there is no such file" : messageOf(error);
    throw new Failure("file-missing", `can't read the key ${path}: ${why}`, { cause: error });
  }
}
function jsonOf(value) {
  const text = JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`
  );
  return `${text}
`;
}
function readArguments(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { "verify-key": { type: "string", multiple: true }, json: { type: "boolean" } }
    });
    const [file, ...more] = positionals;
    if (file === void 0) throw new Error("give the path of an update file");
    if (more.length > 0) throw new Error(`one file at a time, not ${positionals.length}`);
    return {
      file: resolve(file),
      keyFiles: (values["verify-key"] ?? []).flatMap((paths) => paths.split(",").map((path) => path.trim())),
      json: values.json === true
    };
  } catch (error) {
    process.stderr.write(`drover inspect-artifact: ${messageOf(error)}

${usage}`);
    return void 0;
  }
}
export {
  inspectCommand
};
