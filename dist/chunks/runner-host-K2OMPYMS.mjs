import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  debug,
  endGroup,
  error,
  getInput,
  getState,
  info,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  summary,
  warning
} from "./chunk-O7XBK3LG.mjs";
import "./chunk-XZG6DWPI.mjs";
import "./chunk-PE53DU5F.mjs";
import "./chunk-O7PW3TDD.mjs";
import {
  shorten
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

// src/action/runner-host.ts
var maxSummaryCharacters = 25e4;
function runnerHost() {
  return {
    log: {
      info: (line) => info(inert(line)),
      warn: (line) => warning(line),
      debug: (line) => debug(line),
      group: async (title, work) => {
        startGroup(title);
        try {
          return await work();
        } finally {
          endGroup();
        }
      }
    },
    input: (name) => getInput(name),
    output: async (name, value) => setOutput(name, value),
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/)) if (line.trim().length >= 4) setSecret(line.trim());
    },
    error: ({ message, title, file, line, column }) => {
      error(shorten(message, 4e3), {
        ...title === void 0 ? {} : { title },
        ...file === void 0 ? {} : { file },
        ...line === void 0 ? {} : { startLine: line },
        ...column === void 0 ? {} : { startColumn: column }
      });
    },
    warning: ({ message, file, line }) => {
      warning(shorten(message, 4e3), { file, ...line === void 0 ? {} : { startLine: line } });
    },
    summary: async (markdown) => {
      if (!process.env["GITHUB_STEP_SUMMARY"]) return;
      await summary.addRaw(shorten(markdown, maxSummaryCharacters), true).write();
    },
    saveState: (name, value) => saveState(name, value),
    state: (name) => getState(name),
    finish: () => {
    }
  };
}
function inert(text) {
  return text.replace(/^(\s*):(?=:)/gm, "$1: ").replaceAll("##[", "# #[");
}
export {
  runnerHost
};
