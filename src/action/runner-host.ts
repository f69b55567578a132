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
  warning,
} from '@actions/core'
import { shorten } from '../platform/platform.ts'
import type { Host } from './host.ts'

/** The runner drops a summary over 1 MiB as a whole, so we stay below it. */
const maxSummaryCharacters = 250_000

/** GitHub's runner (or act): inputs from the environment, workflow commands on standard output, files for the rest. */
export function runnerHost(): Host {
  return {
    log: {
      info: (line) => info(inert(line)),
      warn: (line) => warning(line),
      debug: (line) => debug(line),
      group: async (title, work) => {
        startGroup(title)
        try {
          return await work()
        } finally {
          endGroup()
        }
      },
    },
    input: (name) => getInput(name),
    output: async (name, value) => setOutput(name, value),
    mask: (secret) => {
      // a mask holds for one line of the log, so a key is masked line by line
      for (const line of secret.split(/\r?\n/)) if (line.trim().length >= 4) setSecret(line.trim())
    },
    error: ({ message, title, file, line, column }) => {
      error(shorten(message, 4000), {
        ...(title === undefined ? {} : { title }),
        ...(file === undefined ? {} : { file }),
        ...(line === undefined ? {} : { startLine: line }),
        ...(column === undefined ? {} : { startColumn: column }),
      })
    },
    warning: ({ message, file, line }) => {
      warning(shorten(message, 4000), { file, ...(line === undefined ? {} : { startLine: line }) })
    },
    summary: async (markdown) => {
      if (!process.env['GITHUB_STEP_SUMMARY']) return
      await summary.addRaw(shorten(markdown, maxSummaryCharacters), true).write()
    },
    saveState: (name, value) => saveState(name, value),
    state: (name) => getState(name),
    finish: () => {},
  }
}

// Standard output is where the runner looks for commands: what a device or a program said must not become one
function inert(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[')
}
