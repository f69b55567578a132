import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  endingSignal,
  escapeMarkdown,
  matchingFiles,
  messageOf,
  oneLine,
  parseDuration,
  seconds,
  systemClock,
  untilRepeatsAreOver
} from "./chunk-J6UCEAK3.mjs";

// src/action/host.ts
var current;
function setHost(host) {
  current = host;
}
async function currentHost() {
  current ??= (await import("./runner-host-K2OMPYMS.mjs")).runnerHost();
  return current;
}

// src/action/manifest.ts
var manifest = {
  "build-image": {
    description: "Builds an OS image and its root file system from a recipe",
    inputs: {
      recipe: { required: true },
      arch: { required: false, default: "" },
      variant: { required: false, default: "" },
      output: { required: false, default: "image" },
      cache: { required: false, default: "" },
      reproducible: { required: false, default: "assume" }
    },
    outputs: [
      "image",
      "rootfs",
      "manifest",
      "sbom",
      "version",
      "sha256",
      "cache-hit",
      "failure-reason",
      "changed"
    ]
  },
  "dispatch-artifact": {
    description: "Updates one device and waits until the device itself reports the release",
    inputs: {
      server: { required: true },
      "server-type": { required: false, default: "mender" },
      token: { required: true },
      release: { required: true },
      device: { required: true },
      timeout: { required: false, default: "30m" },
      lease: { required: false, default: "" },
      "github-token": { required: false, default: "${{ github.token }}" }
    },
    outputs: ["deployment", "device", "address", "host-key", "result", "log", "failure-reason", "changed"]
  },
  "enroll-device": {
    description: "Starts a runner for one job on a device, over ssh, or makes sure that labels have a runner",
    inputs: {
      fleet: { required: false, default: "." },
      device: { required: false, default: "" },
      roles: { required: false, default: "runner" },
      token: { required: false, default: "" },
      address: { required: false, default: "" },
      "ssh-key": { required: false, default: "" },
      "host-key": { required: false, default: "" },
      "github-token": { required: true },
      labels: { required: false, default: "" },
      "runner-group": { required: false, default: "1" },
      "require-runner": { required: false, default: "" }
    },
    outputs: ["device", "runs-on", "failure-reason", "changed"]
  },
  "gather-facts": {
    description: "Reads all devices' facts from the OTA server",
    inputs: {
      fleet: { required: false, default: "" },
      inventory: { required: false, default: "" },
      "allow-env": { required: false, default: "" },
      server: { required: false, default: "" },
      "server-type": { required: false, default: "" },
      token: { required: true },
      "max-age": { required: false, default: "" },
      output: { required: false, default: "facts.json" }
    },
    outputs: ["facts", "devices", "silent", "failure-reason", "changed"]
  },
  "lease-device": {
    description: "Takes a lab device for the steps and jobs that follow, or returns it",
    inputs: {
      server: { required: true },
      "server-type": { required: false, default: "mender" },
      token: { required: true },
      device: { required: true },
      lease: { required: false, default: "" },
      timeout: { required: false, default: "1h" },
      "github-token": { required: false, default: "${{ github.token }}" }
    },
    outputs: ["device", "lease", "expires", "failure-reason", "changed"]
  },
  "package-artifact": {
    description: "Makes one signed update file from an image, files or containers",
    inputs: {
      source: { required: false, default: "" },
      format: { required: false, default: "mender" },
      name: { required: false, default: "" },
      "device-types": { required: false, default: "" },
      output: { required: false, default: "" },
      "signing-key": { required: false, default: "" },
      compression: { required: false, default: "gzip" },
      options: { required: false, default: "" }
    },
    outputs: ["artifact", "name", "sha256", "content-digest", "size", "failure-reason", "changed"]
  },
  "plan-updates": {
    description: "Says what a merge would do to the fleet, device by device",
    inputs: {
      fleet: { required: false, default: "." },
      stage: { required: false, default: "" },
      token: { required: false, default: "" },
      inventory: { required: false, default: "" },
      "allow-env": { required: false, default: "" },
      "missing-secrets": { required: false, default: "" },
      facts: { required: false, default: "" },
      comment: { required: false, default: "true" },
      output: { required: false, default: "plan.json" },
      "github-token": { required: false, default: "${{ github.token }}" }
    },
    outputs: ["plan", "digest", "changes", "blocked", "summary", "failure-reason", "changed"]
  },
  "schedule-updates": {
    description: "Does the next thing that is due in a stage, and says what it did",
    inputs: {
      fleet: { required: false, default: "." },
      stage: { required: false, default: "" },
      token: { required: true },
      inventory: { required: false, default: "" },
      "allow-env": { required: false, default: "" },
      plan: { required: false, default: "" },
      "dry-run": { required: false, default: "false" },
      "github-token": { required: false, default: "${{ github.token }}" }
    },
    outputs: ["state", "scheduled", "wave", "waves", "halted-by", "next-due", "failure-reason", "changed"]
  },
  "serve-ota": {
    description: "Starts the embedded OTA server for a job and stops it at the job's end",
    inputs: {
      "data-dir": { required: false, default: "drover-ota" },
      port: { required: false, default: "0" },
      accept: { required: false, default: "none" }
    },
    outputs: ["url", "token", "failure-reason", "changed"]
  },
  "simulate-fleet": {
    description: "Lets many simulated devices, with what goes wrong in the field, talk to an OTA server",
    inputs: {
      server: { required: true },
      "server-type": { required: false, default: "mender" },
      token: { required: false, default: "" },
      devices: { required: false, default: "10" },
      faults: { required: false, default: "" },
      seed: { required: false, default: "1" }
    },
    outputs: ["report", "failure-reason", "changed"]
  },
  "test-device": {
    description: "Runs a test suite on a device that must run the expected release",
    inputs: {
      device: { required: true },
      tests: { required: true },
      "ssh-key": { required: false, default: "" },
      "host-key": { required: false, default: "" },
      "boot-timeout": { required: false, default: "" },
      "expect-release": { required: false, default: "" },
      output: { required: false, default: "test-results" },
      "signing-key": { required: false, default: "" },
      "github-token": { required: false, default: "${{ github.token }}" }
    },
    outputs: ["result", "passed", "failed", "skipped", "junit", "receipt", "failure-reason", "changed"]
  },
  "upload-artifact": {
    description: "Puts an update file on the OTA server; the same content twice is one upload",
    inputs: {
      server: { required: true },
      "server-type": { required: false, default: "mender" },
      token: { required: true },
      artifact: { required: true },
      "verify-key": { required: false, default: "" }
    },
    outputs: ["release", "artifact-id", "sha256", "content-digest", "url", "failure-reason", "changed"]
  },
  "verify-artifact": {
    description: "Refuses an update file with named reasons, or says that nothing speaks against it",
    inputs: {
      artifact: { required: true },
      "verify-key": { required: false, default: "" },
      "device-types": { required: false, default: "" },
      variant: { required: false, default: "" },
      "min-version": { required: false, default: "" },
      receipt: { required: false, default: "" },
      "receipt-key": { required: false, default: "" },
      "allow-unsigned": { required: false, default: "false" },
      fleet: { required: false, default: "" }
    },
    outputs: ["verdict", "reasons", "failure-reason", "changed"]
  }
};

