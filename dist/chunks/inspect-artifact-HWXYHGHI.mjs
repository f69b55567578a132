import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  jsonText,
  reportFailure
} from "./chunk-BALUSF3Z.mjs";
import {
  artifactText,
  openArtifact
} from "./chunk-OCPNMXBO.mjs";
import {
  terminalHost
} from "./chunk-AWI2SVCX.mjs";
import {
  Failure,
  endingSignal,
  hasCode,
  messageOf,
  untilRepeatsAreOver
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

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
    process.stdout.write(given.json ? jsonText(info) : artifactText(info));
    return 0;
  } catch (error) {
    return reportFailure(error, host, given);
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
