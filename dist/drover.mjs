import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  manifest,
  setHost,
  terminalHost
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  messageOf
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// src/cli/main.ts
import { parseArgs } from "node:util";

// src/cli/input-descriptions.ts
var inputDescriptions = {
  "build-image": {
    recipe: "The recipe, an `image.yml`.",
    arch: "Debian architecture of the image, such as `amd64` or `arm64`; the machine's own where empty.",
    variant: "Variant of the recipe to build, such as `lab` or `field`; none where empty.",
    output: "Folder for the results.",
    cache: "Folder that keeps finished base systems between builds, and so does the workflow's cache; the user's cache folder where empty, `none` for no cache at all.",
    reproducible: "`check` builds a second time, from nothing, and fails where a byte of the image differs; `assume` does not."
  },
  "dispatch-artifact": {
    server: "URL of the OTA server, such as `https://hosted.mender.io`.",
    "server-type": "Kind of OTA server: `mender` or `hawkbit`.",
    token: "Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.",
    release: "Name of the release.",
    device: "Id of the device, or `lab:<device-type>` for any free lab device; `except <id>, <id>` may follow.",
    timeout: "Longest time to wait for the device, such as `30m`.",
    lease: "Id of the lease under which the caller holds the device; where empty, one is taken and returned.",
    "github-token": "Token for GitHub, to see whether the run of a lease is over; without one such a lease ends by itself."
  },
  "enroll-device": {
    fleet: "Folder of the fleet repository.",
    device: "The device: its name in the inventory, or its id on the OTA server.",
    roles: "What the device is to be: `runner`, a runner for one job. No other role can be given yet.",
    token: "Token for the OTA server: the device's own report then says where it is, of what type, and its host key; in a shell rather `DROVER_TOKEN`.",
    address: "Where the device is, `ssh://user@host:port`; where empty, as the account `runner` at the address that it reports.",
    "ssh-key": "Private ssh key, or its path; in a shell rather `DROVER_SSH_KEY`.",
    "host-key": "The device's ssh host key, `ssh-ed25519 AAAA…`; where empty, the one that it reports. No other device is spoken to.",
    "github-token": "Token of a GitHub App with `administration: write`; a job's own token can't register runners.",
    labels: "More labels for the runner. Whatever job asks for these alone can get it.",
    "runner-group": "Number of the runner group.",
    "require-runner": "Instead of a device: labels that a runner which is online must have, all of them; else it fails at once."
  },
  "gather-facts": {
    fleet: "Folder of the fleet repository: `fleet.yml` there gives the server, the inventory the devices to compare with. May be empty where `server` is given.",
    inventory: "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    "allow-env": "Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).",
    server: "URL of the OTA server; from `fleet.yml` where empty.",
    "server-type": "Kind of OTA server: `mender` or `hawkbit`; from `fleet.yml` where empty.",
    token: "Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.",
    "max-age": "Facts older than this fail the step, such as `24h`; where empty, they are only counted.",
    output: "Path to write the facts file to; a redacted copy goes beside it."
  },
  "lease-device": {
    server: "URL of the OTA server, such as `https://hosted.mender.io`.",
    "server-type": "Kind of OTA server: `mender` or `hawkbit`.",
    token: "Token for the OTA server; in a shell rather `DROVER_TOKEN`.",
    device: "Id of the device, or `lab:<device-type>` for any free lab device; `except <id>, <id>` may follow.",
    lease: "A lease to return at the end of this job. Where empty, one is taken, which outlives the job.",
    timeout: "Longest time to wait for a free device, and how long the lease lasts from when it is taken, such as `1h`.",
    "github-token": "Token for GitHub, to see whether the run of a lease is over; without one such a lease ends by itself."
  },
  "package-artifact": {
    source: "What the update brings: a root file system image, another file, or a folder; or a finished update file, which is signed anew. May only be empty where `options` says everything (containers).",
    format: "Format of the update file: `mender`, `swupdate` or `rauc`.",
    name: "Name of the release. Where empty: the one that `build-image` wrote beside the source, else the source and 12 digits of the content digest.",
    "device-types": "Device types that may install it, separated by commas or lines. May only be empty where the source is an update file.",
    output: "Path of the update file; `<name>` with the ending of the format (`.mender`, `.swu`, `.raucb`) beside the source where empty. Its folder is made.",
    "signing-key": "Private key (PEM: RSA or ECDSA P-256, its certificates after it where the format needs them), or its path; in a shell rather `DROVER_SIGNING_KEY`. An encrypted one is opened with `DROVER_SIGNING_KEY_PASSPHRASE`. Unsigned where empty.",
    compression: "`gzip`, `none`, `zstd` (only newer devices can read it) or `xz` (small, but slow).",
    options: "YAML file with what has no input of its own: the kind of payload and its settings, state scripts, provides, depends, who signs."
  },
  "plan-updates": {
    fleet: "Folder of the fleet repository.",
    stage: "Stage to plan; where empty, the stage of the branch (on a pull request: of the target branch).",
    token: "Token for the OTA server that `fleet.yml` names; not needed with `facts`. One that can only read is enough. In a shell rather `DROVER_TOKEN`.",
    inventory: "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    "allow-env": "Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).",
    "missing-secrets": "What a secret of the fleet's files that is not there does: `fail`, or `unknown`, to plan without what is made of it; such a plan approves nothing. Where empty, `unknown` for a fork's pull request and `fail` for all else.",
    facts: "A facts file from `gather-facts`; read from the server where empty.",
    comment: "Whether to keep one comment on the pull request up to date.",
    output: "Path to write the plan to; the same as Markdown and as a page of HTML goes beside it.",
    "github-token": "Token for GitHub, to write the comment and the check run; without one the plan is in the summary alone."
  },
  "schedule-updates": {
    fleet: "Folder of the fleet repository.",
    stage: "Stage to act on; the stage of the branch where empty.",
    token: "Token for the OTA server that `fleet.yml` names; in a shell rather `DROVER_TOKEN`.",
    inventory: "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    "allow-env": "Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).",
    plan: "A reviewed plan file: each due change must stand in it. Where empty, the plan of the merged pull request is looked up on GitHub.",
    "dry-run": "Says what it would do, and writes nothing to the server.",
    "github-token": "Token for GitHub, to look up the plan that was reviewed, to show how the stage stands, and to offer to mark what failed; in a shell without one nothing is shown."
  },
  "serve-ota": {
    "data-dir": "Folder for the server's state and artifacts; it survives the job.",
    port: "Port on the loopback interface, `0` for a free one; or an address and a port such as `192.168.1.2:8443`, which needs `tls.crt` and `tls.key` in `data-dir`.",
    accept: "`none`: devices wait until they are accepted. `all`: every device is accepted at once, for laboratories only."
  },
  "simulate-fleet": {
    server: "Address of the OTA server, such as the `url` that `serve-ota` gives; for a tenant of hawkBit other than `DEFAULT` with its name as path. Never a server with real devices.",
    "server-type": "Kind of OTA server: `mender` or `hawkbit`.",
    token: "Gateway token of a hawkBit server, which lets unknown devices in; in a shell rather `DROVER_TOKEN`.",
    devices: "How many devices, or the path of a YAML file that says more: device types, release, attributes, polling, speed.",
    faults: "What goes wrong with which share of the devices, such as `install-fails=5%, asleep=10%`.",
    seed: "The same seed is the same crowd: identities, faults, habits."
  },
  "test-device": {
    device: "The device: `ssh://user@host:port`, `local:`, `namespace:<rootfs image>` or `vm:<rootfs image>`.",
    tests: "What to run: a folder or file of pytest-testinfra, a `checks.yml`, a `tests.yml`, or a program that leaves JUnit XML.",
    "ssh-key": "Private ssh key, or its path; in a shell rather `DROVER_SSH_KEY`.",
    "host-key": "The device's ssh host key, `ssh-ed25519 AAAA…`, or the path of a facts.json in which the device reports it; a device with another key is not spoken to.",
    "boot-timeout": "How long the device may take until it answers, such as `10m`; unless given 60s, a `namespace:` 30s, a `vm:` 5m.",
    "expect-release": "Release that the device must run, `name` or `name@sha256:…`; the tests find its name in `EXPECTED_RELEASE`.",
    output: "Folder for `junit.xml`, `measurements.json`, `receipt.json` and the device's own words.",
    "signing-key": "Private key (PEM), or its path, that signs a receipt of tests that passed; in a shell rather `DROVER_SIGNING_KEY`.",
    "github-token": "Token that publishes the check run (`checks: write`)."
  },
  "upload-artifact": {
    server: "URL of the OTA server, such as `https://hosted.mender.io`.",
    "server-type": "Kind of OTA server: `mender` or `hawkbit`.",
    token: "Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.",
    artifact: "Path of the update file. Several artifacts of one release: a glob pattern such as `out/*.mender`, or paths one a line.",
    "verify-key": "Public keys or certificates (PEM), or their paths separated by commas or lines: one of them must have signed the file. Where empty, the signature is not checked."
  },
  "verify-artifact": {
    artifact: "Path of the update file: `.mender`, `.swu` or `.raucb`.",
    "verify-key": "Public keys (PEM), or paths of files with them, separated by commas: one must have signed the file. Where empty, its signature is not checked, and a warning says so; one of this and `receipt-key` is needed.",
    "device-types": "Device types that the file must be for, separated by commas: all of them. It may be for more.",
    variant: "Variant that the file must be of, such as `lab`; `field` for any that is not of the variant `lab`, also one that names none. Where empty, it is not checked.",
    "min-version": "Oldest release that is accepted: its name, or its time as in names, `20260112T0930` (UTC).",
    receipt: "Paths of the receipts that test-device wrote, separated by commas: one for each device type.",
    "receipt-key": "Public keys (PEM), or paths of files with them, separated by commas: one must have signed each receipt. With this a receipt is required.",
    "allow-unsigned": "`true` accepts a file whoever made it, where neither `verify-key` nor `receipt-key` is given. Without it that is refused.",
    fleet: "Folder of the fleet repository; a release that `known-bad` in its `fleet.yml` lists is refused."
  }
};

