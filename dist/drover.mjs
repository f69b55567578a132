import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  manifest,
  setHost,
  terminalHost
} from "./chunks/chunk-JMANRWDO.mjs";
import {
  messageOf
} from "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// src/cli/main.ts
import { parseArgs } from "node:util";
var actions = {
  "build-image": () => import("./build-image.mjs"),
  "dispatch-artifact": () => import("./dispatch-artifact.mjs"),
  "gather-facts": () => import("./gather-facts.mjs"),
  "package-artifact": () => import("./package-artifact.mjs"),
  "plan-updates": () => import("./plan-updates.mjs"),
  "schedule-updates": () => import("./schedule-updates.mjs"),
  "serve-ota": () => import("./chunks/foreground-PPCXOY73.mjs"),
  "test-device": () => import("./test-device.mjs"),
  "upload-artifact": () => import("./upload-artifact.mjs")
};
var commands = {
  "virtual-device": {
    description: "Runs a virtual device with two root slots and the image's own update client, until it is interrupted",
    run: async (args2) => (await import("./chunks/virtual-device-OJISREDE.mjs")).virtualDevice(args2)
  }
};
var [name, ...args] = process.argv.slice(2);
if (name === void 0 || name === "help" || name === "--help" || name === "-h") {
  process.stdout.write(usage());
  process.exit(name === void 0 ? 2 : 0);
} else if (Object.hasOwn(commands, name)) {
  process.exitCode = await commands[name]?.run(args);
} else if (isAction(name)) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usageOf(name));
    process.exit(0);
  }
  const { inputs, json, debug } = readArguments(name, args);
  setHost(terminalHost(inputs, { json, debug }));
  await actions[name]();
} else {
  wrongUsage(`there is no command "${name}"`, usage());
}
function isAction(text) {
  return Object.hasOwn(actions, text);
}
function readArguments(action, args2) {
  const known = Object.keys(manifest[action].inputs);
  const options = Object.fromEntries([
    ...known.map((key) => [key, { type: "string" }]),
    ["json", { type: "boolean" }],
    ["debug", { type: "boolean" }]
  ]);
  try {
    const { values } = parseArgs({ args: args2, options, allowPositionals: false });
    const inputs = {};
    for (const key of known) if (typeof values[key] === "string") inputs[key] = values[key];
    return { inputs, json: values["json"] === true, debug: values["debug"] === true };
  } catch (error) {
    return wrongUsage(messageOf(error), usageOf(action));
  }
}
function usage() {
  const rows = [
    ...Object.entries(manifest).map(([key, { description }]) => [key, description]),
    ...Object.entries(commands).map(([key, { description }]) => [key, description])
  ].map(([key, description]) => `  ${key.padEnd(20)}${description}`);
  return `drover <command> --<input> <value> … [--json] [--debug]

${rows.join("\n")}

drover <command> --help lists a command's inputs.
`;
}
function usageOf(action) {
  const inputs = manifest[action].inputs;
  const rows = Object.entries(inputs).map(([key, input]) => {
    const fallback = input.default && !input.default.includes("${{") ? ` (default: ${input.default})` : "";
    return `  --${key.padEnd(18)}${input.required ? "required" : ""}${fallback}`;
  });
  return `drover ${action}: ${manifest[action].description}

${rows.join("\n")}
  --json              outputs as one JSON object on standard output
  --debug             tells more

Secrets are better given as DROVER_TOKEN, DROVER_SIGNING_KEY and DROVER_SSH_KEY. actions/${action}/README.md says more.
`;
}
function wrongUsage(message, help) {
  process.stderr.write(`drover: ${message}

${help}`);
  process.exit(2);
}
