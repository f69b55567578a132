import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  jsonText,
  placed,
  reportFailure
} from "./chunk-BALUSF3Z.mjs";
import {
  environmentNames,
  inventorySource,
  listInventory
} from "./chunk-RTAWKCSZ.mjs";
import {
  terminalHost
} from "./chunk-AWI2SVCX.mjs";
import {
  endingSignal,
  messageOf,
  plainContext
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

// src/cli/resolve.ts
import { resolve } from "node:path";
import { parseArgs } from "node:util";
var usage = `drover resolve --fleet DIR [--inventory-command COMMAND | --inventory-url URL] [--allow-env NAMES] [--json]

  --fleet             folder of a fleet repository
  --inventory-command program that prints the inventory as ansible-inventory --list does, in the place of the repository's
                      own: words as a shell splits them, or a JSON list; no shell runs it and nothing is expanded
  --inventory-url     URL with the same; a token for it is read from DROVER_INVENTORY_TOKEN
  --allow-env         environment variables that templates may read besides those of names with FLEET_, separated by commas
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
    const inventory = inventorySource({ command: given.command, url: given.url });
    const environment = environmentNames(given.allowEnv);
    const signal = inventory && endingSignal((line) => host.log.info(line));
    const context = plainContext({ log: host.log, ...signal ? { signal } : {} });
    const { list, warnings } = await listInventory(given.fleet, context, { inventory, environment });
    process.stdout.write(jsonText(sorted(list), { indent: given.json ? 0 : 4 }));
    for (const warning of warnings) host.log.info(`warning: ${placed(warning)}`);
    return 0;
  } catch (error) {
    return reportFailure(error, host, given);
  }
}
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
        "allow-env": text,
        json: { type: "boolean" }
      }
    });
    if (values.fleet === void 0) throw new Error("give the folder of a fleet repository with --fleet");
    return {
      fleet: resolve(values.fleet),
      command: values["inventory-command"],
      url: values["inventory-url"],
      allowEnv: (values["allow-env"] ?? "").split(",").map((name) => name.trim()).filter(Boolean),
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
