import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  inventorySource,
  listInventory
} from "./chunk-HEAYTRHI.mjs";
import {
  terminalHost
} from "./chunk-4XIRM6HF.mjs";
import {
  Failure,
  endingSignal,
  messageOf,
  plainContext
} from "./chunk-I22TAEI5.mjs";
import "./chunk-TNMH4EKQ.mjs";

// src/cli/resolve.ts
import { resolve } from "node:path";
import { parseArgs } from "node:util";
var usage = `drover resolve --fleet DIR [--inventory-command COMMAND | --inventory-url URL] [--json]

  --fleet             folder of a fleet repository
  --inventory-command program that prints the inventory as ansible-inventory --list does, in the place of the repository's
                      own: words as a shell splits them, or a JSON list; no shell runs it and nothing is expanded
  --inventory-url     URL with the same; a token for it is read from DROVER_INVENTORY_TOKEN
  --json              in one line, and also of a failure one JSON object on standard output

Prints the groups and variables of every device as JSON, in the form of ansible-inventory --list. Values with !vault stay
encrypted, as they do there; what is in files that are encrypted as a whole is shown. Their password is read from
DROVER_VAULT_PASSWORD. A rendered configuration stands in _meta.configurations, without its secrets.
`;
async function resolveCommand(args) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const given = readArguments(args);
  if (given === void 0) return 2;
  const host = terminalHost({}, { json: given.json, debug: false });
  try {
    const source = inventorySource({ command: given.command, url: given.url });
    const signal = source && endingSignal((line) => host.log.info(line));
    const context = plainContext({ log: host.log, ...signal ? { signal } : {} });
    const { list, warnings } = await listInventory(given.fleet, source && { source, context });
    process.stdout.write(jsonOf(list, given.json));
    for (const warning of warnings) host.log.info(`warning: ${placed(warning)}`);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (given.json) process.stdout.write(jsonOf({ "failure-reason": error.detail }, true));
    for (const problem of error.problems) host.log.info(placed(problem));
    host.error({ message: `${error.detail}: ${error.message}` });
    return 1;
  }
}
var placed = ({ file, line, column, message }) => `${file}:${line ?? 1}:${column ?? 1} ${message}`;
function jsonOf(value, isShort) {
  const text = JSON.stringify(sorted(value), void 0, isShort ? 0 : 4);
  return `${unsafe.test(text) ? text.replace(new RegExp(unsafe, "g"), escaped) : text}
`;
}
var unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
var escaped = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
function sorted(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  for (const entry of entries) entry[1] = sorted(entry[1]);
  return Object.fromEntries(entries);
}
function readArguments(args) {
  try {
    const text = { type: "string" };
    const { values } = parseArgs({
      args,
      options: {
        fleet: text,
        "inventory-command": text,
        "inventory-url": text,
        json: { type: "boolean" }
      }
    });
    if (values.fleet === void 0) throw new Error("give the folder of a fleet repository with --fleet");
    return {
      fleet: resolve(values.fleet),
      command: values["inventory-command"],
      url: values["inventory-url"],
      json: values.json === true
    };
  } catch (error) {
    process.stderr.write(`drover resolve: ${messageOf(error)}

${usage}`);
    return void 0;
  }
}
export {
  resolveCommand
};