// src/cli/usage.ts
var labelWidth = 20;
function usage(others) {
  const rows = Object.entries({ ...manifest, ...others }).map(
    ([key, { description }]) => `  ${key.padEnd(labelWidth)}${description}`
  );
  return `drover <command> --<input> <value> … [--json] [--debug]

${rows.join("\n")}

drover <command> --help lists a command's inputs.
`;
}
function usageOf(action, width) {
  const inputs = manifest[action].inputs;
  const rows = Object.entries(inputs).map(([key, input]) => {
    const fallback = input.default && !input.default.includes("${{") ? ` Default: ${input.default}.` : "";
    const needed = input.required ? " Required." : "";
    return row(`--${key}`, `${plain(inputDescriptions[action][key] ?? "")}${needed}${fallback}`, width);
  });
  return [
    `drover ${action}: ${manifest[action].description}
`,
    ...rows,
    row("--json", "Outputs as one JSON object on standard output.", width),
    row("--debug", "Tells more.", width),
    `
Examples, and what to do when it fails: actions/${action}/README.md`,
    ""
  ].join("\n");
}
function nearest(word, names) {
  const [best] = names.map((name2) => ({ name: name2, distance: distanceOf(word, name2) })).toSorted((a, b) => a.distance - b.distance);
  return best !== void 0 && best.distance <= Math.max(1, best.name.length / 4) ? best.name : void 0;
}
function distanceOf(from, to) {
  let row2 = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const exchange = (row2[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(exchange, (row2[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row2 = next;
  }
  return row2[to.length] ?? 0;
}
function row(label, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && labelWidth + 2 + line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  const margin = " ".repeat(labelWidth + 2);
  return `  ${label.padEnd(labelWidth)}${lines.join(`
${margin}`)}`;
}
function plain(markdown) {
  return markdown.replaceAll("`", "").replace(/\[([^\]]+)\]\([^)]*\)/g, "$1");
}

// src/cli/main.ts
var actions = {
  "build-image": () => import("./build-image.mjs"),
  "dispatch-artifact": () => import("./dispatch-artifact.mjs"),
  "enroll-device": () => import("./enroll-device.mjs"),
  "gather-facts": () => import("./gather-facts.mjs"),
  "lease-device": () => import("./chunks/foreground-EXO4KOJO.mjs"),
  "package-artifact": () => import("./package-artifact.mjs"),
  "plan-updates": () => import("./plan-updates.mjs"),
  "schedule-updates": () => import("./schedule-updates.mjs"),
  "serve-ota": () => import("./chunks/foreground-7HQJSOSR.mjs"),
  "simulate-fleet": () => import("./chunks/foreground-MAKQQUUU.mjs"),
  "test-device": () => import("./test-device.mjs"),
  "upload-artifact": () => import("./upload-artifact.mjs"),
  "verify-artifact": () => import("./verify-artifact.mjs")
};
var commands = {
  "adopt-fleet": {
    description: "Writes a fleet repository from a live fleet",
    run: async (args2) => (await import("./chunks/adopt-fleet-6XPUKFVU.mjs")).adoptCommand(args2)
  },
  "inspect-artifact": {
    description: "Prints what an update file holds",
    run: async (args2) => (await import("./chunks/inspect-artifact-HWXYHGHI.mjs")).inspectCommand(args2)
  },
  resolve: {
    description: "Prints the variables of every device of a fleet repository",
    run: async (args2) => (await import("./chunks/resolve-COELATK3.mjs")).resolveCommand(args2)
  },
  "virtual-device": {
    description: "Runs a virtual device with two root slots and the image's own update client, until it is interrupted",
    run: async (args2) => (await import("./chunks/virtual-device-ZEG5NJFS.mjs")).virtualDevice(args2)
  }
};
var [name, ...args] = process.argv.slice(2);
if (name === void 0 || name === "help" || name === "--help" || name === "-h") {
  process.stdout.write(usage(commands));
  process.exit(name === void 0 ? 2 : 0);
} else if (Object.hasOwn(commands, name)) {
  process.exitCode = await commands[name]?.run(args);
} else if (isAction(name)) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usageOf(name, Math.min(process.stdout.columns ?? 100, 120)));
    process.exit(0);
  }
  const { inputs, json, debug } = readArguments(name, args);
  setHost(terminalHost(inputs, { json, debug }));
  await actions[name]();
} else {
  const meant = nearest(name, [...Object.keys(actions), ...Object.keys(commands)]);
  wrongUsage(`there is no command "${name}"${didYouMean(meant)}`, "drover --help lists all");
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
    const { values, tokens } = parseArgs({ args: args2, options, allowPositionals: false, tokens: true });
    const names = tokens.flatMap((token) => token.kind === "option" ? [token.name] : []);
    const twice = names.find((one, i) => names.indexOf(one) !== i);
    if (twice !== void 0) throw new Error(`--${twice} was given twice: put a comma between several values`);
    const inputs = {};
    for (const key of known) if (typeof values[key] === "string") inputs[key] = values[key];
    return { inputs, json: values["json"] === true, debug: values["debug"] === true };
  } catch (error) {
    const message = messageOf(error);
    const unknown = /^Unknown option '--([^']*)'/.exec(message)?.[1];
    const meant = unknown === void 0 ? void 0 : nearest(unknown, Object.keys(options));
    const lonely = /^Unexpected argument '([^']*)'/.exec(message)?.[1];
    const what = unknown !== void 0 ? `there is no option --${unknown}` : lonely !== void 0 ? `no option stands before "${lonely}"` : message;
    return wrongUsage(
      `${what}${didYouMean(meant === void 0 ? void 0 : `--${meant}`)}`,
      `drover ${action} --help lists all options`
    );
  }
}
function didYouMean(what) {
  return what === void 0 ? "" : `; did you mean ${what}?`;
}
function wrongUsage(message, hint) {
  process.stderr.write(`drover: ${message}
${hint}
`);
  process.exit(2);
}