// src/action/workflow-cache.ts
function workflowCache() {
  const { GITHUB_ACTIONS, ACTIONS_RUNTIME_TOKEN, ACTIONS_RESULTS_URL, ACTIONS_CACHE_URL } = process.env;
  if (!GITHUB_ACTIONS || !ACTIONS_RUNTIME_TOKEN || !(ACTIONS_RESULTS_URL || ACTIONS_CACHE_URL))
    return void 0;
  return {
    restore: async (paths, key) => {
      const { restoreCache } = await import("./cache-U4L7FLZI.mjs");
      return await restoreCache(paths, key) !== void 0;
    },
    save: async (paths, key) => {
      const { saveCache } = await import("./cache-U4L7FLZI.mjs");
      await saveCache(paths, key);
    }
  };
}

// src/action/terminal-host.ts
import { appendFile } from "node:fs/promises";
function terminalHost(inputs, options) {
  const secrets = [];
  const hidden = (line) => secrets.reduce((text, secret) => text.replaceAll(secret, "***"), line);
  const say = (line) => {
    for (const part of hidden(line).split("\n")) process.stderr.write(`${indent}${printable(part)}
`);
  };
  let indent = "";
  return {
    log: {
      info: say,
      warn: (line) => say(`warning: ${line}`),
      debug: (line) => {
        if (options.debug) say(line);
      },
      group: async (title, work) => {
        const startedAt = performance.now();
        say(`▸ ${title}`);
        indent = "  ";
        try {
          return await work();
        } finally {
          indent = "";
          say(`  ${title}: ${seconds(performance.now() - startedAt)}`);
        }
      }
    },
    input: (name) => inputs[name] ?? "",
    output: async (name, value) => {
      if (!options.json && value) say(`${name}: ${value}`);
    },
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/)) if (line.trim().length >= 4) secrets.push(line.trim());
    },
    error: ({ message, file, line }) => {
      indent = "";
      say(`error: ${file === void 0 ? "" : `${file}${line === void 0 ? "" : `:${line}`}: `}${message}`);
    },
    warning: ({ message, file, line }) => say(`warning: ${file}${line === void 0 ? "" : `:${line}`}: ${message}`),
    summary: async (markdown) => {
      const path = process.env["GITHUB_STEP_SUMMARY"];
      if (path) await appendFile(path, hidden(markdown));
    },
    saveState: () => {
    },
    state: () => "",
    finish: (outputs) => {
      if (options.json) process.stdout.write(`${JSON.stringify(outputs)}
`);
    }
  };
}
function printable(line) {
  return line.startsWith(" ") ? `${/^ +/.exec(line)?.[0] ?? ""}${oneLine(line)}` : oneLine(line);
}

