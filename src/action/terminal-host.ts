import { oneLine, seconds } from '../platform/platform.ts'
import { appendFile } from 'node:fs/promises'
import type { Host } from './host.ts'

/** A terminal: what is logged goes to standard error; with `json` the outputs go to standard output as one object. */
export function terminalHost(
  inputs: Record<string, string>,
  options: { json: boolean; debug: boolean },
): Host {
  const secrets: string[] = []
  const hidden = (line: string) => secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)
  const say = (line: string) => {
    for (const part of hidden(line).split('\n')) process.stderr.write(`${indent}${printable(part)}\n`)
  }
  let indent = ''
  return {
    log: {
      info: say,
      warn: (line) => say(`warning: ${line}`),
      debug: (line) => {
        if (options.debug) say(line)
      },
      group: async (title, work) => {
        const startedAt = performance.now()
        say(`▸ ${title}`)
        indent = '  '
        try {
          return await work()
        } finally {
          indent = ''
          say(`  ${title}: ${seconds(performance.now() - startedAt)}`)
        }
      },
    },
    input: (name) => inputs[name] ?? '',
    output: async (name, value) => {
      if (!options.json && value) say(`${name}: ${value}`)
    },
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/)) if (line.trim().length >= 4) secrets.push(line.trim())
    },
    error: ({ message, file, line }) => {
      indent = ''
      say(`error: ${file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `}${message}`)
    },
    warning: ({ message, file, line }) =>
      say(`warning: ${file}${line === undefined ? '' : `:${line}`}: ${message}`),
    summary: async (markdown) => {
      const path = process.env['GITHUB_STEP_SUMMARY']
      if (path) await appendFile(path, hidden(markdown))
    },
    saveState: () => {},
    state: () => '',
    finish: (outputs) => {
      if (options.json) process.stdout.write(`${JSON.stringify(outputs)}\n`)
    },
  }
}

// text from outside must not move the cursor or colour the terminal
function printable(line: string): string {
  return line.startsWith(' ') ? `${/^ +/.exec(line)?.[0] ?? ''}${oneLine(line)}` : oneLine(line)
}