// src/action/inputs.ts
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
var environmentOf = {
  token: "DROVER_TOKEN",
  "signing-key": "DROVER_SIGNING_KEY",
  "ssh-key": "DROVER_SSH_KEY",
  "github-token": "GITHUB_TOKEN"
};
var Inputs = class {
  #host;
  #name;
  constructor(name, host) {
    this.#name = name;
    this.#host = host;
  }
  /** Throws one `bad-input` that names every required input that is missing, with its environment variable. */
  check() {
    const inputs = manifest[this.#name].inputs;
    const missing = [];
    for (const [name, { required }] of Object.entries(inputs)) {
      if (name.endsWith("token")) this.#mask(this.#raw(name));
      if (!required || this.#raw(name)) continue;
      const other = environmentOf[name] ? ` or ${environmentOf[name]}` : "";
      missing.push({ file: "inputs", message: `${name} (environment: ${variable(name)}${other})` });
    }
    if (missing.length === 0) return;
    const names = missing.map((problem) => problem.message).join(", ");
    throw new Failure("bad-input", `missing input${missing.length > 1 ? "s" : ""}: ${names}`);
  }
  /** The value, or undefined where it is empty. */
  optional(name) {
    return this.#raw(name) || void 0;
  }
  /** The value; throws `bad-input` where it is empty. */
  required(name) {
    const value = this.#raw(name);
    if (value) return value;
    throw new Failure("bad-input", `missing input: ${name} (environment: ${variable(name)})`);
  }
  /** One of `choices`; the first where nothing was given. */
  choice(name, choices) {
    const value = this.#raw(name);
    if (!value) return choices[0];
    const found = choices.find((choice) => choice === value);
    if (found !== void 0) return found;
    throw new Failure("bad-input", `${name} is "${value}"; it can be ${choices.join(", ")}`);
  }
  /** `true` or `false`, as YAML 1.2 writes them; false where nothing was given. */
  flag(name) {
    const value = this.#raw(name).toLowerCase();
    if (value === "true") return true;
    if (value === "false" || value === "") return false;
    throw new Failure("bad-input", `${name} is "${value}"; it can be true or false`);
  }
  /** A path, absolute; undefined where nothing was given. */
  path(name) {
    const value = this.#raw(name);
    return value ? resolve(process.env["GITHUB_WORKSPACE"] ?? ".", value) : void 0;
  }
  /** Paths separated by commas or line ends, absolute. */
  paths(name) {
    return this.list(name).map((path) => resolve(process.env["GITHUB_WORKSPACE"] ?? ".", path));
  }
  /** Files that the lines of the input stand for, each a path or a glob pattern; throws `file-missing` where one has none. */
  async files(name) {
    const patterns = this.required(name).split("\n");
    const named = patterns.map((pattern) => pattern.trim()).filter(Boolean);
    return matchingFiles(named, resolve(process.env["GITHUB_WORKSPACE"] ?? "."));
  }
  /** Items separated by commas or line ends, without empty ones. */
  list(name) {
    return this.#raw(name).split(/[,\n]/).map((item) => item.trim()).filter(Boolean);
  }
  /** A duration such as `90s`, `15m`, `24h`, in ms. */
  durationMs(name) {
    const value = this.#raw(name);
    if (!value) return void 0;
    const ms = parseDuration(value);
    if (ms === void 0)
      throw new Failure("bad-input", `${name} is "${value}"; write a duration such as 90s, 15m or 24h`);
    return ms;
  }
  /** A secret: the value itself, masked. */
  secret(name) {
    const value = this.#raw(name);
    this.#mask(value);
    return value || void 0;
  }
  /** A secret, and the forms in which `user:password` travels and is found in a server's words. */
  #mask(secret) {
    if (!secret) return;
    const [, password = ""] = /^[^:\s]*:(.{4,})$/.exec(secret) ?? [];
    const forms = password ? [secret, password, Buffer.from(secret).toString("base64")] : [secret];
    for (const form of forms) this.#host.mask(form);
  }
  /**
   * A key: PEM text, or the path of a file with it, or the PKCS#11 URI of one that a token has. What is secret is masked.
   */
  key(name) {
    const value = this.#raw(name);
    return value ? this.#key(name, value) : void 0;
  }
  #key(name, value) {
    const isUri = value.startsWith("pkcs11:");
    const text = isUri || value.includes("-----BEGIN") ? value : this.#read(name, value);
    if (isUri || text.includes("PRIVATE KEY")) this.#host.mask(text);
    return text.endsWith("\n") ? text : `${text}
`;
  }
  /**
   * Several keys: PEM text with one block or more, or paths of files with such texts, separated by commas or lines; empty
   * where nothing was given. One PEM text for each file.
   */
  keys(name) {
    const value = this.#raw(name);
    if (!value) return [];
    const isText = value.includes("-----BEGIN");
    const texts = isText ? [`${value}
`] : this.list(name).map((path) => this.#read(name, path));
    if (texts.length === 0)
      throw new Failure("bad-input", `${name} names no key: give PEM texts or their paths`);
    for (const text of texts) if (text.includes("PRIVATE KEY")) this.#host.mask(text);
    return texts;
  }
  /**
   * The passphrase of an encrypted key, masked: only from the environment, so that it stands in no list of arguments and no
   * workflow's `with`.
   */
  passphrase(name) {
    return this.#passphrase(name);
  }
  /** A key to sign with and its passphrase, masked, of an action that has no input for it: from the environment alone. */
  signingFromEnvironment() {
    const name = "signing-key";
    const value = process.env[environmentOf[name] ?? ""]?.trim();
    return { key: value ? this.#key(name, value) : void 0, passphrase: this.#passphrase(name) };
  }
  #passphrase(name) {
    const value = process.env[`${environmentOf[name]}_PASSPHRASE`]?.replace(/\r?\n$/, "");
    if (value) this.#host.mask(value);
    return value || void 0;
  }
  #read(name, path) {
    try {
      return readFileSync(resolve(process.env["GITHUB_WORKSPACE"] ?? ".", path), "utf8");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      const why = code === "ENOENT" ? "there is no such file" : code;
      const shown = looksLikePath(path) ? `${path} (${why})` : why;
      throw new Failure("bad-input", `${name} is neither a PEM text nor a file that can be read: ${shown}`);
    }
  }
  #raw(name) {
    const value = this.#host.input(name).trim();
    if (value) return value;
    const fromEnvironment = environmentOf[name];
    if (fromEnvironment && process.env[fromEnvironment]) return process.env[fromEnvironment]?.trim() ?? "";
    const inputs = manifest[this.#name].inputs;
    const fallback = inputs[name]?.default ?? "";
    return fallback.includes("${{") ? "" : fallback;
  }
};
function looksLikePath(value) {
  return value.length < 40 || /^[^\n]{1,200}\.[a-z]{1,5}$/i.test(value);
}
function variable(name) {
  return `INPUT_${name.replaceAll(" ", "_").toUpperCase()}`;
}

// src/action/action.ts
async function runAction(name, main) {
  const host = await currentHost();
  const signal = endingSignal((line) => host.log.info(line));
  const given = {};
  const output = async (values) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === void 0 || given[key] === String(value)) continue;
      given[key] = String(value);
      await host.output(key, String(value));
    }
  };
  let exitStatus = 0;
  let isFinished = false;
  const finish = () => {
    if (!isFinished) host.finish(given);
    isFinished = true;
  };
  try {
    host.log.info(`drover ${name}`);
    const input = new Inputs(name, host);
    input.check();
    const work = main({
      log: host.log,
      signal,
      clock: systemClock,
      input,
      output,
      ready: async (values2) => {
        await output({ changed: false, ...values2, "failure-reason": "" });
        finish();
      },
      summary: (markdown) => host.summary(markdown),
      mask: (secret) => host.mask(secret),
      annotate: (problem) => host.warning(problem),
      saveState: (key, value) => host.saveState(key, value)
    });
    const values = await Promise.race([work, crash()]);
    if (!isFinished) await output({ changed: false, ...given, ...values, "failure-reason": "" });
  } catch (error) {
    exitStatus = 1;
    const failure = asFailure(error, signal);
    await output({ changed: false, ...given, "failure-reason": failure.reason });
    await tell(host, name, failure);
  }
  finish();
  await exit(exitStatus);
}
async function runPost(name, undo) {
  const host = await currentHost();
  try {
    await undo({
      input: new Inputs(name, host),
      log: host.log,
      signal: endingSignal((line) => host.log.info(line)),
      clock: systemClock,
      state: (key) => host.state(key)
    });
  } catch (error) {
    host.log.warn(`cleaning up failed: ${messageOf(error)}`);
  }
  await exit(0);
}
async function crash() {
  return await new Promise((_resolve, reject) => {
    process.once("uncaughtException", reject);
    process.once("unhandledRejection", reject);
  });
}
async function exit(status) {
  await untilRepeatsAreOver();
  await new Promise((resolve2) => setTimeout(resolve2, 20));
  process.exit(status);
}
function asFailure(error, signal) {
  const isForeseen = error instanceof Failure && error.reason !== "internal";
  if (signal.aborted && signal.reason instanceof Failure && !isForeseen) return signal.reason;
  if (error instanceof Failure) return error;
  return new Failure(
    "internal",
    `this is a bug in drover: ${messageOf(error)}. Please report it with this log.`,
    {
      cause: error
    }
  );
}
var maxAnnotations = 9;
async function tell(host, name, failure) {
  for (const problem of failure.problems.slice(0, maxAnnotations)) host.error(problem);
  for (const problem of failure.problems.slice(maxAnnotations))
    host.log.info(`error: ${where(problem)}${problem.message}`);
  host.error({ message: `${failure.reason}: ${failure.message}`, title: `drover ${name}` });
  if (failure.reason === "internal" && failure.cause instanceof Error) {
    host.log.info(failure.cause.stack ?? "");
  } else if (failure.cause !== void 0) {
    host.log.debug(failure.cause instanceof Error ? failure.cause.stack ?? "" : messageOf(failure.cause));
  }
  await host.summary(failureSummary(name, failure.reason, failure)).catch(() => {
  });
}
function failureSummary(name, reason, failure) {
  const lines = [`### ❌ ${name}: \`${reason}\``, "", escapeMarkdown(failure.message), ""];
  for (const problem of failure.problems.slice(0, 200)) {
    lines.push(`- ${escapeMarkdown(where(problem))}${escapeMarkdown(problem.message)}`);
  }
  return `${lines.join("\n")}
`;
}
function where({ file, line, column }) {
  return `${[file, line, column].filter((part) => part !== void 0).join(":")}: `;
}
var actionNames = Object.keys(manifest);

export {
  setHost,
  manifest,
  workflowCache,
  terminalHost,
  runAction,
  runPost
};
